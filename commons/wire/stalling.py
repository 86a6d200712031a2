"""Calls that end when nothing moves, and take as long as they need while something does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from commons.runtime.meters import Sized

M = TypeVar("M")
_SHORTEST_PAUSE = 0.05
"""Seconds between two looks of a guard: a call with little left that works meanwhile must cost nothing."""


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
    """Ends a call whose other side keeps this one waiting for too long.

    Only waiting counts, not what this side does between two messages.  It is a token bucket: waiting takes seconds out
    of it, and a message that came or left puts some in, never more than the bucket holds.

    Attributes:
        stalled: whether the guard has ended the call.
    """

    def __init__(self, seconds: float, *, first: float | None = None, rate: float | None = None) -> None:
        """Args:
        seconds: longest wait for one message to come, or to be taken: what the bucket holds.
        first: longest wait for the first message instead.
        rate: bytes a second that the call has to move in the long run: a message puts in what it may have taken at
            this rate.  Without, each fills the bucket, however small it is.
        """
        self.stalled = False
        self._seconds = seconds
        self._rate = rate
        self._begun = False
        self._bucket: tuple[float, float | None] = (first or seconds, None)  # seconds in it, and since when one waits
        self._moved_at = 0.0

    @contextmanager
    def watching(self, end: Callable[[], object], *, deadline: float | None = None) -> Generator[Self]:
        """Watch a call from a thread of the guard.

        Args:
            end: cancels the call, which wakes who waits; called once at most.
            deadline: seconds for the whole call, whoever is waited for; none for one that may take as long as it moves.
        """
        over, until = threading.Event(), None if deadline is None else time.monotonic() + deadline
        threading.Thread(target=self._watch, args=(over, end, until), name="stall-guard", daemon=True).start()
        try:
            yield self
        finally:
            over.set()

    def incoming(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, each of which must come in time."""
        stream = iter(messages)
        while True:
            self._wait()
            try:
                message = next(stream)
            except StopIteration:
                self._go_on(0)
                return
            self._go_on(_size(message))
            yield message

    def outgoing(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, each of which must be taken in time: the next is asked for when the last one has left."""
        for message in messages:
            self._wait()
            yield message
            self._go_on(_size(message))

    def sent(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, for another thread that takes them while this one waits; each taken one moves the call."""
        for message in messages:
            self._moved_at = time.monotonic()
            yield message
        self._moved_at = time.monotonic()

    def _wait(self) -> None:
        self._bucket = (self._bucket[0], time.monotonic())

    def _go_on(self, size: int) -> None:
        """The wait is over; one assignment, as another thread looks."""
        left = self._left()
        earned = float("inf") if self._rate is None or not self._begun else size / self._rate
        self._begun = True
        self._bucket = (min(left + earned, self._seconds), None)

    def _left(self) -> float:
        """Seconds that the other side may go on to keep this one waiting."""
        left, since = self._bucket
        return left if since is None else left - (time.monotonic() - max(since, self._moved_at))

    def _watch(self, over: threading.Event, end: Callable[[], object], until: float | None) -> None:
        while True:
            rest = self._left() if until is None else min(self._left(), until - time.monotonic())
            if rest <= 0:
                self.stalled = True
                end()
                return
            if over.wait(max(min(rest, self._seconds), _SHORTEST_PAUSE)):  # after the first message less may be left
                return


def _size(message: object) -> int:
    if isinstance(message, bytes):
        return len(message)
    return message.ByteSize() if isinstance(message, Sized) else 0
