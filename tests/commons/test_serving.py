"""A node whose files do not serve a task says so, in words, before anything of the task is taken in."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from circuits import keyfiles
from circuits.errors import ChainError, KeyMismatchError
from circuits.srs import unsafe_development_srs
from circuits.statement import domain_size
from commons.chain.depth import BlockHead
from commons.chain.facts import RoundRecord, TaskRecord
from commons.chain.lookout import open_tasks, warn_of_clock, warn_of_depth, warn_unserved
from commons.chain.serving import require_served
from commons.settings.values import Depth
from commons.storage.parameters import PublicParameters
from native import G1
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock, WorldClock
from tests.simulation.world.nodes import NodeView
from tests.support.network import network_with
from tests.support.plain_batch import seed_of

NETWORK = network_with(2)
SETUP, TASK = NETWORK.setup, NETWORK.terms.task_id
CLOCK = NodeClock(WorldClock())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    SETUP.srs.save(tmp_path / "srs")
    keyfiles.save_proving_key(SETUP.proving, tmp_path / "norm.proving")
    return tmp_path


def require(folder: Path, chain: NodeView | None = None) -> None:
    held = PublicParameters(folder / "srs", folder, allow_insecure=True)
    require_served(chain or NodeView(chain_of(NETWORK)), held, held.proving_key, TASK)


def test_the_files_of_a_task_serve_it(folder: Path) -> None:
    require(folder)


def test_another_reference_string_is_told_from_the_tasks(folder: Path) -> None:
    unsafe_development_srs(seed_of("another"), domain_size(NETWORK.terms.dimension)).save(folder / "srs")
    with pytest.raises(KeyMismatchError, match="is another than the task's: get"):
        require(folder)


def test_a_reference_string_that_is_too_short_for_the_model_is_told(folder: Path) -> None:
    chain = chain_of(NETWORK)
    chain.terms = replace(chain.terms, dimension=100_000)
    with pytest.raises(KeyMismatchError, match="powers, a domain of"):
        require(folder, NodeView(chain))


def test_a_policy_key_that_is_missing_is_told(folder: Path) -> None:
    (folder / "norm.proving").unlink()
    with pytest.raises(KeyMismatchError, match=r"no .*proving file"):
        require(folder)


@dataclass
class Tasks(NodeView):
    """Many tasks: even ones of committee 1, and the last round of every third is over.

    Attributes:
        silent_from: the node does not answer for tasks from this one on.
    """

    count: int = 6
    silent_from: int = 1000

    def task_count(self) -> int:
        return self.count

    def task(self, task_id: int) -> TaskRecord:
        if task_id >= self.silent_from:
            raise ChainError("the node cannot be reached")
        terms = replace(self.chain.terms, task_id=task_id, committee_id=1 - task_id % 2, rounds=1)
        return TaskRecord(terms, terms.creator, None, terms.coordinator, 4, 0, 0, 1, 0, 0)

    def task_ids(self, first: int = 0, last: int | None = None) -> tuple[int, ...]:
        return tuple(range(self.count))[first:last]

    def round(self, task_id: int, number: int) -> RoundRecord:
        deadline = self.now() - (task_id % 3 == 0)
        closed = deadline < self.now()
        return RoundRecord(bytes(32), deadline, deadline, 0, 0, 0, 0, 0, 0, G1(bytes(64)), closed, False)


def ours(record: TaskRecord) -> bool:
    return record.terms.committee_id == 1


def test_tasks_that_are_over_or_do_not_concern_a_node_are_not_looked_at() -> None:
    found = [record.terms.task_id for record in open_tasks(Tasks(chain_of(NETWORK)), ours, CLOCK)]
    assert found == [2, 4]


def test_strangers_that_create_tasks_do_not_keep_a_node_from_starting() -> None:
    tasks = Tasks(chain_of(NETWORK), count=10_000, silent_from=10_000)
    assert min(record.terms.task_id for record in open_tasks(tasks, ours, CLOCK)) >= 9900


def test_strangers_verifiers_that_are_slow_do_not_keep_a_node_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    clock, asked = NodeClock(WorldClock()), list[int]()

    def slow(task_id: int) -> None:
        asked.append(task_id)
        clock.sleep(5)

    with caplog.at_level(logging.WARNING):
        warn_unserved(open_tasks(Tasks(chain_of(NETWORK), count=100), ours, clock), slow)
    assert len(asked) == 7
    assert "event=tasks-not-looked-at reason='it takes more than 30 s" in caplog.text


def test_each_task_that_is_not_served_is_named_and_a_node_that_is_silent_ends_the_look(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(task_id: int) -> None:
        if task_id == 2:
            raise KeyMismatchError("no such key")

    with caplog.at_level(logging.WARNING):
        served = warn_unserved(open_tasks(Tasks(chain_of(NETWORK), silent_from=5), ours, CLOCK), refuse)
    assert [record.terms.task_id for record in served] == [4]
    assert "event=task-not-served task=0x0000000000000002 code=key-mismatch reason='no such key'" in caplog.text
    assert "event=tasks-not-looked-at reason='the node cannot be reached'" in caplog.text


@pytest.mark.parametrize(("behind", "told"), [(30, False), (31, True), (-3600, False)])
def test_a_clock_that_is_behind_the_chains_is_told(behind: int, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    chain = chain_of(NETWORK)
    clock = NodeClock(chain.clock)
    clock.skew = -behind
    warn_of_clock(NodeView(chain), clock, 30)
    assert (f"event=clock-behind seconds={behind}" in caplog.text) is told


@pytest.mark.parametrize("depth", [2, "finalized"])
def test_a_node_that_knows_no_final_block_is_told(depth: Depth, caplog: pytest.LogCaptureFixture) -> None:
    class Node(NodeView):
        def block(self, depth: Depth) -> BlockHead:
            if isinstance(depth, str):
                raise ChainError("it knows no such block")
            return super().block(depth)

    warn_of_depth(Node(chain_of(NETWORK)), depth)
    assert ("event=no-block-is-final reason='it knows no such block'" in caplog.text) is isinstance(depth, str)
