"""Two coordinators of one account that share a log in Redis: one leads, the other stands in for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import StandbyError, StorageError, UnavailableError
from commons.protocol.status import SubmissionState
from commons.settings.loading import Settings
from commons.wire.coordinator_client import SERVICE, CoordinatorClient
from commons.wire.health import is_serving
from coordinator.events import HeaderRefused
from coordinator.service import CoordinatorNode
from gradroll.cli import main
from gradroll.setup.freeports import free_ports
from provers.node import ProverNode
from tests.support.deployment import Deployment, Process
from tests.support.redisserver import RedisServer
from tests.support.waiting import wait_for

DIMENSION = 10
NOTHING_SENT = b'{"version":2,"entries":[]}'
RNG = np.random.default_rng(11)


class Pair(Deployment):
    """A deployment whose coordinator is two, with a Redis server of their own."""

    server: RedisServer
    home: Path
    lease = 1.0

    def settings(self, which: int) -> Settings:
        """Of one of the two."""
        endpoint = f"127.0.0.1:{self.coordinator_ports[which]}"
        return self.coordinator_settings(
            listen=endpoint, endpoint=endpoint, log=self.server.url, lease=self.lease,
            state=self.home / f"{which}", shared=self.home / "shared",
        )  # fmt: skip

    def began(self, home: Path) -> Pair:
        """Two new coordinators of the same market."""
        self.server.client.flushall()
        self.home, self.coordinator_ports = home, free_ports(2)
        return self

    def ask(self, which: int) -> CoordinatorClient:
        """A client of one of the two."""
        return CoordinatorClient(f"127.0.0.1:{self.coordinator_ports[which]}")

    def leads(self, which: int) -> bool:
        """Whether one answers, and leads."""
        try:
            return is_serving(f"127.0.0.1:{self.coordinator_ports[which]}", timeout=5.0, service=SERVICE)
        except UnavailableError:
            return False

    def stands_by(self, which: int) -> bool:
        """Whether one answers, and does not lead."""
        try:
            with self.ask(which) as client:
                return bool(client.standing_by())
        except UnavailableError:
            return False

    def accepted(self, which: int, submissions: list[bytes]) -> bool:
        """Whether one leads, and says that a batch with all of these was accepted."""
        try:
            with self.ask(which) as client:
                states = {client.submission_status(submission).state for submission in submissions}
        except UnavailableError:
            return False
        return states == {SubmissionState.ACCEPTED}

    def rows(self) -> list[bytes]:
        """What is in the log."""
        rows: list[bytes] = self.server.client.lrange("gradroll:events", 0, -1)
        return rows


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        made = Pair(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
        made.server = server
        yield made
        made.close()


@pytest.fixture
def both(deployment: Pair, tmp_path: Path) -> Pair:
    """Two coordinators that share a log and a folder; nothing runs yet."""
    deployment.lease = 1.0
    return deployment.began(tmp_path)


def paid(pair: Pair, task: int, number: int) -> list[tuple[int, ...]]:
    """Owners of the batches that the market accepted."""
    return [batch.record.indices for batch in pair.view.accepted(task, number)]


def submitted(pair: Pair, which: int, count: int) -> tuple[int, int, list[bytes]]:
    """A task with submissions of all its owners, handed in to one of the two."""
    task = pair.new_task(count)
    owners = pair.owners(task, count)
    pair.coordinator_port = pair.coordinator_ports[which]
    with pair.ask(which) as client:
        number = pair.model_owner.open_round(task, client.put_model(b"m", task, pair.model_owner))
    drawn = [RNG.normal(size=DIMENSION) / np.sqrt(DIMENSION) for _ in owners]
    statuses = [pair.submit(task, number, owner, values)[0] for owner, values in zip(owners, drawn, strict=True)]
    return task, number, [status.submission for status in statuses]


def test_a_standby_says_who_leads_and_leads_when_that_one_stops(both: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    both.lease = 60.0
    left = both.home / "0" / "outbox"  # by a release that had its log in Redis, and its transactions in a file
    left.parent.mkdir()
    left.write_bytes(NOTHING_SENT)
    nodes = [CoordinatorNode(both.settings(which)) for which in (0, 1)]
    for node in nodes:
        node.start()
    first, second = (f"127.0.0.1:{port}" for port in both.coordinator_ports)
    try:
        assert (both.leads(0), both.leads(1)) == (True, False)
        assert both.server.client.get("gradroll:events:outbox") == NOTHING_SENT
        assert not left.exists()
        assert is_serving(second, timeout=5.0), "the server itself is well"
        with both.ask(1) as client:
            with pytest.raises(StandbyError, match=f"stands by; the one at {first} leads") as caught:
                client.task_status(1)
            assert 1 < caught.value.retry_after <= 60, "not what is meant where nothing is said"
            with pytest.raises(StandbyError):
                client.payload(bytes(32), both.dimension)
            with pytest.raises(StandbyError):
                client.get_model(bytes(32), both.dimension)
        assert main(["coordinator", "status", "--endpoint", first]) == 0
        assert f"the coordinator at {first} works: it leads" in capsys.readouterr().out
        assert main(["coordinator", "status", "--endpoint", second]) == 0
        assert f"stands by; the one at {first} leads" in capsys.readouterr().out
        with pytest.raises(StorageError, match=r"set coordinator\.shared"):
            CoordinatorNode(both.coordinator_settings(log=both.server.url, state=both.home / "alone"))
        task = both.new_task(2)
        with both.ask(0) as client:
            model = client.put_model(b"a model", task, both.model_owner)
        nodes.pop(0).stop()
        wait_for(lambda: both.leads(1))
        with both.ask(1) as client:
            assert client.get_model(model, both.dimension) == b"a model"
    finally:
        for node in nodes:
            node.stop()


def noted(node: CoordinatorNode) -> None:
    """Write an event as it comes of itself."""
    node.coordinator.journal.record(HeaderRefused(7, "closed", bytes(32), 0))


def test_an_emptied_redis_ends_the_leader_and_lets_nobody_start(both: Pair) -> None:
    ended = threading.Event()
    node = CoordinatorNode(both.settings(0), ended.set)
    node.start()
    try:
        noted(node)
        both.server.client.flushall()
        assert ended.wait(900)
        assert isinstance(node.failure, StorageError)
        assert "Restore Redis" in str(node.failure)
        with pytest.raises(StandbyError):
            noted(node)
        assert both.rows() == []
    finally:
        node.stop()
    with pytest.raises(StorageError, match="Restore Redis"):
        CoordinatorNode(both.settings(1))
    assert both.rows() == []
    both.home = both.home / "anew"  # who accepts the loss gives them another folder
    node = CoordinatorNode(both.settings(0))
    noted(node)
    node.stop()
    assert len(both.rows()) == 3, "its version, its market, and what was noted"


@pytest.mark.slow
def test_a_leader_that_redis_does_not_answer_steps_down_and_leads_again_with_the_same_log(both: Pair) -> None:
    node = CoordinatorNode(both.settings(0))
    node.start()
    try:
        noted(node)
        before, mark = both.rows(), both.server.client.hget("gradroll:events:lease", "mark")
        both.server.freeze()
        wait_for(lambda: both.stands_by(0))
        with pytest.raises(StandbyError):
            noted(node)
        both.server.thaw()
        wait_for(lambda: both.leads(0))
        assert both.rows() == before
        assert both.server.client.hget("gradroll:events:lease", "mark") != mark
        with node.coordinator.journal.reading() as state:
            assert state.refusals == {7: {"closed": 1}}
        noted(node)
        assert len(both.rows()) == len(before) + 1
    finally:
        node.stop()


def attempts(pair: Pair) -> int:
    """Attempts at batches in the log."""
    return sum(b'"attempt-used"' in row for row in pair.rows())


@pytest.mark.slow
def test_a_batch_whose_coordinator_freezes_or_dies_is_finished_by_the_other_and_paid_once(both: Pair) -> None:
    both.lease = 10.0
    provers = [ProverNode(both.prover_settings(p)) for p in range(4)]
    for prover in provers:
        prover.start()
    running = [Process(both.settings(which)) for which in (0, 1)]
    try:
        for stop, last in ((Process.freeze, False), (Process.kill, True)):
            wait_for(lambda: any(map(both.leads, (0, 1))) and any(map(both.stands_by, (0, 1))))
            first = 0 if both.leads(0) else 1
            other, done = 1 - first, attempts(both)
            task, number, submissions = submitted(both, first, 2)
            wait_for(lambda: attempts(both) > done, pause=0.005)  # noqa: B023 - over before it changes
            stop(running[first])
            wait_for(lambda: both.accepted(other, submissions))  # noqa: B023
            rows = both.rows()
            if not last:
                running[first].thaw()
                wait_for(lambda: both.stands_by(first))  # noqa: B023
            assert both.rows()[: len(rows)] == rows
            assert paid(both, task, number) == [(0, 1)]
        assert running[other].stop() == 0
    finally:
        for process in running:
            process.thaw()
            process.kill()
        for prover in provers:
            prover.stop()
