// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev A task in storage, packed so that accepting a batch reads its first three words only.
struct TaskState {
    // word 0: what the proof is about
    address verifier;
    uint64 bound;
    uint32 dimension;
    // word 1: who attests and what is paid
    uint128 rewardPerGradient;
    uint64 committeeId;
    uint16 minOwners;
    uint16 maxOwnersPerRound;
    uint8 fractionBits;
    bool permissioned;
    bool inlinePayload;
    // word 2: what submissions, proofs and attestations bind (Terms.hash)
    bytes32 termsHash;
    // word 3
    address modelOwner;
    uint32 rounds;
    uint32 roundsOpened;
    // word 4
    address coordinator;
    uint32 submitWindow;
    uint32 settleWindow;
    // word 5: wei that is free, and the full reserves of rounds that are not finalised
    uint128 balance;
    uint128 reserved;
    address[] owners;
    mapping(address owner => uint256) indexPlusOne;
    // copies of the owners in code (libraries/Roster.sol): data contract, and owners in it from bit 160
    mapping(uint256 chunk => uint256) compacted;
    mapping(uint256 round => RoundState) roundStates;
}

/// @dev A round in storage.
struct RoundState {
    bytes32 modelDigest;
    // word 1
    uint40 submitDeadline;
    uint40 settleDeadline;
    uint16 batches;
    uint16 owners;
    uint128 spent;
    bool finalized;
    // word 2: sum of all accepted commitments (CompressedPoint); never zero once the round is open
    uint256 aggregate;
    // owners by registration index: who is in an accepted batch, and who of them has been paid
    mapping(uint256 word => uint256) consumed;
    mapping(uint256 word => uint256) claimed;
}
