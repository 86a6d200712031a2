"""When a prover has nothing more to say about a round: it is closed for good in the ledger, then all of it is deleted.

One node's word is not enough for that, nor is this machine's clock: what is deleted too early is lost to owners' model
owner, and to the fees of its committee.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from circuits.errors import GradrollError
from circuits.terms import DAY
from commons.chain.ports import MarketReader
from commons.runtime.identifiers import shown
from commons.settings.sections import ProverSettings
from provers.ledgerrows import RoundName
from provers.store import Store

_log = logging.getLogger(__name__)


class Retention:
    """Closes rounds of a store, and deletes what is left of them.

    Args:
        readers: the market through `chain.url`, of whose nodes most must say that a round is over, and through the
            second node; all must.
    """

    def __init__(self, readers: Sequence[MarketReader], store: Store, settings: ProverSettings) -> None:
        self._readers, self._store = tuple(readers), store
        self._settings = settings
        self._kept = settings.retention_days * DAY

    def turn(self, now: int) -> None:
        """Delete what nobody may ask for any more.

        Args:
            now: this machine's time, seconds since 1970.

        Raises:
            StorageError: something could not be deleted; the next turn goes on.
        """
        self._store.forget_closed()  # what a crash has left
        rounds = self._store.rounds()
        for name in self._over(rounds, now):
            self._store.close_round(name)
        forgotten = self._store.forget_closed()
        self._store.discard_results(now - self._kept, self._store.rounds())
        if forgotten:
            _log.info("event=rounds-forgotten count=%d", forgotten)

    def _over(self, rounds: Mapping[RoundName, int], now: int) -> list[RoundName]:
        """The last round of each task that is over for good, with all before it that are known here."""
        found: list[RoundName] = []
        for task_id in {task for task, _ in rounds}:
            of_task = sorted(name for name in rounds if name[0] == task_id)
            over: RoundName | None = None
            for name in of_task:
                if not self._is_over(name, rounds[name], now):
                    break
                over = name
            found.extend([over] if over is not None else [])
        return found

    def _is_over(self, name: RoundName, worked_on: int, now: int) -> bool:
        """Whether nobody may ask anything about a round any more, by this machine's clock and by most nodes' chain."""
        if now <= worked_on + self._kept:
            return False
        try:
            return all(reader.most(partial(self._is_past, reader, name, now)) for reader in self._readers)
        except GradrollError as error:  # nodes that are silent, or differ, delete nothing
            _log.debug("event=round-kept task=%s round=%d reason=%r", shown(name[0]), name[1], str(error))
            return False

    def _is_past(self, reader: MarketReader, name: RoundName, now: int) -> bool:
        return reader.block(self._settings.confirmations).time_by(now) > self._end(reader, name)

    def _end(self, reader: MarketReader, name: RoundName) -> int:
        """Until when sums and words about them may be asked for, and its fees may be settled."""
        served = max(self._kept, reader.terms(name[0]).windows.fees_settled)
        return reader.round(*name).settle_deadline + self._settings.clock_skew + served
