"""The chain takes an acceptance back, under real provers and a real coordinator: nobody loses its pay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from circuits.hashing import keccak
from commons.protocol.status import SubmissionState, SubmissionStatus
from coordinator.service import CoordinatorNode
from provers.node import ProverNode
from tests.support.deployment import Deployment
from tests.support.waiting import wait_for

DIMENSION, DEPTH = 10, 4


@dataclass
class Market:
    """A round with two submissions, and the state of the chain from before them."""

    deployment: Deployment
    coordinator: CoordinatorNode
    task: int
    before: object
    submission: bytes = b""

    def hand_in(self) -> None:
        draws = np.random.default_rng(3)
        number = 0
        for owner in self.owners:
            gradient = draws.normal(size=DIMENSION) / DIMENSION
            status, missing = self.deployment.submit(self.task, number, owner, gradient)
            assert not missing
            self.submission = status.submission

    def __post_init__(self) -> None:
        self.owners = self.deployment.owners(self.task, 2)
        self.deployment.model_owner.open_round(self.task, keccak(b"m"))
        self.before = self.deployment.dev._tester.take_snapshot()

    def take_back(self) -> None:
        """Another branch without what came since the submissions, as long as the one before."""
        length = self.deployment.view.rpc.head().number
        self.deployment.dev._tester.revert_to_snapshot(self.before)
        self.deployment.dev._tester.mine_blocks(length - self.deployment.view.rpc.head().number + 1)

    def accepted(self) -> int:
        return len(self.deployment.view.accepted(self.task, 0))

    def status(self) -> SubmissionStatus:
        with self.deployment.client() as client:
            return client.submission_status(self.submission)

    def stop(self) -> None:
        self.coordinator.stop()

    def restart(self) -> None:
        self.stop()
        self.coordinator = started(self.deployment)


def started(deployment: Deployment) -> CoordinatorNode:
    node = CoordinatorNode(deployment.coordinator_settings(confirmations=DEPTH, round_age=0.0, longest_pause=1.0))
    node.start()
    return node


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    deployment = Deployment(tmp_path, dimension=DIMENSION)
    with ExitStack() as undo:
        undo.callback(deployment.close)
        for prover in range(4):
            node = ProverNode(deployment.prover_settings(prover, confirmations=DEPTH))
            node.start()
            undo.callback(node.stop)
        made = Market(deployment, started(deployment), deployment.new_task(2), None)
        undo.callback(made.stop)
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("restarts", [False, True], ids=["it runs on", "it is restarted"])
def test_an_acceptance_that_is_taken_back_is_handed_in_again(market: Market, restarts: bool) -> None:
    market.hand_in()
    wait_for(lambda: market.accepted() == 1)
    assert market.status().state is SubmissionState.PROVEN
    market.take_back()
    assert market.accepted() == 0
    if restarts:
        market.restart()
    wait_for(lambda: market.accepted() == 1)
    assert market.status().state is SubmissionState.PROVEN
    market.deployment.dev._tester.mine_blocks(DEPTH)
    wait_for(lambda: market.status().state is SubmissionState.ACCEPTED)
    assert market.accepted() == 1


def test_a_round_in_the_place_of_another_has_its_own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen at the next look at the blocks, which is made with every question here."""
    monkeypatch.setattr("commons.chain.deploymentwatch._AGE", 0.0)
    deployment = Deployment(tmp_path, dimension=DIMENSION)
    with ExitStack() as undo:
        undo.callback(deployment.close)
        task, view, chain = deployment.new_task(2), deployment.view, deployment.dev._tester
        deployment.owners(task, 2)
        before = chain.take_snapshot()
        deployment.model_owner.open_round(task, keccak(b"one"))
        assert view.context(task, 0).model_digest == keccak(b"one")
        chain.revert_to_snapshot(before)
        deployment.model_owner.open_round(task, keccak(b"another"))
        assert view.round(task, 0).model_digest == keccak(b"another")
        assert view.context(task, 0).model_digest == keccak(b"another")
