"""What a call costs: wall time, CPU time of the whole process, bytes of the messages that came and went."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Sized(Protocol):
    """A protobuf message, as far as its size goes."""

    def ByteSize(self) -> int:  # noqa: N802
        """Bytes of its encoding."""


M = TypeVar("M", bound=Sized)


class Meter:
    """Measures from its creation on.  CPU time is that of all threads, so calls that overlap count into each other."""

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self._wall = time.monotonic()
        self._cpu = time.process_time()

    def incoming(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, counted as received."""
        for message in messages:
            self.received += message.ByteSize()
            yield message

    def outgoing(self, messages: Iterable[M]) -> Iterator[M]:
        """The same messages, counted as sent."""
        for message in messages:
            self.sent += message.ByteSize()
            yield message

    def times(self) -> str:
        """Log fields: seconds, cpu (seconds)."""
        wall, cpu = time.monotonic() - self._wall, time.process_time() - self._cpu
        return f"seconds={wall:.4f} cpu={cpu:.4f}"

    def figures(self) -> str:
        """Log fields: seconds, cpu (seconds), received and sent (bytes)."""
        return f"{self.times()} received={self.received} sent={self.sent}"
