// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Graded} from "../types/Graded.sol";
import {Proof, Statement} from "../types/Proofs.sol";
import {IVerifier} from "./IVerifier.sol";

/// @title Verifier of batches whose gradients were graded against a reference
/// @notice The first row of a statement's `owners` is the reference, with a word of its own (`References.wordOf`); it counts
/// in `capacity`, and not in the sum. The sum that the proof states has each owner's commitment times its weight.
interface IGradedVerifier is IVerifier {
    /// @notice Proofs of the family hold for opened numbers, which `verify` does not get; ask `verifyGraded`.
    error GradingMissing();
    /// @notice A batch has 8 bytes of opened number for each owner, no more and no less, and at least one owner behind the
    /// reference.
    error ValuesInvalid(uint256 length, uint256 rows);

    /// @notice Verifies a batch; reverts unless the proof holds, as `verify` does.
    /// @dev That a number lies within what noise and bound allow is not looked at: one that does not is no sum of an inner
    /// product and noise, and no proof holds for it.
    /// @param graded By what it is graded. Step, dither and minOwners are the caller's to take from the task's terms.
    /// @param statement What is claimed, of the reference and the owners.
    /// @param proof Proof of the statement.
    /// @return batchId The transcript's state behind the opened numbers, which binds statement, rule and numbers.
    /// @return levels Two bits an owner, the first one lowest: the level by which it is paid (`Grading`).
    function verifyGraded(Graded calldata graded, Statement calldata statement, Proof calldata proof)
        external
        view
        returns (bytes32 batchId, uint256 levels);
}
