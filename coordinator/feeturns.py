"""Looks at the rounds whose batches have fees that may not be settled yet, one at a time, and when it is time.

Fees are due long after their round has ended.  What is held the chain says, so nothing is lost by a restart, and what a
reorganisation takes back is settled again: a round is left alone for good only when nothing has been held for it for a
while.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor

from circuits.errors import ChainError, GradrollError
from commons.chain.facts import HeldFees
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from coordinator.events import FeesEnded
from coordinator.feesettlement import FeeLook, FeeSettlement, Parties
from coordinator.fleet import Fleets
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey, named
from coordinator.turns import SETTLED, Turn

_log = logging.getLogger(__name__)


class FeeTurns:
    """Works on the fees of the journal's rounds, each ``turn`` a little.

    Args:
        interval: seconds after which a batch is looked at again that cannot be settled yet, and after which the chain's
            clock, which may be put forward, is asked again at the latest whether it is time for another.
        pool: where the work is done.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        fees: FeeSettlement,
        fleets: Fleets,
        clock: Clock,
        pool: Executor,
        *,
        interval: float,
    ) -> None:
        self._view = view
        self._journal = journal
        self._fees = fees
        self._fleets = fleets
        self._interval = interval
        self._turn = Turn(clock, pool, interval)
        self._next: dict[RoundKey, float] = {}  # chain time of the next look; 0 for a round that is new
        self._none_since: dict[RoundKey, int] = {}
        self._now = 0

    def turn(self) -> None:
        """Start work on the round whose turn it is, if none is being worked on."""
        with self._journal.reading() as state:
            keys = list(state.fees_open)
        if keys and self._turn.may_begin(at_once=not self._next.keys() >= set(keys)):
            self._turn.begin(self._one, keys)

    def _one(self, keys: Iterable[RoundKey]) -> None:
        """Look at one of these rounds if it is time, and see when it is time for the next."""
        self._next = {key: self._next.get(key, 0.0) for key in keys}
        self._none_since = {key: since for key, since in self._none_since.items() if key in self._next}
        try:
            now = self._view.now()
        except ChainError as error:
            _log.warning("event=chain-trouble reason=%r", str(error))
            return
        if now < self._now:  # a node said that it was later than it is: nothing may wait for that time
            self._next = dict.fromkeys(self._next, 0.0)
            self._none_since.clear()
        self._now = now
        key = min(self._next, key=self._next.__getitem__)
        if now >= self._next[key]:
            self._guarded(key, now)
        self._turn.hasten(max(min(self._next.values()) - now, 0.0))

    def _guarded(self, key: RoundKey, now: int) -> None:
        """Look at a round; trouble makes it wait."""
        self._next[key] = now + self._interval
        try:
            self._next[key] = self._look(key, now)
        except GradrollError as error:
            _log.warning("event=fees-trouble task=%s round=%d code=%s reason=%r", *named(key), error.code, str(error))
        except Exception:
            _log.exception("event=fees-error task=%s round=%d", *named(key))

    def _look(self, key: RoundKey, now: int) -> float:
        """Settle what can be; chain time of the next look."""
        terms = self._view.terms(key[0])
        left = self._left(key)
        waits = self._work(self._fees.look(key, now), left) if left else []
        if waits:
            self._none_since.pop(key, None)
            return min(waits)
        since = self._none_since.setdefault(key, now)
        if now - since >= SETTLED or not terms.pay.fees:
            self._end(key, left)
        return now + min(SETTLED, max(terms.windows.availability / 8, self._interval))

    def _left(self, key: RoundKey) -> dict[int, HeldFees]:
        """What is held for a round that somebody may still be paid."""
        held = self._view.held_fees(*key) if self._view.terms(key[0]).pay.fees else {}
        return {index: one for index, one in sorted(held.items()) if not one.payee_paid}

    def _work(self, look: FeeLook, held: Mapping[int, HeldFees]) -> list[float]:
        """Settle the batches for which it is time; when to look again at those for which there is more to do."""
        due = {index: one for index, one in held.items() if look.is_due(one)}
        waits: list[float] = [look.next(one) for index, one in held.items() if index not in due]
        if due:
            epoch = self._view.round(*look.key).epoch
            parties = self._fees.parties(self._fleets.of(look.terms.committee_id, epoch))
            settled = [self._settle(look, index, one, parties) for index, one in due.items()]
            waits += [look.now + self._interval] * (not all(settled))
        return waits

    def _settle(self, look: FeeLook, index: int, held: HeldFees, parties: Parties) -> bool:
        try:
            return self._fees.settle(look, index, held, parties)
        except GradrollError as error:  # one batch does not hold up the others
            _log.warning("event=fees-trouble batch=0x%s code=%s reason=%r", held.batch_id.hex(), error.code, str(error))
            return False

    def _end(self, key: RoundKey, left: Mapping[int, HeldFees]) -> None:
        """Leave a round alone for good, unless it may still take batches, or most nodes show other fees."""
        with self._journal.reading() as state:
            closed = state.rounds[key].closed
        if closed and self._view.most(lambda: self._left(key) == left or None):
            self._journal.record(FeesEnded(*key))
            self._none_since.pop(key, None)
            _log.info("event=fees-ended task=%s round=%d", *named(key))
