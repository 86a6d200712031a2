"""What the work under way is about, so that every line that is logged meanwhile can say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOTHING: Mapping[str, object] = {}
_about: ContextVar[Mapping[str, object]] = ContextVar("about", default=_NOTHING)


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """The block is about this: a task, a round, a batch, a step.  What the code around it said stays."""
    token = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def current_context() -> Mapping[str, object]:
    """What the calling thread's work is about."""
    return _about.get()
