// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev All storage of the market; its libraries take it by reference.
struct MarketState {
    mapping(uint256 taskId => TaskState) tasks;
    uint256[] taskIds;
    // credits: fees, and payments that their recipient did not take
    mapping(address token => mapping(address account => uint256)) owed;
    Pauses pauses;
}

/// @dev What the guardian's pauses took from the market's clock (libraries/MarketClock.sol). Block times, seconds.
struct Pauses {
    uint40 pausedAt; // beginning of the present pause, or of one that ran out; 0: none
    uint40 stopped; // seconds that earlier pauses took
    uint40 lastBegan;
}

/// @dev A task in storage, packed so that accepting a batch reads two words of it, the first and that of `termsHash`.
struct TaskState {
    // word 0: what the proof is about
    address verifier;
    uint64 bound;
    uint32 dimension;
    // word 1
    uint64 committeeId;
    uint8 minOwners;
    uint16 capacity;
    uint32 settleWindow;
    uint32 availabilityWindow;
    uint24 rounds;
    uint24 roundsOpened;
    uint8 fractionBits;
    bool permissioned;
    bool inlinePayload;
    bool paysFees;
    uint8 step; // 0: gradients are not graded
    uint8 dither;
    // word 2: what submissions, proofs and attestations bind (Terms.hash)
    bytes32 termsHash;
    // word 3
    address modelOwner;
    uint32 claimWindow;
    uint32 exitDelay;
    uint32 submitWindow;
    // word 4
    address coordinator;
    uint8 provers;
    uint8 lapseRounds;
    uint16 activeOwners;
    uint32 coordinatorChanges;
    uint24 freed; // one more than the index that became free last; 0: none is
    // word 5
    address token;
    uint24 turn; // one more than the round that whoever a quorum named last has to itself; 0: no quorum has named anybody
    // word 6: what is free, and the reserves of rounds that are not finalised
    uint128 balance;
    uint128 reserved;
    // words 7 to 10: amounts of the token
    uint128 basePay;
    uint128 bonusPay;
    uint128 coordinatorBatchFee;
    uint128 coordinatorGradientFee;
    uint128 proverBatchFee;
    uint128 proverGradientFee;
    uint128 deposit;
    address creator;
    address firstCoordinator;
    address pendingOwner;
    // owners by registration index (libraries/OwnerWord.sol)
    uint256[] owners;
    mapping(address signer => uint256) indexPlusOne;
    mapping(address signer => bool) admitted;
    // accounts of those owners whose account is not their signer
    mapping(uint256 index => address) accounts;
    // copies of the owners' signers in code (libraries/Roster.sol): data contract, and owners in it from bit 160
    mapping(uint256 chunk => uint256) compacted;
    mapping(uint256 round => RoundState) roundStates;
    bytes32 referenceData;
    bytes32 manifest;
    bytes32 sumKey;
}

/// @dev A round in storage, with what acceptance needs of the task's terms beside it in one word. Times are the market's.
struct RoundState {
    bytes32 modelDigest; // where gradients are graded, of the references as well (libraries/References.sol)
    // word 1
    uint40 settleDeadline;
    uint16 batches;
    uint16 owners;
    uint16 seats;
    uint24 limit; // registration indices below it may be accepted
    uint24 levels; // sum of the levels of all accepted gradients
    uint64 committeeId;
    uint24 epoch; // of the committee, whose members attest
    uint8 minOwners;
    bool graded;
    bool paysFees;
    bool finalized;
    // word 2: sum of all accepted commitments (CompressedPoint); never zero once the round is open
    uint256 aggregate;
    // owners by registration index: who is in an accepted batch, 256 a word, and their levels, 128 a word
    mapping(uint256 word => uint256) consumed;
    mapping(uint256 word => uint256) levelsOf;
    // batches with fees that are not settled: hash of HeldFees
    mapping(uint256 batch => bytes32) heldFees;
    // owners that posted their submission, 256 a word, less those excluded (libraries/Postings.sol)
    mapping(uint256 word => uint256) posted;
    // which of these words have any
    uint256 postedWords;
}
