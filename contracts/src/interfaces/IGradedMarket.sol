// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Batch, Reference, ReferenceOpening} from "../types/Types.sol";

/// @title The market of tasks whose gradients are graded against a reference
/// @notice The model owner opens a round with copies of a gradient of its own. A number is opened of each owner, its inner product
/// with a copy under noise, and from the numbers of a batch follow weights in its sum and levels of pay (`Grading`).
interface IGradedMarket {
    /// @notice The task grades gradients: its rounds are opened by `openReferencedRound`, its batches accepted by
    /// `acceptGradedBatch`.
    error TaskGraded(uint256 taskId);
    /// @notice The task does not grade gradients: its rounds are opened by `openRound`, its batches accepted by `acceptBatch`.
    error TaskNotGraded(uint256 taskId);
    /// @notice A round has 1 to 16 copies of a reference.
    error ReferencesInvalid(uint256 copies);
    /// @notice The round was not opened with this model and these references.
    error OpeningUnknown(bytes32 digest);
    /// @notice The round has no copy of the reference of this number.
    error CopyUnknown(uint256 copy, uint256 copies);

    /// @notice What is behind the modelDigest of `RoundOpened` of a round with a reference, which is
    /// keccak256(abi.encode(keccak256("gradroll/v1/referenced-model"), modelDigest, keccak256(abi.encodePacked(references)))),
    /// three words a copy.
    /// @param modelDigest Keccak of the model.
    event RoundReferenced(uint256 indexed taskId, uint256 indexed round, bytes32 modelDigest, Reference[] references);

    /// @notice As `IMarket.openRound`, for a task that grades gradients, with the copies of the reference that its batches are
    /// graded against: each cohort takes one. Points are checked when they are used.
    /// @dev The digest of model and references together stands as the round's modelDigest everywhere (`RoundReferenced`).
    /// @param references 1 to 16.
    function openReferencedRound(uint256 taskId, bytes32 modelDigest, uint256 seats, Reference[] calldata references)
        external
        returns (uint256 number);

    /// @notice As `IMarket.acceptBatch`, for a task that grades gradients. Levels and weights follow from the opened numbers:
    /// the sum has each gradient times its weight, bonuses are divided by level, and everybody is paid, weight or not.
    /// @dev The reverts are those of `acceptBatch`, and of `IGradedVerifier`.
    /// @param opening What the round was opened with, and the copy that the batch was graded against.
    /// @param values The opened numbers, 8 bytes an owner (`Graded`).
    function acceptGradedBatch(Batch calldata batch, ReferenceOpening calldata opening, bytes calldata values)
        external
        returns (uint256 batchIndex);
}
