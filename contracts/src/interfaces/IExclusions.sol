// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Attestation, Posting} from "../types/Types.sol";

/// @title Owners that are left out of a round, as the market has them: for a reason, or without one
interface IExclusions {
    /// @notice The owner has no part in the round: it came after it was opened and all its seats were taken, or leaves
    /// before it.
    error NotInRound(uint256 taskId, uint256 round, uint256 index);
    /// @notice The owner was excluded before. It posts no more; and it is named again only for a round in which it
    /// posted.
    error AlreadyExcluded(uint256 taskId, uint256 index);
    /// @notice An owner's deposit can be taken until `exitDelay` after the round's settle deadline, market time.
    error ExclusionTooLate(uint256 last);
    /// @notice Submissions are posted in the round's submit window only. Wait for the next round.
    error SubmitWindowOver(uint256 taskId, uint256 round);
    /// @notice The owner has posted in this round; once is enough.
    error AlreadyPosted(uint256 taskId, uint256 round, uint256 index);
    /// @notice A submission has one digest of a share for each prover of the committee. Hand in all of them.
    error ShareDigestsInvalid(uint256 given, uint256 needed);
    /// @notice An owner lost its deposit for a dealing that a quorum found bad.
    /// @param dealing Digest of the dealing, which names the submission off the chain; 0 if it was excluded before.
    /// @param deposit What it lost; 0 if it was excluded before.
    event OwnerExcluded(
        uint256 indexed taskId, uint256 indexed round, uint256 indexed index, bytes32 dealing, uint256 deposit
    );
    /// @notice An owner posted its submission: the coordinator takes it, or has a quorum exclude it, or loses a part of
    /// its fees.
    /// @param dealing Digest of the dealing, which names the submission off the chain.
    /// @param posting The header without what the chain knows, and the receipts.
    event SubmissionPosted(
        uint256 indexed taskId, uint256 indexed round, uint256 indexed index, bytes32 dealing, Posting posting
    );
    /// @notice Takes the deposit of an owner whose dealing a quorum found bad: half is burnt, a quarter is credited to
    /// the caller (burnt too if that is the owner, one of the signers or the model owner), a quarter to the coordinator,
    /// whose work it cost (burnt too if that is the model owner, or the round is closed). The owner leaves, and its
    /// `exit` returns nothing; pay that it has earned remains its own. Anyone may call, until `exitDelay` after the
    /// round. An owner is excluded once. For another round in which it posted it is named again, at any time and without
    /// receipts, so that it counts as ignored in none.
    /// @dev An honest prover signs only what it has seen proven (docs/protocol.md, 14), and a quorum has more honest
    /// members than others: no owner loses a deposit by the word of corrupt ones alone, nor by a model owner's or a
    /// coordinator's.
    /// @param number A round in which the owner had a part.
    /// @param dealing Digest of the dealing.
    /// @param receipts Signatures of the round's epoch over Exclusion(uint256 taskId,bytes32 termsHash,uint256
    /// round,address owner,bytes32 dealing), whose owner is the signer with this index now.
    function exclude(uint256 taskId, uint256 number, uint256 index, bytes32 dealing, Attestation[] calldata receipts)
        external;

    /// @notice Shows everybody that an owner whom the coordinator does not take has dealt: with the receipts of a
    /// quorum of the round's epoch. The owner's account or signer only, once a round, in the submit window, while the
    /// owner is in no accepted batch. What it does to the coordinator's fees: `Fees`. An owner that posts a bad dealing
    /// is excluded, with what that costs.
    function postSubmission(uint256 taskId, uint256 number, uint256 index, Posting calldata posting) external;
}
