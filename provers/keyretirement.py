"""When keys that a prover had before open nothing any more that somebody waits for: they are destroyed.

What was recorded on the way to a prover stays closed only if its sealing key is nowhere.  So the key, and the shared
keys of former members, last as long as a round that was opened with them may take shares or batches, and no longer.
Most nodes of each reader have to say so, at the depth at which this prover believes the chain: keys that are gone too
early are shares that are lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from circuits.errors import GradrollError
from circuits.statement import Committee
from commons.chain.ports import MarketReader
from commons.runtime.amounts import checksum
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.runtime.seldom import Seldom
from commons.settings.sections import ProverSettings
from provers.joining.keystore import Keystore
from provers.seats import Seat, Seats

_EVERY = 3600.0
"""Seconds between looks: each asks for the last rounds of all the committee's tasks."""
_log = logging.getLogger(__name__)


class KeyRetirement:
    """Leaves former seats of a prover when their rounds are over, and destroys their keys.

    Args:
        readers: the market through each node, all of which must say so.
        others: keys that the prover had before its present ones.
    """

    def __init__(
        self,
        readers: Sequence[MarketReader],
        seats: Seats,
        others: Sequence[Keystore],
        settings: ProverSettings,
        clock: Clock,
    ) -> None:
        self._readers, self._seats = tuple(readers), seats
        self._others, self._settings = tuple(others), settings
        self._clock = clock
        self._since, self._next = int(clock.time()), clock.monotonic()
        self._seldom = Seldom(_log)

    def turn(self, now: int) -> None:
        """Destroy what nothing is opened with any more.

        Args:
            now: this machine's time, seconds since 1970.

        Raises:
            StorageError: something could not be destroyed; the next turn tries again.
        """
        if self._clock.monotonic() < self._next or not (self._seats.former or self._idle()):
            return
        self._next = self._clock.monotonic() + _EVERY
        for seat in self._seats.former:
            if self._say_all(partial(self._is_over, seat.membership.committee, now), seat.reference):
                self._leave(seat)
        if self._idle() and self._say_all(self._is_deep, b""):
            for keys in self._idle():
                keys.destroy_sealing_key()
                _log.info("event=sealing-key-destroyed address=%s", checksum(keys.address))

    def _leave(self, seat: Seat) -> None:
        seat.keystore.forget_shared(seat.reference)
        self._seats.leave(seat)  # after that: what could not be destroyed is tried again
        _log.info("event=former-members-left reference=0x%s", seat.reference.hex()[:16])

    def _idle(self) -> list[Keystore]:
        """Former keys that no seat uses and that are still here."""
        used = [seat.keystore.address for seat in self._seats.all]
        return [keys for keys in self._others if keys.opens_shares and keys.address not in used]

    def _say_all(self, ask: Callable[[MarketReader], bool], about: bytes) -> bool:
        """Whether most nodes of each reader say something."""
        try:
            return all(reader.most(partial(ask, reader)) for reader in self._readers)
        except GradrollError as error:  # nodes that are silent, or differ, destroy nothing
            self._seldom.say(logging.WARNING, about, "event=keys-kept reason=%r", str(error))
            return False

    def _is_deep(self, reader: MarketReader) -> bool:
        """Whether the chain that this prover believes has come to what it was started with: its keys are in force."""
        return reader.block(self._settings.confirmations).timestamp > self._since

    def _is_over(self, former: Committee, now: int, reader: MarketReader) -> bool:
        number = former.committee_id
        if not self._is_deep(reader) or reader.committee(number) == former:
            return False
        settled = min(now, reader.block(self._settings.confirmations).timestamp)
        own = (task for task in reader.task_ids() if reader.terms(task).committee_id == number)
        return all(self._is_done(reader, task, former, settled) for task in own)

    def _is_done(self, reader: MarketReader, task_id: int, former: Committee, settled: int) -> bool:
        """Whether no round of a task that has those members takes anything any more."""
        for number in reversed(range(reader.task(task_id).rounds_opened)):
            if reader.round(task_id, number).settle_deadline + self._settings.clock_skew < settled:
                return True  # and so are all that were opened before
            if reader.committee_of_round(task_id, number) == former:
                _log.debug("event=keys-needed task=%s round=%d", shown(task_id), number)
                return False
        return True
