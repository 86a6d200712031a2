"""A whole round through nodes as providers run them: they limit what they show, and go away in the middle."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from circuits.hashing import keccak
from commons.protocol.status import SubmissionState
from commons.settings.loading import Settings
from coordinator.service import CoordinatorNode
from provers.node import ProverNode
from tests.support.deployment import Deployment
from tests.support.httpnode import StandIn
from tests.support.waiting import wait_for

DIMENSION = 10


@pytest.mark.slow
def test_a_round_through_nodes_that_limit_logs_while_the_first_goes_away(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, dimension=DIMENSION)
    with ExitStack() as undo:
        undo.callback(deployment.close)
        first, second = (StandIn(deployment.dev) for _ in range(2))
        for node in (first, second):
            undo.callback(node.close)
            node.range, node.results = 3, 1
        second.refusal = 413

        def through_both(settings: Settings) -> Settings:
            return settings.changed({"chain.url": [first.secret_url, second.secret_url], "chain.absent_after": 1.0})

        provers = [ProverNode(through_both(deployment.prover_settings(p))) for p in range(4)]
        coordinator = CoordinatorNode(through_both(deployment.coordinator_settings()))
        for prover in provers:
            prover.start()
            undo.callback(prover.stop)
        coordinator.start()
        undo.callback(coordinator.stop)
        task, draws = deployment.new_task(2), np.random.default_rng(3)
        owners = deployment.owners(task, 2)
        for number, status in enumerate((0, 503)):
            first.status = status
            deployment.model_owner.open_round(task, keccak(b"m"))
            for owner in owners:
                told, missing = deployment.submit(task, number, owner, draws.normal(size=DIMENSION) / DIMENSION)
                assert not missing
            wait_for(partial(_accepted, deployment, told.submission))
        assert first.count("eth_getLogs") > 2
        assert second.count("eth_sendRawTransaction") >= 2, "transactions go to both"


def _accepted(deployment: Deployment, submission: bytes) -> bool:
    with deployment.client() as client:
        return client.submission_status(submission).state is SubmissionState.ACCEPTED
