"""Log lines that strangers can cause: the first of a cause, then a count now and then, so that nobody fills a disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

EVERY = 60.0
"""Seconds between two lines of one cause."""
_CAUSES = 1024
"""Causes that are kept apart; of those that come beyond them within ``EVERY`` seconds there is one line as well."""


@dataclass(slots=True)
class _Cause:
    since: float
    event: str
    left_out: int = 0


class Seldom:
    """Writes to a log, of each cause once in a while.  Thread-safe.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._causes: OrderedDict[Hashable, _Cause] = OrderedDict()

    def say(
        self, level: int, cause: Hashable, message: str, *values: object, error: BaseException | None = None
    ) -> None:
        """Write a line, unless one of its cause was written in the last ``EVERY`` seconds.

        Args:
            cause: nothing that a stranger can choose freely.
            message: with its values as for ``logging``; it begins with its event, and of how many lines were left out
                there is a line with the same event, once another one of any cause is written.
            error: whose trace is to stand below the line.
        """
        with self._lock:
            over = self._over()
            if cause not in self._causes and len(self._causes) >= _CAUSES:
                cause = None
            first = cause not in self._causes
            if first:
                self._causes[cause] = _Cause(self._clock(), message.partition(" ")[0])
            else:
                self._causes[cause].left_out += 1
        for old in over:
            self._log.log(level, "%s left_out=%d", old.event, old.left_out)
        if first:
            self._log.log(level, message, *values, exc_info=error)

    def _over(self) -> list[_Cause]:
        """Causes whose time is over, of which lines were left out; all that are over are forgotten."""
        over, now = [], self._clock()
        while self._causes and now - next(iter(self._causes.values())).since >= EVERY:
            _, old = self._causes.popitem(last=False)
            if old.left_out:
                over.append(old)
        return over
