// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Graded} from "./Graded.sol";
import {Proof, Statement} from "./Proofs.sol";

/// @notice A prover's signature of a message (docs/protocol.md, 2.4) over keccak256(abi.encode(
/// keccak256("gradroll/v1/message"), session, step, sender, bodyHash)).
/// @param bodyHash Keccak-256 of the message's body.
/// @param r Signature in the compact form of EIP-2098.
/// @param vs See `r`.
struct SignedBody {
    bytes32 bodyHash;
    bytes32 r;
    bytes32 vs;
}

/// @notice A member's attestation of a batch, with all that it is a hash of.
/// @param statement What was to be proven: market, task, round, model and owners. As the market hands it to the
/// verifier.
/// @param proof Of it, an attestation binds mask, gram, knowledge, signSeed, projectionsDigest, sum and squareNorm; the
/// rest may be zero.
/// @param graded By what a graded batch was graded, of which the first of the statement's owners is the reference; zeros of
/// any other.
/// @param policyKeyHash Hash of the verifying key.
/// @param verifierCode Hash of the code that was to verify the proof.
/// @param payee Who was to get the coordinator's fee.
/// @param r Signature in the compact form of EIP-2098.
/// @param vs See `r`.
struct AttestedBatch {
    Statement statement;
    Proof proof;
    Graded graded;
    bytes32 policyKeyHash;
    bytes32 verifierCode;
    address payee;
    bytes32 r;
    bytes32 vs;
}

/// @notice An owner that two attested batches have in common, and the market in which they were to be accepted.
/// @param slot Its place in the first batch.
/// @param otherSlot Its place in the second.
/// @param market The market. It is asked whose account the owner's is.
/// @param deployment The market's `deployment`.
struct CommonOwner {
    uint256 slot;
    uint256 otherSlot;
    address market;
    bytes32 deployment;
}
