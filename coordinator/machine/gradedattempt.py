"""What an attempt at a graded cohort has more: the squares behind the noise, the check of all bits, LOCK and OPEN.

Provers bind themselves at LOCK to a set of which they know that it can be proven.  So everything that one of them
checks there is checked here before it is asked: a set that one prover locks and another refuses would be the only one
that its owners could be in, and stuck.  From the first LOCK on nobody is dropped any more, as from ATTEST on where
nobody is graded: if provers are lost, the same set is proven by others, and what they open is the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from circuits.errors import InconsistentError, InvalidInputError, ProofError
from circuits.grading import NOISE_BITS
from circuits.statement import Graded
from commons.protocol.bodies import MaskBody, ValidateBody, scalars_to_bytes
from commons.protocol.gradedbodies import GradedCombineBody, GradedMaskBody, GradedValidateBody, LockBody, OpenBody
from commons.protocol.lockedsets import graded_set_digest, owner_key
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.noisebits import check_challenge, opened_check, require_bits, square_roots, squares_digest
from commons.protocol.replies import Failure, ProverNamed, collect
from commons.protocol.rules import opened_numbers
from commons.sharing.reconstruct import open_vector
from coordinator.machine.setbacks import ProversFell, SetbackError, Unlocated, complete
from coordinator.machine.state import Evidence, Locking, Opening, Proving, Resources, Run, Transition

Replies = Mapping[int, StepReply | Failure]


def with_squares(resources: Resources, run: Run) -> Run:
    """The attempt with what its provers' shares open of the cohort's squares.

    Raises:
        BlamedProversError, InconsistentError: they do not fit, or a number is no square; no prover would go on.
    """
    t, shares = resources.committee.threshold, run.ground.squares
    flat = {p: shares[p].reshape(-1, 4) for p in run.active}
    squares = open_vector(flat, 2 * t, run.batch.liars(t), "squares behind the noise")
    square_roots(squares)
    return replace(run, squares=squares_digest(squares.reshape(-1, NOISE_BITS, 4)))


def require_same_squares(run: Run, bodies: Mapping[int, MaskBody]) -> None:
    """All provers must have seen the squares that were relayed, or some would go on and others not."""
    wrong = [p for p, b in bodies.items() if isinstance(b, GradedMaskBody) and b.squares_digest != run.squares]
    if wrong:
        reason = "mask: its digest of the squares is not that of what was relayed"
        raise SetbackError(ProversFell(tuple(ProverNamed(p, Step.MASK, reason) for p in wrong)))


def require_products(resources: Resources, run: Run, bodies: Mapping[int, ValidateBody]) -> None:
    """The masked products of the check of the bits must fit one polynomial each.

    Those of 2t + 1 provers always do; a wrong one comes out when the check is held against the combined bits.
    """
    t = resources.committee.threshold
    shares = {p: body.products for p, body in bodies.items() if isinstance(body, GradedValidateBody)}
    try:
        if shares:
            open_vector(shares, 2 * t, run.batch.liars(t), "products of the bits")
    except InconsistentError as error:
        raise SetbackError(Unlocated(str(error), shown_at=Step.COMBINE)) from error


def require_valid(resources: Resources, run: Run, bodies: Mapping[int, GradedCombineBody]) -> None:
    """All bits are bits and make up what the norms leave of the bound.  If not, a prover lied in this attempt: an owner
    whose bits are no bits has a residual that is not zero.
    """
    opened = opened_check(bodies, resources.committee.threshold)
    psi = check_challenge(run.ground.seed, run.session, run.squares)
    try:
        require_bits(psi, opened.product, opened.not_bits, opened.slack, opened.combined)
    except ProofError as error:
        raise SetbackError(Unlocated(str(error))) from error


def ask_lock(run: Run, evidence: Evidence) -> Transition:
    """LOCK to the active provers, with the opened row: from now on the batch becomes this set, or nothing."""
    messages, row = evidence.combination.messages, evidence.combination.row
    request = StepRequest(Step.LOCK, run.session, relayed=messages, payload=scalars_to_bytes(row))
    return Transition(Locking(run.with_lock, evidence), dict.fromkeys(run.active, request))


def locked(resources: Resources, state: Locking, replies: Replies) -> Transition:
    """After LOCK: all active provers must have locked this set."""
    run = state.run
    answers = complete(collect(resources.committee, replies, run.active, run.session, Step.LOCK, LockBody.decode))
    expected = _locked_set(run)
    wrong = [p for p, body in answers.bodies.items() if body.selection != expected]
    if wrong:
        reason = "lock: it is not the digest of the set that was proposed"
        raise SetbackError(ProversFell(tuple(ProverNamed(p, Step.LOCK, reason) for p in wrong)))
    request = StepRequest(Step.OPEN, run.session, relayed=answers.messages)
    return Transition(Opening(run, state.evidence), dict.fromkeys(run.active, request))


def opened(resources: Resources, state: Opening, replies: Replies) -> Transition:
    """After OPEN: the owners' numbers, which decide weights and levels."""
    run, t = state.run, resources.committee.threshold
    rule = resources.terms.grading_rule
    if rule is None:  # `begin` takes no graded cohort of such a task
        raise InvalidInputError("the task does not grade")
    owners = len(run.headers) - 1
    answers = complete(
        collect(
            resources.committee, replies, run.active, run.session, Step.OPEN,
            lambda raw: OpenBody.decode(raw, owners),
        )
    )  # fmt: skip
    shares = {p: body.values for p, body in answers.bodies.items()}
    numbers = open_vector(shares, t, run.batch.liars(t), "owners' numbers")
    try:
        values = opened_numbers(numbers, rule, resources.terms.bound)
    except ProofError as error:
        raise SetbackError(Unlocated(str(error))) from error
    following = Proving(run, replace(state.evidence, graded=Graded(run.headers[0], rule, values)))
    request = StepRequest(Step.PROVE, run.session, relayed=answers.messages)
    return Transition(following, dict.fromkeys(run.active, request))


def _locked_set(run: Run) -> bytes:
    """Digest of the set that provers bind themselves to."""
    reference, *submissions = run.members
    context = run.batch.cohort.context
    return graded_set_digest(reference, [owner_key(context, h.owner) for h in run.headers[1:]], submissions)
