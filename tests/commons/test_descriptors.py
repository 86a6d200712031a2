"""Connections leave descriptors for the files of a process."""

from __future__ import annotations

import logging
import resource

import pytest

from commons.runtime.descriptors import room_for

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "room", "raised"),
    [
        (20_000, 20_000, 4096, 4096, None),
        (1024, 524_288, 4096, 4096, 4352),
        (1024, INFINITE, 4096, 4096, 4352),
        (INFINITE, INFINITE, 4096, 4096, None),
        (1024, 2048, 4096, 1792, 2048),
        (100, 200, 4096, 16, 200),
    ],
)
def test_room_for_connections(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    soft: int, hard: int, wanted: int, room: int, raised: int | None,
) -> None:  # fmt: skip
    caplog.set_level(logging.WARNING)
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))
    assert room_for(wanted) == room
    assert limits == ([] if raised is None else [(raised, hard)])
    assert ("event=few-descriptors" in caplog.text) == (room < wanted)
