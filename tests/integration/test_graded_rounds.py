"""A round whose gradients are graded, from the model owner's reference to the sum: real nodes, a real EVM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from circuits.errors import InvalidInputError, NotReadyError, RuleViolationError, UnknownError
from circuits.quantize import quantize
from circuits.terms import Grading, Windows
from commons.protocol.status import SubmissionState
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from coordinator.service import CoordinatorNode
from gradroll.audit.auditor import Auditor
from gradroll.audit.graderows import graded_round
from gradroll.data_owner.owner import DataOwner
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.referencedealing import ReferenceSender
from provers.node import ProverNode
from tests.support.deployment import FRACTION_BITS, Deployment, Owner
from tests.support.waiting import wait_for

BOUND, DIMENSION = 1 << 32, 10
WINDOW, SKEW = 600, 5
"""Seconds."""
HONEST, ATTACKERS = 5, 3
GRADING = Grading(4, 4, b"\x11" * 32)
RNG = np.random.default_rng(11)
OWN = np.asarray(RNG.normal(size=DIMENSION))

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION, policy="reference")
    nodes = [ProverNode(made.prover_settings(p, clock_skew=SKEW)) for p in range(4)]
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

    def state(self, submission: bytes) -> SubmissionState:
        return self.client.submission_status(submission).state

    def owner(self, nth: int) -> DataOwner:
        return DataOwner(
            self.owners[nth].chain, self.client, self.parameters, self.directory / f"owner-{nth}"
        )  # fmt: skip


@pytest.fixture
def market(deployment: Deployment, tmp_path: Path) -> Iterator[Market]:
    task = deployment.new_task(HONEST + ATTACKERS, grading=GRADING, windows=Windows(WINDOW, WINDOW), bound=BOUND)
    owners = deployment.owners(task, HONEST + ATTACKERS)
    with deployment.client() as client:
        yield Market(deployment, tmp_path, client, task, owners)


@pytest.fixture
def gradients() -> list[Floats]:
    """Of owners that learn the same as the model owner, then of some that push against it."""
    return [OWN + 0.1 * RNG.normal(size=DIMENSION) for _ in range(HONEST)] + [-OWN] * ATTACKERS


def quantized(gradient: Floats) -> npt.NDArray[np.int64]:
    """As owners of a task that grades bring it to the bound."""
    return quantize(gradient, fraction_bits=FRACTION_BITS, bound=BOUND, dimension=DIMENSION, stretch=True).values


def after_the_deadline(market: Market, number: int) -> None:
    record = market.deployment.view.round(market.task, number)
    market.deployment.dev.advance(record.submit_deadline + SKEW + 2 - market.deployment.view.now())


def test_a_graded_round_from_its_opening_to_pay(market: Market, gradients: list[Floats]) -> None:
    task, view, everybody = market.task, market.deployment.view, range(HONEST + ATTACKERS)
    number = market.buyer.open_round(task, np.zeros(DIMENSION), reference=OWN)
    assert np.array_equal(market.owner(0).fetch_model(task, number), np.zeros(DIMENSION))
    done = [market.owner(nth).submit(task, each).submission for nth, each in enumerate(gradients)]
    assert not view.accepted(task, number), "nothing is opened while anybody may hand in"
    after_the_deadline(market, number)
    wait_for(lambda: all(market.state(each) is SubmissionState.ACCEPTED for each in done), 120)
    wait_for(lambda: market.client.task_status(task).rounds[0].batches[0].payload_digest is not None)
    for read in (
        market.buyer.read_aggregate(task, number),
        market.buyer.read_aggregate(task, number, from_provers=True),
    ):
        assert read.weights == (3,) * HONEST + (0,) * ATTACKERS
        assert np.array_equal(read.quantized, 3 * np.sum([quantized(each) for each in gradients[:HONEST]], axis=0))
        update = market.buyer.update(task, read, OWN)
        assert update.judged
        assert np.allclose(update.values, read.mean)
        assert np.dot(update.values, OWN) > 0.9 * np.linalg.norm(OWN) * np.linalg.norm(update.values)
    reasons = [market.client.submission_status(each).reason for each in done]
    assert [reason.split(":")[0] for reason in reasons] == [""] * HONEST + ["weight"] * ATTACKERS
    ((batch, report),) = Auditor(view, market.client, market.parameters).audit_round(task, number)
    assert (report.verdict, report.statement is not None) == ("passed", True)
    assert report.statement is not None
    (graded,) = graded_round([report.statement], view.terms(task).pay)
    assert [row.level for row in graded.rows] == [3] * HONEST + [0] * ATTACKERS
    assert [row.signer for row in graded.rows] == list(batch.owners)
    market.deployment.dev.advance(2 * WINDOW)
    paid = [view.claimable(task, market.owners[nth].index, number + 1).amount for nth in everybody]
    assert paid == [row.pay for row in graded.rows]
    assert paid[HONEST:] == [0] * ATTACKERS
    assert len(set(paid[:HONEST])) == 1
    assert paid[0] > 0


class Stopped(KeyboardInterrupt):
    """Ctrl-C."""


def test_who_was_interrupted_goes_on_with_the_reference_that_the_round_was_opened_with(
    market: Market, gradients: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all copies are in, no owner hands anything in: it would be graded against nothing."""
    task, model = market.task, np.ones(DIMENSION)
    with monkeypatch.context() as patch:
        patch.setattr(ReferenceSender, "hand_in", _stop)
        with pytest.raises(Stopped):
            market.buyer.open_round(task, model, reference=OWN)
    with pytest.raises(NotReadyError, match="handed in 0 of 2 copies"):
        market.owner(0).submit(task, gradients[0])
    with pytest.raises(UnknownError, match="nothing is kept here of the reference"):
        replace(market, directory=market.directory / "another").buyer.open_round(task, model, reference=OWN)
    assert market.buyer.open_round(task, model, reference=OWN) == 0, "the same round, and not another one"
    assert market.deployment.view.task(task).rounds_opened == 1
    assert market.owner(0).submit(task, gradients[0]).status.state is SubmissionState.PENDING
    with pytest.raises(InvalidInputError, match="grades gradients by one of the model owner's own"):
        market.buyer.open_round(task, model)


def test_a_round_of_another_task_on_the_same_model_is_refused_by_its_owners(
    market: Market, gradients: list[Floats]
) -> None:
    """Although it was opened with another reference, so that the digest that owners sign is another."""
    number = market.buyer.open_round(market.task, np.zeros(DIMENSION), reference=OWN)
    market.owner(0).submit(market.task, gradients[0], round_number=number)
    other = market.deployment.new_task(HONEST, grading=GRADING, windows=Windows(WINDOW, WINDOW), bound=BOUND)
    market.owners[0].chain.register(other)
    replace(market, task=other).buyer.open_round(other, np.zeros(DIMENSION), reference=-OWN)
    with pytest.raises(RuleViolationError, match="--reuse-model"):
        market.owner(0).submit(other, gradients[0])


def _stop(*_: object) -> None:
    raise Stopped
