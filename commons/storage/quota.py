"""Who may fill how much of a store: one task never all of it, however many strangers it lets in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from circuits.errors import FullError
from commons.runtime.identifiers import shown

FACTOR = 4
"""A task holds at most so many times what it leaves free."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a store takes more of a task: the dynamic threshold of shared-memory switches (Choudhury, Hahne, IEEE/ACM
    Transactions on Networking 6(2), 1998) with a factor of four.

    Attributes:
        what: is kept in the store, in words.
        setting: name of the one that says how much.
    """

    what: str
    setting: str

    def require(self, task_id: int, held: int, free: int) -> None:
        """Raise FullError unless a task may have so much, where so much is left free then."""
        self.require_free(free)
        if held > FACTOR * free:
            raise FullError(
                f"task {shown(task_id)} has as much of this server's room for {self.what} as one task may have; try "
                f"again when its older rounds are over, or ask the server's operator to raise {self.setting}"
            )

    def require_free(self, free: int) -> None:
        """Raise FullError when what is left free is less than nothing."""
        if free < 0:
            raise FullError(
                f"this server's room for {self.what} is used up; try again when older rounds are over, or ask its "
                f"operator to raise {self.setting}"
            )


class Quota:
    """Bytes of a store by task.  Thread-safe.

    A task has four fifths of the store at most, two that fill it have four ninths each, and a task that is new finds
    room whatever the others do.
    """

    def __init__(self, most: int, what: str, setting: str) -> None:
        """Args:
        most: bytes of the store.
        what: is kept in it, in words.
        setting: name of the one that says how much.
        """
        self._most, self._rule = most, Rule(what, setting)
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
            if not self._held[task_id]:
                del self._held[task_id]  # or strangers' tasks would stay for ever

    def require(self, task_id: int, size: int) -> None:
        """Raise FullError when a task may not have so many bytes more."""
        with self._lock:
            free, held = self._most - self._held.total() - size, self._held[task_id] + size
        self._rule.require(task_id, held, free)
