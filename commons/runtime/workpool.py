"""A pool of threads that says how much it has to do, and since when a piece has not gone on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from commons.runtime.pieces import Pieces

P = ParamSpec("P")
T = TypeVar("T")


class WorkPool(ThreadPoolExecutor):
    """``ThreadPoolExecutor`` that can be looked at.

    Args:
        threads: most at a time.
        monotonic: seconds, from a clock that never goes back.

    Attributes:
        threads: as above.
        pieces: those under way.
    """

    def __init__(self, threads: int, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(threads, thread_name_prefix=name)
        self.threads = threads
        self.pieces = Pieces(monotonic)
        self._counting = threading.Lock()
        self._unfinished = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As ``Executor.submit``."""

        def work() -> T:
            with self.pieces.piece():
                return fn(*args, **kwargs)

        future = super().submit(work)
        with self._counting:
            self._unfinished += 1
        future.add_done_callback(self._finished)
        return future

    @property
    def waiting(self) -> int:
        """Pieces that no thread has begun."""
        with self._counting:
            return max(self._unfinished - self.pieces.count, 0)

    def _finished(self, _: Future[T]) -> None:
        with self._counting:
            self._unfinished -= 1
