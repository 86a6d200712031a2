"""Moves every open round forward, one action at a time: close, settle, release, prove.  Trouble is retried later.

Rounds may have several hundred batches.  They are proven one after the other; provers and not the coordinator are what
takes time, and their attempts are counted by round.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Executor, Future
from dataclasses import replace

from circuits.errors import ChainError, ContractError, GradrollError, StandbyError, StorageError, UnknownError
from circuits.terms import DAY, TaskTerms
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.runtime.logcontext import about
from commons.runtime.pieces import progressed
from commons.settings.sections import CoordinatorSettings
from commons.storage.parameters import PublicParameters
from coordinator.adoption import Adoption
from coordinator.backoff import Backoff
from coordinator.batcher import StoppedError
from coordinator.cohorts import Cohorts, Early
from coordinator.events import CohortFailed, RoundClosed
from coordinator.fleet import Fleet, Fleets
from coordinator.journal import Journal
from coordinator.next_action import Action, Close, Gather, Prove, Release, RoundFacts, Settle, Wait, next_action
from coordinator.postings import Postings
from coordinator.releases import Releases
from coordinator.roundstate import Round, RoundKey, named
from coordinator.roundwatch import RoundWatch
from coordinator.settlement import Settlement
from coordinator.vanished import Vanished

_log = logging.getLogger(__name__)
_PAUSED = "the market's guardian has paused the acceptance of batches, which moves all deadlines by as much"
_REFUSED = "the market refuses a batch for now; it is handed in again, until that is final"
_NO_CHAIN = "the chain cannot be asked at present; the coordinator tries again"
_VANISHED = "the chain has taken the opening of this round back, and nobody has opened it again"
_UNSURE = "the coordinator's nodes do not agree yet that the round is over"
_OWN_TROUBLE = "the coordinator has a problem of its own; its operator finds the cause in its log"


class Driver:
    """Works on the rounds of the journal, each ``turn`` a little.

    Args:
        own_address: account that tasks name as their coordinator.
        pool: where rounds are worked on; one that runs what it is given at once makes a turn complete when it returns.
        watch: told what each round waits for.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        cohorts: Cohorts,
        settlement: Settlement,
        releases: Releases,
        adoption: Adoption,
        postings: Postings,
        fleets: Fleets,
        parameters: PublicParameters,
        own_address: bytes,
        settings: CoordinatorSettings,
        clock: Clock,
        pool: Executor,
        watch: RoundWatch,
    ) -> None:
        self._view = view
        self._journal = journal
        self._cohorts = cohorts
        self._settlement = settlement
        self._releases = releases
        self._adoption = adoption
        self._postings = postings
        self._fleets = fleets
        self._parameters = parameters
        self._own_address = own_address
        self._settings = settings
        self._clock = clock
        self._pool = pool
        self._watch = watch
        self._lock = threading.Lock()  # guards what follows; rounds are worked on by several threads
        self._running: dict[RoundKey, Future[None]] = {}
        self._backoff = Backoff(settings.poll_interval, settings.longest_pause)
        self._rounds: dict[RoundKey, tuple[float, RoundFacts]] = {}
        self._ended: dict[RoundKey, float] = {}
        self._vanished = Vanished(view, settings, clock)

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
            for key in keys:
                self._watch.say(key, _NO_CHAIN)
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
        task, number = named(key)
        try:
            with about(task=task, round=number):
                through = self._work(key, now)
            if through:
                with self._lock:
                    self._backoff.clear(key)
                return
        except (StoppedError, StandbyError):
            return
        except GradrollError as error:
            _log.warning("event=round-trouble task=%s round=%d code=%s reason=%r", *named(key), error.code, str(error))
            self._watch.troubled(error.code)
            self._note_trouble(key, error, now)
        except Exception:
            self._watch.troubled(GradrollError.code)
            _log.exception("event=round-error task=%s round=%d", *named(key))
        with self._lock:
            self._backoff.extend(key, self._clock.monotonic())

    def _note_trouble(self, key: RoundKey, error: GradrollError, now: int) -> None:
        """Let owners see why nothing moves."""
        if isinstance(error, ContractError):
            if error.error == "AcceptancePaused":
                self._watch.say(key, _PAUSED)
            return
        if isinstance(error, ChainError):
            self._watch.say(key, _NO_CHAIN)
            return
        told = _OWN_TROUBLE if error.own_machine else str(error)
        try:
            self._cohorts.note_failure(CohortFailed(*key, told, False, now))
        except (StorageError, StandbyError) as failed:  # the round waits all the same, and notes it once there is room
            _log.warning("event=trouble-not-noted task=%s round=%d reason=%r", *named(key), str(failed))

    def _work(self, key: RoundKey, now: int) -> bool:
        """Do the round's next action; False when it must be tried again after a pause."""
        try:
            terms, facts = self._view.terms(key[0]), self._facts(key, now)
        except UnknownError:
            if self._vanished.shows(key):  # it is something else that is unknown
                raise
            return self._end_vanished(key, now)
        self._vanished.is_there(key)
        action = self._next(key, facts, terms)
        self._watch.say(key, action.reason if isinstance(action, Wait) else "")
        if isinstance(action, Settle):
            return self._settle(key, terms, action, now)
        return self._do(key, terms, action, facts)

    def _end_vanished(self, key: RoundKey, now: int) -> bool:
        """Close a round that the chain shows no more, and will not show again; False while it may."""
        self._watch.say(key, _VANISHED)
        ends = self._vanished.is_for_good(key, now)
        if ends:
            self._close(key, Close(_VANISHED))
        return ends

    def _next(self, key: RoundKey, facts: RoundFacts, terms: TaskTerms) -> Action:
        # A verifier, anybody's contract, that answers no more keeps no round open for good.
        capacity = 0 if facts.is_over else self._view.policy(key[0]).capacity
        patience = self._settings.release_patience * DAY
        with self._journal.reading() as state:
            facts = replace(facts, quiet=self._is_quiet(key, facts, state.rounds[key]))
            return next_action(state, key, facts, terms, capacity, release_patience=patience)

    def _do(self, key: RoundKey, terms: TaskTerms, action: Action, facts: RoundFacts) -> bool:
        """Do anything but hand batches in; False when it must be tried again after a pause."""
        match action:
            case Close() if not self._most_close(key, terms):
                self._watch.say(key, _UNSURE)
                return False
            case Close():
                self._close(key, action)
            case Release():
                self._release(terms, facts, action)
            case Gather() if action.last and self._postings.take(key):
                pass  # the last cohort is gathered with those that came over the chain
            case Prove() | Gather():
                return self._prove_or_release(key, terms, action, facts)
            case Wait():
                _log.debug("event=round-waits task=%s round=%d reason=%r", *named(key), action.reason)
        return True

    def _is_quiet(self, key: RoundKey, facts: RoundFacts, current: Round) -> bool:
        """Whether those that are late by no more than clocks differ are there by now.

        However many trickle in, the wait does not begin anew.
        """
        now = self._clock.monotonic()
        with self._lock:
            if facts.now <= facts.submit_deadline or current.cohort is not None or not current.waiting:
                self._ended.pop(key, None)
                return False
            return now - self._ended.setdefault(key, now) >= self._settings.clock_skew

    def _settle(self, key: RoundKey, terms: TaskTerms, action: Settle, now: int) -> bool:
        """Hand batches in; one that cannot be, or is refused, which counts only later, holds up nobody else.

        Raises the last trouble where there is nobody else.
        """
        self._forget(key)
        refused: dict[bytes, GradrollError] = {}
        for batch_id in action.batches:
            try:
                self._settlement.settle(batch_id)
                progressed()
            except GradrollError as error:
                if isinstance(error, ChainError) and not isinstance(error, ContractError):
                    raise
                refused[batch_id] = error
                _log.warning("event=batch-waits batch=0x%s code=%s reason=%r", batch_id.hex(), error.code, str(error))
        if not refused:
            return True
        facts = replace(self._facts(key, now), refused=frozenset(refused))
        following = self._next(key, facts, terms)
        self._forget(key)
        if isinstance(following, Prove | Gather | Release) and self._do(key, terms, following, facts):
            return True
        trouble = list(refused.values())[-1]
        if isinstance(trouble, ContractError):
            self._watch.say(key, f"{_REFUSED}: {trouble}")
        raise trouble

    def _most_close(self, key: RoundKey, terms: TaskTerms) -> bool:
        """Whether most nodes show a round that is over: all that waits in it expires with it, for good."""

        def ask() -> bool | None:
            facts = self._read(key, self._view.now())
            with self._journal.reading() as state:
                patience = self._settings.release_patience * DAY
                action = next_action(state, key, facts, terms, 0, release_patience=patience)
            return isinstance(action, Close) or None

        try:
            return bool(self._view.most(ask))
        except NoAgreementError as error:
            _log.warning("event=nodes-not-agreed task=%s round=%d reason=%r", *named(key), str(error))
            return False

    def _close(self, key: RoundKey, action: Close) -> None:
        """End a round.  A batch that a relay had accepted at the last moment was taken in by the look before."""
        with self._lock:
            for known in (self._rounds, self._ended):
                known.pop(key, None)
        self._journal.record(RoundClosed(*key, action.reason))
        self._vanished.forget(key)
        _log.info("event=round-closed task=%s round=%d", *named(key))

    def _release(self, terms: TaskTerms, facts: RoundFacts, action: Release) -> None:
        """Collect sums; one that cannot be had yet does not hold up the others.  Raises the last trouble."""
        key, fleet = self._parameters.commitment_key(terms.dimension), self._fleet(terms, facts)
        trouble: GradrollError | None = None
        for batch_id in action.batches:
            try:
                self._releases.collect(batch_id, fleet, key, publish=terms.inline_payload, private=terms.sums_private)
            except GradrollError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _prove_or_release(self, key: RoundKey, terms: TaskTerms, action: Prove | Gather, facts: RoundFacts) -> bool:
        """Prove a cohort; while it cannot be, sums of batches that were accepted before it do not wait for it."""
        try:
            unproven = self._cohorts.prove(key, terms, action, facts)
        except GradrollError:
            self._release_meanwhile(key, terms, facts)
            raise
        if isinstance(unproven, Early):
            self._watch.say(key, unproven.reason)
        elif unproven is None or self._cohorts.ends(key, terms, facts, unproven):
            return True
        self._release_meanwhile(key, terms, facts)
        return False

    def _release_meanwhile(self, key: RoundKey, terms: TaskTerms, facts: RoundFacts) -> None:
        """Collect what can be had.  What cannot is not raised: the cohort is the trouble that is told."""
        with self._journal.reading() as state:
            waiting = tuple(b.batch_id for b in state.unreleased(key, publish=terms.inline_payload))
        if not waiting:
            return
        try:
            self._release(terms, facts, Release(waiting))
        except GradrollError as error:
            _log.warning("event=sum-waits task=%s round=%d code=%s reason=%r", *named(key), error.code, str(error))

    def _facts(self, key: RoundKey, now: int) -> RoundFacts:
        """The round as the chain has it.  Batches are mostly ours, so an old look will do, but not to find the round
        over: a pause of the market moves its deadlines; nor after a block by which submissions may have ended for good.
        """
        with self._lock:
            looked, facts = self._rounds.get(key, (0.0, None))
        if facts is not None and self._clock.monotonic() - looked <= self._settings.round_age:
            later = replace(facts, now=now)
            ending = facts.settled <= facts.submit_deadline < now != facts.now
            if facts.is_over or not (later.is_over or ending):
                return later
        facts, terms = self._read(key, now), self._view.terms(key[0])
        fleet = self._fleets.of(terms.committee_id, facts.epoch)
        facts = replace(facts, mined=self._mined(key, facts.batches, fleet))
        with self._lock:
            self._rounds[key] = (self._clock.monotonic(), facts)
        return facts

    def _read(self, key: RoundKey, now: int) -> RoundFacts:
        """What the chain says of a round, but for which of its batches are known here."""
        record = self._view.round(*key)
        return RoundFacts(
            now, self._view.block(self._settings.confirmations).timestamp, record.submit_deadline,
            record.settle_deadline, record.seats, record.owners, record.batches, record.closed, record.finalized,
            record.epoch, self._view.coordinator(key[0]) == self._own_address,
        )  # fmt: skip

    def _mined(self, key: RoundKey, batches: int, fleet: Fleet) -> frozenset[bytes]:
        """The round's batches that are in a block, but not deep enough; those that somebody else handed in are taken
        over.  What cannot be had now is asked for at the next look.
        """
        mined = self._settlement.look(key)
        with self._journal.reading() as state:
            known = sum(batch.accepted for batch in state.batches_of(key)) + len(mined)
        if known >= batches:
            return mined
        try:
            self._adoption.adopt(key, fleet)
        except GradrollError as error:
            _log.warning("event=batch-not-adopted task=%s round=%d reason=%r", *named(key), str(error))
        return self._settlement.look(key)

    def _fleet(self, terms: TaskTerms, facts: RoundFacts) -> Fleet:
        """The committee's members of the epoch in which the round was opened."""
        return self._fleets.of(terms.committee_id, facts.epoch)

    def _forget(self, key: RoundKey) -> None:
        """Look at the round anew at the next turn."""
        with self._lock:
            self._rounds.pop(key, None)
