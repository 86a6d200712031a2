// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

// What a verifier is compiled from. Its address has the hash of all of its sources, comments included, in it: what a verifier
// has no use for stands elsewhere (Types.sol), so that a change there leaves the address as it is.

/// @notice An owner of a batch as the verifier sees it; its signature was checked before.
/// @param owner Registration index, from bit 160, and address: the whole word enters the transcript.
struct OwnerCommitment {
    uint256 owner;
    uint256 cx;
    uint256 cy;
}

/// @notice What a batch proof states: these commitments, in this round of this task of this market.
/// @dev The policy key hash of the transcript's context is the verifier's own.
/// @param domain EIP-712 domain separator of the market: chain, address and deployment.
/// @param termsHash Hash of the task's terms (`TaskView.termsHash`).
struct Statement {
    bytes32 domain;
    uint256 taskId;
    bytes32 termsHash;
    uint256 round;
    bytes32 modelDigest;
    uint256 bound;
    uint256 dimension;
    OwnerCommitment[] owners;
}

/// @notice Everything a verifier needs beside the statement. Points of G1 are (x, y), of G2 (x_im, x_re, y_im, y_re).
/// @param mask Commitment C_0 to the provers' mask row.
/// @param gram Commitment D to the Gram matrix.
/// @param knowledge sigma D, the knowledge part.
/// @param a Groth16 proof elements.
/// @param b See `a`.
/// @param c See `a`.
/// @param squareNorm T, the squared norm of the combined row.
/// @param s Sum-check commitments.
/// @param q See `s`.
/// @param aZeta Openings a(zeta), S(zeta), S(omega zeta).
/// @param sZeta See `aZeta`.
/// @param sOmegaZeta See `aZeta`.
/// @param w1 KZG proofs at zeta and omega zeta.
/// @param w2 See `w1`.
/// @param sum Sum of the owners' commitments; stated, and checked by one multiplication instead of an addition an owner.
/// @param signSeed Seed of the sign matrix of the smallness test.
/// @param projectionsDigest Keccak of the opened projections.
struct Proof {
    uint256[2] mask;
    uint256[2] gram;
    uint256[2] knowledge;
    uint256[2] a;
    uint256[4] b;
    uint256[2] c;
    uint256 squareNorm;
    uint256[2] s;
    uint256[2] q;
    uint256 aZeta;
    uint256 sZeta;
    uint256 sOmegaZeta;
    uint256[2] w1;
    uint256[2] w2;
    uint256[2] sum;
    bytes32 signSeed;
    bytes32 projectionsDigest;
}

/// @notice Verifying key of a policy circuit, with [tau]_2 of the string under which rows are committed.
/// @param circuit Digest of the compiled circuit.
/// @param capacity Most owners of a batch.
/// @param inputs Basis points of the constant 1 and of every public input.
struct VerifyingKey {
    bytes32 circuit;
    uint256 capacity;
    uint256[2] alpha;
    uint256[4] beta;
    uint256[4] gamma;
    uint256[4] delta;
    uint256[4] sigma;
    uint256[4] tau;
    uint256[2][] inputs;
}
