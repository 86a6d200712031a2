"""Uploads on the wire: what is refused, how one goes on, and how many bytes leave an owner."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest

import native
from circuits.errors import UnavailableError, WireError
from circuits.statement import Committee, SubmissionHeader
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.status import OfferStatus
from commons.sharing import sealing
from commons.sharing.dealing import OwnerSeeds, owner_vector, share_vector
from commons.sharing.sealedbodies import SealedChunk
from commons.wire import sharestreams
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire._generated import prover_pb2
from commons.wire._generated.coordinator_pb2_grpc import CoordinatorServicer, add_CoordinatorServicer_to_server
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.sharestreams import Sending
from tests.support.network import network_with
from tests.support.plain_batch import address_of, seed_of, sign
from tests.support.uploads import sealed_upload


def upload_of(dimension: int, size: int, threshold: int) -> SealedUpload:
    """An owner's upload of a gradient of zeros."""
    committee = Committee(0, threshold, tuple(bytes([p + 1]) * 20 for p in range(size)))
    seeds = OwnerSeeds.from_bytes(secrets.token_bytes(OwnerSeeds.length(committee)))
    sharing = share_vector(owner_vector(native.zeros(dimension), 0, seeds), native.g1_generator, committee, seeds)
    key, context = seed_of("owner"), network_with(2).context
    header = SubmissionHeader(
        context.task_id, context.round, address_of(key), 0, sharing.commitment, sharing.digests
    ).signed(context, lambda digest: sign(key, digest))
    keys = [sealing.public_key(sealing.generate()) for _ in range(size)]
    return sealed_upload(header, context, sharing.payloads, committee, keys, lambda digest: sign(key, digest))


def messages(upload: SealedUpload) -> list[Any]:
    """All that an owner sends."""
    chunks = (pb.OfferSharesRequest(chunk=sharestreams.chunk_to_wire(upload.chunk(i))) for i in range(upload.count))
    return [sharestreams.offer_to_wire(upload.head), *chunks]


@pytest.mark.parametrize(("size", "threshold"), [(4, 1), (7, 2)])
def test_an_upload_has_fourteen_bytes_a_coordinate_at_most(size: int, threshold: int) -> None:
    dimension = 1 << 20
    sent = sum(message.ByteSize() for message in messages(upload_of(dimension, size, threshold)))
    assert 13 * dimension < sent <= 14 * dimension


def test_heads_chunks_and_statuses_survive() -> None:
    upload = upload_of(5, 9, 4)
    head, *chunks = messages(upload)
    assert sharestreams.offer_from_wire(head) == upload.head
    assert list(sharestreams.chunks_from_wire(chunks)) == [upload.chunk(i) for i in range(upload.count)]
    share = replace(upload.head.share(3), receipts={0: bytes(65), 2: b"\x01" * 65})
    assert sharestreams.head_from_wire(sharestreams.head_to_wire(share)) == share
    status = OfferStatus({1: bytes(65), 3: b"\x01" * 65}, {0: "", 2: "away"}, 7)
    assert sharestreams.offer_status_from_wire(sharestreams.offer_status_to_wire(status)) == status


def without(change: Callable[[Any], object]) -> pb.OfferSharesRequest:
    message: pb.OfferSharesRequest = messages(upload_of(5, 4, 1))[0]
    change(message.head)
    return message


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda head: head.parts.pop(), "head.parts: 3 given"),
        (lambda head: head.parts.append(b"x"), "head.parts: 5 given"),
        (lambda head: head.manifest.ClearField("parts"), "manifest.parts: 0 given"),
        (lambda head: head.manifest.bodies.add(root=bytes(32), chunks=1), "each must be some prover's"),
        (lambda head: head.manifest.ClearField("bodies"), "each must be some prover's"),
        (lambda head: setattr(head.manifest.parts[0], "body", 2), "each must be some prover's"),
        (lambda head: setattr(head.manifest.bodies[0], "chunks", 0), "manifest.bodies.chunks"),
        (
            lambda head: setattr(head.manifest.bodies[0], "chunks", 1 + sharestreams.MAX_CHUNKS),
            "manifest.bodies.chunks",
        ),
        (lambda head: setattr(head.manifest.bodies[0], "root", bytes(31)), "root"),
        (lambda head: setattr(head.manifest.parts[0], "digest", bytes(33)), "digest"),
        (lambda head: setattr(head.manifest, "signature", bytes(64)), "manifest.signature"),
        (lambda head: head.parts.__setitem__(0, bytes(sealing.MAX_PART + 1)), "length of a sealed part"),
    ],
)
def test_a_malformed_head_is_refused(change: Callable[[Any], object], match: str) -> None:
    with pytest.raises(WireError, match=match):
        sharestreams.offer_from_wire(without(change))


def test_streams_must_begin_with_a_head_and_go_on_with_chunks() -> None:
    head, chunk = messages(upload_of(5, 4, 1))[:2]
    for nothing in (None, chunk, pb.OfferSharesRequest()):
        with pytest.raises(WireError, match="must begin with its head"):
            sharestreams.offer_from_wire(nothing)
    for wrong in (None, prover_pb2.SubmitSharesRequest(), prover_pb2.SubmitSharesRequest(chunk=chunk.chunk)):
        with pytest.raises(WireError, match="must begin with its head"):
            sharestreams.head_from_wire(wrong)
    with pytest.raises(WireError, match="only sealed chunks"):
        list(sharestreams.chunks_from_wire([head]))


def test_the_largest_part_is_within_what_is_taken() -> None:
    for size, threshold in ((4, 1), (8, 2), (11, 1), (32, 1), (7, 3)):
        assert max(map(len, upload_of(5, size, threshold).head.parts)) <= sealing.MAX_PART


def test_sending_goes_on_where_the_other_side_says() -> None:
    sending = Sending(-1, 4, lambda index: index)
    stream = sending.messages()
    assert next(stream) == -1
    sending.go_on(2)
    sending.go_on(3)  # as it moves
    assert list(stream) == [2, 3]
    with pytest.raises(WireError):
        Sending(-1, 4, lambda index: index).go_on(5)
    ended = Sending(-1, 4, lambda index: index)
    ended.end()
    assert list(ended.messages()) == [-1]


class Breaking(CoordinatorServicer):
    """Takes uploads, and breaks off after so many chunks of each try but the last."""

    def __init__(self, breaks: list[int]) -> None:
        self.breaks = breaks
        self.chunks: list[SealedChunk] = []
        self.brought: list[int] = []

    def OfferShares(  # noqa: N802
        self, request_iterator: Iterator[pb.OfferSharesRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.OfferSharesReply]:
        sharestreams.offer_from_wire(next(request_iterator))
        yield pb.OfferSharesReply(taken=len(self.chunks))
        self.brought.append(0)
        most = self.breaks.pop(0) if self.breaks else None
        for chunk in sharestreams.chunks_from_wire(request_iterator):
            self.chunks.append(chunk)
            self.brought[-1] += 1
            if self.brought[-1] == most:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
        yield pb.OfferSharesReply(stored=True)


@contextmanager
def served(servicer: CoordinatorServicer) -> Generator[CoordinatorClient]:
    """A client of a coordinator that behaves as ``servicer``."""
    server = grpc.server(ThreadPoolExecutor(2))
    add_CoordinatorServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with CoordinatorClient(f"127.0.0.1:{port}") as client:
            yield client
    finally:
        server.stop(None)


def test_over_a_line_that_breaks_only_what_is_missing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commons.sharing.sealedbodies.PIECE", 1024)
    upload = upload_of(5, 4, 1)
    servicer = Breaking([2, 1])  # type: ignore[abstract]
    with served(servicer) as client:
        for _ in range(2):
            with pytest.raises(UnavailableError):
                client.offer_shares(upload)
        client.offer_shares(upload)
        client.offer_shares(upload)
    assert servicer.brought == [2, 1, upload.count - 3, 0]
    assert servicer.chunks == [upload.chunk(index) for index in range(upload.count)]


class Holding(CoordinatorServicer):
    """Says for ever that it has taken nothing yet; a line that nothing moves on would be given up."""

    def __init__(self, pause: float, most: int) -> None:
        self.pause, self.most = pause, most
        self.said = 0

    def OfferShares(  # noqa: N802
        self, request_iterator: Iterator[pb.OfferSharesRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.OfferSharesReply]:
        while context.is_active() and self.said < self.most:
            self.said += 1
            yield pb.OfferSharesReply(taken=0)
            time.sleep(self.pause)


def test_a_coordinator_that_always_says_that_an_upload_moves_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner has only half of the time for it in which its round takes submissions."""
    monkeypatch.setattr("commons.sharing.sealedbodies.PIECE", 64)
    upload = upload_of(3000, 4, 1)
    servicer = Holding(0.1, upload.count)  # type: ignore[abstract]
    with served(servicer) as client, pytest.raises(UnavailableError, match="in the time that there is for that"):
        client.offer_shares(upload, until=time.monotonic() + 0.5)
    assert servicer.said < servicer.most


def test_a_coordinator_says_no_more_of_an_upload_than_it_has_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commons.sharing.sealedbodies.PIECE", 1024)
    servicer = Holding(0.01, 3000)  # type: ignore[abstract]
    with served(servicer) as client, pytest.raises(WireError, match="did not say that it stored"):
        client.offer_shares(upload_of(5, 4, 1))
    assert servicer.said < servicer.most
