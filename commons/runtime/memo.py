"""Values that are loaded once, by whoever asks first."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Values by key.  Thread-safe: who asks while a value is being loaded waits for it, as loading may be dear.

    Args:
        together: who asks meanwhile does not wait but loads too, as the load may hang.
        seconds: for which a value serves; it is let go of when another one is loaded after that.
        monotonic: seconds, from a clock that never goes back.
    """

    def __init__(
        self,
        *,
        together: bool = False,
        seconds: float = math.inf,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._together, self._seconds, self._monotonic = together, seconds, monotonic
        self._known: dict[K, tuple[V, float]] = {}
        self._loading: dict[K, threading.Lock] = {}
        self._lock = threading.Lock()
        self._forgotten = 0

    def get(self, key: K, load: Callable[[], V]) -> V:
        """The value under a key.  What ``load`` raises is raised, and the next who asks loads anew."""
        with self._lock:
            kept = self._kept(key)
            if kept is not None:
                return kept[0]
            loading, begun = self._loading.setdefault(key, threading.Lock()), self._forgotten
        if self._together:
            return self._keep(key, load, begun)
        with loading:
            with self._lock:
                kept = self._kept(key)
            return self._keep(key, load, begun) if kept is None else kept[0]

    def _kept(self, key: K) -> tuple[V, float] | None:
        """A value that serves still, and when it was loaded."""
        kept = self._known.get(key)
        return None if kept is None or self._monotonic() - kept[1] > self._seconds else kept

    def _keep(self, key: K, load: Callable[[], V], begun: int) -> V:
        try:
            value = load()
            with self._lock:
                if begun != self._forgotten:
                    return value
                kept = self._kept(key) or (value, self._monotonic())
                self._discard_old()
                self._known[key] = kept
                return kept[0]
        finally:
            with self._lock:
                self._loading.pop(key, None)

    def _discard_old(self) -> None:
        if self._seconds < math.inf:
            self._known = {key: kept for key, kept in self._known.items() if self._kept(key) is not None}

    def forget(self) -> None:
        """Load all values anew, also those that are being loaded."""
        with self._lock:
            self._known.clear()
            self._forgotten += 1

    def values(self) -> tuple[V, ...]:
        """What has been loaded so far."""
        with self._lock:
            return tuple(value for value, _ in self._known.values())
