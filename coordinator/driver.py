"""Moves every open round forward: plans, proves, settles; each round on its own thread, trouble retried later."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from circuits.errors import ChainError, GradrollError
from circuits.statement import TaskTerms
from commons.chain.facts import RoundRecord
from commons.chain.view import ChainView
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from commons.storage.parameters import PublicParameters
from coordinator.batcher import Batcher, Plan, StoppedError
from coordinator.events import CohortFailed, RoundClosed
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.machine import Resources
from coordinator.planning import Close, Prove, Release, RoundFacts, Settle, next_action
from coordinator.releases import Releases
from coordinator.rounds import RoundKey
from coordinator.settlement import Settlement

_log = logging.getLogger(__name__)
_DAY = 86_400


class Driver:
    """Works on the rounds of the journal until stopped."""

    def __init__(
        self,
        view: ChainView,
        journal: Journal,
        batcher: Batcher,
        settlement: Settlement,
        releases: Releases,
        account: SigningKey,
        parameters: PublicParameters,
        settings: CoordinatorSettings,
        *,
        stopping: threading.Event,
        tls_roots: bytes | None = None,
    ) -> None:
        self._view = view
        self._journal = journal
        self._batcher = batcher
        self._settlement = settlement
        self._releases = releases
        self._account = account
        self._parameters = parameters
        self._settings = settings
        self._stopping = stopping
        self._tls_roots = tls_roots
        self._pool = ThreadPoolExecutor(settings.parallel_rounds, thread_name_prefix="round")
        self._running: dict[RoundKey, Future[None]] = {}
        self._not_before: dict[RoundKey, float] = {}
        self._pauses: dict[RoundKey, float] = {}
        self._rounds: dict[RoundKey, tuple[float, RoundRecord]] = {}
        self._now = 0
        self._fleets: dict[int, Fleet] = {}
        self._fleet_lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="driver")

    def start(self) -> None:
        """Begin to work in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Wait until running steps have ended (``stopping`` is set), then close the connections."""
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for fleet in self._fleets.values():
            fleet.close()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            with self._journal.lock:
                keys = self._journal.state.open_rounds()
            if keys and self._look_at_clock():
                for key in keys:
                    self._maybe_start(key)
            self._stopping.wait(self._settings.poll_interval)

    def _look_at_clock(self) -> bool:
        """Read the chain's time, once for all rounds; False when the node does not answer."""
        try:
            self._now = self._view.now()
        except ChainError as error:
            _log.warning("event=chain-trouble reason=%r", str(error))
            return False
        return True

    def _maybe_start(self, key: RoundKey) -> None:
        running = self._running.get(key)
        if (running is None or running.done()) and time.monotonic() >= self._not_before.get(key, 0.0):
            self._running[key] = self._pool.submit(self._guarded, key)

    def _guarded(self, key: RoundKey) -> None:
        """Work on a round once; trouble makes it wait, longer each time."""
        try:
            if self._work(key):
                self._pauses.pop(key, None)
                self._not_before[key] = 0.0
                return
        except StoppedError:
            return
        except GradrollError as error:
            _log.warning("event=round-trouble task=%d round=%d code=%s reason=%r", *key, error.code, str(error))
            self._note_trouble(key, error)
        except Exception:
            _log.exception("event=round-error task=%d round=%d", *key)
        pause = self._pauses.get(key, self._settings.poll_interval)
        self._pauses[key] = min(2 * pause, self._settings.longest_pause)
        self._not_before[key] = time.monotonic() + pause

    def _note_trouble(self, key: RoundKey, error: GradrollError) -> None:
        """Let owners see why nothing moves, without a log entry for each look at a node that is down."""
        if isinstance(error, ChainError) or self._journal.state.rounds[key].trouble == str(error):
            return
        self._journal.record(CohortFailed(*key, str(error)))

    def _work(self, key: RoundKey) -> bool:
        """Do the round's next action; False when it must be tried again after a pause."""
        terms = self._view.terms(key[0])
        policy = self._view.policy(key[0])
        facts = self._facts(key)
        with self._journal.lock:
            action = next_action(
                self._journal.state, key, facts, terms, policy.capacity,
                release_patience=self._settings.release_patience * _DAY,
            )  # fmt: skip
        match action:
            case Close():
                self._journal.record(RoundClosed(*key))
                _log.info("event=round-closed task=%d round=%d", *key)
            case Settle():
                self._rounds.pop(key, None)
                for batch_id in action.batches:
                    self._settlement.settle(batch_id)
            case Release():
                self._release(terms, action)
            case Prove():
                return self._prove_or_release(key, terms, action)
            case _:
                _log.debug("event=round-waits task=%d round=%d reason=%r", *key, action.reason)
        return True

    def _release(self, terms: TaskTerms, action: Release) -> None:
        """Collect sums; one that cannot be had yet does not hold up the others.  Raises the last trouble."""
        key, fleet = self._parameters.commitment_key(terms.dimension), self._fleet(terms.committee_id)
        trouble: GradrollError | None = None
        for batch_id in action.batches:
            try:
                self._releases.collect(batch_id, fleet, key, publish=terms.inline_payload)
            except GradrollError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _prove_or_release(self, key: RoundKey, terms: TaskTerms, action: Prove) -> bool:
        """Prove a cohort; while it cannot be, sums of batches that were accepted before it do not wait for it."""
        try:
            proven = self._prove(key, terms, action)
        except GradrollError:
            self._release_meanwhile(key, terms)
            raise
        if not proven:
            self._release_meanwhile(key, terms)
        return proven

    def _release_meanwhile(self, key: RoundKey, terms: TaskTerms) -> None:
        with self._journal.lock:
            waiting = tuple(b.batch_id for b in self._journal.state.unreleased(key, publish=terms.inline_payload))
        if waiting:
            self._release(terms, Release(waiting))

    def _facts(self, key: RoundKey) -> RoundFacts:
        """The round as the chain has it; deadlines stay, and batches are mostly ours, so an old look will do."""
        looked, record = self._rounds.get(key, (0.0, None))
        if record is None or time.monotonic() - looked > self._settings.round_age:
            record = self._view.round(*key)
            self._rounds[key] = (time.monotonic(), record)
        return RoundFacts(self._now, record.submit_deadline, record.settle_deadline, record.owners, record.finalized)

    def _prove(self, key: RoundKey, terms: TaskTerms, action: Prove) -> bool:
        policy = self._view.policy(key[0])
        fleet = self._fleet(terms.committee_id)
        ready = fleet.ready_provers()
        with self._journal.lock:
            excluded = frozenset(self._journal.state.rounds[key].excluded)
            receipts = self._receipts(action.submissions)
            failures = self._journal.state.rounds[key].failures
            locked = self._journal.state.rounds[key].locked if action.again else None
        resources = Resources(
            fleet.committee, terms, policy, self._parameters.commitment_key(terms.dimension),
            self._parameters.verifying_key(policy.key_hash), self._parameters.srs, self._account.sign,
        )  # fmt: skip
        plan = Plan(key, action.submissions, action.again, locked, receipts, ready - excluded)
        self._batcher.prove(resources, fleet, self._view.context(*key), plan)
        return self._journal.state.rounds[key].failures <= failures

    def _receipts(self, submissions: tuple[bytes, ...]) -> dict[int, frozenset[bytes]]:
        holders: dict[int, set[bytes]] = {}
        for submission in submissions:
            for prover in self._journal.state.submissions[submission].receipts:
                holders.setdefault(prover, set()).add(submission)
        return {prover: frozenset(held) for prover, held in holders.items()}

    def _fleet(self, committee_id: int) -> Fleet:
        with self._fleet_lock:
            if committee_id not in self._fleets:
                self._fleets[committee_id] = Fleet(
                    self._view, committee_id,
                    status_timeout=self._settings.status_timeout, tls_roots=self._tls_roots,
                )  # fmt: skip
            return self._fleets[committee_id]
