"""LOCK and OPEN: one set of owners whose numbers are opened, and not before it is certain that it can be proven.

LOCK comes when the combined row is open.  A prover checks, itself, everything on which the numbers rest: that all bits
are bits and make up what norms leave of the bound, that row and projections belong to the commitments, and that nobody
hands in a submission any more.  Then it binds the owners to this set, durably.  It opens numbers only when every prover
of the attempt has bound itself to the same: they are a quorum, any two quorums share an honest prover, so of sets that
meet one is opened.

In another attempt of the same set the same numbers are opened: inner products are what the commitments say, the noise
is the cohort's.

Corruption bound: at most t provers, any number of owners, and the coordinator.
"""

from __future__ import annotations

from functools import partial

import numpy as np

import native
from circuits.errors import NotReadyError, ProofError, RuleViolationError, WireError
from circuits.grading import GradingRule
from circuits.policies.gram import position
from circuits.statement import TAIL, Context, Graded
from circuits.transcript import squarings
from commons.protocol import noisebits
from commons.protocol.bodies import Reader
from commons.protocol.gradedbodies import GradedCombineBody, LockBody, OpenBody
from commons.protocol.messages import Step, StepRequest
from commons.protocol.relay import take
from commons.protocol.rules import opened_numbers, require_combination
from commons.sharing.reconstruct import open_vector
from native import FrArray
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.memory import Combined, Masked, Noise, Numbered, Party, SetLocked
from provers.party.steps import (
    StepResult,
    bound_terms,
    check_context,
    members_of,
    require_continuity,
    require_enough_owners,
)


def lock(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """LOCK: see that this set can be proven and its numbers may be known, bind its owners to it.

    Raises:
        NotReadyError: submissions may still be handed in, by this prover's own node.
        ProofError, BlamedProversError, InconsistentError: what was opened does not hold.
        ClosedError: the market would not take the set.
        RuleViolationError: too few owners, or one of them is bound to another set, or retired.
    """
    combined = party.attempt(request.session, Combined)
    masked, noise = _graded(combined)
    _require_admissible(env, masked)
    members = ledger.GradedSet.of(members_of(masked.cohort.context, masked.headers))
    locked = ledger.GradedLocked(members)
    env.ledger.check(locked)
    square_norm = _require_bits(party, combined, noise, request)
    row = _read_row(request.payload, masked.cohort.context)
    _require_row(env, combined, row, square_norm)
    state = SetLocked(combined, square_norm, members.digest, row)
    return StepResult(party.with_attempt(request.session, state), LockBody(members.digest).encode(), (locked,))


def open_numbers(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """OPEN: every prover of the attempt is bound to this set; send shares of its owners' numbers.

    Raises:
        RuleViolationError: one is bound to another set.
    """
    locked = party.attempt(request.session, SetLocked)
    masked, noise = _graded(locked.combined)
    bodies = take(
        party.committee, request.relayed, request.session, Step.LOCK, masked.proposal.active, LockBody.decode
    )  # fmt: skip
    if any(body.selection != locked.selection for body in bodies.values()):
        raise RuleViolationError("the provers of this attempt are not all bound to the set that this one is bound to")
    context = masked.cohort.context
    require_continuity(env, context)
    scale = rule_of(env, context).scale(context.bound)
    gram, rows = locked.combined.confirmed.validated.gram, len(masked.headers)
    products = np.ascontiguousarray(gram[[position(1, row, rows + 1) for row in range(2, rows + 1)]])
    values = native.add(native.scale(products, scale), noisebits.noise(noise.bits))
    state = Numbered(locked)
    return StepResult(party.with_attempt(request.session, state), OpenBody(values).encode())


def graded(party: Party, env: Environment, numbered: Numbered, request: StepRequest) -> Graded:
    """What PROVE states of a graded batch: the opened numbers, from all provers' OPEN messages.

    Raises:
        BlamedProversError, InconsistentError: the shares do not fit.
        ProofError: a number is out of range.
    """
    masked, _ = _graded(numbered.locked.combined)
    reference, *owners = masked.headers
    bodies = take(
        party.committee, request.relayed, request.session, Step.OPEN, masked.proposal.active,
        lambda raw: OpenBody.decode(raw, len(owners)),
    )  # fmt: skip
    t, context = party.committee.threshold, masked.cohort.context
    opened = open_vector({p: b.values for p, b in bodies.items()}, t, t, "owners' numbers")
    rule = rule_of(env, context)
    return Graded(reference, rule, opened_numbers(opened, rule, context.bound))


def rule_of(env: Environment, context: Context) -> GradingRule:
    """The rule of a graded task, from its terms.  Raises WireError for a task that does not grade."""
    rule = bound_terms(env, context).grading_rule
    if rule is None:
        raise WireError("this task does not grade its owners")
    return rule


def _graded(combined: Combined) -> tuple[Masked, Noise]:
    masked = combined.confirmed.validated.masked
    if masked.noise is None:
        raise WireError("only a graded set is locked before it is proven")
    return masked, masked.noise


def _require_admissible(env: Environment, masked: Masked) -> None:
    """Refuse a set that the market would not take, or that somebody could still answer with a submission."""
    context, (_, *owners) = masked.cohort.context, masked.headers
    check_context(env, context)
    require_continuity(env, context)
    require_enough_owners(env, context, len(owners))
    env.require_admissible(context, tuple(h.owner_index for h in owners))
    if not env.submissions_over(context):
        raise NotReadyError(
            "submissions of this round may still be handed in, as far as this prover's node knows; numbers are opened "
            "when none can follow them"
        )


def _require_bits(party: Party, combined: Combined, noise: Noise, request: StepRequest) -> int:
    """T, once what COMBINE opened shows that all bits are bits and make up their rows' slack."""
    masked = combined.confirmed.validated.masked
    decode = partial(GradedCombineBody.decode, rows=len(masked.headers))
    bodies = take(party.committee, request.relayed, request.session, Step.COMBINE, masked.proposal.active, decode)
    opened = noisebits.opened_check(bodies, party.committee.threshold)
    psi = noisebits.check_challenge(masked.seed, request.session, noise.squares)
    noisebits.require_bits(psi, opened.product, opened.not_bits, opened.slack, opened.combined)
    return opened.square_norm


def _read_row(payload: bytes, context: Context) -> FrArray:
    reader = Reader(payload)
    row = reader.scalars(context.dimension + TAIL)
    reader.end()
    return row


def _require_row(env: Environment, combined: Combined, row: FrArray, square_norm: int) -> None:
    """The row has the norm T, combines the projections and opens C_rho: inner products are what commitments say."""
    validated = combined.confirmed.validated
    masked = validated.masked
    key = env.commitment_key(masked.cohort.context.dimension)
    points = [validated.mask_commitment, *(h.commitment for h in masked.headers)]
    values = np.ascontiguousarray(row[: key.dimension])
    if native.inner(values, values) != square_norm:
        raise ProofError("the opened row does not have the squared norm that was opened")
    projections = [validated.mask_projections, *masked.projections]
    commitment = native.g1_linear_combination(points, squarings(combined.rho, len(points)))
    require_combination(row, projections, masked.seed, combined.rho, commitment, key)
