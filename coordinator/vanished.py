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


_SHOWN, _GONE = "shown", "gone"


class Vanished:
    """Remembers since when the chain shows a round no more.  Thread-safe."""

    def __init__(self, view: MarketReader, settings: CoordinatorSettings, clock: Clock) -> None:
        self._view, self._settings, self._clock = view, settings, clock
        self._lock = threading.Lock()
        self._since: dict[RoundKey, int] = {}

    def is_there(self, key: RoundKey) -> None:
        """A node shows the round.  For one that was missed most must, or one that errs from time to time would have it
        wait for ever.  Raises ChainError.
        """
        with self._lock:
            since = self._since.get(key)
        if since is not None:
            self._most_say(key, since)

    def forget(self, key: RoundKey) -> None:
        """The round is closed."""
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
        """Whether most nodes show a round no more, and each of them a block, deep enough, of a time at which one that
        was opened when it was first missed could take no batch any more.

        Args:
            now: time of the latest block.
        """
        return self._most_say(key, self._missed(key, now)) == _GONE

    def _missed(self, key: RoundKey, now: int) -> int:
        """A node that lags shows no round either, and its blocks are old: this machine's clock counts as well.

        One of the two may be far ahead, which lasts no longer than until it is right again.
        """
        at = max(now, int(self._clock.time()))
        with self._lock:
            if key not in self._since:
                _log.warning("event=round-vanished task=%s round=%d", *named(key))
            self._since[key] = min(at, self._since.get(key, at))
            return self._since[key]

    def _most_say(self, key: RoundKey, since: int) -> str | None:
        """What most nodes say of a round that was missed; once they show it, it is missed no more."""
        try:
            said = self._view.most(lambda: self._said(key, since))
        except NoAgreementError as error:
            _log.warning("event=nodes-not-agreed task=%s round=%d reason=%r", *named(key), str(error))
            return None
        if said == _SHOWN:
            self.forget(key)
        return said

    def _said(self, key: RoundKey, since: int) -> str | None:
        """What one node says, by its own terms and blocks."""
        if self.shows(key):
            return _SHOWN
        deep = self._view.block(self._settings.confirmations).timestamp
        return _GONE if deep > since + self._longest(key[0]) else None

    def _longest(self, task_id: int) -> int:
        """Seconds from the opening to the end of a round."""
        try:
            windows = self._view.terms(task_id).windows
        except UnknownError:  # the task was taken back as well
            return self._settings.release_patience * DAY
        return windows.submit + windows.settle
