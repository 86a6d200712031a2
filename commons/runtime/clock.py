"""The time, which a node takes from its machine: a parameter, so that a simulation can be the machine."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The time, in seconds."""

    def time(self) -> float:
        """Since 1970, as this machine believes; it may jump either way."""

    def monotonic(self) -> float:
        """Since some moment; it never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's."""

    def time(self) -> float:
        """See ``Clock``."""
        return time.time()

    def monotonic(self) -> float:
        """See ``Clock``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        time.sleep(seconds)


class WrongClock(SystemClock):
    """The machine's, as if it had been set wrong: for trying out what a node does then.

    Args:
        offset: seconds that it is ahead, negative when it is behind.
    """

    def __init__(self, offset: float) -> None:
        self._offset = offset

    def time(self) -> float:
        """See ``Clock``."""
        return super().time() + self._offset
