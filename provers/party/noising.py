"""What a graded attempt does beside a plain one, from PROJECT to COMBINE: noise for each owner, and bits that are bits.

The order keeps it private: noise depends on squares that all were shown, so a prover that sees another one of them
than the others stops before it sends anything that follows from it.  Noise is drawn once a cohort, so an owner's
commitment has one noise whatever attempts follow.

Corruption bound: at most t provers, any number of owners, and the coordinator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

import native
from circuits.errors import RuleViolationError, WireError
from circuits.grading import NOISE_BITS
from circuits.policies.gram import owner_norms
from commons.protocol import noisebits
from commons.protocol.bodies import MaskBody, ProjectBody, ValidateBody
from commons.protocol.gradedbodies import (
    CHECK_PRODUCTS,
    GradedCombineBody,
    GradedMaskBody,
    GradedProjectBody,
    GradedValidateBody,
)
from commons.protocol.messages import Cohort, Proposal
from commons.protocol.noisebits import CheckShares
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_vector
from native import FrArray
from provers.party.memory import Confirmed, Masked, Noise, Party, Validated


def projected(party: Party, cohort: Cohort, shares: FrArray) -> ProjectBody:
    """PROJECT's body: with the shares of a graded cohort's squares behind the projections."""
    if cohort.reference is None:
        return ProjectBody(shares)
    return GradedProjectBody(shares, _own_squares(party, cohort))


def noise(party: Party, cohort: Cohort, proposal: Proposal, bodies: Mapping[int, ProjectBody]) -> Noise | None:
    """Open the squares of all of a graded cohort's owners; this prover's shares of the bits of those that are kept.

    Raises:
        BlamedProversError, InconsistentError: the shares do not fit, or a square is none.
        WireError: what is relayed as this prover's shares are not its own.
    """
    if cohort.reference is None:
        return None
    shares = {p: cast(GradedProjectBody, body).squares for p, body in bodies.items()}
    if not np.array_equal(shares[party.index], _own_squares(party, cohort)):
        raise WireError("the squares relayed as this prover's are not its own")
    t = party.committee.threshold
    flat = {p: own.reshape(-1, 4) for p, own in shares.items()}
    squares = open_vector(flat, 2 * t, t, "squares of the noise").reshape(-1, NOISE_BITS, 4)
    owners = [row - 1 for row in proposal.kept if row]
    bits = noisebits.noise_bits(_randoms(party, cohort), squares)
    return Noise(np.ascontiguousarray(bits[owners]), noisebits.squares_digest(squares))


def masked(plain: MaskBody, drawn: Noise | None) -> MaskBody:
    """MASK's body: in a graded attempt with the digest of the squares that this prover saw."""
    if drawn is None:
        return plain
    return GradedMaskBody(plain.commitment, plain.projections, plain.products, drawn.squares)


def require_same_squares(state: Masked, bodies: Mapping[int, MaskBody]) -> None:
    """Raise RuleViolationError unless all provers of a graded attempt saw the squares that this one saw."""
    if state.noise is None:
        return
    digests = {cast(GradedMaskBody, body).squares_digest for body in bodies.values()}
    if digests != {state.noise.squares}:
        raise RuleViolationError("the provers were not all shown the same squares of the noise; this attempt is over")


def validated(party: Party, state: Masked, slack: Sequence[FrArray], plain: ValidateBody) -> ValidateBody:
    """VALIDATE's body: in a graded attempt with the masked products of the check of all bits."""
    if state.noise is None:
        return plain
    session = state.proposal.digest
    masks = native.add(
        _product_masks(party, session), party.keys.zero(session, Purpose.CHECK_PRODUCT_ZERO, CHECK_PRODUCTS)
    )
    products = native.add(_check(party, state, state.noise, slack).products, masks)
    return GradedValidateBody(plain.residuals, plain.gram, plain.knowledge, products)


def products(party: Party, state: Validated, bodies: Mapping[int, ValidateBody]) -> tuple[int, ...]:
    """Open the masked products at degree 2t; this prover's degree-t shares of the products; none of a plain attempt."""
    if state.masked.noise is None:
        return ()
    t = party.committee.threshold
    shares = {p: cast(GradedValidateBody, body).products for p, body in bodies.items()}
    opened = open_vector(shares, 2 * t, t, "check of the bits")
    return tuple(native.to_ints(native.sub(opened, _product_masks(party, state.masked.proposal.digest))))


def combined(
    party: Party, state: Confirmed, drawn: Noise, slack: Sequence[FrArray], digest: bytes, square_norm: int
) -> GradedCombineBody:
    """COMBINE's body in a graded attempt.

    Args:
        slack: this prover's shares of the rows' 62 bits.
        digest, square_norm: what a plain attempt sends.
    """
    before = state.validated.masked
    check = _check(party, before, drawn, slack)
    weight = noisebits.combination_challenge(state.state, state.broadcasts)
    norms = owner_norms(state.validated.gram, len(slack))
    return GradedCombineBody(
        digest,
        square_norm,
        check.product(state.products, weight),
        check.not_bits(state.products),
        noisebits.slack_check(norms, slack, before.cohort.context.bound, weight),
        check.combined(weight),
    )


def _own_squares(party: Party, cohort: Cohort) -> FrArray:
    randoms = _randoms(party, cohort).reshape(-1, 4)
    zeros = party.keys.zero(cohort.cohort_id, Purpose.SQUARE_ZERO, len(randoms))
    return native.add(native.mul(randoms, randoms), zeros).reshape(-1, NOISE_BITS, 4)


def _randoms(party: Party, cohort: Cohort) -> FrArray:
    """This prover's shares of the roots, FrArray (owners, 40, 4): of the cohort, whatever attempts follow."""
    count = NOISE_BITS * len(cohort.owners)
    return party.keys.random(cohort.cohort_id, Purpose.NOISE, count).reshape(-1, NOISE_BITS, 4)


def _check(party: Party, state: Masked, drawn: Noise, slack: Sequence[FrArray]) -> CheckShares:
    session, bits = state.proposal.digest, noisebits.all_bits(slack, drawn.bits)
    mask = party.keys.random(session, Purpose.CHECK_MASK, len(bits))
    return CheckShares(mask, bits, noisebits.check_challenge(state.seed, session, drawn.squares))


def _product_masks(party: Party, session: bytes) -> FrArray:
    return party.keys.random(session, Purpose.CHECK_PRODUCT_MASK, CHECK_PRODUCTS)
