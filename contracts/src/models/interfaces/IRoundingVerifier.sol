// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RoundingProof} from "../types/ModelProofs.sol";
import {IKeyedVerifier} from "./IKeyedVerifier.sol";

/// @title Verifier of rounding proofs under one key (family 1 of the models' factory)
/// @notice Sound against everybody who does not know the key's secrets: the commitment opens to a row whose entries are all in
/// [-2048, 2047], of as many entries as the key's circuit has.
interface IRoundingVerifier is IKeyedVerifier {
    /// @notice Verifies a proof; reverts unless it holds.
    /// @dev Also reverts with `PointInvalid` of the BN254 library for a point off its curve or subgroup, and with its
    /// `GasInsufficient` where too little gas was given to tell, which says nothing about the proof.
    /// @param listing What the proof is bound to.
    /// @param statementHash Hash of the lineage that it is part of; bound as well.
    /// @param difference C_E, the commitment to the rounding error.
    /// @param proof Proof of it.
    function verify(
        bytes32 listing,
        bytes32 statementHash,
        uint256[2] calldata difference,
        RoundingProof calldata proof
    ) external view;
}
