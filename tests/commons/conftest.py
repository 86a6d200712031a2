"""What many tests of nodes need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture
def undo() -> Iterator[ExitStack]:
    """Closed behind the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is busy is asked again at once."""
    monkeypatch.setattr("commons.chain.transport.sleep", lambda _: None)
