"""EXCLUDE: this prover's word, for the market, that an owner's dealing is bad.  A quorum's costs the owner its deposit.

It rests on what the others signed, and holds whatever the coordinator shows and t provers say: an honest owner's values
lie on one polynomial of degree t, its projections are small, its constraints are zero.  What shows the contrary is one
of these (docs/protocol.md, 14):

- PROJECT values of 2t + 1 provers on one polynomial hold t + 1 honest ones, which fix it.  It opens to projections that
  are not small, or misses the values that follow from a payload whose digest the owner signed.
- PROJECT values of 3t + 1 provers hold 2t + 1 honest ones.  No t of them can be left out so that the others fit.
- VALIDATE values of 3t + 1 provers on one polynomial of degree 2t hold 2t + 1 honest ones, which fix it.  It does not
  open to zero.

Nothing is signed of an owner that is only set aside.  Nothing has to be remembered: signatures are deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import numpy as np

import native
from circuits.errors import BlamedProversError, InconsistentError, RuleViolationError, WireError
from circuits.statement import Committee, Membership
from commons.protocol.bodies import SignatureBody
from commons.protocol.gradedbodies import project_form, validate_form
from commons.protocol.messages import Cohort, Step, StepRequest
from commons.protocol.receipts import exclusion_digest
from commons.protocol.relay import take
from commons.protocol.rules import checked_values, small
from commons.sharing.reconstruct import open_vector
from commons.sharing.sharepayloads import decode_payload
from commons.sharing.sharevector import ShareVector
from native import FrArray
from provers.party.environment import Environment
from provers.party.memory import Party, Projected, Validated
from provers.party.steps import StepResult, check_context


def exclude(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """Sign the exclusion of an owner whose dealing the relayed messages show to be bad.

    The session is the cohort's, with PROJECT messages and perhaps a payload, or an attempt's, with VALIDATE messages.

    Raises:
        RuleViolationError: they do not show it.
        UnknownError, NotReadyError: this prover did not take part, or has forgotten.
    """
    shown = _by_projections if request.session in party.cohorts else _by_validity
    cohort = shown(party, request)
    check_context(env, cohort.context)
    header = cohort.headers[request.owner]
    if header.is_reference:
        raise RuleViolationError("a reference is no owner's, and no deposit of its dealer's stands for it")
    digest = exclusion_digest(cohort.context, header.owner, cohort.digests[request.owner])
    return StepResult(party, SignatureBody(env.sign(digest)).encode())


def misses(committee: Committee, projected: Projected, values: Mapping[int, FrArray], holder: int, raw: bytes) -> bool:
    """Whether the polynomial through PROJECT values of one submission misses those that follow from a payload.

    Args:
        values: of at least t + 1 provers, all on one polynomial.
        holder: the prover whose payload ``raw`` is.

    Raises WireError for a payload that is none.
    """
    base = {p: values[p] for p in sorted(values)[: committee.threshold + 1]}
    expected = native.interpolate(list(base.values()), [p + 1 for p in base], holder + 1)
    return not np.array_equal(expected, _dealt_values(committee, projected, holder, raw))


def _dealt_values(committee: Committee, projected: Projected, holder: int, raw: bytes) -> FrArray:
    """What a prover had to send in PROJECT, FrArray (129, 4), by the payload itself."""
    dimension = projected.cohort.context.dimension
    vector = ShareVector.of(decode_payload(raw, dimension, Membership(committee, holder)), dimension)
    return checked_values([vector], projected.seed)[0]


def _by_projections(party: Party, request: StepRequest) -> Cohort:
    projected, t = party.cohort(request.session), party.committee.threshold
    if not isinstance(projected, Projected):
        raise WireError("nobody is excluded before the cohort's projections")
    cohort, owner = projected.cohort, request.owner
    if owner >= len(cohort.headers):
        raise WireError("the cohort has no such submission")
    senders, form = _senders(party, request, 2 * t + 1), project_form(cohort.reference is not None)
    bodies = take(
        party.committee, request.relayed, request.session, Step.PROJECT, senders,
        lambda raw: form.decode(raw, len(cohort.headers)),
    )  # fmt: skip
    values = {p: body.shares[owner].copy() for p, body in bodies.items()}
    try:
        opened = open_vector(values, t, t, "the owner's projections")
    except BlamedProversError as error:
        raise RuleViolationError(f"that is the fault of a prover or of the owner, show a payload: {error}") from error
    except InconsistentError as error:
        if len(senders) < 3 * t + 1:
            raise RuleViolationError(f"with {len(senders)} provers it may be one of them: {error}") from error
        return cohort
    if small(opened[:-1].copy()) and not _dealt_badly(party, projected, request, values):
        raise RuleViolationError("these messages show no fault of the owner")
    return cohort


def _dealt_badly(party: Party, projected: Projected, request: StepRequest, values: Mapping[int, FrArray]) -> bool:
    """Whether the request's payload is one that the owner signed, and does not fit the others' values."""
    if not request.payload:
        return False
    digests, digest = projected.cohort.headers[request.owner].share_digests, sha256(request.payload).digest()
    holders = [holder for holder, given in enumerate(digests) if given == digest]
    if not holders:
        raise RuleViolationError("the owner has signed no such payload")
    return any(_misses_at(party.committee, projected, values, holder, request.payload) for holder in holders)


def _misses_at(
    committee: Committee, projected: Projected, values: Mapping[int, FrArray], holder: int, raw: bytes
) -> bool:
    """As ``misses``; what is no share of this prover's is left to the others that the owner signed it for."""
    try:
        return misses(committee, projected, values, holder, raw)
    except WireError:
        return False


def _by_validity(party: Party, request: StepRequest) -> Cohort:
    masked, t = party.attempt(request.session, Validated).masked, party.committee.threshold
    kept = masked.proposal.kept
    if request.owner not in kept:
        raise WireError("the attempt has no such submission")
    senders, form = _senders(party, request, 3 * t + 1), validate_form(masked.noise is not None)
    if not senders <= set(masked.proposal.active):
        raise WireError("only provers of the attempt have a word in it")
    bodies = take(
        party.committee, request.relayed, request.session, Step.VALIDATE, senders,
        lambda raw: form.decode(raw, len(kept)),
    )  # fmt: skip
    try:
        residuals = open_vector({p: b.residuals for p, b in bodies.items()}, 2 * t, t, "validity test")
    except (BlamedProversError, InconsistentError) as error:
        raise RuleViolationError(f"a prover may be at fault: {error}") from error
    if not residuals[kept.index(request.owner)].any():
        raise RuleViolationError("the owner's validity test is zero")
    return masked.cohort


def _senders(party: Party, request: StepRequest, least: int) -> set[int]:
    senders = {message.sender for message in request.relayed}
    if len(senders) < least or not senders <= set(range(party.committee.size)):
        raise RuleViolationError(f"an exclusion needs the signed values of {least} provers of the committee")
    return senders
