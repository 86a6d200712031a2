"""The batch state machine: ``begin`` and ``advance``, pure functions of everything they see.

One transition stands for one step: all requests of a step are answered, or have failed, before the next call.
Replaying the same calls gives the same transitions, so a log of cohorts and replies is a complete record of a batch.

Corruption bound: with at most t lying provers and any number of dishonest owners, a completed batch sums exactly the
gradients of the owners it states, and nobody honest is named or rejected.  It completes when, beyond those that lie, at
most N - quorum provers are absent, and N >= 3t + 1.  With N = 2t + 1 a lying prover can stop a batch, never bend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from circuits.errors import BlamedProversError, InconsistentError, InvalidInputError, SignatureError, WireError
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.signing import require_owner
from coordinator.machine import attempt, cohort, culprits, finish, gradedattempt, probe
from coordinator.machine.setbacks import SetbackError
from coordinator.machine.state import (
    AttemptState,
    Attesting,
    Batch,
    Combining,
    Confirming,
    Disputing,
    Ended,
    Locking,
    Masking,
    Opening,
    ProbeCombining,
    ProbeMasking,
    ProbeState,
    Projecting,
    Proving,
    Resources,
    State,
    Tossing,
    Transition,
    Validating,
)
from coordinator.machine.verdicts import OwnerVerdict, rejection

Replies = Mapping[int, StepReply | Failure]


def begin(
    resources: Resources,
    candidates: Cohort,
    *,
    attempt_number: int,
    reachable: Iterable[int],
    locked: frozenset[bytes] | None = None,
    out: frozenset[bytes] = frozenset(),
) -> Transition:
    """Start a batch.

    Args:
        candidates: the submissions to prove together; those with a forged signature do not enter the cohort.  To take
            a failed batch up again, pass its ``Batch.cohort``: the provers never project a submission in a second
            cohort.
        attempt_number: above every attempt of this round so far; the batch counts on from it (``Batch.attempt``).
        reachable: committee indices of the provers to ask, which hold shares of all of them.
        locked: of a cohort taken up again, the submissions that provers were asked to lock: only exactly these can
            still become a batch.
        out: of a cohort taken up again, the submissions that were rejected before.  They stay out, also where the
            provers of this try would find nothing wrong: their owners may have handed in others since.

    Raises:
        InvalidInputError: the candidates do not fit the policy, or indices are out of range; or there is a reference
            where the task does not grade, or none where it does.
    """
    if (candidates.reference is None) != (resources.terms.grading is None):
        raise InvalidInputError("a cohort has a copy of the round's reference where its task grades, and only there")
    if len(candidates.headers) > resources.policy.capacity:
        raise InvalidInputError(
            f"{len(candidates.headers)} submissions do not fit a circuit for {resources.policy.capacity} rows"
        )
    provers = frozenset(reachable)
    if attempt_number < 1 or not provers <= frozenset(range(resources.committee.size)):
        raise InvalidInputError("attempts are numbered from 1, and provers are members of the committee")
    signed, verdicts = _signed(candidates)
    if obstacle := _too_little(resources, _batch(candidates, attempt_number, provers), signed):
        return culprits.failed(_batch(candidates, attempt_number, provers), verdicts, obstacle, final=True)
    members = Cohort(candidates.context, tuple(candidates.headers[i] for i in signed))
    batch = _batch(members, attempt_number, provers)
    if locked is not None:
        if not locked.issubset(members.digests):
            return culprits.failed(batch, verdicts, culprits.LOCKED, final=True)
        batch = replace(batch, locked=_indices(members, locked))
    batch = replace(batch, out=_indices(members, out))
    if not culprits.enough_provers(resources, batch):
        return culprits.failed(batch, verdicts, culprits.too_few_provers(resources, batch))
    first = cohort.start(resources, batch)
    return _authorized(resources, Transition(first.state, first.requests, verdicts))


def _too_little(resources: Resources, batch: Batch, signed: tuple[int, ...]) -> str:
    """Why the signed candidates are no cohort; empty if they are one."""
    if batch.is_graded and 0 not in signed:
        return culprits.REFERENCE
    owners, least = batch.owners(signed), resources.terms.min_owners
    return f"too few owners: {owners} submissions can be proven, {least} are needed" if owners < least else ""


def _authorized(resources: Resources, transition: Transition) -> Transition:
    """The same transition with the coordinator's signature under every request; most are one request to all."""
    signed: dict[int, StepRequest] = {}
    for request in transition.requests.values():
        if id(request) not in signed:
            signed[id(request)] = replace(request, authorization=resources.authorize(request.asked))
    return replace(transition, requests={p: signed[id(r)] for p, r in transition.requests.items()})


def _indices(members: Cohort, submissions: frozenset[bytes]) -> frozenset[int]:
    return frozenset(i for i, digest in enumerate(members.digests) if digest in submissions)


def _batch(members: Cohort, attempt_number: int, reachable: frozenset[int]) -> Batch:
    before = attempt_number - 1
    return Batch(members, before, before, reachable)


def _signed(candidates: Cohort) -> tuple[tuple[int, ...], tuple[OwnerVerdict, ...]]:
    """Candidates whose owner signed them, and verdicts on the others."""
    good: list[int] = []
    verdicts: list[OwnerVerdict] = []
    for index, header in enumerate(candidates.headers):
        try:
            require_owner(header, candidates.context)
            good.append(index)
        except SignatureError as error:
            verdicts.append(rejection(candidates, index, f"signature: {error}"))
    return tuple(good), tuple(verdicts)


def advance(resources: Resources, state: State, replies: Replies) -> Transition:
    """Take a step's replies in.

    Args:
        replies: by prover, for every request of the last transition; one that is missing counts as unreachable, one
            that was not asked for is ignored.

    Raises:
        WireError: the batch has ended.
    """
    return _authorized(resources, _advanced(resources, state, replies))


def _advanced(resources: Resources, state: State, replies: Replies) -> Transition:
    match state:
        case Tossing():
            return cohort.tossed(resources, state, replies)
        case Projecting():
            return cohort.projected(resources, state, replies)
        case Disputing():
            return cohort.revealed(resources, state, replies)
        case Ended():
            raise WireError("this batch has ended; begin another")
        case _:
            return _attempted(resources, state, replies)


def _attempted(resources: Resources, state: AttemptState | ProbeState, replies: Replies) -> Transition:
    step, run = awaited(state), state.run
    try:
        transition = _next(resources, state, replies)
    except (BlamedProversError, InconsistentError, SetbackError) as error:
        return culprits.recover(resources, run, step, culprits.setback_of(error, step))
    if run.until is step:
        return culprits.passed(resources, run, step)
    return transition if transition.outcome is None else culprits.conclude(resources, run, transition)


def _next(resources: Resources, state: AttemptState | ProbeState, replies: Replies) -> Transition:  # noqa: PLR0911
    match state:
        case Masking():
            return attempt.masked(resources, state, replies)
        case Validating():
            return attempt.validated(resources, state, replies)
        case Confirming():
            return attempt.confirmed(resources, state, replies)
        case Combining():
            return attempt.combined(resources, state, replies)
        case Locking():
            return gradedattempt.locked(resources, state, replies)
        case Opening():
            return gradedattempt.opened(resources, state, replies)
        case Proving():
            return finish.proved(resources, state, replies)
        case Attesting():
            return finish.attested(resources, state, replies)
        case ProbeMasking():
            return probe.masked(resources, state, replies)
        case ProbeCombining():
            return probe.combined(resources, state, replies)


_AWAITED: Mapping[type, Step] = {
    Tossing: Step.COIN,
    Projecting: Step.PROJECT,
    Disputing: Step.REVEAL,
    Masking: Step.MASK,
    Validating: Step.VALIDATE,
    Confirming: Step.CONFIRM,
    Combining: Step.COMBINE,
    Locking: Step.LOCK,
    Opening: Step.OPEN,
    Proving: Step.PROVE,
    Attesting: Step.ATTEST,
    ProbeMasking: Step.PROBE_MASK,
    ProbeCombining: Step.PROBE_COMBINE,
}


def awaited(state: State) -> Step:
    """The step whose replies a state waits for.  Raises WireError when the batch has ended."""
    step = _AWAITED.get(type(state))
    if step is None:
        raise WireError("this batch has ended; begin another")
    return step
