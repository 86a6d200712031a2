"""Who may fill how much of a store: one task never all of it, however many strangers it lets in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from circuits.errors import FullError
from commons.runtime.identifiers import shown

FACTOR = 4
"""A task holds at most so many times what it leaves free."""


class Quota:
    """Bytes of a store by task.  Thread-safe.

    A task has four fifths of the store at most, two that fill it have four ninths each, and a task that is new finds
    room whatever the others do: the dynamic threshold of shared-memory switches (Choudhury, Hahne, IEEE/ACM
    Transactions on Networking 6(2), 1998) with a factor of four.
    """

    def __init__(self, most: int, what: str, setting: str) -> None:
        """Args:
        most: bytes of the store.
        what: is kept in it, in words.
        setting: name of the one that says how much.
        """
        self._most, self._what, self._setting = most, what, setting
        self._held = Counter[int]()
        self._lock = threading.Lock()

    def recount(self, held: Mapping[int, int]) -> None:
        """Begin anew with what lies on the disk."""
        with self._lock:
            self._held = Counter(held)

    def add(self, task_id: int, size: int) -> None:
        """Bytes more, or fewer, are there, whether there was room or not."""
        with self._lock:
            self._held[task_id] += size

    def require(self, task_id: int, size: int) -> None:
        """Raise FullError when a task may not have so many bytes more."""
        with self._lock:
            free, held = self._most - self._held.total() - size, self._held[task_id] + size
        if free < 0:
            raise FullError(
                f"this server's room for {self._what} is used up; try again when older rounds are over, or ask its "
                f"operator to raise {self._setting}"
            )
        if held > FACTOR * free:
            raise FullError(
                f"task {shown(task_id)} has as much of this server's room for {self._what} as one task may have; try "
                f"again when its older rounds are over, or ask the server's operator to raise {self._setting}"
            )
