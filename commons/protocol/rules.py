"""Rules that a prover, the coordinator and an auditor compute alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.errors import ProofError
from circuits.grading import NOISE_BITS, GradingRule
from circuits.hashing import challenge, keccak, tag, words
from circuits.statement import PROJECTION_HIGH, PROJECTION_LOW, ROWS
from circuits.transcript import projections_digest, squarings
from circuits.verify import combined_commitment
from commons.protocol.bundle import AuditBundle
from commons.sharing.sharevector import ShareVector
from native import G1, FrArray, R


def checked_values(vectors: list[ShareVector], seed: bytes) -> list[FrArray]:
    """For each share vector FrArray (129, 4): its masked projections, then its dealing check.  Linear in the shares.

    The dealing check combines the blinder and the bits, which the projections leave out, under the vector's last
    element as a mask; if a dealing is not of degree t, some of these 129 values are not, except with chance 2^-128.
    """
    projected = native.project([v.values for v in vectors], seed, ROWS)
    weight = challenge(keccak(words(tag("gradroll/v1/dealing"), seed)))
    return [_checked(v, z, weight) for v, z in zip(vectors, projected, strict=True)]


def _checked(vector: ShareVector, projected: FrArray, weight: int) -> FrArray:
    rest = np.concatenate((vector.check, vector.tail[:1], vector.bits))
    dealing = native.inner(rest, native.powers(weight, len(rest)))
    return np.concatenate((native.add(projected, np.ascontiguousarray(vector.tail[1:])), native.from_ints([dealing])))


def small(projections: FrArray) -> bool:
    """Whether opened projections, FrArray (128, 4), all lie in the range that honest masks give."""
    shift = native.from_ints([-PROJECTION_LOW % R])
    moved = native.add(projections, np.repeat(shift, len(projections), axis=0))
    return all(value < PROJECTION_HIGH - PROJECTION_LOW for value in native.to_ints(moved))


def require_row(bundle: AuditBundle, key: CommitmentKey) -> None:
    """Raise ProofError unless the opened row opens C_rho and combines the projections.

    No signature binds row and projections; with this a reader of the bundle finds what its provers opened.
    """
    proof, rho = bundle.proof, challenge(bundle.certificate.rho_state)
    if projections_digest(bundle.projections) != proof.projections_digest:
        raise ProofError("the opened projections are not those that the batch's identifier binds")
    commitment = combined_commitment(bundle.statement, proof, rho)
    require_combination(bundle.row, bundle.projections, proof.sign_seed, rho, commitment, key)


def require_combination(
    row: FrArray, projections: Sequence[FrArray], seed: bytes, rho: int, commitment: G1, key: CommitmentKey
) -> None:
    """Raise ProofError unless a row combines projections, FrArray (128, 4) each, and opens C_rho, the commitment."""
    values, masks = row[: key.dimension], np.ascontiguousarray(row[key.dimension + 1 :])
    expected = native.linear_combination(projections, squarings(rho, len(projections)))
    if not np.array_equal(native.add(native.project([values], seed)[0], masks), expected):
        raise ProofError("the opened row does not combine the projections")
    if key.commit_long(row) != commitment:
        raise ProofError("the opened row does not open the combination of the commitments")


def opened_numbers(opened: FrArray, rule: GradingRule, bound: int) -> tuple[int, ...]:
    """Owners' opened numbers, FrArray (owners, 4), as the integers F w + n that they are.

    Raises:
        ProofError: one is out of the range that inner products of at most BOUND and 40 bits of noise give.
    """
    most = rule.scale(bound) * bound
    values = tuple(v if v <= R // 2 else v - R for v in native.to_ints(opened))
    if not all(-most <= value < most + (1 << NOISE_BITS) for value in values):
        raise ProofError("an owner's number is out of the range that its norm and its noise allow")
    return values


def probe_rho(session: bytes, owners: bytes, mask_commitment: G1) -> int:
    """The challenge of a probe: fixed by its proposal, its owners' commitments and the opened mask commitment."""
    return challenge(keccak(words(tag("gradroll/v1/probe"), session, owners, mask_commitment)))
