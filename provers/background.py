"""Work that nobody waits for, behind the answers to requests."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore

from commons.runtime.workpool import WorkPool


class Background:
    """One thread, which does one piece of work after another.

    Args:
        most: pieces that are under way or wait; strangers make them, so there may be any number.

    Attributes:
        pool: of the thread.
    """

    def __init__(self, name: str, most: int) -> None:
        self.pool = WorkPool(1, name)
        self._places = BoundedSemaphore(most)

    def start(self, work: Callable[[], None]) -> bool:
        """Do a piece of work some time, unless too many wait already or this is closed; whether it will be done."""
        if not self._places.acquire(blocking=False):
            return False
        try:
            started = self.pool.submit(work)
        except RuntimeError:  # closed: a call outlived the time that it was given to finish
            return False
        started.add_done_callback(lambda _: self._places.release())
        return True

    def close(self) -> None:
        """Finish the piece that is under way; those that wait are not done."""
        self.pool.shutdown(cancel_futures=True)
