"""Moves every open round forward, one action at a time: close, settle, release, prove.  Trouble is retried later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

from circuits.errors import ChainError, GradrollError, StorageError
from circuits.policies.registry import compiled
from circuits.statement import TaskTerms
from commons.chain.facts import RoundRecord
from commons.chain.ports import MarketReader
from commons.protocol.status import SubmissionState
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from commons.storage.parameters import PublicParameters
from coordinator.backoff import Backoff
from coordinator.batcher import Batcher, Plan, StoppedError, Unproven
from coordinator.events import CohortFailed, RoundClosed
from coordinator.fleet import Fleets
from coordinator.giving_up import SUBMISSIONS_A_ROUND, Outlook, advice, gives_up
from coordinator.journal import Journal
from coordinator.machine import Resources
from coordinator.next_action import Close, Prove, Release, RoundFacts, Settle, Wait, next_action
from coordinator.releases import Releases
from coordinator.rounds import CoordinatorState, RoundKey
from coordinator.settlement import Settlement

_log = logging.getLogger(__name__)
_DAY = 86_400
_OWN_TROUBLE = "the coordinator has a problem of its own; its operator finds the cause in its log"


class Driver:
    """Works on the rounds of the journal, each ``turn`` a little.

    Args:
        authorize: signs with the account that tasks name as their coordinator.
        pool: where rounds are worked on; one that runs what it is given at once makes a turn complete when it returns.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        batcher: Batcher,
        settlement: Settlement,
        releases: Releases,
        fleets: Fleets,
        parameters: PublicParameters,
        authorize: Callable[[bytes], bytes],
        settings: CoordinatorSettings,
        clock: Clock,
        pool: Executor,
    ) -> None:
        self._view = view
        self._journal = journal
        self._batcher = batcher
        self._settlement = settlement
        self._releases = releases
        self._fleets = fleets
        self._parameters = parameters
        self._authorize = authorize
        self._settings = settings
        self._clock = clock
        self._pool = pool
        self._lock = threading.Lock()  # guards what follows; rounds are worked on by several threads
        self._running: dict[RoundKey, Future[None]] = {}
        self._backoff = Backoff(settings.poll_interval, settings.longest_pause)
        self._rounds: dict[RoundKey, tuple[float, RoundRecord]] = {}
        self._waits: dict[RoundKey, str] = {}

    def waits(self, key: RoundKey) -> str:
        """What a round waits for, in words; empty while it is worked on, and before it was looked at."""
        with self._lock:
            return self._waits.get(key, "")

    def turn(self) -> None:
        """Start work on every open round that is not being worked on and whose pause is over."""
        with self._journal.reading() as state:
            keys = state.open_rounds()
        if not keys:
            return
        try:
            now = self._view.now()  # once for all rounds
        except ChainError as error:
            _log.warning("event=chain-trouble reason=%r", str(error))
            return
        self._running = {key: running for key, running in self._running.items() if key in keys or not running.done()}
        for key in keys:
            if self._may_start(key):
                self._running[key] = self._pool.submit(self._guarded, key, now)

    def _may_start(self, key: RoundKey) -> bool:
        running = self._running.get(key)
        with self._lock:
            return (running is None or running.done()) and self._backoff.is_due(key, self._clock.monotonic())

    def _guarded(self, key: RoundKey, now: int) -> None:
        """Work on a round once; trouble makes it wait, longer each time."""
        try:
            if self._work(key, now):
                with self._lock:
                    self._backoff.clear(key)
                return
        except StoppedError:
            return
        except GradrollError as error:
            _log.warning("event=round-trouble task=%d round=%d code=%s reason=%r", *key, error.code, str(error))
            self._note_trouble(key, error, now)
        except Exception:
            _log.exception("event=round-error task=%d round=%d", *key)
        with self._lock:
            self._backoff.extend(key, self._clock.monotonic())

    def _note_trouble(self, key: RoundKey, error: GradrollError, now: int) -> None:
        """Let owners see why nothing moves."""
        if isinstance(error, ChainError):
            return
        told = _OWN_TROUBLE if error.own_machine else str(error)
        try:
            self._note_failure(CohortFailed(*key, told, False, now))
        except StorageError as failed:  # the round waits all the same, and notes it once there is room
            _log.warning("event=trouble-not-noted task=%d round=%d reason=%r", *key, str(failed))

    def _note_failure(self, failure: CohortFailed) -> None:
        """Record a failure; one that is like the last only if it is the first of its cohort, or ends it."""
        with self._journal.reading() as state:
            current = state.rounds[failure.task_id, failure.round]
            news = failure.final or current.failures == 0 or current.trouble != failure.reason
        if news:
            self._journal.record(failure)

    def _work(self, key: RoundKey, now: int) -> bool:
        """Do the round's next action; False when it must be tried again after a pause."""
        terms, facts = self._view.terms(key[0]), self._facts(key, now)
        # A verifier, anybody's contract, that answers no more keeps no round open for good.
        capacity = 0 if facts.is_over else self._view.policy(key[0]).capacity
        patience = self._settings.release_patience * _DAY
        with self._journal.reading() as state:
            action = next_action(state, key, facts, terms, capacity, release_patience=patience)
        with self._lock:
            self._waits[key] = action.reason if isinstance(action, Wait) else ""
        match action:
            case Close():
                with self._lock:
                    del self._waits[key]
                self._journal.record(RoundClosed(*key, action.reason))
                _log.info("event=round-closed task=%d round=%d", *key)
            case Settle():
                with self._lock:
                    self._rounds.pop(key, None)
                for batch_id in action.batches:
                    self._settlement.settle(batch_id)
            case Release():
                self._release(terms, action)
            case Prove():
                return self._prove_or_release(key, terms, action, facts)
            case Wait():
                _log.debug("event=round-waits task=%d round=%d reason=%r", *key, action.reason)
        return True

    def _release(self, terms: TaskTerms, action: Release) -> None:
        """Collect sums; one that cannot be had yet does not hold up the others.  Raises the last trouble."""
        key, fleet = self._parameters.commitment_key(terms.dimension), self._fleets.of(terms.committee_id)
        trouble: GradrollError | None = None
        for batch_id in action.batches:
            try:
                self._releases.collect(batch_id, fleet, key, publish=terms.inline_payload)
            except GradrollError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _prove_or_release(self, key: RoundKey, terms: TaskTerms, action: Prove, facts: RoundFacts) -> bool:
        """Prove a cohort; while it cannot be, sums of batches that were accepted before it do not wait for it."""
        try:
            unproven = self._prove(key, terms, action)
        except GradrollError:
            self._release_meanwhile(key, terms)
            raise
        if unproven is None or self._ends(key, terms, facts, unproven):
            return True
        self._release_meanwhile(key, terms)
        return False

    def _ends(self, key: RoundKey, terms: TaskTerms, facts: RoundFacts, unproven: Unproven) -> bool:
        """Note a failure, and whether it ends its cohort; if so, the round goes on at once."""
        now = self._view.now()  # attempts take their time
        with self._journal.reading() as state:
            current = state.rounds[key]
            fixed = current.cohort is not None
            outlook = Outlook(
                now, current.failing_since or now, facts.submit_deadline, facts.settle_deadline,
                locked=current.locked is not None,
                again=state.most_of_one_owner(key) < SUBMISSIONS_A_ROUND,
                others=len(state.pending(key)) >= terms.min_owners,
            )  # fmt: skip
        final = fixed and gives_up(unproven.trouble, outlook)
        reason = f"{unproven.reason}; {advice(outlook)}" if final else unproven.reason
        self._note_failure(CohortFailed(*key, reason, final, now))
        if final:
            _log.warning("event=cohort-given-up task=%d round=%d trouble=%s", *key, unproven.trouble.name.lower())
        return final

    def _release_meanwhile(self, key: RoundKey, terms: TaskTerms) -> None:
        """Collect what can be had.  What cannot is not raised: the cohort is the trouble that is told."""
        with self._journal.reading() as state:
            waiting = tuple(b.batch_id for b in state.unreleased(key, publish=terms.inline_payload))
        if not waiting:
            return
        try:
            self._release(terms, Release(waiting))
        except GradrollError as error:
            _log.warning("event=sum-waits task=%d round=%d code=%s reason=%r", *key, error.code, str(error))

    def _facts(self, key: RoundKey, now: int) -> RoundFacts:
        """The round as the chain has it; deadlines stay, and batches are mostly ours, so an old look will do."""
        with self._lock:
            looked, record = self._rounds.get(key, (0.0, None))
        if record is None or self._clock.monotonic() - looked > self._settings.round_age:
            record = self._view.round(*key)
            with self._lock:
                self._rounds[key] = (self._clock.monotonic(), record)
        return RoundFacts(now, record.submit_deadline, record.settle_deadline, record.owners, record.finalized)

    def _prove(self, key: RoundKey, terms: TaskTerms, action: Prove) -> Unproven | None:
        policy = self._view.policy(key[0])
        fleet = self._fleets.of(terms.committee_id)
        ready = fleet.ready_provers()
        with self._journal.reading() as state:
            current = state.rounds[key]
            plan = Plan(
                key, action.submissions, action.again, current.locked if action.again else None,
                _rejected(state, action.submissions), _receipts(state, action.submissions),
                frozenset(current.excluded), ready - current.excluded,
            )  # fmt: skip
        verifying = self._parameters.verifying_key(policy.key_hash)
        compiled(verifying.policy, verifying.capacity).require_bound(terms.bound)
        resources = Resources(
            fleet.committee, terms, policy, self._parameters.commitment_key(terms.dimension), verifying,
            self._parameters.srs, self._authorize,
        )  # fmt: skip
        return self._batcher.prove(resources, fleet, self._view.context(*key), plan)


def _rejected(state: CoordinatorState, submissions: tuple[bytes, ...]) -> frozenset[bytes]:
    return frozenset(s for s in submissions if state.submissions[s].status.state is SubmissionState.REJECTED)


def _receipts(state: CoordinatorState, submissions: tuple[bytes, ...]) -> dict[int, frozenset[bytes]]:
    holders: dict[int, set[bytes]] = {}
    for submission in submissions:
        for prover in state.submissions[submission].receipts:
            holders.setdefault(prover, set()).add(submission)
    return {prover: frozenset(held) for prover, held in holders.items()}
