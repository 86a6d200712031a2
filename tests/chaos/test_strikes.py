"""Faults reach whom they mean when they come, and are known to hinder it until they are over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import COORDINATOR, SECOND, Fault
from tests.chaos.strikes import Striker
from tests.chaos.supervised import Supervised
from tests.support.waiting import wait_for

SERVES = "import sys, signal, pathlib\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit({status}))\n"
SERVES += "pathlib.Path({ready!r}).touch()\nwhile True: signal.pause()\n"


@dataclass
class Lines:
    """A proxy that notes what is done to its lines."""

    held: list[str] = field(default_factory=list)

    def hold(self, caller: str, callee: str) -> None:
        self.held.append(f"{caller}>{callee}")

    def heal(self, caller: str, callee: str) -> None:
        self.held.remove(f"{caller}>{callee}")


class Scene:
    """A striker, of whose market there are lines and two processes."""

    def __init__(self, home: Path) -> None:
        self.home, self.leader, self.lines = home, COORDINATOR, Lines()
        self.processes: dict[str, Supervised] = {}
        nothing: Any = None
        self.chronicle = Chronicle(home / "events.jsonl")
        self.striker = Striker(
            nothing, self.processes, cast(Any, self.lines), nothing, nothing, nothing, nothing, self.chronicle,
            leads=lambda: self.leader,
        )  # fmt: skip

    def serve(self, name: str, status: int) -> Supervised:
        """A process that ends with a status when it is told to."""
        ready = self.home / f"{name}-{status}"
        script = SERVES.format(status=status, ready=str(ready))
        process = Supervised(name, ["-c", script], dict(os.environ), self.home / f"{name}.log", lambda *_: None)
        self.processes[name] = process
        process.start()
        wait_for(ready.exists)
        return process


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    for process in made.processes.values():
        process.kill()
    made.chronicle.close()


def test_leader_and_standby_are_whoever_they_are_when_a_fault_comes_and_stay_so_until_it_is_over(scene: Scene) -> None:
    of_leader, of_standby = (Fault(1.0, "partition-redis", f"{who}>redis", 5.0) for who in ("leader", "standby"))
    scene.striker.begin(of_leader)
    assert scene.lines.held == [f"{COORDINATOR}>redis"]
    assert scene.striker.hindered(COORDINATOR)
    assert not scene.striker.hindered(SECOND)
    scene.leader = SECOND
    scene.striker.end(of_leader)
    assert scene.lines.held == []
    assert not scene.striker.hindered(COORDINATOR)
    scene.striker.begin(of_standby)
    assert scene.lines.held == [f"{COORDINATOR}>redis"]
    scene.striker.end_all()
    assert scene.lines.held == []


def test_a_line_to_a_prover_hinders_nobody_from_leading(scene: Scene) -> None:
    scene.striker.begin(Fault(1.0, "partition", f"{COORDINATOR}>prover-0", 5.0))
    assert not scene.striker.hindered(COORDINATOR)


@pytest.mark.parametrize(("status", "found"), [(0, []), (3, ["coordinator ended with status 3"])])
def test_a_leader_that_does_not_stop_in_good_order_is_told_of(scene: Scene, status: int, found: list[str]) -> None:
    process, fault = scene.serve(COORDINATOR, status), Fault(1.0, "stop-leader", "leader", 5.0)
    before = process.pid
    scene.striker.begin(fault)
    scene.striker.end(fault)
    assert [text.removesuffix(" when it was told to stop") for text in scene.striker.stopped_badly] == found
    assert process.pid not in (None, before)


def test_one_that_another_fault_had_started_again_meanwhile_is_left_alone(scene: Scene) -> None:
    process, fault = scene.serve(COORDINATOR, 0), Fault(1.0, "stop-leader", "leader", 5.0)
    scene.striker.begin(fault)
    process.kill()
    process.start()
    again = process.pid
    scene.striker.end(fault)
    assert (process.pid, scene.striker.stopped_badly) == (again, [])
