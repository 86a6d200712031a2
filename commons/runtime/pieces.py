"""Work under way in a process, and when each piece of it last went on: what a watchdog looks at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_here = threading.local()


def progressed() -> None:
    """Say that what this thread works on goes on; for long work in which each step has a limit of its own."""
    beat = getattr(_here, "beat", None)
    if beat is not None:
        beat()


class Pieces:
    """Pieces of work of one kind.  Thread-safe.

    Args:
        monotonic: seconds, from a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._under_way: dict[object, float] = {}

    @contextmanager
    def piece(self) -> Iterator[None]:
        """A piece of work, by this thread; what it calls may say that it has ``progressed``."""
        token, outer = object(), getattr(_here, "beat", None)

        def beat() -> None:
            with self._lock:
                self._under_way[token] = self._monotonic()
            if outer is not None:
                outer()

        beat()
        _here.beat = beat
        try:
            yield
        finally:
            _here.beat = outer
            with self._lock:
                del self._under_way[token]

    @property
    def count(self) -> int:
        """How many are under way."""
        with self._lock:
            return len(self._under_way)

    def longest(self) -> float:
        """Seconds for which the piece has been under way, or has not gone on, that has so for longest; 0 for none."""
        last = self.slowest()
        return 0.0 if last is None else max(self._monotonic() - last, 0.0)

    def slowest(self) -> float | None:
        """The clock's time at which the piece last went on that has not for longest; None when none is under way."""
        with self._lock:
            return min(self._under_way.values(), default=None)
