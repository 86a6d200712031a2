"""What a process is busy with, for people who wait: library code names its long stages, a terminal may show them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """Something that takes a while.  ``since``: when it began, on the monotonic clock."""

    what: str
    since: float


_lock = threading.Lock()
_active: dict[object, Stage] = {}


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Say what the block is doing: "waiting for the transaction to be mined"."""
    token = object()
    with _lock:
        _active[token] = Stage(what, time.monotonic())
    try:
        yield
    finally:
        with _lock:
            del _active[token]


def current() -> Stage | None:
    """The stage that was entered last and is not left yet."""
    with _lock:
        return next(reversed(_active.values()), None)
