"""A coordinator that vanishes, or is replaced, at the contracts: what provers have attested is accepted and paid."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import coordinator.batcher
from circuits.errors import ContractError, UnknownError
from circuits.hashing import keccak
from circuits.terms import Pay, Windows
from commons.protocol.messages import StepReply
from commons.protocol.replies import Failure
from commons.protocol.status import SubmissionState
from commons.storage.accounts import save_account
from coordinator.batcher import StoppedError
from coordinator.machine import Attesting, Resources, State, Transition, advance
from coordinator.service import CoordinatorNode
from gradroll import cli
from provers.node import ProverNode
from tests.integration.test_nodes import DIMENSION, gradient
from tests.support.deployment import REWARD, Deployment
from tests.support.waiting import wait_for

RELAY = 8
"""Whose account relays."""
FEE = 1000
SETTLE = 3600


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    nodes = [ProverNode(made.prover_settings(p)) for p in range(4)]
    for one in nodes:
        one.start()
    yield made
    for one in nodes:
        one.stop()
    made.close()


def paying(deployment: Deployment) -> int:
    """A task that also pays its coordinator."""
    task = deployment.new_task(3, pay=Pay(bonus=REWARD, coordinator_batch=FEE), windows=Windows(600, SETTLE))
    deployment.model_owner.fund(task, 10**6)
    return task


@contextmanager
def serving(deployment: Deployment, **changes: object) -> Iterator[CoordinatorNode]:
    """A coordinator that runs as long as the block."""
    node = CoordinatorNode(deployment.coordinator_settings(**changes))
    node.start()
    try:
        yield node
    finally:
        node.stop()


def vanish_after_attest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provers have signed; the coordinator dies before it sees a signature."""

    def dying(resources: Resources, state: State, replies: Mapping[int, StepReply | Failure]) -> Transition:
        if isinstance(state, Attesting):
            raise StoppedError
        return advance(resources, state, replies)

    monkeypatch.setattr(coordinator.batcher, "advance", dying)


def is_locked(node: CoordinatorNode, task: int, number: int) -> bool:
    """Whether provers were asked to attest a set."""
    with node.coordinator.journal.reading() as state:
        return (task, number) in state.rounds and state.rounds[task, number].locked is not None


def relay(deployment: Deployment, task: int, directory: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """What `gradroll task relay` says, run by a stranger."""
    key = directory / "relay.json"
    if not key.exists():
        save_account(key, deployment.dev.accounts[RELAY])
    chain, market = str(deployment.view.chain_id), f"0x{deployment.market.hex()}"
    node = ["--chain", deployment.url, "--chain-id", chain, "--market", market]
    code = cli.main(["task", "relay", f"0x{task:016x}", "--account", str(key), *node, "--json"])
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    assert code == 0, told
    return told


def test_what_a_coordinator_that_was_killed_left_behind_is_relayed_by_anybody(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = paying(deployment)
    owners = deployment.owners(task, 3)
    with monkeypatch.context() as patch:
        vanish_after_attest(patch)
        number = deployment.model_owner.open_round(task, keccak(b"m"))
        with serving(deployment) as node:
            for owner in owners:
                last, _ = deployment.submit(task, number, owner, gradient())
            wait_for(lambda: is_locked(node, task, number))
    assert deployment.view.accepted(task, number) == ()

    deployment.dev.advance(600 + SETTLE // 2 + 60)
    told = relay(deployment, task, tmp_path, capsys)
    (batch,) = deployment.view.accepted(task, number)
    assert told["accepted"] == [{"batch": f"0x{batch.record.batch_id.hex()}", "owners": 3}]
    assert deployment.view.claimable(task, owners[0].index, 1).amount == REWARD

    with serving(deployment), deployment.client() as client:
        wait_for(lambda: client.submission_status(last.submission).state is SubmissionState.ACCEPTED)
        wait_for(lambda: client.task_status(task).rounds[0].batches[0].payload_digest is not None)
        assert client.submission_status(last.submission).batch_id == batch.record.batch_id


def test_the_next_coordinator_takes_the_round_over_when_the_first_was_silent(
    deployment: Deployment, tmp_path: Path
) -> None:
    """It starts with nothing; owners hand the receipts that they have in there, after submissions have ended."""
    task = paying(deployment)
    owners = deployment.owners(task, 3)
    number = deployment.model_owner.open_round(task, keccak(b"m"))
    dealt = [deployment.header(task, number, owner, gradient()) for owner in owners]
    receipts = [deployment.send(upload)[0] for _, upload in dealt]
    other = deployment.dev.accounts[7]
    with pytest.raises(ContractError, match="CoordinatorActive"):
        deployment.model_owner.set_coordinator(task, other.address)
    deployment.dev.advance(600 + SETTLE // 2 + 60)
    deployment.model_owner.set_coordinator(task, other.address)

    save_account(tmp_path / "other.json", other)
    refused = pytest.raises(UnknownError, match="names the coordinator")
    with serving(deployment), deployment.client() as client, refused:
        client.submit_header(dealt[0][0], receipts[0])
    own = {"account": tmp_path / "other.json", "state": tmp_path / "state", "log": f"sqlite://{tmp_path}/log.sqlite"}
    with serving(deployment, **own, payee=b"\x77" * 20), deployment.client() as client:
        for (header, _), receipt in zip(dealt, receipts, strict=True):
            last = client.submit_header(header, receipt)
        wait_for(lambda: client.submission_status(last.submission).state is SubmissionState.ACCEPTED)
        (batch,) = deployment.view.accepted(task, number)
        assert client.audit_bundle(batch.record.batch_id, DIMENSION).certificate.payee == b"\x77" * 20
