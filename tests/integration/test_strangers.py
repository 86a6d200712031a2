"""What nodes tell those who are not their operators, and what they do not read twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import grpc
import pytest

from circuits.errors import InvalidInputError, KeyMismatchError, SignatureError, StorageError, WireError
from circuits.hashing import keccak
from commons.protocol.messages import Step, StepRequest
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.streamheads import ModelHead, publication_digest
from commons.storage.parameters import PublicParameters
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire._generated import coordinator_pb2_grpc as rpc
from commons.wire.channel import open_channel
from commons.wire.coordination import largest_model, model_to_wire
from commons.wire.prover_client import ProverClient
from coordinator.service import CoordinatorNode
from provers.node import ProverNode
from tests.integration.test_nodes import DIMENSION, gradient
from tests.support.deployment import Deployment


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    yield made
    made.close()


@pytest.fixture
def prover(deployment: Deployment) -> Iterator[ProverNode]:
    node = ProverNode(deployment.prover_settings(0))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def coordinator(deployment: Deployment) -> Iterator[CoordinatorNode]:
    node = CoordinatorNode(deployment.coordinator_settings())
    node.start()
    yield node
    node.stop()


@pytest.fixture
def share(deployment: Deployment) -> SealedUpload:
    """An owner's upload."""
    task = deployment.new_task(3)
    (owner,) = deployment.owners(task, 1)
    number = deployment.model_owner.open_round(task, keccak(b"m"))
    return deployment.header(task, number, owner, gradient())[1]


def full(*_: object, **__: object) -> NoReturn:
    raise OSError(28, os.strerror(28), "/srv/gradroll/incoming")


def hand_in(deployment: Deployment, share: SealedUpload) -> None:
    record = deployment.view.committee_record(deployment.committee_id)
    context = deployment.view.context(share.head.header.task_id, share.head.header.round)
    with ProverClient(record.endpoints[0]) as client:
        client.submit_shares(share.head.share(0), share.body(0), share.head.header.digest(context))


def test_a_prover_with_a_full_disk_keeps_its_paths_to_itself(
    deployment: Deployment,
    prover: ProverNode,
    share: SealedUpload,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("provers.store.move_durably", full)
    with pytest.raises(StorageError, match="a problem of its own") as caught:
        hand_in(deployment, share)
    assert "space" not in str(caught.value)
    assert any("No space left on device" in line for line in caplog.messages)


def test_a_prover_without_its_key_keeps_its_paths_to_itself(
    deployment: Deployment, prover: ProverNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = PublicParameters(tmp_path / "srs.gsrs", tmp_path / "keys")
    monkeypatch.setattr(prover.prover, "run", lambda _: empty.proving_key(bytes(32)))
    request = StepRequest(Step.RELEASE, bytes(32), None, None, b"", (), b"", 0)
    with (
        ProverClient(f"127.0.0.1:{deployment.ports[0]}") as client,
        pytest.raises(KeyMismatchError, match="a problem of its own") as caught,
    ):
        client.run(request, DIMENSION)
    assert str(tmp_path) not in str(caught.value)


def test_a_coordinator_with_a_full_disk_keeps_its_paths_to_itself(
    deployment: Deployment, coordinator: CoordinatorNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = deployment.new_task(3)
    monkeypatch.setattr("commons.storage.files._publish", full)
    with deployment.client() as client, pytest.raises(StorageError, match="a problem of its own") as caught:
        client.put_model(b"a model", task, deployment.model_owner)
    assert str(deployment.directory) not in str(caught.value)


def test_a_model_that_is_stored_is_not_read_again(deployment: Deployment, coordinator: CoordinatorNode) -> None:
    task, model = deployment.new_task(3), b"a model" * 1000
    with deployment.client() as client:
        digest = client.put_model(model, task, deployment.model_owner)
        assert client.put_model(model, task, deployment.model_owner) == digest
    signed = deployment.model_owner.sign(publication_digest(deployment.view.market_id, task, digest))
    head = next(model_to_wire(ModelHead(task, len(model), digest, signed), model))
    with open_channel(f"127.0.0.1:{deployment.coordinator_port}") as channel:
        assert list(rpc.CoordinatorStub(channel).PutModel(iter([head]))) == [pb.PutModelReply(digest=digest)]


def test_a_coordinator_keeps_the_manifest_that_a_tasks_terms_name_and_no_other_bytes_of_its_size(
    deployment: Deployment, coordinator: CoordinatorNode
) -> None:
    blocks = tuple(Block(f"{n:060}", 1, 62) for n in range(1000))
    manifest = ModelManifest(blocks, len(blocks))
    task, other = deployment.new_task(3, manifest=manifest.digest), deployment.new_task(3)
    assert len(manifest.published) > largest_model(DIMENSION)
    with deployment.client() as client:
        client.put_manifest(manifest, task, deployment.model_owner)
        assert client.get_manifest(manifest.digest) == manifest
        with pytest.raises(WireError, match="length of the model"):
            client.put_manifest(manifest, other, deployment.model_owner)
        with pytest.raises(WireError, match="length of the model"):
            client.put_model(manifest.published + b" ", task, deployment.model_owner)
        (stranger,) = deployment.owners(task, 1)
        with pytest.raises(SignatureError, match="the model is signed by"):
            client.put_manifest(manifest, task, stranger.chain)
        model = client.put_model(b"a model", task, deployment.model_owner)
        with pytest.raises(InvalidInputError, match="no published model manifest"):
            client.get_manifest(model)


def test_nodes_are_healthy_by_the_names_of_their_services(
    deployment: Deployment, prover: ProverNode, coordinator: CoordinatorNode
) -> None:
    serving = b"\x08\x01"
    for port, service in (
        (deployment.ports[0], b"gradroll.v1.Prover"),
        (deployment.coordinator_port, b"gradroll.v1.Coordinator"),
    ):
        with open_channel(f"127.0.0.1:{port}") as channel:
            check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert check(b"\x0a" + bytes([len(service)]) + service) == serving
