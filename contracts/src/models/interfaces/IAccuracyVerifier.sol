// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccuracyProof} from "../types/ModelProofs.sol";
import {IKeyedVerifier} from "./IKeyedVerifier.sol";

/// @title Verifier of accuracy proofs under one key (family 0 of the models' factory)
/// @notice Sound against everybody who does not know the key's secrets: the committed model consists of 12-bit weights and
/// classifies at least so many samples of the committed chunks right.
interface IAccuracyVerifier is IKeyedVerifier {
    /// @notice There is no chunk, or there are more than the key's capacity, or not as many parts of the proof.
    error ChunksOutOfRange(uint256 chunks, uint256 parts, uint256 capacity);
    /// @notice A chunk claims 2^32 right answers or more; no chunk has so many samples.
    error CorrectOutOfRange(uint256 correct);

    /// @notice Verifies a proof; reverts unless it holds.
    /// @dev Also reverts with `PointInvalid` of the BN254 library for a point off its curve or subgroup, and with its
    /// `GasInsufficient` where too little gas was given to tell, which says nothing about the proof.
    ///
    /// The sum counts samples once only if the chunks' labels are one-hot or, for a row that is padding, all zero. Nothing here
    /// looks into the data: the caller bounds the sum by the number of samples, readers recompute commitments from the file.
    /// @param listing What the proof is bound to; a proof for another listing does not hold.
    /// @param model C_M, the commitment to the weights.
    /// @param data C_X of every chunk.
    /// @param proof Proof of it.
    /// @return correct Sum of the right answers that all chunks claim.
    function verify(
        bytes32 listing,
        uint256[2] calldata model,
        uint256[2][] calldata data,
        AccuracyProof calldata proof
    ) external view returns (uint256 correct);
}
