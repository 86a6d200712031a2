"""Calls that end when nothing moves, and take as long as they need while something does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

M = TypeVar("M")


def spaced(signs: Iterable[M], seconds: float = 0.25) -> Iterator[M]:
    """Some of the signs that a call moves: each costs both sides, and fast lines need none.

    Args:
        seconds: between two of them; well below the shortest time after which a call may be given up, one second.
    """
    shown = time.monotonic()
    for sign in signs:
        now = time.monotonic()
        if now - shown >= seconds:
            shown = now
            yield sign


class StallGuard:
    """Ends a call whose other side keeps this one waiting for too long at one message.

    Only waiting counts, not what this side does between two messages.

    Attributes:
        stalled: whether the guard has ended the call.
    """

    def __init__(self, seconds: float) -> None:
        """Args:
        seconds: longest wait for one message to come, or to be taken.
        """
        self.stalled = False
        self._seconds = seconds
        self._waiting_since: float | None = None
        self._moved_at = 0.0

    @contextmanager
    def watching(self, end: Callable[[], object]) -> Generator[Self]:
        """Watch a call from a thread of the guard.

        Args:
            end: cancels the call, which wakes who waits; called once at most.
        """
        over = threading.Event()
        threading.Thread(target=self._watch, args=(over, end), name="stall-guard", daemon=True).start()
        try:
            yield self
        finally:
            over.set()

    def incoming(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, each of which must come in time."""
        stream = iter(messages)
        while True:
            try:
                with self._waiting():
                    message = next(stream)
            except StopIteration:
                return
            yield message

    def outgoing(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, each of which must be taken in time: the next is asked for when the last one has left."""
        for message in messages:
            with self._waiting():
                yield message

    def sent(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, for another thread that takes them while this one waits; each taken one moves the call."""
        for message in messages:
            self._moved_at = time.monotonic()
            yield message
        self._moved_at = time.monotonic()

    @contextmanager
    def _waiting(self) -> Generator[None]:
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def _watch(self, over: threading.Event, end: Callable[[], object]) -> None:
        rest = self._seconds
        while not over.wait(rest):
            since = self._waiting_since
            quiet = 0.0 if since is None else time.monotonic() - max(since, self._moved_at)
            rest = self._seconds - quiet
            if rest <= 0:
                self.stalled = True
                end()
                return
