"""A disk on which a node may crash, and which may be full."""

from __future__ import annotations

import errno
from collections.abc import Callable

from commons.storage.files import Disk

Strikes = Callable[[], tuple[str, int] | None]


class CrashError(BaseException):
    """The process dies here.  No handler of errors may take it for one."""


class SimulatedDisk(Disk):
    """Every durable operation is an opportunity.

    Args:
        strike: what goes wrong at the next operation, if anything; called once each.
    """

    def __init__(self, strike: Strikes) -> None:
        self._strike = strike
        self._full = 0
        self.healthy = False

    def durably(self, act: Callable[[], object]) -> None:
        found = None if self.healthy else self._strike()
        kind, arg = found or ("", 0)
        if kind == "full":
            self._full = arg + 1
        if self._full > 0 and not self.healthy:
            self._full -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        if kind == "crash-before":
            raise CrashError
        act()
        if kind == "crash-after":
            raise CrashError
