"""Work beside the rounds, of which one piece of a kind at a time is under way: when the next may begin."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import ParamSpec

from circuits.errors import GradrollError
from commons.runtime.clock import Clock
from commons.runtime.pieces import progressed

P = ParamSpec("P")
KINDS = 6
"""Kinds of work: rounds that the log lacks, submissions that are posted, fees, owners that are to be excluded, batches
that the chain took back, what is to be deleted."""
SETTLED = 900
"""Seconds of the chain's time after which what it shows is taken to be settled: longer than it takes to be final."""
MARGIN = 64
"""Blocks that are looked at again: a reorganisation puts what is in them elsewhere."""


class Turn:
    """Begins a piece of work of its kind when the last one is through and its time has come.

    Args:
        pool: where the work is done.
        interval: seconds from the beginning of one piece to that of the next.
    """

    def __init__(self, clock: Clock, pool: Executor, interval: float) -> None:
        self._clock = clock
        self._pool = pool
        self._interval = interval
        self._running: Future[None] | None = None
        self._next = 0.0

    def may_begin(self, *, at_once: bool = False) -> bool:
        """Whether nothing is under way, and it is time.  ``at_once``: it is time anyway."""
        idle = self._running is None or self._running.done()
        return idle and (at_once or self._clock.monotonic() >= self._next)

    def begin(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have a piece of work done."""
        self._next = self._clock.monotonic() + self._interval
        self._running = self._pool.submit(work, *args, **kwargs)

    def hasten(self, seconds: float) -> None:
        """Let the next piece begin so many seconds from now, if that is sooner; the one under way says so."""
        self._next = min(self._next, self._clock.monotonic() + seconds)


@contextmanager
def told(log: logging.Logger, work: str, where: str = "") -> Iterator[None]:
    """Log what goes wrong, and go on behind it; either way the work has come further.

    Args:
        work: what the events are called after.
        where: fields of the line.
    """
    try:
        yield
    except GradrollError as error:
        log.warning("event=%s-trouble %scode=%s reason=%r", work, where, error.code, str(error))
    except Exception:
        log.exception("event=%s-error %s", work, where)
    progressed()
