"""The Fiat-Shamir transcript of a batch, the same in Python and Solidity (``contracts/src/libraries/Transcript.sol``).

A chain of Keccak-256 states over 32-byte words with one tag a step.  A challenge is its state modulo r.  The order is
the argument: nothing that a challenge binds can be chosen after it.  Vectors: ``tests/vectors/v1/transcript``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from circuits.grading import GradingRule, encode_values
from circuits.hashing import challenge, keccak, tag, words
from circuits.statement import BatchStatement, Context, GrothProof, SubmissionHeader, SumcheckProof
from native import G1, FrArray, R


def owners_hash(rows: Iterable[SubmissionHeader]) -> bytes:
    """Keccak of every row's registration index and address (one word) and commitment, in batch order."""
    return keccak(b"".join(words(o.owner_index << 160 | int.from_bytes(o.owner, "big"), o.commitment) for o in rows))


def projections_digest(projections: Sequence[FrArray]) -> bytes:
    """Keccak of the opened projections, row 0 first, as 32-byte big-endian scalars.

    Args:
        projections: m + 1 arrays of shape (128, 4).
    """
    return keccak(b"".join(np.ascontiguousarray(z[:, ::-1]).astype(">u8").tobytes() for z in projections))


def context_state(context: Context, rows: int) -> bytes:
    """The first state: what is proven, where, for how many rows."""
    c = context
    return keccak(
        words(
            tag("gradroll/v1/context"),
            c.market.domain, c.task_id, c.terms_hash, c.round, c.model_digest, c.policy_key_hash, c.bound, c.dimension,
            rows,
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RhoInputs:
    """What is public when rho is drawn, beside the owners' headers."""

    mask_commitment: G1
    sign_seed: bytes
    projections_digest: bytes
    gram: G1
    knowledge: G1


@dataclass(frozen=True, slots=True)
class FinalInputs:
    """What enters the transcript last: the Groth16 elements, and the stated sum of the owners' commitments."""

    groth: GrothProof
    commitment_sum: G1


def rho_state(context: Context, rows: Sequence[SubmissionHeader], inputs: RhoInputs) -> bytes:
    """State behind rho, the challenge that combines the rows; the batch's identifier where batches are not graded.

    Args:
        rows: headers of the rows behind the mask row (``BatchStatement.rows``).
    """
    return keccak(
        words(
            tag("gradroll/v1/rho"), context_state(context, len(rows)), owners_hash(rows),
            inputs.mask_commitment, inputs.sign_seed, inputs.projections_digest, inputs.gram, inputs.knowledge,
        )
    )  # fmt: skip


def values_state(state: bytes, rule: GradingRule, values: Sequence[int]) -> bytes:
    """Identifier of a graded batch: the state behind rho, the grading rule, and what was opened of each owner.

    As a challenge it is eta.  The block is committed to in the state behind rho, so both sides of the equation that eta
    combines (``values_sum``) are fixed before eta is known.

    Raises:
        InvalidInputError: a number does not fit its encoding.
    """
    opened = keccak(encode_values(values))
    return keccak(words(tag("gradroll/v1/values"), state, rule.step, rule.dither, rule.min_owners, opened))


def states(statement: BatchStatement, inputs: RhoInputs) -> tuple[bytes, bytes]:
    """State behind rho, and the batch's identifier.

    Raises:
        InvalidInputError: a number that was opened does not fit its encoding.
    """
    state = rho_state(statement.context, statement.rows, inputs)
    graded = statement.graded
    return state, state if graded is None else values_state(state, graded.rule, graded.values)


def values_sum(values: Sequence[int], eta: int) -> int:
    """V = sum_(i>=1) eta^i v_i modulo r, over the numbers opened of owners 1, 2, .."""
    total = 0
    for value in reversed(values):
        total = (total + value) * eta % R
    return total


def zeta_state(state: bytes, square_norm: int, s: G1, q: G1) -> bytes:
    """State behind zeta, the point at which the sum-check is opened."""
    return keccak(words(tag("gradroll/v1/zeta"), state, square_norm, s, q))


def v_state(state: bytes, a_zeta: int, s_zeta: int, s_omega_zeta: int) -> bytes:
    """State behind v, which combines the three openings at zeta."""
    return keccak(words(tag("gradroll/v1/v"), state, a_zeta, s_zeta, s_omega_zeta))


def u_state(state: bytes, w1: G1, w2: G1, final: FinalInputs) -> bytes:
    """State behind u and the pairing weights; all that they weigh is in it, so that no error can cancel another."""
    groth = final.groth
    return keccak(words(tag("gradroll/v1/u"), state, w1, w2, final.commitment_sum, groth.a, groth.b, groth.c))


def knowledge_weight(state: bytes) -> int:
    """Weight of the knowledge equation in the pairing product."""
    return challenge(keccak(words(tag("gradroll/v1/weight-knowledge"), state)))


def opening_weight(state: bytes) -> int:
    """Weight of the KZG equation in the pairing product."""
    return challenge(keccak(words(tag("gradroll/v1/weight-opening"), state)))


def sum_weight(state: bytes) -> int:
    """Weight of the equation of the sum of the owners' commitments in the pairing product."""
    return challenge(keccak(words(tag("gradroll/v1/weight-sum"), state)))


@dataclass(frozen=True, slots=True)
class SumcheckChallenges:
    """Challenges of the sum-check, and the state they end in."""

    zeta: int
    v: int
    u: int
    state: bytes


def sumcheck_challenges(state: bytes, square_norm: int, proof: SumcheckProof, final: FinalInputs) -> SumcheckChallenges:
    """Replay the transcript from the batch's identifier to its end."""
    s3 = zeta_state(state, square_norm, proof.s, proof.q)
    s4 = v_state(s3, proof.a_zeta, proof.s_zeta, proof.s_omega_zeta)
    s5 = u_state(s4, proof.w1, proof.w2, final)
    return SumcheckChallenges(challenge(s3), challenge(s4), challenge(s5), s5)


def squarings(value: int, count: int) -> list[int]:
    """``[x, x^2, x^4, ...]``: the coefficients rho_i = rho^(2^i), whose pairwise products are all distinct powers."""
    out = []
    for _ in range(count):
        out.append(value)
        value = value * value % R
    return out
