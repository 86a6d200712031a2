"""MASK, VALIDATE, CONFIRM, COMBINE: the coordinator's side of one attempt, up to the opened combination.

Every opened value is public by design (``docs/protocol.md``), so this code holds no secret.  With at most t lying
provers among the active ones, an opening of degree t that fits is right; one of degree 2t is right only when at least
3t + 1 answered.  Every later equation (T, the proof) catches a wrong one; then the search finds who.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

import native
from circuits.hashing import challenge
from circuits.statement import ROWS
from circuits.transcript import RhoInputs, projections_digest, rho_state, squarings
from commons.protocol.bodies import CombineBody, ConfirmBody
from commons.protocol.gradedbodies import GradedCombineBody, mask_form, validate_form
from commons.protocol.messages import Message, Proposal, Step, StepReply, StepRequest
from commons.protocol.relay import broadcast_hash
from commons.protocol.replies import Failure, ProverNamed, collect, vectors
from commons.sharing.reconstruct import open_g1, open_scalar, open_vector
from coordinator.machine.gradedattempt import (
    ask_lock,
    require_products,
    require_same_squares,
    require_valid,
    with_squares,
)
from coordinator.machine.setbacks import (
    Mismatched,
    OwnersFell,
    ProversFell,
    SetbackError,
    Unlocated,
    complete,
)
from coordinator.machine.state import (
    Batch,
    Combination,
    Combining,
    Confirming,
    Evidence,
    Ground,
    Masked,
    Masking,
    Proving,
    Resources,
    Run,
    Transition,
    Validated,
    Validating,
)
from coordinator.machine.verdicts import OwnerVerdict, rejection
from native import FrArray

Replies = Mapping[int, StepReply | Failure]


def planned(batch: Batch, ground: Ground, active: frozenset[int], until: Step | None) -> Run:
    """An attempt at all that is kept, under the next number."""
    return replace(new_run(batch, ground, tuple(sorted(ground.kept)), active, probe=False), until=until)


def start(resources: Resources, run: Run) -> Transition:
    """Begin an attempt with fresh masks: MASK to the active provers.

    Raises:
        BlamedProversError, InconsistentError: what they sent of the noise's squares does not open to squares.
    """
    if run.batch.is_graded:
        run = with_squares(resources, run)
    relayed = tuple(run.ground.messages[p] for p in run.active)
    request = StepRequest(
        Step.MASK,
        run.session,
        proposal=run.proposal,
        relayed=relayed,
    )
    return Transition(Masking(run), dict.fromkeys(run.active, request))


def new_run(batch: Batch, ground: Ground, kept: tuple[int, ...], active: frozenset[int], *, probe: bool) -> Run:
    """An attempt under the next number."""
    number = batch.attempt + 1
    provers = tuple(sorted(active))
    nonces = tuple(batch.nonces[p] for p in provers)
    proposal = Proposal(batch.cohort.cohort_id, number, kept, provers, nonces, probe)
    return Run(replace(batch, attempt=number), ground, proposal)


def ask(run: Run, step: Step, relayed: tuple[Message, ...]) -> dict[int, StepRequest]:
    """The same request to every active prover."""
    return dict.fromkeys(run.active, StepRequest(step, run.session, relayed=relayed))


def masked(resources: Resources, state: Masking, replies: Replies) -> Transition:
    """After MASK: open C_0 and z_0, see that the masked products fit, relay them."""
    run, rows, form = state.run, len(state.run.proposal.kept), mask_form(state.run.batch.is_graded)
    answers = complete(
        collect(resources.committee, replies, run.active, run.session, Step.MASK, lambda raw: form.decode(raw, rows))
    )
    t, liars = _degrees(resources, run)
    bodies = answers.bodies
    require_same_squares(run, bodies)
    commitment = open_g1({p: b.commitment for p, b in bodies.items()}, t, liars, "mask commitment")
    projections = open_vector({p: b.projections for p, b in bodies.items()}, t, liars, "mask projections")
    open_vector({p: b.products for p, b in bodies.items()}, 2 * t, liars, "inner products")
    opened = Masked(answers.messages, commitment, projections)
    return Transition(Validating(run, opened), ask(run, Step.VALIDATE, answers.messages))


def validated(resources: Resources, state: Validating, replies: Replies) -> Transition:
    """After VALIDATE: every owner's residual must be zero; open D and its knowledge part."""
    run, rows, form = state.run, len(state.run.proposal.kept), validate_form(state.run.batch.is_graded)
    answers = complete(
        collect(
            resources.committee, replies, run.active, run.session, Step.VALIDATE, lambda raw: form.decode(raw, rows)
        )
    )
    t, liars = _degrees(resources, run)
    bodies = answers.bodies
    residuals = open_vector({p: b.residuals for p, b in bodies.items()}, 2 * t, liars, "validity test")
    _check_residuals(resources, run, residuals, answers.messages)
    require_products(resources, run, bodies)
    gram = open_g1({p: b.gram for p, b in bodies.items()}, t, liars, "Gram commitment")
    knowledge = open_g1({p: b.knowledge for p, b in bodies.items()}, t, liars, "knowledge part")
    digest = projections_digest([state.masked.projections, *(run.ground.projections[i] for i in run.proposal.kept)])
    inputs = RhoInputs(state.masked.commitment, run.ground.seed, digest, gram, knowledge)
    rho = rho_state(run.batch.cohort.context, run.headers, inputs)
    opened = Validated(answers.messages, gram, knowledge, digest, rho)
    return Transition(Confirming(run, state.masked, opened), ask(run, Step.CONFIRM, answers.messages))


def _check_residuals(resources: Resources, run: Run, residuals: FrArray, messages: tuple[Message, ...]) -> None:
    """A residual that is not zero is the owner's fault for certain only if 2t + 1 honest provers stand behind it."""
    bad = frozenset(i for i, r in zip(run.proposal.kept, residuals, strict=True) if r.any())
    if not bad:
        return
    t, liars = _degrees(resources, run)
    if len(run.active) - liars < 2 * t + 1:
        raise SetbackError(Unlocated("an owner's validity test is not zero", bad))
    reason = (
        "validity: its norm is above the bound, its bits are not the bits of the slack, or it breaks the task's policy"
    )
    evidence = {i: StepRequest(Step.EXCLUDE, run.session, relayed=messages, owner=i) for i in bad}
    raise SetbackError(OwnersFell(bad, rejected(run, bad, reason, evidence)))


def rejected(
    run: Run, owners: frozenset[int], reason: str, evidence: Mapping[int, StepRequest] | None = None
) -> tuple[OwnerVerdict, ...]:
    """Verdicts on submissions, by cohort index."""
    shown = evidence or {}
    return tuple(rejection(run.batch.cohort, i, reason, shown.get(i)) for i in sorted(owners))


def confirmed(resources: Resources, state: Confirming, replies: Replies) -> Transition:
    """After CONFIRM: all provers must have seen what was relayed."""
    run = state.run
    answers = complete(collect(resources.committee, replies, run.active, run.session, Step.CONFIRM, ConfirmBody.decode))
    expected = ConfirmBody(state.validated.state, _seen(state))
    wrong = [p for p, body in answers.bodies.items() if body != expected]
    if wrong:
        reason = "confirmation: it is not the hash of what was relayed"
        raise SetbackError(ProversFell(tuple(ProverNamed(p, Step.CONFIRM, reason) for p in wrong)))
    following = Combining(run, state.masked, state.validated)
    return Transition(following, ask(run, Step.COMBINE, answers.messages))


def _seen(state: Confirming | Combining) -> bytes:
    """Hash of all broadcasts of the attempt."""
    return broadcast_hash(state.validated.messages, broadcast_hash(state.masked.messages))


def combined(resources: Resources, state: Combining, replies: Replies) -> Transition:
    """After COMBINE: open the combined row and T, and hold them against projections and commitments."""
    run = state.run
    answers = collect(resources.committee, replies, run.active, run.session, Step.COMBINE, _combine_decoder(run))
    answers, shares = vectors(answers, len(resources.commitment_key.bases), Step.COMBINE)
    complete(answers)
    t, liars = _degrees(resources, run)
    row = open_vector(shares, t, liars, "combined row")
    square_norm = open_scalar({p: b.square_norm for p, b in answers.bodies.items()}, t, liars, "squared norm")
    weights = squarings(challenge(state.validated.state), len(run.proposal.kept) + 1)
    _check_combination(resources, state, row, square_norm, weights)
    points = [state.masked.commitment, *(h.commitment for h in run.headers)]
    if resources.commitment_key.commit_long(row) != native.g1_linear_combination(points, weights):
        raise SetbackError(Mismatched())
    evidence = Evidence(state.masked, state.validated, Combination(answers.messages, row, square_norm))
    graded = {p: body for p, body in answers.bodies.items() if isinstance(body, GradedCombineBody)}
    if graded:
        require_valid(resources, run, graded)
        return ask_lock(run, evidence)
    return Transition(Proving(run, evidence), ask(run, Step.PROVE, answers.messages))


def _combine_decoder(run: Run) -> Callable[[bytes], CombineBody | GradedCombineBody]:
    rows = len(run.proposal.kept)
    return (lambda raw: GradedCombineBody.decode(raw, rows)) if run.batch.is_graded else CombineBody.decode


def _check_combination(
    resources: Resources, state: Combining, row: FrArray, square_norm: int, weights: list[int]
) -> None:
    dimension = resources.commitment_key.dimension
    values, masks = row[:dimension], np.ascontiguousarray(row[dimension + 1 :])
    projected = native.add(native.project([values], state.run.ground.seed, ROWS)[0], masks)
    rows = [state.masked.projections, *(state.run.ground.projections[i] for i in state.run.proposal.kept)]
    if not np.array_equal(projected, native.linear_combination(rows, weights)):
        raise SetbackError(Unlocated("the combined row does not match the projections"))
    if native.inner(values, values) != square_norm:
        raise SetbackError(Unlocated("the combined row does not have the opened squared norm"))


def _degrees(resources: Resources, run: Run) -> tuple[int, int]:
    t = resources.committee.threshold
    return t, run.batch.liars(t)
