"""A round whose gradients are graded, from the model owner's reference to the sum: real nodes, a real EVM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from circuits.quantize import quantize
from circuits.terms import Grading, Windows
from commons.protocol.status import SubmissionState
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from coordinator.service import CoordinatorNode
from gradroll.data_owner.owner import DataOwner
from gradroll.model_owner.buyer import ModelOwner
from provers.node import ProverNode
from tests.support.deployment import FRACTION_BITS, Deployment, Owner
from tests.support.waiting import wait_for

BOUND = 1 << 32
DIMENSION = 10
HONEST, ATTACKERS = 5, 3
GRADING = Grading(4, 4, b"\x11" * 32)
RNG = np.random.default_rng(11)
OWN = np.asarray(RNG.normal(size=DIMENSION))

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION, policy="reference")
    nodes = [ProverNode(made.prover_settings(p, clock_skew=5)) for p in range(4)]
    for one in nodes:
        one.start()
    coordinator = CoordinatorNode(made.coordinator_settings())
    coordinator.start()
    yield made
    coordinator.stop()
    for one in nodes:
        one.stop()
    made.close()


@dataclass
class Market:
    """A task that grades, with what its model owner and its owners use."""

    deployment: Deployment
    directory: Path
    client: CoordinatorClient
    task: int
    owners: list[Owner]
    parameters: PublicParameters = field(init=False)

    def __post_init__(self) -> None:
        home = self.deployment.directory
        self.parameters = PublicParameters(home / "srs.gsrs", home / "keys", allow_insecure=True)

    @property
    def buyer(self) -> ModelOwner:
        return ModelOwner(
            self.deployment.view, self.deployment.model_owner, self.client, self.parameters,
            state=self.directory / "model-owner",
        )  # fmt: skip

    def owner(self, nth: int) -> DataOwner:
        return DataOwner(
            self.owners[nth].chain, self.client, self.parameters, self.directory / f"owner-{nth}"
        )  # fmt: skip


@pytest.fixture
def market(deployment: Deployment, tmp_path: Path) -> Iterator[Market]:
    task = deployment.new_task(HONEST + ATTACKERS, grading=GRADING, windows=Windows(15, 3600), bound=BOUND)
    owners = deployment.owners(task, HONEST + ATTACKERS)
    with deployment.client() as client:
        yield Market(deployment, tmp_path, client, task, owners)


def test_a_graded_round_from_its_opening_to_its_sum(market: Market) -> None:
    buyer, task = market.buyer, market.task
    number = buyer.open_round(task, np.zeros(DIMENSION), reference=OWN)
    gradients = [OWN + 0.1 * RNG.normal(size=DIMENSION) for _ in range(HONEST)] + [-OWN] * ATTACKERS
    done = [market.owner(nth).submit(task, each) for nth, each in enumerate(gradients)]
    wait_for(
        lambda: all(
            market.client.submission_status(each.submission).state is SubmissionState.ACCEPTED for each in done
        ),
        120,
    )
    wait_for(lambda: market.client.task_status(task).rounds[0].batches[0].payload_digest is not None)
    aggregate = buyer.read_aggregate(task, number)
    quantized = [
        quantize(g, fraction_bits=FRACTION_BITS, bound=BOUND, dimension=DIMENSION, stretch=True) for g in gradients
    ]
    assert np.array_equal(aggregate.quantized, 3 * np.sum([q.values for q in quantized[:HONEST]], axis=0))
