// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {VerifyingKey} from "../../types/Proofs.sol";

/// @title What every verifier of a `VerifierFactory` tells, and refuses
/// @dev The selectors are those of `IVerifier`, as the factory expects them.
interface IKeyedVerifier {
    /// @notice A scalar is not below the group order; it is refused, never reduced.
    error ScalarNotCanonical(uint256 scalar);
    /// @notice The proof's equations do not hold.
    error ProofInvalid();

    /// @notice Most chunks of a proof.
    function capacity() external view returns (uint256);

    /// @notice Hash of the verifying key, part of every proof's context.
    function policyKeyHash() external view returns (bytes32);

    /// @notice Who created the verifier. With the key and the family's creation code it gives the verifier's address
    /// (`IVerifierFactory`): whoever compares the two need not believe either answer.
    function factory() external view returns (address);

    /// @notice The verifying key.
    function key() external view returns (VerifyingKey memory);

    /// @notice [tau]_2 of the reference string that rows are committed under, in the order of EIP-197: x1, x0, y1, y0.
    function tau() external view returns (uint256[4] memory);
}
