"""Hands in again what the market has lost: batches that were final here, and that a deeper reorganisation took back.

The log keeps them as accepted, so nothing has to be undone: the sum may be out, and the batch is the only one that can
have its owners.  As long as its round takes batches it is accepted again; then the market owes nobody anything for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Executor

from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey, named
from coordinator.settlement import Settlement
from coordinator.turns import Turn, told

_log = logging.getLogger(__name__)


class TakenBack:
    """Looks after rounds with accepted batches until their settle deadline, each ``turn`` a little.

    Args:
        pool: where the work is done.
        interval: seconds from one look at all of them to the next.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        settlement: Settlement,
        clock: Clock,
        pool: Executor,
        *,
        interval: float,
    ) -> None:
        self._view = view
        self._journal = journal
        self._settlement = settlement
        self._turn = Turn(clock, pool, interval)
        self._lock = threading.Lock()
        self._watched: set[RoundKey] = set()
        self._over: set[RoundKey] = set()

    def turn(self) -> None:
        """Start a look, if none is under way."""
        with self._journal.reading() as state:
            have_fees = frozenset(state.fees_open)  # of rounds that pay none until they are closed
        with self._lock:
            self._over &= have_fees
            self._watched |= have_fees - self._over
            watched = sorted(self._watched)
        if watched and self._turn.may_begin():
            self._turn.begin(self._look, watched)

    def _look(self, keys: Iterable[RoundKey]) -> None:
        for key in keys:
            with told(_log, "taken-back", f"task={named(key)[0]} round={key[1]} "):
                self._look_at(key)

    def _look_at(self, key: RoundKey) -> None:
        """Hand in what the market has not, of one round.

        Raises:
            ChainError: nodes are the trouble, or do not agree.
            UnknownError: the round's opening was taken back too.
        """
        with self._journal.reading() as state:
            known = key in state.rounds
            accepted = [batch.batch_id for batch in state.batches_of(key) if batch.accepted] if known else []
        if not known or (self._is_past(key) and self._view.most(lambda: self._is_past(key) or None)):
            with self._lock:
                self._over |= {key}
                self._watched -= {key}
        elif self._view.round(*key).batches < len(accepted):
            for batch_id in accepted:
                with told(_log, "taken-back", f"batch=0x{batch_id.hex()} "):
                    self._settlement.restore(batch_id)

    def _is_past(self, key: RoundKey) -> bool:
        """Whether a node shows that a round takes no batch any more."""
        return self._view.now() > self._view.round(*key).settle_deadline
