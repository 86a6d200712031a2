"""Finds rounds of which the chain has batches and the log has nothing, and has these taken over.

So it is with a log that was restored from a backup or begun anew, and with a task that names this coordinator since a
moment ago.  Without it nobody is told of these batches, has their sums, or has their fees settled.  Once a round is in
the log, the driver goes on with it as with any other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial

from circuits.errors import UnknownError
from circuits.terms import DAY
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.settings.sections import CoordinatorSettings
from commons.storage.parameters import PublicParameters
from coordinator.combing import Combing
from coordinator.journal import Journal
from coordinator.postings import STRANGERS
from coordinator.roundstate import RoundKey, named
from coordinator.turns import Turn, told

_log = logging.getLogger(__name__)
_told = partial(told, _log, "catching-up")
WINDOWS = 64
"""Windows of blocks that are read at a look."""
MOST = 1 << 14
"""Rounds that are remembered, beside those of one window.  While there are so many no further blocks are read, and
those that cannot be taken over make room; after a day the chain is gone through for them again."""


class CatchingUp:
    """Looks for them, each ``turn`` a little: the newest first, back to the first that there are, then what is new.

    A look begins no further round after `coordinator.tidy_interval`, and of tasks that do not name this coordinator
    none after `coordinator.posting_interval`.

    Args:
        adopt: takes over what the chain has of a round and the log has not.
        own_address: account that tasks name as their coordinator.
        pool: where the work is done.
        stopping: once set, the rounds that are left wait for the next leader, or for the restart.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        adopt: Callable[[RoundKey], None],
        parameters: PublicParameters,
        own_address: bytes,
        settings: CoordinatorSettings,
        clock: Clock,
        pool: Executor,
        stopping: threading.Event,
    ) -> None:
        self._view, self._journal, self._adopt = view, journal, adopt
        self._parameters, self._own_address, self._settings = parameters, own_address, settings
        self._clock = clock
        self._turn, self._stopping = Turn(clock, pool, settings.tidy_interval), stopping
        self._combing = Combing(view, settings.confirmations)
        self._left: dict[RoundKey, None] = {}  # new ones first, then those that were not looked at for longest
        self._names: dict[int, bool] = {}  # whether a task named this coordinator when it was asked last
        self._dropped: float | None = None  # since when there are some that had to make room

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if self._turn.may_begin():
            self._turn.begin(self._look)

    def _look(self) -> None:
        with _told():
            self._comb()
        chosen, begun = self._chosen(), self._clock.monotonic()
        troubled: set[int] = set()  # tasks that are left alone for this look: their other rounds would fail as well
        strangers: set[int] = set()
        for key in chosen:
            late = self._clock.monotonic() - begun
            if self._stopping.is_set():
                return
            if len(strangers) >= STRANGERS or late > self._settings.tidy_interval:
                break
            if key[0] not in troubled and (self._names.get(key[0]) or late <= self._settings.posting_interval):
                self._try(key, strangers, troubled)
        if troubled or not self._combing.is_through:
            self._turn.hasten(self._settings.posting_interval)

    def _comb(self) -> None:
        """Read some windows, as long as there is room for what is in them."""
        now = self._clock.monotonic()
        if self._dropped is not None and now - self._dropped > DAY and self._combing.is_through:
            self._dropped = None
            self._combing.begin_again()
        for found in self._windows(self._combing.newer()):
            self._left = dict.fromkeys([*_newest(found - self._left.keys()), *self._left])
        for found in self._windows(self._combing.older()):
            self._left |= dict.fromkeys(_newest(found - self._left.keys()))

    def _windows(self, windows: Iterator[frozenset[RoundKey]]) -> Iterator[frozenset[RoundKey]]:
        begun = self._clock.monotonic()
        for _ in range(WINDOWS):
            late = self._clock.monotonic() - begun > self._settings.posting_interval
            if late or len(self._left) >= MOST or self._stopping.is_set():
                return
            found = next(windows, None)
            if found is None:
                return
            yield found

    def _chosen(self) -> list[RoundKey]:
        """Rounds that the log lacks: those of tasks that it knows, of others that name this coordinator, of strangers.

        Anybody can make a task whose provers are slow, and name this coordinator in it.
        """
        with self._journal.reading() as state:
            self._left = {k: None for k in self._left if k not in state.rounds and not state.is_forgotten(k)}
            known = {task_id for task_id, _ in state.rounds} | state.forgotten.keys()
        tasks = dict.fromkeys(task_id for task_id, _ in self._left)
        self._names = {task_id: names for task_id, names in self._names.items() if task_id in tasks}
        self._ask_new(tasks)
        own = {task_id for task_id in tasks if self._names.get(task_id, task_id in known)}
        return sorted(self._left, key=lambda key: (key[0] not in own, key[0] not in known))

    def _ask_new(self, tasks: Iterable[int]) -> None:
        """Ask whom tasks name that were not asked for; those for which there is no time come with the strangers."""
        begun = self._clock.monotonic()
        for task_id in tasks:
            if self._stopping.is_set() or self._clock.monotonic() - begun > self._settings.posting_interval:
                return
            if task_id not in self._names:
                with _told(f"task={shown(task_id)} "):
                    self._names[task_id] = self._names_us(task_id)

    def _names_us(self, task_id: int) -> bool:
        try:
            return self._view.coordinator(task_id) == self._own_address
        except UnknownError:
            return False

    def _try(self, key: RoundKey, strangers: set[int], troubled: set[int]) -> None:
        """Look at one round; it comes last the next time."""
        self._left[key] = self._left.pop(key)
        with _told("task={} round={} ".format(*named(key))):
            if self._look_at(key, strangers):
                del self._left[key]
                return
        if key[0] not in strangers:
            troubled.add(key[0])
        if len(self._left) >= MOST:  # it is found again
            del self._left[key]
            self._dropped = self._clock.monotonic() if self._dropped is None else self._dropped

    def _look_at(self, key: RoundKey, strangers: set[int]) -> bool:
        """Take one round over; whether nothing is left to do.  One of another coordinator stays, as this one may be
        named yet: its task is added to ``strangers``, which is asked for once.
        """
        if self._is_over(key):
            return True
        if key[0] in strangers:
            return False
        self._names[key[0]] = self._names_us(key[0])
        if not self._names[key[0]]:
            strangers.add(key[0])
            return False
        require_served(self._view, self._parameters, self._parameters.verifying_key, key[0])
        self._adopt(key)
        _log.info("event=round-taken-over task=%s round=%d", *named(key))
        return True

    def _is_over(self, key: RoundKey) -> bool:
        """Whether nobody asks for anything of a round any more: as most nodes have it, for then it is forgotten.

        One node is asked first; one that has not heard of a round may be behind.
        """
        try:
            seems = self._view.now() > self._until(key)
        except UnknownError:
            seems = True
        return seems and bool(self._view.most(lambda: self._is_surely_over(key) or None))

    def _is_surely_over(self, key: RoundKey) -> bool:
        """The same by one node's blocks that are deep enough, and by this machine's clock."""
        block = self._view.block(self._settings.confirmations)
        if block.number < self._combing.high:
            return False
        try:
            return block.time_by(self._clock.time()) > self._until(key)
        except UnknownError:  # a reorganisation took it back, deep as it was
            return True

    def _until(self, key: RoundKey) -> int:
        """Chain time until which a round's sums are asked for, or its fees may be settled."""
        settled = self._view.terms(key[0]).windows.fees_settled
        longest = max(self._settings.release_patience * DAY, settled)
        return self._view.round(*key).settle_deadline + longest


def _newest(found: Iterable[RoundKey]) -> list[RoundKey]:
    """Later rounds first."""
    return sorted(found, key=lambda key: (-key[1], key[0]))
