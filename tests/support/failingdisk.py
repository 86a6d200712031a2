"""A disk that fails at a durable step."""

from __future__ import annotations

from collections.abc import Callable

from commons.storage.files import Disk


class StruckError(Exception):
    """The machine is off."""


class FailingDisk(Disk):
    """Does so many durable steps, and then fails each: by a crash, or by being full."""

    def __init__(self, steps: int, error: Exception) -> None:
        self.steps, self._error = steps, error

    def durably(self, act: Callable[[], object]) -> None:
        if self.steps == 0:
            raise self._error
        self.steps -= 1
        act()
