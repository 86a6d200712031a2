"""What takes how long, told to whoever keeps traces.

Shells name what they do: a span, or a part of the one that is under way.  A process whose operator names no collector
has no tracer, and then nothing of this does anything.  The tracer is the process's, as its log is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, TypeVar

from commons.runtime.meters import Sized

M = TypeVar("M", bound=Sized)
Value = int | str


class Span(Protocol):
    """Something that is under way."""

    def set(self, **attributes: Value) -> None:
        """Say more of it."""

    def incoming(self, messages: Iterable[M]) -> Iterable[M]:
        """The same messages, whose bytes are counted as received."""

    def outgoing(self, messages: Iterable[M]) -> Iterable[M]:
        """The same messages, whose bytes are counted as sent."""


class Tracer(Protocol):
    """Keeps spans; see ``commons.telemetry.traces``."""

    def span(
        self, name: str, attributes: Mapping[str, Value], *, parent: str | None = None, calls: bool = False
    ) -> AbstractContextManager[Span]:
        """Of what the thread has under way; with a ``parent``, of a caller's, or of nothing if that is none."""

    def is_inside(self) -> bool:
        """Whether this thread has a span under way."""

    def carried(self) -> str:
        """What names the span under way to a server that is called; empty for none."""


class _Nothing:
    """The span of a process that keeps none."""

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def set(self, **attributes: Value) -> None:
        """To nobody."""

    def incoming(self, messages: Iterable[M]) -> Iterable[M]:
        """As they are."""
        return messages

    def outgoing(self, messages: Iterable[M]) -> Iterable[M]:
        """As they are."""
        return messages


_NOTHING = _Nothing()
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Have spans of this process told to a tracer from now on; None for nobody."""
    global _tracer  # noqa: PLW0603 - of the process, as logging is
    _tracer = tracer


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """The block is this, by itself or as a part of what this thread has under way.  Do not yield inside of it.

    Args:
        attributes: of those that ``commons.telemetry.traces`` knows; what a log line says that the work is about is
            there by itself.
    """
    return _NOTHING if _tracer is None else _tracer.span(name, attributes)


def part(name: str, *, calls: bool = False, **attributes: Value) -> AbstractContextManager[Span]:
    """The same, but nothing where the thread has no span under way: for what goes on all the time.

    Args:
        calls: somebody else is asked in it.
    """
    if _tracer is None or not _tracer.is_inside():
        return _NOTHING
    return _tracer.span(name, attributes, calls=calls)


def joined(name: str, parent: str | None, **attributes: Value) -> AbstractContextManager[Span]:
    """The same, as a part of the span of a caller, whom the server knows by what it signed.

    Args:
        parent: what ``carried`` gave there; a text that is no such name begins a trace of its own.  None for a caller
            that nobody knows, of whom nothing is kept.
    """
    return _NOTHING if _tracer is None or parent is None else _tracer.span(name, attributes, parent=parent)


def carried() -> str:
    """What names the span under way to a server that is called; empty for none."""
    return "" if _tracer is None else _tracer.carried()
