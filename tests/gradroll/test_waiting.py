"""A wait of over two seconds is told, a shorter one is not."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace

import pytest

from commons.runtime import stages
from commons.runtime.stages import current, stage
from gradroll import waiting
from gradroll.waiting import Waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LOOK", 0.005)


def shown(out: io.StringIO, seconds_ago: float, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is written while a stage runs that began some seconds ago."""
    began = time.monotonic() - seconds_ago
    monkeypatch.setattr(stages, "time", SimpleNamespace(monotonic=lambda: began))
    with stage("mining"), Waiting(out) as told:
        for _ in range(3):
            told._stop.wait(0.02)
    return out.getvalue()


def test_stages_nest_and_end() -> None:
    assert current() is None
    with stage("outer"), stage("inner"):
        assert getattr(current(), "what", "") == "inner"
    with pytest.raises(ValueError, match="x"), stage("failing"):
        raise ValueError("x")
    assert current() is None


def test_a_long_wait_is_told_once_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), 7, monkeypatch) == "mining (7 s)\n"


def test_a_terminal_shows_it_in_place_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    written = shown(Terminal(), 7, monkeypatch)
    assert "\r\x1b[Kmining (7 s)" in written
    assert written.endswith("\r\x1b[K")
    assert "\n" not in written


def test_a_short_wait_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), 0, monkeypatch) == ""


def test_a_closed_stream_ends_the_telling_and_not_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    out, tried = io.StringIO(), []

    def broken(text: str) -> int:
        tried.append(text)
        raise BrokenPipeError

    monkeypatch.setattr(out, "write", broken)
    shown(out, 7, monkeypatch)
    assert tried == ["mining (7 s)\n"]
