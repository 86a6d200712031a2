// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Terms of a training task, fixed when it is created.
/// @param committeeId Provers, as numbered by the committee registry.
/// @param verifier Verifier of the policy key with which batches are proven.
/// @param coordinator Signing address of the coordinator that relays for this task.
/// @param dimension Coordinates of a gradient, 1 to 2^28.
/// @param fractionBits Fraction bits of the quantisation, at most 62.
/// @param bound Largest squared norm of a quantised gradient, below 2^62.
/// @param minOwners Fewest owners of a batch, at least 2: an aggregate of one owner is that owner's gradient.
/// @param maxOwnersPerRound Most gradients accepted (and paid) in a round, at most 256.
/// @param rounds Number of rounds that may be opened.
/// @param rewardPerGradient Wei paid per accepted gradient.
/// @param submitWindow Seconds from the opening of a round in which owners submit.
/// @param settleWindow Seconds after the submit deadline in which batches are accepted.
/// @param permissioned Whether the model owner admits data owners; otherwise anyone registers.
/// @param inlinePayload Whether aggregates are published on the chain (`publishAggregate`); otherwise provers serve
/// them.
struct TaskTerms {
    uint256 committeeId;
    address verifier;
    address coordinator;
    uint32 dimension;
    uint8 fractionBits;
    uint64 bound;
    uint16 minOwners;
    uint16 maxOwnersPerRound;
    uint32 rounds;
    uint128 rewardPerGradient;
    uint32 submitWindow;
    uint32 settleWindow;
    bool permissioned;
    bool inlinePayload;
}

/// @notice A data owner's signed submission inside a batch.
/// @param cx Affine coordinates of the commitment to the gradient.
/// @param cy See `cx`.
/// @param r EIP-2098 compact signature over the EIP-712 submission.
/// @param vs See `r`.
struct OwnerEntry {
    uint256 cx;
    uint256 cy;
    bytes32 r;
    bytes32 vs;
}

/// @notice A prover's EIP-2098 signature over the EIP-712 attestation of a batch.
/// @param member Index of the prover in its committee.
struct Attestation {
    uint8 member;
    bytes32 r;
    bytes32 vs;
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

/// @notice A batch of owners' gradients as it is handed to the market.
/// @param indices Registration indices of the owners, ascending, two big-endian bytes each.
/// @param owners Their submissions, in the same order.
/// @param attestations Signatures of a quorum of the committee, ascending by member.
struct Batch {
    uint256 taskId;
    uint256 round;
    bytes indices;
    OwnerEntry[] owners;
    Proof proof;
    Attestation[] attestations;
}

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

/// @notice State of a round as the market reports it.
/// @param owners Gradients accepted so far, over all batches.
/// @param spent Wei assigned to owners so far.
/// @param aggregateX Sum of the commitments of all accepted gradients.
/// @param aggregateY See `aggregateX`.
struct RoundView {
    bytes32 modelDigest;
    uint256 submitDeadline;
    uint256 settleDeadline;
    uint256 batches;
    uint256 owners;
    uint256 spent;
    uint256 aggregateX;
    uint256 aggregateY;
    bool finalized;
}

/// @notice State of a task as the market reports it.
/// @param balance Wei that is neither reserved for a round nor assigned to owners.
/// @param reserved Full reserves of the rounds that are not finalised, whether assigned to owners meanwhile or not.
/// @param roundsOpened Rounds opened so far.
/// @param ownerCount Data owners registered so far.
/// @param termsHash Hash of deployment, task, model owner and terms, which submissions, proofs and attestations bind.
struct TaskView {
    TaskTerms terms;
    address modelOwner;
    uint256 balance;
    uint256 reserved;
    uint256 roundsOpened;
    uint256 ownerCount;
    bytes32 termsHash;
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
