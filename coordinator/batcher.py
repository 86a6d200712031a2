"""Runs one cohort through the pure machine: log what a step implies, ask the provers, take their answers in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from circuits.errors import RuleViolationError, UnknownError, WireError
from circuits.statement import Context
from commons.protocol.bodies import SignatureBody
from commons.protocol.certified import Attesters
from commons.protocol.messages import Cohort, Step, StepReply
from commons.protocol.replies import Failure, ProverAbsent, ProverNamed
from commons.protocol.status import SubmissionState
from commons.runtime import spans
from commons.runtime.logcontext import about
from commons.runtime.meters import Meter
from commons.runtime.pieces import progressed
from commons.storage.blobs import Blobs
from commons.storage.evidencefiles import Watch
from coordinator.accusations import Accusations
from coordinator.events import (
    AttemptUsed,
    BatchGraded,
    BatchProven,
    CohortBegun,
    Event,
    OwnerDropped,
    ProverBlamed,
    SetLocking,
)
from coordinator.fleet import Fleet
from coordinator.giving_up import Trouble, trouble_of
from coordinator.handover import HandAgain, may_have_lost
from coordinator.journal import Journal
from coordinator.machine import (
    Attesting,
    Batch,
    Completed,
    Failed,
    Locking,
    OwnerRejected,
    OwnerSetAside,
    ReferenceFell,
    Resources,
    State,
    Transition,
    Verdict,
    advance,
    awaited,
    batch_of,
    begin,
)
from coordinator.machine.verdicts import described
from coordinator.resultroom import room_for
from coordinator.roundstate import RoundKey, named
from coordinator.roundwatch import RoundWatch

_log = logging.getLogger(__name__)
_AGAIN = "submit again while the round takes submissions"
_FOR_GOOD = (RuleViolationError.code, UnknownError.code)
"""With these a prover refuses the coin of a cohort that it can never be in: by a rule, or for want of a share that
nobody hands it."""


class StoppedError(Exception):
    """The coordinator stops; the attempt is given up and begins anew after the restart."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which submissions are proven together.

    Attributes:
        again: the cohort is fixed already.
        locked: submissions of a cohort that is taken up again which provers were asked to attest together.
        out: submissions of such a cohort that were rejected.
        receipts: by prover, the submissions it holds shares of.
        excluded: provers that lied in this round, provably.
        reachable: provers to ask; none of those.
    """

    key: RoundKey
    submissions: tuple[bytes, ...]
    again: bool
    locked: tuple[bytes, ...] | None
    out: frozenset[bytes]
    receipts: Mapping[int, frozenset[bytes]]
    excluded: frozenset[int]
    reachable: frozenset[int]

    def holders(self, submissions: tuple[bytes, ...]) -> frozenset[int]:
        """Provers that hold shares of all of them and may take part, whether they answer or not."""
        wanted = set(submissions)
        return frozenset(p for p, held in self.receipts.items() if wanted <= held) - self.excluded


@dataclass(frozen=True, slots=True)
class Unproven:
    """Why a cohort is not proven, and what could still prove it."""

    reason: str
    trouble: Trouble


class Batcher:
    """Proves cohorts."""

    def __init__(
        self,
        journal: Journal,
        blobs: Blobs,
        watch: Watch,
        accusations: Accusations,
        rounds: RoundWatch,
        *,
        step_timeout: float,
        stopping: threading.Event,
        hand_again: HandAgain,
    ) -> None:
        """Args:
        watch: notices what provers sign against themselves; a batch goes on whatever it finds.
        accusations: has owners excluded that are rejected; no batch waits for it.
        rounds: told who is asked for what.
        hand_again: told of a prover, and of the submissions that it gave receipts for, when it may have lost a share of
            them; says whether it is handed all of them again.
        """
        self._hand_again = hand_again
        self._journal = journal
        self._blobs = blobs
        self._watch = watch
        self._accusations = accusations
        self._rounds = rounds
        self._step_timeout = step_timeout
        self._stopping = stopping

    def prove(self, resources: Resources, fleet: Fleet, context: Context, plan: Plan) -> Unproven | None:
        """Run a cohort to its end.

        Returns:
            None when it is proven, which is in the journal then; otherwise why not.

        Raises:
            StoppedError: the coordinator stops.
            FullError: there is no room for the batch's results, and no prover is bound to it yet.
        """
        with spans.span("batch", owners=len(plan.submissions)) as told:
            return self._proven(resources, fleet, context, plan, told)

    def _proven(
        self, resources: Resources, fleet: Fleet, context: Context, plan: Plan, told: spans.Span
    ) -> Unproven | None:
        quorum = resources.committee.quorum
        if len(able := plan.holders(plan.submissions) & plan.reachable) < quorum:
            return _unheld(plan, able, quorum)
        if plan.locked is None:  # those that provers may have signed have no other batch
            sealed = resources.committee.size if resources.terms.sums_private else 0
            self._blobs.require(plan.key[0], room_for(context.dimension, len(plan.submissions), sealed))
        transition = self._begin(resources, context, plan)
        heard, again = list(transition.verdicts), set[int]()
        while transition.outcome is None:
            if self._stopping.is_set():
                raise StoppedError
            self._use_attempt(plan.key, transition.state)
            self._lock(plan.key, transition.state, heard)
            step, meter = awaited(transition.state).name, Meter()
            attempt, asked = batch_of(transition.state).attempt, len(transition.requests)
            with (
                about(step=step),
                spans.part("step", attempt=attempt, provers=asked),
                self._rounds.asking(plan.key, step, transition.requests) as answered,
            ):
                replies = fleet.ask(transition.requests, context.dimension, self._step_timeout, answered)
            _log.info("event=asked step=%s provers=%d %s", step, len(replies), meter.times())
            self._look(resources, transition.state, replies)
            again |= self._handed_again(plan, awaited(transition.state), replies)
            meter = Meter()
            with spans.part("advance", step=step, attempt=attempt):
                transition = advance(resources, transition.state, replies)
            _log.info("event=advanced step=%s %s", step, meter.times())
            progressed()
            self._journal.record(*self._events(plan.key, transition.verdicts))
            heard += transition.verdicts
            cohort = batch_of(transition.state).cohort
            self._accusations.accuse(resources, fleet, cohort, transition.verdicts, plan.reachable)
        if isinstance(transition.outcome, Completed):
            self._complete(plan.key, transition.outcome)
            told.set(batch=f"0x{transition.outcome.batch_id.hex()}")
            return None
        _log.warning("event=cohort-failed task=%s round=%d reason=%r", *named(plan.key), transition.outcome.reason)
        return self._judged(resources, plan, transition.outcome, batch_of(transition.state), heard, again)

    def _begin(self, resources: Resources, context: Context, plan: Plan) -> Transition:
        with self._journal.reading() as state:
            headers = tuple(state.submissions[s].header for s in plan.submissions)
            last = state.rounds[plan.key].last_attempt
        able = plan.holders(plan.submissions) & plan.reachable
        locked = None if plan.locked is None else frozenset(plan.locked)
        transition = begin(
            resources, Cohort(context, headers), attempt_number=last + 1, reachable=able, locked=locked, out=plan.out
        )
        events = self._events(plan.key, transition.verdicts)
        if transition.outcome is None and not plan.again:
            fixed = batch_of(transition.state).cohort.digests
            events.append(CohortBegun(*plan.key, fixed))
        self._journal.record(*events)
        return transition

    def _look(self, resources: Resources, state: State, replies: Mapping[int, StepReply | Failure]) -> None:
        """Hold what provers signed against what they signed before."""
        self._watch.replies(resources.committee, replies)
        if isinstance(state, Attesting):
            given = state.bundle.certificate.attested_by(_attestations(replies))
            attesters = Attesters(resources.committee, resources.policy.verifier_code)
            self._watch.certificates([given], attesters, resources.terms)

    def _use_attempt(self, key: RoundKey, state: State) -> None:
        attempt = batch_of(state).attempt
        with self._journal.reading() as known:
            is_new = attempt > known.rounds[key].last_attempt
        if is_new:
            self._journal.record(AttemptUsed(*key, attempt))
            _log.info("event=attempt task=%s round=%d attempt=%d", *named(key), attempt)

    def _lock(self, key: RoundKey, state: State, heard: list[Verdict]) -> None:
        """A restart must not try a smaller set: provers that locked the larger one would refuse it for good.

        Until then an owner that was set aside may get into the batch in a later try; from now on it does not.
        """
        if not isinstance(state, Locking | Attesting):
            return
        members = state.run.members
        with self._journal.reading() as known:
            is_new = known.rounds[key].locked != members
        if is_new:
            aside = [v for v in heard if isinstance(v, OwnerSetAside)]
            dropped = [OwnerDropped(v.submission, f"{v.reason}; {_AGAIN}", False) for v in aside]
            self._journal.record(SetLocking(*key, members), *dropped)

    def _events(self, key: RoundKey, verdicts: tuple[Verdict, ...]) -> list[Event]:
        events: list[Event] = []
        for verdict in verdicts:
            _log.warning("event=verdict task=%s round=%d %s", *named(key), described(verdict))
            match verdict:
                case OwnerRejected():
                    events.append(OwnerDropped(verdict.submission, verdict.reason, True))
                case ReferenceFell(proven=True):
                    events.append(OwnerDropped(verdict.submission, verdict.reason, True))
                case OwnerSetAside() | ReferenceFell():
                    pass  # an owner not before a set without it is to be signed; another try may clear a reference
                case ProverNamed():
                    events.append(ProverBlamed(*key, verdict.prover, verdict.step.name, verdict.reason, verdict.proven))
                case ProverAbsent():
                    events.append(
                        ProverBlamed(*key, verdict.prover, verdict.step.name, f"absent: {verdict.reason}", False)
                    )
                case _:
                    reason = f"suspected: {verdict.reason}"
                    events += [ProverBlamed(*key, p, verdict.step.name, reason, False) for p in verdict.provers]
        return events

    def _complete(self, key: RoundKey, outcome: Completed) -> None:
        bundle = self._blobs.put(outcome.bundle.encode(), key[0], promised=True)
        context = outcome.statement.context
        members, graded = tuple(h.digest(context) for h in outcome.statement.owners), outcome.statement.graded
        opened = () if graded is None else (BatchGraded.of(outcome.batch_id, context, graded),)
        self._journal.record(BatchProven(*key, outcome.batch_id, members, bundle), *opened)
        _log.info(
            "event=batch-proven task=%s round=%d owners=%d batch=0x%s",
            *named(key),
            len(members),
            outcome.batch_id.hex(),
        )

    def _handed_again(self, plan: Plan, step: Step, replies: Mapping[int, StepReply | Failure]) -> set[int]:
        """Provers that may have lost a share that they had, and are handed it again."""
        lost = [p for p, reply in replies.items() if isinstance(reply, Failure) and may_have_lost(step, reply.code)]
        held = {p: plan.receipts.get(p, frozenset()).intersection(plan.submissions) for p in lost}
        return {p for p in lost if held[p] and self._hand_again(p, held[p])}

    def _judged(
        self,
        resources: Resources,
        plan: Plan,
        failed: Failed,
        batch: Batch,
        heard: list[Verdict],
        again: Collection[int],
    ) -> Unproven:
        """What could still prove the cohort.  Owners that were set aside count: another try may clear them.

        Args:
            again: provers that are handed what they lost.
        """
        with self._journal.reading() as state:
            locked = state.rounds[plan.key].locked is not None
            alive = {s for s in batch.cohort.digests if state.submissions[s].status.state is SubmissionState.PROVING}
            owners = len(state.rounds[plan.key].owners(alive))
        lost = locked or owners < resources.terms.min_owners
        if batch.is_graded:
            lost = lost or batch.cohort.digests[0] not in alive
        absent = (v for v in heard if isinstance(v, ProverAbsent))
        for_good = (v for v in absent if v.step is Step.COIN and v.code in _FOR_GOOD)
        refused = {v.prover for v in for_good if v.code != UnknownError.code or v.prover not in again}
        trouble = trouble_of(
            final=failed.final and lost,
            quorum=resources.committee.quorum,
            ready=plan.reachable - batch.named,
            holders=plan.holders(batch.cohort.digests) - batch.named - refused,
            left=batch.reachable,
        )
        return Unproven(failed.reason, trouble)


def _attestations(replies: Mapping[int, StepReply | Failure]) -> Iterator[tuple[int, bytes]]:
    """What provers gave as theirs; some of it may be anything."""
    for prover, reply in replies.items():
        if isinstance(reply, StepReply):
            with suppress(WireError):
                yield prover, SignatureBody.decode(reply.message.body).signature


def _unheld(plan: Plan, able: frozenset[int], quorum: int) -> Unproven:
    """A cohort of which too few provers that answer hold all shares."""
    reason = f"the batch needs {quorum} provers that hold all its shares, {len(able)} answer: {sorted(able)}"
    holders = plan.holders(plan.submissions)
    trouble = trouble_of(final=False, quorum=quorum, ready=plan.reachable, holders=holders, left=able)
    return Unproven(reason, trouble)
