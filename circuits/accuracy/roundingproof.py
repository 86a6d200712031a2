"""Rounding proofs: that a listed model is a row derived from rounds, divided by 2^12 and rounded.

The derived row is start - sum_t c_t g_t over the sums of finalized rounds, with integer coefficients; its commitment
follows from theirs. With C_M the model's, C_E = C_derived - 2^12 C_M commits to the rounding error e, and the circuit
shows that each of its entries has 12 bits.

The proof opens C_E at one point. The derived row is public, tail and all, so whoever sees the value knows one of C_M's:
it counts as an opening of C_M (`modelrows`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import native
from circuits import joint
from circuits.accuracy.accuracytranscript import rounding_alpha_state, rounding_context, rounding_weights
from circuits.accuracy.inference import Int64Array
from circuits.accuracy.linkwitness import fractions, link_wires
from circuits.accuracy.modelrows import Draw, ModelRow
from circuits.accuracy.pairingcheck import Opening, Part, require_product
from circuits.accuracy.proofparts import RoundingProof, require_points, require_scalars
from circuits.accuracy.roundingcircuit import HALF, ROUNDING_BITS, TABLE, RoundingCircuit
from circuits.errors import InvalidInputError, KeyMismatchError
from circuits.groth16 import CircuitKey, VerifyingKey
from circuits.hashing import challenge
from circuits.srs import Srs
from native import G1, FrArray


@dataclass(frozen=True, slots=True)
class RoundingStatement:
    """What is proven.

    Attributes:
        listing: 32 bytes, the listing's identifier.
        lineage: 32 bytes, the digest of the lineage that is stated (which rounds, with which coefficients).
        error: C_E, which the contract derives.

    Raises:
        InvalidInputError: another length.
    """

    listing: bytes
    lineage: bytes
    error: G1 = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.listing) != 32 or len(self.lineage) != 32:
            raise InvalidInputError("listing and lineage are digests of 32 bytes")


def round_row(derived: Int64Array) -> tuple[Int64Array, Int64Array]:
    """(q, e) with derived = 2^12 q + e and e in [-2048, 2047]: the model's weights, and what rounding leaves."""
    rounded = (derived + HALF) >> ROUNDING_BITS
    return rounded, derived - (rounded << ROUNDING_BITS)


def error_row(derived: ModelRow, model: ModelRow) -> ModelRow:
    """The row behind C_E = C_derived - 2^12 C_M, from the rows behind the two.

    Raises:
        InvalidInputError: they have different lengths.
    """
    if derived.weights.shape != model.weights.shape:
        raise InvalidInputError(f"{len(derived.weights)} entries were derived, the model has {len(model.weights)}")
    shifted = native.scale(model.tail, 1 << ROUNDING_BITS)
    return ModelRow(derived.weights - (model.weights << ROUNDING_BITS), native.sub(derived.tail, shifted))


def verify_rounding(key: VerifyingKey, statement: RoundingStatement, proof: RoundingProof) -> None:
    """Whether the proof holds: what the contract computes, by the same equations.

    Raises:
        InvalidInputError: a scalar is outside [0, r), or the key has other inputs.
        native.PointError: an element is not on its curve or not in the subgroup.
        ProofError: an equation does not hold; the message names it.
    """
    require_scalars(proof.error_value)
    groth = proof.groth
    require_points(statement.error, proof.block, proof.knowledge, proof.opening, groth.a, groth.c)
    context = rounding_context(statement.listing, key.key_hash, statement.lineage)
    state = rounding_alpha_state(context, statement.error, proof.block, proof.knowledge)
    alpha = challenge(state)
    part = Part(proof.block, proof.knowledge, (alpha, proof.error_value), groth)
    opening = Opening((statement.error,), (proof.error_value,), alpha, 1, proof.opening)
    require_product(key, [part], opening, rounding_weights(state, proof.error_value, proof.opening, groth))


def prove_rounding(
    key: CircuitKey, srs: Srs, statement: RoundingStatement, error: ModelRow, draw: Draw
) -> RoundingProof:
    """The proof for a row of rounding errors.

    Args:
        key: of the rounding circuit for the row's length, under the same SRS.
        error: the row behind C_E (`error_row`).
        draw: fresh uniform scalars, three.

    Raises:
        KeyMismatchError: the key is for other rows, or the SRS is another or too short.
        InvalidInputError: an entry of the error does not have 12 bits.
    """
    if not isinstance(key.policy, RoundingCircuit) or key.policy.dimension != len(error.weights):
        raise KeyMismatchError(f"the key is for {key.policy.name!r}, not for rows of {len(error.weights)} entries")
    if srs.tau != key.verifying.tau:
        raise KeyMismatchError("the SRS is not the one of the rounding key; take the file that it was made with")
    error.require_range(HALF)
    block = rounding_block(error, draw())
    committed = joint.commit_block(key, block)
    context = rounding_context(statement.listing, key.verifying.key_hash, statement.lineage)
    alpha = challenge(rounding_alpha_state(context, statement.error, *committed))
    wires, value = rounding_wires(error, alpha)
    part = joint.prove(key, key.circuit.assign((alpha, value), block, wires), joint.Blinding(draw(), draw()))
    opening = srs.commit(native.divide_by_linear(error.polynomial(), alpha))
    return RoundingProof(*committed, value, opening, joint.combine_proof({1: part}, 0))


def rounding_block(error: ModelRow, blinder: int) -> FrArray:
    """The committed block: e, its tail, uses of the table, the blinder."""
    uses = native.from_int64(_uses(error))
    return np.concatenate([native.from_int64(error.weights), error.tail, uses, native.from_ints([blinder])])


def rounding_wires(error: ModelRow, alpha: int) -> tuple[FrArray, int]:
    """The private wires at a challenge, and y_E. Raises ProofError as `accuracywitness.private_wires`."""
    linked, value = link_wires(error.weights, error.tail, alpha, [alpha], 1)
    return np.concatenate([linked, fractions(error.weights + HALF, _uses(error), alpha)]), value


def _uses(error: ModelRow) -> Int64Array:
    looked = error.weights + HALF
    return np.bincount(looked[(looked >= 0) & (looked < TABLE)], minlength=TABLE).astype(np.int64)
