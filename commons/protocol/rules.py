"""Rules that a prover, the coordinator and an auditor compute alike."""

from __future__ import annotations

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.errors import ProofError
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
    proof, row, rho = bundle.proof, bundle.row, challenge(bundle.certificate.batch_id)
    if projections_digest(bundle.projections) != proof.projections_digest:
        raise ProofError("the opened projections are not those that the batch's identifier binds")
    values, masks = row[: key.dimension], np.ascontiguousarray(row[key.dimension + 1 :])
    expected = native.linear_combination(bundle.projections, squarings(rho, len(bundle.projections)))
    if not np.array_equal(native.add(native.project([values], proof.sign_seed)[0], masks), expected):
        raise ProofError("the opened row does not combine the projections")
    if key.commit_long(row) != combined_commitment(bundle.statement, proof, rho):
        raise ProofError("the opened row does not open the combination of the commitments")


def probe_rho(session: bytes, owners: bytes, mask_commitment: G1) -> int:
    """The challenge of a probe: fixed by its proposal, its owners' commitments and the opened mask commitment."""
    return challenge(keccak(words(tag("gradroll/v1/probe"), session, owners, mask_commitment)))
