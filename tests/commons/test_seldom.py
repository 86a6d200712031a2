"""What strangers can cause is logged once in a while, and counted."""

from __future__ import annotations

import logging

import pytest

from commons.runtime.seldom import EVERY, Seldom


class World:
    """A log and a clock."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 100.0
        self.caplog = caplog
        caplog.set_level(logging.DEBUG)
        self.seldom = Seldom(logging.getLogger("seldom"), lambda: self.now)

    def refuse(self, code: str, times: int = 1) -> None:
        for number in range(times):
            self.seldom.say(logging.INFO, code, "event=refused code=%s number=%d", code, number)

    @property
    def lines(self) -> list[str]:
        return self.caplog.messages


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> World:
    return World(caplog)


def test_of_each_cause_the_first_line_is_written_and_the_others_are_counted(world: World) -> None:
    world.refuse("busy", 1000)
    world.refuse("wire", 2)
    assert world.lines == ["event=refused code=busy number=0", "event=refused code=wire number=0"]
    world.now += EVERY
    world.refuse("busy")
    assert world.lines[2:] == [
        "event=refused left_out=999", "event=refused left_out=1", "event=refused code=busy number=0",
    ]  # fmt: skip


def test_what_was_said_once_is_not_counted(world: World) -> None:
    world.refuse("busy")
    world.now += EVERY
    world.refuse("wire")
    assert world.lines == ["event=refused code=busy number=0", "event=refused code=wire number=0"]
    assert len(world.seldom._causes) == 1, "what is over is forgotten"


def test_many_causes_are_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commons.runtime.seldom._CAUSES", 3)
    for number in range(100):
        world.refuse(str(number))
    assert len(world.lines) == 4
    world.now += EVERY
    world.refuse("0")
    assert world.lines[4:] == ["event=refused left_out=96", "event=refused code=0 number=0"]


def test_a_trace_stands_below_the_line(world: World) -> None:
    world.seldom.say(logging.ERROR, "x", "event=internal-error", error=ValueError("why"))
    assert "ValueError: why" in world.caplog.text
