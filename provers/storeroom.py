"""Who may fill how much of a prover's store: shares leave room for batches and sums, and no task takes all of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from commons.storage.quota import Rule

_SHARES = (9, 10)
"""Part of the store that shares may fill: what is left is for the batches and sums that come of them, as a round whose
batch finds no room is lost."""


class StoreRoom:
    """Bytes of a store by task.  Thread-safe.

    Shares and results are held apart: what strangers' owners hand in takes no byte of what a task's batches need.
    """

    def __init__(self, most: int) -> None:
        """Args:
        most: bytes of the store.
        """
        self._most, self._for_shares = most, most * _SHARES[0] // _SHARES[1]
        self._rule = Rule("shares, sums and batches", "prover.max_store_bytes")
        self._shares, self._results, self._reserved = Counter[int](), Counter[int](), Counter[int]()
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, task_id: int, size: int) -> Iterator[None]:
        """Keep room for a share while it comes: what was begun finds it at its end.

        Raises:
            FullError: there is none, or none for this task.
        """
        with self._lock:
            held = self._shares[task_id] + self._results[task_id] + self._reserved[task_id] + size
            self._rule.require(task_id, held, self._for_shares - self._taken - size)
            _add(self._reserved, task_id, size)
        try:
            yield
        finally:
            with self._lock:
                _add(self._reserved, task_id, -size)

    def require_results(self, task_id: int, size: int) -> None:
        """Raise FullError when a task may not have so many bytes of batches and sums more; its shares do not count."""
        with self._lock:
            self._rule.require(task_id, self._results[task_id] + size, self._most - self._taken - size)

    def require(self, size: int) -> None:
        """Raise FullError when so many bytes more are not there for anybody."""
        with self._lock:
            self._rule.require_free(self._most - self._taken - size)

    def add_shares(self, task_id: int, size: int) -> None:
        """Bytes of shares more, or fewer, are there."""
        with self._lock:
            _add(self._shares, task_id, size)

    def add_results(self, task_id: int, size: int) -> None:
        """Bytes of batches and sums more, or fewer, are there."""
        with self._lock:
            _add(self._results, task_id, size)

    def recount_results(self, held: Mapping[int, int]) -> None:
        """Begin anew with the batches and sums that lie on the disk; none may come or go meanwhile."""
        with self._lock:
            self._results = Counter({task_id: size for task_id, size in held.items() if size})

    def held(self, task_id: int) -> tuple[int, int, int]:
        """Bytes of a task's shares, of its batches and sums, and of what is kept for shares under way."""
        with self._lock:
            return self._shares[task_id], self._results[task_id], self._reserved[task_id]

    @property
    def _taken(self) -> int:
        return self._shares.total() + self._results.total() + self._reserved.total()


def _add(held: Counter[int], task_id: int, size: int) -> None:
    held[task_id] += size
    if not held[task_id]:
        del held[task_id]  # or strangers' tasks would stay for ever
