"""Runs one cohort through the pure machine: log what a step implies, ask the provers, take their answers in."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from circuits.errors import UnavailableError
from circuits.statement import Context
from commons.protocol.messages import Cohort
from commons.protocol.replies import ProverAbsent, ProverNamed
from commons.runtime.meters import Meter
from commons.storage.blobs import Blobs
from coordinator.events import (
    AttemptUsed,
    BatchProven,
    CohortBegun,
    CohortFailed,
    Event,
    OwnerDropped,
    ProverBlamed,
    SetLocking,
)
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.machine import (
    Attesting,
    Completed,
    OwnerRejected,
    OwnerSetAside,
    Resources,
    State,
    Transition,
    Verdict,
    advance,
    awaited,
    batch_of,
    begin,
)
from coordinator.rounds import RoundKey

_log = logging.getLogger(__name__)
_LATER = "receipts"


class StoppedError(Exception):
    """The coordinator stops; the attempt is given up and begins anew after the restart."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which submissions are proven together.

    Attributes:
        again: the cohort is fixed already.
        locked: submissions of a cohort that is taken up again which provers were asked to attest together.
        receipts: by prover, the submissions it holds shares of.
        reachable: provers to ask.
    """

    key: RoundKey
    submissions: tuple[bytes, ...]
    again: bool
    locked: tuple[bytes, ...] | None
    receipts: Mapping[int, frozenset[bytes]]
    reachable: frozenset[int]


class Batcher:
    """Proves cohorts."""

    def __init__(self, journal: Journal, blobs: Blobs, *, step_timeout: float, stopping: threading.Event) -> None:
        self._journal = journal
        self._blobs = blobs
        self._step_timeout = step_timeout
        self._stopping = stopping

    def prove(self, resources: Resources, fleet: Fleet, context: Context, plan: Plan) -> None:
        """Run a cohort to its end; the outcome is in the journal.

        Raises:
            UnavailableError: too few provers hold the shares of a fixed cohort.
            StoppedError: the coordinator stops.
        """
        transition = self._begin(resources, context, plan)
        while transition.outcome is None:
            if self._stopping.is_set():
                raise StoppedError
            self._use_attempt(plan.key, transition.state)
            self._lock(plan.key, transition.state)
            step, meter = awaited(transition.state).name, Meter()
            replies = fleet.ask(transition.requests, context.dimension, self._step_timeout)
            _log.info("event=asked step=%s provers=%d %s", step, len(replies), meter.times())
            meter = Meter()
            transition = advance(resources, transition.state, replies)
            _log.info("event=advanced step=%s %s", step, meter.times())
            self._journal.record(*self._events(plan.key, transition.verdicts))
        self._end(plan.key, transition)

    def _begin(self, resources: Resources, context: Context, plan: Plan) -> Transition:
        with self._journal.reading() as state:
            headers = tuple(state.submissions[s].header for s in plan.submissions)
            last = state.rounds[plan.key].last_attempt
        cohort = Cohort(context, headers)
        if not plan.again:
            transition = begin(
                resources, cohort, attempt_number=last + 1, reachable=plan.reachable, receipts=plan.receipts
            )
        else:
            wanted = set(plan.submissions)
            able = frozenset(p for p in plan.reachable if wanted <= plan.receipts.get(p, frozenset()))
            if len(able) < resources.committee.quorum:
                raise UnavailableError(
                    f"the batch needs {resources.committee.quorum} provers that hold all its shares, "
                    f"{len(able)} answer: {sorted(able)}"
                )
            locked = None if plan.locked is None else frozenset(plan.locked)
            transition = begin(resources, cohort, attempt_number=last + 1, reachable=able, locked=locked)
        events = self._events(plan.key, transition.verdicts)
        if transition.outcome is None and not plan.again:
            fixed = batch_of(transition.state).cohort.digests
            events.append(CohortBegun(*plan.key, fixed))
        self._journal.record(*events)
        return transition

    def _use_attempt(self, key: RoundKey, state: State) -> None:
        attempt = batch_of(state).attempt
        with self._journal.reading() as known:
            is_new = attempt > known.rounds[key].last_attempt
        if is_new:
            self._journal.record(AttemptUsed(*key, attempt))
            _log.info("event=attempt task=%d round=%d attempt=%d", *key, attempt)

    def _lock(self, key: RoundKey, state: State) -> None:
        """A restart must not try a smaller set: provers that signed the larger one would refuse it for good."""
        if not isinstance(state, Attesting):
            return
        with self._journal.reading() as known:
            is_new = known.rounds[key].locked != state.members
        if is_new:
            self._journal.record(SetLocking(*key, state.members))

    def _events(self, key: RoundKey, verdicts: tuple[Verdict, ...]) -> list[Event]:
        events: list[Event] = []
        for verdict in verdicts:
            _log.warning("event=verdict task=%d round=%d verdict=%r", *key, verdict)
            match verdict:
                case OwnerRejected() | OwnerSetAside():
                    if verdict.code != _LATER:
                        events.append(OwnerDropped(verdict.submission, verdict.reason))
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

    def _end(self, key: RoundKey, transition: Transition) -> None:
        outcome = transition.outcome
        if isinstance(outcome, Completed):
            bundle = self._blobs.put(outcome.bundle.encode())
            context = outcome.statement.context
            members = tuple(h.digest(context) for h in outcome.statement.owners)
            self._journal.record(BatchProven(*key, outcome.batch_id, members, bundle))
            _log.info(
                "event=batch-proven task=%d round=%d owners=%d batch=0x%s", *key, len(members), outcome.batch_id.hex()
            )
        elif outcome is not None:
            self._journal.record(CohortFailed(*key, outcome.reason, outcome.final))
            _log.warning("event=cohort-failed task=%d round=%d reason=%r", *key, outcome.reason)
