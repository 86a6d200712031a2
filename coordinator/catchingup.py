"""Finds rounds of which the chain has batches and the log has nothing, and has these taken over.

So it is with a log that was restored from a backup or begun anew, and with a task that names this coordinator since a
moment ago.  Without it nobody is told of these batches, has their sums, or has their fees settled.  Once a round is in
the log, the driver goes on with it as with any other.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Executor
from functools import partial
from itertools import islice

from circuits.errors import UnknownError
from circuits.terms import DAY
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from commons.storage.parameters import PublicParameters
from coordinator.adoption import Adoption
from coordinator.fleet import Fleets
from coordinator.journal import Journal
from coordinator.postings import STRANGERS
from coordinator.roundstate import RoundKey, named
from coordinator.turns import MARGIN, Turn, told

_log = logging.getLogger(__name__)
_told = partial(told, _log, "catching-up")


class CatchingUp:
    """Looks for them, each ``turn`` a little: all that there are at first, then what is new.

    Args:
        own_address: account that tasks name as their coordinator.
        pool: where the work is done.
        stopping: once set, the rounds that are left wait for the next leader, or for the restart.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        adoption: Adoption,
        fleets: Fleets,
        parameters: PublicParameters,
        own_address: bytes,
        settings: CoordinatorSettings,
        clock: Clock,
        pool: Executor,
        stopping: threading.Event,
    ) -> None:
        self._view, self._journal, self._adoption, self._fleets = view, journal, adoption, fleets
        self._parameters, self._own_address, self._settings = parameters, own_address, settings
        self._turn, self._stopping = Turn(clock, pool, settings.tidy_interval), stopping
        self._seen = 0
        self._left: dict[RoundKey, None] = {}  # new ones first, then those that were not looked at for longest

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if self._turn.may_begin():
            self._turn.begin(self._look)

    def _look(self) -> None:
        with _told():
            found, last = self._view.accepted_since(max(self._seen - MARGIN, 0), self._settings.confirmations)
            self._left = dict.fromkeys([*sorted(found - self._left.keys()), *self._left])
            self._seen = last
        trouble = False
        for key in self._chosen():
            if self._stopping.is_set():
                return
            self._left[key] = self._left.pop(key)  # it comes last the next time
            looked = False
            with _told("task={} round={} ".format(*named(key))):
                self._look_at(key)
                looked = True
            trouble = trouble or not looked
        if trouble:
            self._turn.hasten(self._settings.posting_interval)

    def _chosen(self) -> list[RoundKey]:
        """Rounds that the log lacks, those of tasks that it knows first, and some of the others.

        Anybody can make a task whose provers are slow, and name this coordinator in it.
        """
        with self._journal.reading() as state:
            self._left = {k: None for k in self._left if k not in state.rounds and not state.is_forgotten(k)}
            known = {task_id for task_id, _ in state.rounds} | state.forgotten.keys()
        own = [key for key in self._left if key[0] in known]
        return own + list(islice((key for key in self._left if key[0] not in known), STRANGERS))

    def _look_at(self, key: RoundKey) -> None:
        """Take one round over.  One of another coordinator stays, as this one may be named yet."""
        try:
            over = self._view.now() > self._until(key)
        except UnknownError:  # a reorganisation took it back, deep as it was
            over = True
        if not over and self._view.coordinator(key[0]) != self._own_address:
            return
        if not over:
            require_served(self._view, self._parameters, self._parameters.verifying_key, key[0])
            epoch = self._view.round(*key).epoch
            self._adoption.adopt(key, self._fleets.of(self._view.terms(key[0]).committee_id, epoch))
            _log.info("event=round-taken-over task=%s round=%d", *named(key))
        del self._left[key]

    def _until(self, key: RoundKey) -> int:
        """Chain time until which a round's sums are asked for, or its fees may be settled: two and a half windows."""
        windows = self._view.terms(key[0]).windows
        longest = max(self._settings.release_patience * DAY, 5 * windows.availability // 2)
        return self._view.round(*key).settle_deadline + longest
