"""Whose turn it is where one check at a time takes all of a machine."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from circuits.errors import BusyError


class CheckTurns:
    """One at a time, in the order in which they come.  Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = deque[object]()
        self._names = set[bytes]()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until all that came before are done."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting[0] is ticket)
            yield
        finally:
            with self._changed:
                self._waiting.remove(ticket)  # the first one, unless its wait was broken off
                self._changed.notify_all()

    @contextmanager
    def only_turn(self, name: bytes) -> Iterator[None]:
        """The same for one of which no other may wait: who asks for many at once gets no more turns than others.

        Raises:
            BusyError: one of this name waits, or has its turn.
        """
        with self._changed:
            if name in self._names:
                raise BusyError("another one of yours is being checked here; ask again in a while")
            self._names.add(name)
        try:
            with self.turn():
                yield
        finally:
            with self._changed:
                self._names.discard(name)
