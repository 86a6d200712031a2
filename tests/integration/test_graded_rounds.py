"""A round whose gradients are graded, from the model owner's reference to the sum: real nodes, a real EVM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from circuits.errors import InvalidInputError, NotReadyError, RuleViolationError, UnavailableError, UnknownError
from circuits.quantize import quantize
from circuits.terms import Grading, Windows
from commons.protocol.status import SubmissionState
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.audit.auditor import Auditor
from gradroll.audit.graderows import graded_round
from gradroll.data_owner.owner import DataOwner
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.referencedealing import ReferenceSender
from provers.node import ProverNode
from tests.integration.test_relaying import is_locked, relay, serving, vanish_after_attest
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
def proving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A market with its provers."""
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION, policy="reference")
    nodes = [ProverNode(made.prover_settings(p, clock_skew=SKEW)) for p in range(4)]
    for one in nodes:
        one.start()
    yield made
    for one in nodes:
        one.stop()
    made.close()


@pytest.fixture
def deployment(proving: Deployment) -> Iterator[Deployment]:
    """With a coordinator, too."""
    with serving(proving):
        yield proving


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

    def knows(self, submission: bytes) -> bool:
        try:
            return self.state(submission) is SubmissionState.ACCEPTED
        except UnknownError:
            return False

    def owner(self, nth: int) -> DataOwner:
        return DataOwner(
            self.owners[nth].chain, self.client, self.parameters, self.directory / f"owner-{nth}"
        )  # fmt: skip


@pytest.fixture
def market(deployment: Deployment, tmp_path: Path) -> Iterator[Market]:
    with deployment.client() as client:
        yield made_market(deployment, tmp_path, client)


def made_market(deployment: Deployment, directory: Path, client: CoordinatorClient) -> Market:
    task = deployment.new_task(HONEST + ATTACKERS, grading=GRADING, windows=Windows(WINDOW, WINDOW), bound=BOUND)
    return Market(deployment, directory, client, task, deployment.owners(task, HONEST + ATTACKERS))


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


def test_a_batch_that_its_coordinator_left_behind_is_relayed_and_taken_over(
    proving: Deployment, tmp_path: Path, gradients: list[Floats], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The first coordinator dies once provers have attested; anybody sends the batch; the next one starts with nothing,
    and has what provers opened from their certificates."""
    with monkeypatch.context() as patch:
        vanish_after_attest(patch)
        with serving(proving) as node, proving.client() as client:
            market = made_market(proving, tmp_path, client)
            number = market.buyer.open_round(market.task, np.zeros(DIMENSION), reference=OWN)
            done = [market.owner(nth).submit(market.task, each).submission for nth, each in enumerate(gradients)]
            after_the_deadline(market, number)
            wait_for(lambda: is_locked(node, market.task, number), 120)
            wait_for(lambda: attested(market, number), 120)
    told = relay(proving, market.task, tmp_path, capsys)
    (batch,) = proving.view.accepted(market.task, number)
    assert told["accepted"] == [{"batch": f"0x{batch.record.batch_id.hex()}", "owners": HONEST + ATTACKERS}]
    fresh = {"state": tmp_path / "state", "log": f"sqlite://{tmp_path}/log.sqlite"}
    with serving(proving, **fresh), proving.client() as client:
        market = replace(market, client=client)
        wait_for(lambda: market.knows(done[-1]), 120)
        assert [market.client.submission_status(each).reason[:6] for each in done[-2:]] == ["weight"] * 2
        wait_for(lambda: client.task_status(market.task).rounds[0].batches[0].payload_digest is not None)
        assert market.buyer.read_aggregate(market.task, number).weights == (3,) * HONEST + (0,) * ATTACKERS


def test_the_next_coordinator_has_the_copies_from_the_model_owner_and_owners_after_them(
    proving: Deployment, tmp_path: Path, gradients: list[Floats]
) -> None:
    with serving(proving), proving.client() as client:
        market = made_market(proving, tmp_path, client)
        number = market.buyer.open_round(market.task, np.zeros(DIMENSION), reference=OWN)
        done = [market.owner(nth).submit(market.task, each).submission for nth, each in enumerate(gradients)]
    fresh = {"state": tmp_path / "state", "log": f"sqlite://{tmp_path}/log.sqlite"}
    with serving(proving, **fresh), proving.client() as client:
        market = replace(market, client=client)
        with pytest.raises(NotReadyError, match="0 of 2 copies"):
            market.owner(0).submit(market.task, gradients[0])
        assert market.buyer.open_round(market.task, np.zeros(DIMENSION), reference=OWN) == number
        for nth, each in enumerate(gradients):
            assert market.owner(nth).submit(market.task, each).submission == done[nth]
        after_the_deadline(market, number)
        wait_for(lambda: all(market.state(each) is SubmissionState.ACCEPTED for each in done), 120)


def attested(market: Market, number: int) -> bool:
    """Whether a quorum of the provers shows its word on a batch."""
    try:
        return bool(ProverReader(market.deployment.view).attested(market.task, number, ()))
    except UnavailableError:
        return False


def _stop(*_: object) -> None:
    raise Stopped
