"""Rounds whose opening the chain took back.

Their model owner opens them again as a rule, and what waits in them goes on: nothing ends at once.  One that nobody
opens again ends when it would have ended, had it been opened again at once.
"""

from __future__ import annotations

import logging
import threading

from circuits.errors import UnknownError
from circuits.terms import DAY
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from coordinator.roundstate import RoundKey, named

_log = logging.getLogger(__name__)


class Vanished:
    """Remembers since when the chain shows a round no more.  Thread-safe."""

    def __init__(self, view: MarketReader, settings: CoordinatorSettings, clock: Clock) -> None:
        self._view, self._settings, self._clock = view, settings, clock
        self._lock = threading.Lock()
        self._since: dict[RoundKey, int] = {}

    def is_there(self, key: RoundKey) -> None:
        """The chain shows the round."""
        with self._lock:
            self._since.pop(key, None)

    def shows(self, key: RoundKey) -> bool:
        """Whether the chain shows the round at present.  Raises ChainError."""
        try:
            self._view.round(*key)
        except UnknownError:
            return False
        return True

    def is_for_good(self, key: RoundKey, now: int) -> bool:
        """Whether most nodes show a round no more, and no block that is deep enough was of a time at which one that was
        opened when it was first missed could still take a batch.

        Args:
            now: time of the latest block.
        """
        since = self._missed(key, now)
        until = since + self._longest(key[0])
        if now <= until:
            return False
        try:
            gone = self._view.most(lambda: self._is_gone(key, until) or None)
        except NoAgreementError as error:
            _log.warning("event=nodes-not-agreed task=%s round=%d reason=%r", *named(key), str(error))
            return False
        if gone:
            self.is_there(key)  # nothing is left to remember
        return bool(gone)

    def _missed(self, key: RoundKey, now: int) -> int:
        """A node that lags shows no round either, and its blocks are old: this machine's clock counts as well."""
        with self._lock:
            if key not in self._since:
                self._since[key] = max(now, int(self._clock.time()))
                _log.warning("event=round-vanished task=%s round=%d", *named(key))
            return self._since[key]

    def _longest(self, task_id: int) -> int:
        """Seconds from the opening to the end of a round."""
        try:
            windows = self._view.terms(task_id).windows
        except UnknownError:  # the task was taken back as well
            return self._settings.release_patience * DAY
        return windows.submit + windows.settle

    def _is_gone(self, key: RoundKey, until: int) -> bool:
        return self._view.block(self._settings.confirmations).timestamp > until and not self.shows(key)
