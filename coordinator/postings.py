"""Takes submissions in that owners posted on the chain, because nobody took them here, as if they had been handed in.

Who is posted and neither accepted nor excluded in the end costs the round's payees a part of their fees.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from circuits.errors import ChainError, GradrollError, InvalidInputError, SignatureError, UnknownError, WireError
from commons.chain.facts import PostedSubmission
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from coordinator.admission import Admission
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey, named

_log = logging.getLogger(__name__)
_FINAL = (SignatureError, InvalidInputError, WireError)
"""What is wrong with these stays wrong.  Others may pass: another submission of the owner that is rejected, another
coordinator that is replaced by this one."""
_MARGIN = 64
"""Blocks that are looked at again: a reorganisation puts what is in them elsewhere."""


class Postings:
    """Watches the market, each ``turn`` a little.

    Args:
        pool: where the work is done.
        interval: seconds between looks.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        admission: Admission,
        own_address: bytes,
        clock: Clock,
        pool: Executor,
        *,
        interval: float,
    ) -> None:
        self._view = view
        self._journal = journal
        self._admission = admission
        self._own_address = own_address
        self._clock = clock
        self._pool = pool
        self._interval = interval
        self._running: Future[None] | None = None
        self._next = 0.0
        self._seen = 0
        self._rounds: set[RoundKey] = set()
        self._told: dict[bytes, str] = {}
        self._refused: set[tuple[bytes, bytes]] = set()  # with its owner: whose an index is, a reorganisation changes

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if (self._running is not None and not self._running.done()) or self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + self._interval
        self._running = self._pool.submit(self._look)

    def take(self, key: RoundKey) -> bool:
        """Take in what was posted in a round; whether anything was new.

        Raises:
            ChainError: the node is the trouble; call again later.
        """
        if not self._works_for(key[0]):
            return False
        return sum(self._enter(key, posted) for posted in self._view.posted(*key)) > 0

    def _look(self) -> None:
        with _told():
            found, last = self._view.posted_since(max(self._seen - _MARGIN, 0))
            self._rounds |= found
            self._seen = last
            own = {task for task in {task for task, _ in self._rounds} if self._seems_own(task)}
            for key in sorted(self._rounds, key=lambda known: (known[0] not in own, known)):
                self._look_at(key, own=key[0] in own)

    def _seems_own(self, task_id: int) -> bool:
        """Whether a task's rounds come first and are taken in; what the node does not say is asked at the next look."""
        with _told(f"task={shown(task_id)} "):
            return self._works_for(task_id)
        return False

    def _look_at(self, key: RoundKey, *, own: bool) -> None:
        """Look at one round.  Anybody can make one in which there is trouble: it does not hold up the others."""
        with _told("task={} round={} ".format(*named(key))):
            if self._is_over(key):
                self._rounds.discard(key)
            elif own:
                self.take(key)

    def _works_for(self, task_id: int) -> bool:
        return self._view.coordinator(task_id) == self._own_address

    def _is_over(self, key: RoundKey) -> bool:
        try:
            record = self._view.round(*key)
        except UnknownError:  # a reorganisation took it back, and what was posted in it
            return True
        return record.closed or record.finalized

    def _enter(self, key: RoundKey, posted: PostedSubmission) -> bool:
        submission = posted.submission
        with self._journal.reading() as state:
            known = state.status_of(submission) is not None
        if known or (submission, posted.header.owner) in self._refused:
            return False
        try:
            self._admission.submit(posted.header, posted.receipts)
        except ChainError:
            raise
        except GradrollError as error:
            if isinstance(error, _FINAL):
                self._refused.add((submission, posted.header.owner))
            self._tell(key, posted, error)
            return False
        _log.info("event=posting-taken task=%s round=%d owner=%d", *named(key), posted.header.owner_index)
        return True

    def _tell(self, key: RoundKey, posted: PostedSubmission, error: GradrollError) -> None:
        """Log a refusal, once as long as it stays the same."""
        if self._told.get(posted.submission) != error.code:
            self._told[posted.submission] = error.code
            _log.warning(
                "event=posting-refused task=%s round=%d owner=%d code=%s reason=%r",
                *named(key), posted.header.owner_index, error.code, str(error),
            )  # fmt: skip


@contextmanager
def _told(where: str = "") -> Iterator[None]:
    """Log what goes wrong, and go on behind it.

    Args:
        where: fields of the line.
    """
    try:
        yield
    except GradrollError as error:
        _log.warning("event=postings-trouble %scode=%s reason=%r", where, error.code, str(error))
    except Exception:
        _log.exception("event=postings-error %s", where)
