"""Looks at the rounds whose batches have fees that may not be settled yet, one at a time, and when it is time.

Fees are due long after their round has ended.  What is held the chain says, so nothing is lost by a restart, and what a
reorganisation takes back is settled again: a round is left alone for good only when nothing has been held for it for a
while.
"""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future

from circuits.errors import ChainError, GradrollError
from commons.chain.facts import HeldFees
from commons.chain.ignored import certain_after
from commons.chain.ports import MarketReader
from coordinator.events import FeesEnded
from coordinator.feesettlement import FeeSettlement
from coordinator.fleet import Fleets
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey, named

_log = logging.getLogger(__name__)
SETTLED = 900
"""Seconds for which nothing must be held for a closed round: longer than a chain takes to be final."""


class FeeTurns:
    """Works on the fees of the journal's rounds, each ``turn`` a little.

    Args:
        interval: seconds after which a batch is looked at again that cannot be settled yet.
        pool: where the work is done.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        fees: FeeSettlement,
        fleets: Fleets,
        pool: Executor,
        *,
        interval: float,
    ) -> None:
        self._view = view
        self._journal = journal
        self._fees = fees
        self._fleets = fleets
        self._pool = pool
        self._interval = interval
        self._running: Future[None] | None = None
        self._next: dict[RoundKey, float] = {}  # chain time of the next look
        self._none_since: dict[RoundKey, int] = {}

    def turn(self) -> None:
        """Start work on the round whose turn it is, if none is being worked on."""
        if self._running is not None and not self._running.done():
            return
        with self._journal.reading() as state:
            keys = list(state.fees_open)
        if not keys:
            return
        try:
            now = self._view.now()
        except ChainError as error:
            _log.warning("event=chain-trouble reason=%r", str(error))
            return
        key = min(keys, key=lambda known: self._next.get(known, 0.0))
        if now >= self._next.get(key, 0.0):
            self._running = self._pool.submit(self._guarded, key, now)

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
        held = self._view.held_fees(*key) if terms.pay.fees else {}
        looks = [self._work(key, index, one, now) for index, one in sorted(held.items()) if not one.payee_paid]
        waits = [at for at in looks if at is not None]
        if waits:
            self._none_since.pop(key, None)
            return min(waits)
        since = self._none_since.setdefault(key, now)
        if now - since >= SETTLED or not terms.pay.fees:
            self._end(key)
        return now + min(SETTLED, max(terms.windows.availability / 8, self._interval))

    def _work(self, key: RoundKey, index: int, held: HeldFees, now: int) -> float | None:
        """Settle one batch if it is time; when to look again, None when there is nothing left to do."""
        earliest = self._fees.earliest(key, held)
        if now <= earliest:  # who posts the sum meanwhile has provers paid, and the payee can be sooner
            certain = certain_after(self._view, *key)
            return (certain if now <= certain < earliest else earliest) + 1
        fleet = self._fleets.of(self._view.terms(key[0]).committee_id, self._view.round(*key).epoch)
        try:
            settled = self._fees.settle(key, index, held, fleet, now)
        except GradrollError as error:  # one batch does not hold up the others
            _log.warning("event=fees-trouble batch=0x%s code=%s reason=%r", held.batch_id.hex(), error.code, str(error))
            settled = False
        return None if settled else now + self._interval

    def _end(self, key: RoundKey) -> None:
        """Leave a round alone for good, unless it may still take batches."""
        with self._journal.reading() as state:
            closed = state.rounds[key].closed
        if closed:
            self._journal.record(FeesEnded(*key))
            self._next.pop(key, None)
            self._none_since.pop(key, None)
            _log.info("event=fees-ended task=%s round=%d", *named(key))
