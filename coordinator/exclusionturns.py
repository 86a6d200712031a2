"""Owners that were rejected lose their deposit: provers sign that, and the market is shown a quorum's word.

What they have signed is in the journal: it is shown to the market when that is worth it, and again if a reorganisation
takes it back.
"""

from __future__ import annotations

import logging
from concurrent.futures import Executor, Future

from circuits.errors import ContractError, GradrollError
from commons.chain.counting import Counting
from commons.chain.ports import BatchSender
from commons.runtime.clock import Clock
from coordinator.events import ExclusionEnded, ExclusionSigned
from coordinator.feeturns import SETTLED
from coordinator.journal import Journal
from coordinator.roundstate import named

_log = logging.getLogger(__name__)
_FINAL = frozenset({"NotInRound", "ExclusionTooLate"})
"""Refusals that do not pass."""


class Exclusions:
    """Shows the market what provers have signed, each ``turn`` a little.

    Args:
        pool: where the work is done.
        interval: seconds between looks.
        least: deposit, in the smallest unit of the task's token, that is worth the gas; one that has posted is
            excluded for less.
    """

    def __init__(
        self, chain: BatchSender, journal: Journal, clock: Clock, pool: Executor, *, interval: float, least: int
    ) -> None:
        self._chain = chain
        self._view = chain.view
        self._journal = journal
        self._clock = clock
        self._pool = pool
        self._interval = interval
        self._least = least
        self._running: Future[None] | None = None
        self._next = 0.0
        self._done_since: dict[tuple[int, int, int], int] = {}

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if (self._running is not None and not self._running.done()) or self._clock.monotonic() < self._next:
            return
        with self._journal.reading() as state:
            signed = list(state.exclusions.values())
        if signed:
            self._next = self._clock.monotonic() + self._interval
            self._running = self._pool.submit(self._look, signed)

    def _look(self, signed: list[ExclusionSigned]) -> None:
        for each in signed:
            place = *named((each.task_id, each.round)), each.index
            try:
                self._work(each)
            except GradrollError as error:  # one owner does not hold up the others
                _log.warning(
                    "event=exclusion-trouble task=%s round=%d owner=%d code=%s reason=%r",
                    *place,
                    error.code,
                    str(error),
                )
            except Exception:
                _log.exception("event=exclusion-error task=%s round=%d owner=%d", *place)

    def _work(self, signed: ExclusionSigned) -> None:
        """Have one owner excluded if it is worth it; leave it alone for good once nothing can change any more."""
        now, terms = self._view.now(), self._view.terms(signed.task_id)
        last = self._view.round(signed.task_id, signed.round).settle_deadline + terms.windows.exit
        if self._is_done(signed):
            if now - self._done_since.setdefault(signed.place, now) >= SETTLED:
                self._end(signed)
            return
        self._done_since.pop(signed.place, None)
        if now > last:
            self._end(signed)
        elif terms.pay.deposit >= max(self._least, 1) or self._has_posted(signed):
            self._send(signed)

    def _is_done(self, signed: ExclusionSigned) -> bool:
        """Whether it is excluded for this round, or was for another and has not posted in this one."""
        if any(each.index == signed.index for each in self._view.excluded(signed.task_id, signed.round)):
            return True
        return self._view.owner(signed.task_id, signed.index).excluded and not self._has_posted(signed)

    def _has_posted(self, signed: ExclusionSigned) -> bool:
        posted = self._view.posted(signed.task_id, signed.round)
        return any(each.header.owner_index == signed.index for each in posted)

    def _send(self, signed: ExclusionSigned) -> None:
        place = *named((signed.task_id, signed.round)), signed.index
        try:
            mined = self._chain.exclude(
                signed.task_id, signed.round, signed.index, signed.submission, self._shown(signed)
            )
        except ContractError as error:
            if error.error == "AlreadyExcluded":  # somebody was faster
                return
            if error.error not in _FINAL:
                raise
            _log.warning("event=exclusion-refused task=%s round=%d owner=%d reason=%r", *place, str(error))
            self._end(signed)
            return
        _log.info("event=owner-excluded task=%s round=%d owner=%d transaction=0x%s", *place, mined.transaction.hex())

    def _shown(self, signed: ExclusionSigned) -> tuple[tuple[int, bytes], ...]:
        """A quorum's signatures by keys that count; all of those where there is none."""
        counting = Counting.of(self._view, self._view.committee_of_round(signed.task_id, signed.round))
        given = zip(signed.provers, signed.signatures, strict=True)
        return tuple(counting.only(given)[: counting.committee.quorum])

    def _end(self, signed: ExclusionSigned) -> None:
        self._journal.record(ExclusionEnded(*signed.place))
        self._done_since.pop(signed.place, None)
