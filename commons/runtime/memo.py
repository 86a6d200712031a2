"""Values that are loaded once, by whoever asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Values by key.  Thread-safe: who asks while a value is being loaded waits for it, as loading may be dear.

    Args:
        together: who asks meanwhile does not wait but loads too, as the load may hang.
    """

    def __init__(self, *, together: bool = False) -> None:
        self._together = together
        self._known: dict[K, V] = {}
        self._loading: dict[K, threading.Lock] = {}
        self._lock = threading.Lock()
        self._forgotten = 0

    def get(self, key: K, load: Callable[[], V]) -> V:
        """The value under a key.  What ``load`` raises is raised, and the next who asks loads anew."""
        with self._lock:
            if key in self._known:
                return self._known[key]
            loading, begun = self._loading.setdefault(key, threading.Lock()), self._forgotten
        if self._together:
            return self._keep(key, load, begun)
        with loading:
            return self._known[key] if key in self._known else self._keep(key, load, begun)

    def _keep(self, key: K, load: Callable[[], V], begun: int) -> V:
        try:
            value = load()
            with self._lock:
                return self._known.setdefault(key, value) if begun == self._forgotten else value
        finally:
            with self._lock:
                self._loading.pop(key, None)

    def forget(self) -> None:
        """Load all values anew, also those that are being loaded."""
        with self._lock:
            self._known.clear()
            self._forgotten += 1

    def values(self) -> tuple[V, ...]:
        """What has been loaded so far."""
        with self._lock:
            return tuple(self._known.values())
