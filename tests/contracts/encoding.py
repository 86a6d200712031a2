"""Python values of a batch as the contracts' ABI tuples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode

from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.groth16 import VerifyingKey
from circuits.statement import BatchProof, BatchStatement

_POINT, _TWIST = "uint256[2]", "uint256[4]"
PROOF = (
    f"({_POINT},{_POINT},{_POINT},{_POINT},{_TWIST},{_POINT},uint256,{_POINT},{_POINT},"
    f"uint256,uint256,uint256,{_POINT},{_POINT},{_POINT},bytes32,bytes32)"
)
STATEMENT = "(bytes32,uint256,bytes32,uint256,bytes32,uint256,uint256,(uint256,uint256,uint256)[])"
BATCH = f"(uint256,uint256,address,bytes,(uint256,uint256,bytes32,bytes32)[],{PROOF},(uint8,bytes32,bytes32)[])"
KEY = f"(bytes32,uint256,{_POINT},{_TWIST},{_TWIST},{_TWIST},{_TWIST},{_TWIST},{_POINT}[])"
_CHUNK = f"({_POINT},{_POINT},uint256,uint256,{_POINT},{_TWIST},{_POINT})"
ACCURACY_PROOF = f"({_CHUNK}[],uint256,{_POINT})"
ROUNDING_PROOF = f"({_POINT},{_POINT},uint256,{_POINT},{_POINT},{_TWIST},{_POINT})"

Attestations = Sequence[tuple[int, bytes]]


def integers(point: bytes) -> list[int]:
    """The 32-byte words of a point as numbers."""
    return [int.from_bytes(point[at : at + 32], "big") for at in range(0, len(point), 32)]


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """(r, vs) of EIP-2098 from 65 bytes r || s || v."""
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32], s.to_bytes(32, "big")


def proof_tuple(proof: BatchProof) -> tuple[Any, ...]:
    """`Proof` of contracts/src/types/Types.sol."""
    groth, check = proof.groth, proof.sumcheck
    return (
        integers(proof.mask_commitment),
        integers(proof.gram),
        integers(proof.knowledge),
        integers(groth.a),
        integers(groth.b),
        integers(groth.c),
        proof.square_norm,
        integers(check.s),
        integers(check.q),
        check.a_zeta,
        check.s_zeta,
        check.s_omega_zeta,
        integers(check.w1),
        integers(check.w2),
        integers(proof.commitment_sum),
        proof.sign_seed,
        proof.projections_digest,
    )


def statement_tuple(statement: BatchStatement) -> tuple[Any, ...]:
    """`Statement` of contracts/src/types/Types.sol; the reference of a graded batch stands before its owners."""
    c = statement.context
    rows = [(o.owner_index << 160 | int.from_bytes(o.owner, "big"), *integers(o.commitment)) for o in statement.rows]
    head = (c.market.domain, c.task_id, c.terms_hash, c.round, c.model_digest, c.bound, c.dimension)
    return (*head, rows)


def encode_statement(statement: BatchStatement) -> bytes:
    """ABI encoding of `Statement`."""
    return encode([STATEMENT], [statement_tuple(statement)])


def encode_proof(proof: BatchProof) -> bytes:
    """ABI encoding of `Proof`."""
    return encode([PROOF], [proof_tuple(proof)])


def encode_batch(statement: BatchStatement, proof: BatchProof, attestations: Attestations, payee: bytes) -> bytes:
    """ABI encoding of `Batch`; `payee` has 20 bytes."""
    owners = [(*integers(o.commitment), *compact(o.signature)) for o in statement.owners]
    indices = b"".join(o.owner_index.to_bytes(2, "big") for o in statement.owners)
    attested = [(member, *compact(signature)) for member, signature in attestations]
    context = statement.context
    value = (context.task_id, context.round, f"0x{payee.hex()}", indices, owners, proof_tuple(proof), attested)
    return encode([BATCH], [value])


def encode_key(key: VerifyingKey) -> bytes:
    """ABI encoding of `VerifyingKey`."""
    twists = [integers(point) for point in (key.beta, key.gamma, key.delta, key.sigma, key.tau)]
    inputs = [integers(point) for point in key.inputs]
    value = (key.circuit, key.capacity, integers(key.alpha), *twists, inputs)
    return encode([KEY], [value])


def accuracy_tuple(proof: AccuracyProof) -> tuple[Any, ...]:
    """`AccuracyProof` of contracts/src/models: chunks of (d, knowledge, yX, correct, a, b, c), yM, opening."""
    chunks = [
        (
            integers(c.block),
            integers(c.knowledge),
            c.data_value,
            c.correct,
            integers(c.groth.a),
            integers(c.groth.b),
            integers(c.groth.c),
        )
        for c in proof.chunks
    ]
    return chunks, proof.model_value, integers(proof.opening)


def rounding_tuple(proof: RoundingProof) -> tuple[Any, ...]:
    """`RoundingProof` of contracts/src/models: d, knowledge, yE, opening, a, b, c."""
    groth = proof.groth
    return (
        integers(proof.block),
        integers(proof.knowledge),
        proof.error_value,
        integers(proof.opening),
        integers(groth.a),
        integers(groth.b),
        integers(groth.c),
    )
