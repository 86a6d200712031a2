"""Faults reach whom they mean when they come, and are known to hinder it until they are over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
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


class Chain:
    """A node at block 100, some seconds before a round takes no batch any more."""

    def __init__(self) -> None:
        self.accepted_at: int | None = None
        self.left = 100
        self.taken_back: list[int] = []
        self.mining: list[int] = []
        self.rpc = SimpleNamespace(head=lambda: SimpleNamespace(number=100))

    def ask(self, method: str, *params: Any) -> Any:
        if method == "evm_setIntervalMining":
            self.mining.append(params[0])
            return None
        if method == "anvil_reorg":
            assert self.mining[-1] == 0
            self.taken_back.append(params[0])
            return None
        assert method == "eth_getLogs"
        assert (int(params[0]["fromBlock"], 16), params[0]["toBlock"]) == (60, "0x64")
        block = self.accepted_at
        return [] if block is None else [{"topics": ["0x0", "0x7", "0x1", "0x2"], "blockNumber": hex(block)}]

    def now(self) -> int:
        return 1000

    def round(self, task: int, number: int) -> SimpleNamespace:
        assert (task, number) == (7, 1)
        return SimpleNamespace(settle_deadline=self.now() + self.left)


class Scene:
    """A striker, of whose market there are lines and two processes."""

    def __init__(self, home: Path) -> None:
        self.home, self.leader, self.lines = home, COORDINATOR, Lines()
        self.processes: dict[str, Supervised] = {}
        nothing: Any = None
        self.chronicle, self.chain = Chronicle(home / "events.jsonl"), Chain()
        market: Any = SimpleNamespace(local=SimpleNamespace(market=bytes(20)))
        self.striker = Striker(
            market, self.processes, cast(Any, self.lines), nothing, nothing, self.chain.ask, cast(Any, self.chain),
            self.chronicle, leads=lambda: self.leader,
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


@pytest.mark.parametrize(
    ("size", "accepted_at", "left", "depth"),
    [
        pytest.param(3, 90, 100, 3, id="less deep than everybody waits"),
        pytest.param(4, 90, 100, 11, id="to the last acceptance"),
        pytest.param(4, 99, 100, 4, id="which is no deeper"),
        pytest.param(4, 90, 60, 4, id="which could not be made up for"),
        pytest.param(5, None, 100, 5, id="of which there is none"),
    ],
)
def test_a_deep_reorganisation_takes_the_last_acceptance_with_it(
    scene: Scene, size: int, accepted_at: int | None, left: int, depth: int
) -> None:
    scene.chain.accepted_at, scene.chain.left = accepted_at, left
    scene.striker.begin(Fault(1.0, "reorganise", "chain", 0.0, size))
    assert scene.chain.taken_back == [depth]
    assert scene.chain.mining == [0, 1]


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
