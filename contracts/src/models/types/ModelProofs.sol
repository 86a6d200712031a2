// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// What the verifiers of models are compiled from; see ../../types/Proofs.sol for why it stands alone. Points of G1 are (x, y), of
// G2 (x_im, x_re, y_im, y_re).

/// @notice One chunk's part of an accuracy proof.
/// @param d Commitment D to the circuit's block.
/// @param knowledge sigma D, the knowledge part.
/// @param yX Value f_X(alpha) of the chunk's data.
/// @param correct K, samples that the model is shown to classify right; a lower bound.
/// @param a Groth16 proof elements.
/// @param b See `a`.
/// @param c See `a`.
struct Chunk {
    uint256[2] d;
    uint256[2] knowledge;
    uint256 yX;
    uint256 correct;
    uint256[2] a;
    uint256[4] b;
    uint256[2] c;
}

/// @notice Proof of how many samples of some chunks a committed model classifies right.
/// @param chunks A part for every chunk, in the group's order.
/// @param yM Value of the model's polynomial at alpha, the same for all chunks.
/// @param opening KZG proof W of the model and all chunks together at alpha.
struct AccuracyProof {
    Chunk[] chunks;
    uint256 yM;
    uint256[2] opening;
}

/// @notice Proof that a commitment opens to a row of signed 12-bit numbers.
/// @param d Commitment D to the circuit's block.
/// @param knowledge sigma D, the knowledge part.
/// @param yE Value of the row's polynomial at alpha.
/// @param opening KZG proof W of it.
/// @param a Groth16 proof elements.
/// @param b See `a`.
/// @param c See `a`.
struct RoundingProof {
    uint256[2] d;
    uint256[2] knowledge;
    uint256 yE;
    uint256[2] opening;
    uint256[2] a;
    uint256[4] b;
    uint256[2] c;
}
