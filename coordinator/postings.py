"""Takes submissions in that owners posted on the chain, because nobody took them here, as if they had been handed in.

Who is posted and neither accepted nor excluded in the end costs the round's payees a part of their fees.
"""

from __future__ import annotations

import logging
from concurrent.futures import Executor
from functools import partial
from itertools import islice

from circuits.errors import ChainError, GradrollError, InvalidInputError, SignatureError, UnknownError, WireError
from commons.chain.facts import PostedSubmission
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from coordinator.admission import Admission
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey, named
from coordinator.turns import MARGIN, Turn, told

_log = logging.getLogger(__name__)
_told = partial(told, _log, "postings")
_FINAL = (SignatureError, InvalidInputError, WireError)
"""What is wrong with these stays wrong.  Others may pass: another submission of the owner that is rejected, another
coordinator that is replaced by this one."""
STRANGERS = 256
"""Most rounds of tasks not known to be the coordinator's own that are looked at at a time: anybody can post in some of
his own, and a block has room for fewer than come in between two looks."""


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
        self._turn = Turn(clock, pool, interval)
        self._seen = 0
        self._rounds: dict[RoundKey, None] = {}  # new ones first, then those that were not looked at for longest
        self._own: frozenset[int] = frozenset()
        self._told: dict[bytes, str] = {}
        self._refused: set[tuple[bytes, bytes]] = set()  # with its owner: whose an index is, a reorganisation changes

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if self._turn.may_begin():
            self._turn.begin(self._look)

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
            found, last = self._view.posted_since(max(self._seen - MARGIN, 0))
            self._rounds = dict.fromkeys([*sorted(found - self._rounds.keys()), *self._rounds])
            self._seen = last
            with self._journal.reading() as state:
                self._own |= {task for task, _ in state.rounds}
            chosen = self._chosen()
            self._own = frozenset(filter(self._seems_own, {task for task, _ in chosen}))
            for key in sorted(chosen, key=lambda known: known[0] not in self._own):
                self._look_at(key, own=key[0] in self._own)

    def _chosen(self) -> list[RoundKey]:
        """Rounds that are looked at this time: those of its own tasks, as far as known, and some of the others.

        Of those the others come first next time.
        """
        own = [key for key in self._rounds if key[0] in self._own]
        others = list(islice((key for key in self._rounds if key[0] not in self._own), STRANGERS))
        for key in others:
            self._rounds[key] = self._rounds.pop(key)
        return own + others

    def _seems_own(self, task_id: int) -> bool:
        """Whether a task's rounds come first and are taken in; where the node does not say it, what was known of it."""
        with _told(f"task={shown(task_id)} "):
            return self._works_for(task_id)
        return task_id in self._own

    def _look_at(self, key: RoundKey, *, own: bool) -> None:
        """Look at one round.  Anybody can make one in which there is trouble: it does not hold up the others."""
        with _told("task={} round={} ".format(*named(key))):
            if self._is_over(key):
                del self._rounds[key]
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
