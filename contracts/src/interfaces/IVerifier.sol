// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Proof, Statement, VerifyingKey} from "../types/Proofs.sol";

/// @title Verifier of batches under one policy key
/// @notice Sound against everybody, whoever is corrupt: accepted commitments belong to rows of squared norm at most the
/// bound modulo r, and the stated sum is theirs. That entries are small integers is attested by provers.
interface IVerifier {
    /// @notice The batch has no owner, or more than the circuit has slots.
    error OwnersOutOfRange(uint256 owners, uint256 capacity);
    /// @notice A scalar is not below the group order; it is refused, never reduced.
    error ScalarNotCanonical(uint256 scalar);
    /// @notice The task's dimension is not in 1..2^28.
    error DimensionInvalid(uint256 dimension);
    /// @notice The opening point lies in the evaluation domain; prove again with other randomness.
    error OpeningPointInDomain();
    /// @notice The proof's equations do not hold.
    error ProofInvalid();

    /// @notice Verifies a batch; reverts unless the proof holds.
    /// @dev Also reverts with `PointInvalid` of the BN254 library for a point off its curve or subgroup, and with its
    /// `GasInsufficient` where too little gas was given to tell, which says nothing about the proof.
    /// @param statement What is claimed. Signatures of the owners are the caller's to check.
    /// @param proof Proof of the statement.
    /// @return batchId The transcript's state behind rho, which binds the statement. The market takes the word of its
    /// factory's verifiers for it.
    /// @return levels Two bits a slot, slot 0 lowest: the level 0 to 3 of its owner; 0 unless `levelled`.
    function verify(Statement calldata statement, Proof calldata proof)
        external
        view
        returns (bytes32 batchId, uint256 levels);

    /// @notice Whether proofs of the family give each owner a level.
    function levelled() external view returns (bool);

    /// @notice Most owners of a batch.
    function capacity() external view returns (uint256);

    /// @notice Hash of the verifying key, part of every batch's context.
    function policyKeyHash() external view returns (bytes32);

    /// @notice Who created the verifier. With the key and the family's creation code it gives the verifier's address
    /// (`IVerifierFactory`): whoever compares the two need not believe either answer.
    function factory() external view returns (address);

    /// @notice The verifying key.
    function key() external view returns (VerifyingKey memory);

    /// @notice [tau]_2 of the reference string that rows are committed under, in the order of EIP-197: x1, x0, y1, y0.
    /// @dev Everybody compares it with the string on their own disk before they work for a task.
    function tau() external view returns (uint256[4] memory);
}
