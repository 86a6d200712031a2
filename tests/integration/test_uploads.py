"""Owners upload once, to a real coordinator, which hands their shares on to real provers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import UnavailableError
from circuits.hashing import keccak
from commons.protocol.status import SubmissionState
from commons.storage.parameters import PublicParameters
from commons.wire.prover_client import ProverClient
from coordinator.service import CoordinatorNode
from gradroll.data_owner.owner import DataOwner, Submitted
from provers.node import ProverNode
from tests.support.deployment import Deployment, Owner
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow
DIMENSION, OWNERS, PROVERS = 10, 6, 4


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    yield made
    made.close()


def submitted(deployment: Deployment, directory: Path, owner: Owner, task: int, nth: int) -> Submitted:
    """What an owner's client does."""
    parameters = PublicParameters(deployment.directory / "srs.gsrs", deployment.directory / "keys", allow_insecure=True)
    with deployment.client() as client:
        owning = DataOwner(owner.chain, client, parameters, directory / f"owner-{nth}", patience=1.0)
        return owning.submit(task, np.linspace(-1, 1, DIMENSION) / 4)


def holding(deployment: Deployment, prover: int) -> int:
    """How many shares a prover has; -1 while connections to it wait, as others of this process found nobody there."""
    with ProverClient(f"127.0.0.1:{deployment.ports[prover]}") as client:
        try:
            return client.status().submissions
        except UnavailableError:
            return -1


def test_owners_that_come_together_all_get_in_and_a_prover_that_was_away_gets_their_shares(
    deployment: Deployment, tmp_path: Path
) -> None:
    """More than there are places anywhere: they are sent away, come back, and nobody is lost."""
    task = deployment.new_task(OWNERS)
    owners = deployment.owners(task, OWNERS)
    nodes = [ProverNode(deployment.prover_settings(p, max_workers=2)) for p in range(PROVERS)]
    coordinator = CoordinatorNode(deployment.coordinator_settings(max_workers=2))
    late = nodes[3]
    try:
        for node in nodes[:3]:
            node.start()
        coordinator.start()
        deployment.model_owner.open_round(task, keccak(b"m"))
        with ThreadPoolExecutor(OWNERS) as pool:
            done = list(pool.map(lambda nth: submitted(deployment, tmp_path, owners[nth], task, nth), range(OWNERS)))
        assert all(each.receipts == (0, 1, 2) for each in done)
        assert {each.status.state for each in done} <= {SubmissionState.PENDING, SubmissionState.PROVING}
        late.start()
        wait_for(lambda: holding(deployment, 3) == OWNERS)
    finally:
        coordinator.stop()
        for node in nodes:
            node.stop()
