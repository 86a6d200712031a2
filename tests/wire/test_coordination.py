"""Statuses of submissions and tasks on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from types import SimpleNamespace
from typing import cast

import grpc
import pytest

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import keccak
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.status import (
    BatchStatus,
    NamedProver,
    Rejection,
    RoundStatus,
    SubmissionState,
    SubmissionStatus,
    TaskStatus,
)
from commons.protocol.streamheads import ModelHead
from commons.wire import coordination, sharestreams
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire._generated import coordinator_pb2_grpc as rpc
from commons.wire._generated import prover_pb2
from commons.wire._generated.common_pb2 import BlobHead, BlobPart
from commons.wire.checks import CHUNK
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.rpcstatus import LEAST
from commons.wire.streams import blob_to_wire
from tests.wire.test_stalling import serving

ROUND = RoundStatus(
    3, 2, 1, 5, "why it does not move",
    (BatchStatus(b"\x01" * 32, b"\x02" * 32, 2, True, b"\x03" * 32), BatchStatus(b"\x04" * 32, None, 2, False, None)),
    (NamedProver(1, "MASK", "share: it does not fit"),), "what it waits for",
)  # fmt: skip
TASK = TaskStatus((ROUND,), {"validity": 1, "closed": 2}, (Rejection(b"\x05" * 20, 3, "validity: above the bound"),))


def test_a_tasks_status_survives_the_wire() -> None:
    sent = coordination.task_status_to_wire(TASK).SerializeToString()
    assert coordination.task_status_from_wire(pb.TaskStatusReply.FromString(sent)) == TASK


def test_a_submissions_status_survives_the_wire() -> None:
    for status in (
        SubmissionStatus(b"\x01" * 32, SubmissionState.EXPIRED, "submit again in this round"),
        SubmissionStatus(b"\x01" * 32, SubmissionState.ACCEPTED, batch_id=b"\x02" * 32),
    ):
        sent = coordination.status_to_wire(status).SerializeToString()
        assert coordination.status_from_wire(pb.SubmissionStatusReply.FromString(sent)) == status


def test_what_a_coordinator_writes_steers_no_terminal() -> None:
    message = coordination.task_status_to_wire(TASK)
    steering = "\x1b[2J\nit is accepted"
    message.recent[0].reason = message.rounds[0].waits = message.rounds[0].trouble = steering
    message.rounds[0].named[0].reason = message.rounds[0].named[0].step = steering
    read = coordination.task_status_from_wire(message)
    named = read.rounds[0].named[0]
    for text in (read.recent[0].reason, read.rounds[0].waits, read.rounds[0].trouble, named.reason, named.step):
        assert text.isprintable()


def test_a_rejection_names_an_address() -> None:
    message = coordination.task_status_to_wire(TASK)
    message.recent[0].owner = b"\x05" * 19
    with pytest.raises(WireError, match=r"recent\.owner"):
        coordination.task_status_from_wire(message)


def test_nobody_waits_for_ever_while_a_coordinator_only_counts() -> None:
    """A count comes for a chunk; one that sends more of them holds its caller up."""
    head = ModelHead(3, 3 * CHUNK, b"\x01" * 32, bytes(65))
    counts, stored = pb.PutModelReply(taken=1), pb.PutModelReply(digest=head.digest)
    coordination.require_stored(head, iter([*[counts] * 4, stored]))
    with pytest.raises(WireError, match="did not say that it stored"):
        coordination.require_stored(head, repeat(counts))
    with pytest.raises(WireError, match="without a receipt"):
        sharestreams.receipt_from_wire(repeat(prover_pb2.SubmitSharesReply(taken=1)), 4)


class Server(rpc.CoordinatorServicer):
    """Announces more than any model of so few coordinates could have, and sends it without end."""

    def _flood(self, request: object, context: grpc.ServicerContext) -> Iterator[BlobPart]:
        yield BlobPart(head=BlobHead(length=1 << 34, digest=b"\x01" * 32))
        while context.is_active():
            yield BlobPart(chunk=bytes(CHUNK))

    GetModel = GetPayload = GetAuditBundle = _flood


def test_readers_are_bounded_by_the_models_coordinates() -> None:
    """Not by what is announced: a coordinator would have a buyer keep gigabytes before anything is checked."""
    with serving(Server()) as endpoint, CoordinatorClient(endpoint) as client:  # type: ignore[abstract]
        for read in (client.get_model, client.payload, client.audit_bundle):
            with pytest.raises(WireError, match="length of"):
                read(b"\x01" * 32, 1000)


def test_a_manifests_reader_is_bounded_by_what_a_manifest_may_be() -> None:
    with (
        serving(Server()) as endpoint,  # type: ignore[abstract]
        CoordinatorClient(endpoint) as client,
        pytest.raises(WireError, match="length of the model manifest"),
    ):
        client.get_manifest(b"\x01" * 32)


MANIFEST = ModelManifest((Block("a", 3, 4),), 3)
SPACED = MANIFEST.published.replace(b",", b", ")


@pytest.mark.parametrize(
    ("served", "digest", "text"),
    [
        (ModelManifest((Block("a", 3, 5),), 3).published, MANIFEST.digest, "digest"),
        (b"a model", keccak(b"a model"), "no published model manifest"),
        (SPACED, keccak(SPACED), "canonical"),
    ],
    ids=["another manifest", "a model", "another encoding"],
)
def test_a_coordinator_that_serves_something_else_for_a_manifest_is_not_believed(
    served: bytes, digest: bytes, text: str
) -> None:
    class Liar(rpc.CoordinatorServicer):
        def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> Iterator[BlobPart]:  # noqa: N802
            yield from blob_to_wire(served, request.offset)

    with (
        serving(Liar()) as endpoint,  # type: ignore[abstract]
        CoordinatorClient(endpoint) as client,
        pytest.raises(InvalidInputError, match=text),
    ):
        client.get_manifest(digest)


@pytest.mark.parametrize(("left", "given"), [(1000.0, 30.0), (7.0, 7.0), (-5.0, LEAST)])
def test_who_has_an_upload_is_not_asked_for_longer_than_the_answer_is_of_use(
    monkeypatch: pytest.MonkeyPatch, left: float, given: float
) -> None:
    waited: list[float] = []

    def answer(request: pb.OfferStatusRequest, timeout: float) -> pb.OfferStatusReply:
        waited.append(timeout)
        return pb.OfferStatusReply()

    monkeypatch.setattr("commons.wire.client.time.monotonic", lambda: 50.0)
    with CoordinatorClient("127.0.0.1:1", timeout=30.0) as client:
        client._stub = cast(rpc.CoordinatorStub, SimpleNamespace(OfferStatus=answer))
        client.offer_status(b"\x01" * 32, until=50.0 + left)
    assert waited == [given]
