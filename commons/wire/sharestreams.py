"""Owners' uploads on the wire: heads, manifests, chunks, and how one goes on where it broke off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

from circuits.errors import WireError
from commons.protocol.manifests import BodyEntry, Manifest, PartEntry
from commons.protocol.messages import MAX_PROVERS
from commons.protocol.status import OfferStatus
from commons.protocol.streamheads import OfferHead, ShareHead
from commons.runtime.foreigntext import printable
from commons.sharing.sealedbodies import SEALED, TAG_BYTES, SealedChunk
from commons.sharing.sealing import MAX_PART
from commons.wire import checks
from commons.wire._generated import common_pb2, coordinator_pb2
from commons.wire._generated import prover_pb2 as pb
from commons.wire.contexts import header_from_wire, header_to_wire

MAX_CHUNKS = 1 << 18
"""Of one body."""
_MAX_REASON = 1024
M = TypeVar("M")


def head_from_wire(first: pb.SubmitSharesRequest | None) -> ShareHead:
    """The first part of a share's stream.  Raises WireError for a malformed one."""
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("a share's stream must begin with its head")
    header, manifest = header_from_wire(first.head.header), manifest_from_wire(first.head.manifest)
    prover = checks.bounded(first.head.prover, 0, len(manifest.parts) - 1, "head.prover")
    receipts = receipts_from_wire(first.head.receipts, "head.receipts")
    return ShareHead(header, prover, manifest, part_from_wire(first.head.part), receipts)


def head_to_wire(head: ShareHead) -> pb.SubmitSharesRequest:
    """The wire form of a share's announcement."""
    return pb.SubmitSharesRequest(
        head=pb.ShareHead(
            header=header_to_wire(head.header),
            prover=head.prover,
            manifest=manifest_to_wire(head.manifest),
            part=head.part,
            receipts=receipts_to_wire(head.receipts),
        )
    )


def offer_from_wire(first: coordinator_pb2.OfferSharesRequest | None) -> OfferHead:
    """The first part of an upload's stream.  Raises WireError for a malformed one."""
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("an upload's stream must begin with its head")
    header, manifest = header_from_wire(first.head.header), manifest_from_wire(first.head.manifest)
    checks.counted(first.head.parts, len(manifest.parts), len(manifest.parts), "head.parts")
    return OfferHead(header, manifest, tuple(map(part_from_wire, first.head.parts)))


def offer_to_wire(head: OfferHead) -> coordinator_pb2.OfferSharesRequest:
    """The wire form of an upload's announcement."""
    return coordinator_pb2.OfferSharesRequest(
        head=coordinator_pb2.OfferHead(
            header=header_to_wire(head.header), manifest=manifest_to_wire(head.manifest), parts=head.parts
        )
    )


def require_stored(replies: Iterable[coordinator_pb2.OfferSharesReply], chunks: int) -> None:
    """Wait until an upload of so many chunks is stored.

    Raises WireError when the replies end without that, or there are more before it than one for each chunk and one that
    says where to go on.
    """
    if not any(reply.WhichOneof("part") == "stored" for reply in islice(replies, chunks + 2)):
        raise WireError("the coordinator did not say that it stored the upload; hand it in again")


def offer_status_from_wire(message: coordinator_pb2.OfferStatusReply) -> OfferStatus:
    """Raises WireError for a malformed field."""
    receipts = receipts_from_wire(message.receipts, "offer.receipts")
    checks.counted(message.undelivered, 0, MAX_PROVERS, "offer.undelivered")
    checks.ascending([each.prover for each in message.undelivered], MAX_PROVERS, "offer.undelivered.prover")
    return OfferStatus(
        receipts, {e.prover: printable(e.reason, _MAX_REASON) for e in message.undelivered}, message.moved
    )


def offer_status_to_wire(status: OfferStatus) -> coordinator_pb2.OfferStatusReply:
    """The wire form of where an upload stands."""
    return coordinator_pb2.OfferStatusReply(
        receipts=receipts_to_wire(status.receipts),
        undelivered=[
            coordinator_pb2.Undelivered(prover=p, reason=reason[:_MAX_REASON])
            for p, reason in sorted(status.undelivered.items())
        ],
        moved=status.moved,
    )


def receipts_from_wire(messages: Sequence[common_pb2.Receipt], what: str) -> dict[int, bytes]:
    """Receipts by prover.  Raises WireError unless they ascend; whose they are, the caller checks."""
    checks.counted(messages, 0, MAX_PROVERS, what)
    checks.ascending([each.prover for each in messages], MAX_PROVERS, f"{what}.prover")
    return {each.prover: checks.signature(each.signature, f"{what}.signature") for each in messages}


def receipts_to_wire(receipts: Mapping[int, bytes]) -> list[common_pb2.Receipt]:
    """The wire form of receipts."""
    return [common_pb2.Receipt(prover=prover, signature=receipts[prover]) for prover in sorted(receipts)]


def part_from_wire(sealed: bytes) -> bytes:
    """A sealed part.  Raises WireError for one that is none by its length."""
    checks.bounded(len(sealed), 1, MAX_PART, "length of a sealed part")
    return sealed


def manifest_from_wire(message: common_pb2.UploadManifest) -> Manifest:
    """Raises WireError for a malformed field, or bodies that do not stand in the order in which provers need them."""
    checks.counted(message.parts, 1, MAX_PROVERS, "manifest.parts")
    checks.counted(message.bodies, 0, MAX_PROVERS, "manifest.bodies")
    bodies = tuple(
        BodyEntry(
            checks.digest(body.root, "manifest.bodies.root"),
            checks.bounded(body.chunks, 1, MAX_CHUNKS, "manifest.bodies.chunks"),
        )
        for body in message.bodies
    )
    if list(dict.fromkeys(part.body for part in message.parts if part.body)) != list(range(1, len(bodies) + 1)):
        raise WireError("manifest.bodies: each must be some prover's, in the order in which they are first named")
    parts = tuple(
        PartEntry(checks.digest(part.digest, "manifest.parts.digest"), part.body - 1 if part.body else None)
        for part in message.parts
    )
    return Manifest(parts, bodies, checks.signature(message.signature, "manifest.signature"))


def manifest_to_wire(manifest: Manifest) -> common_pb2.UploadManifest:
    """The wire form of a manifest."""
    return common_pb2.UploadManifest(
        parts=[
            common_pb2.PartEntry(digest=part.digest, body=0 if part.body is None else 1 + part.body)
            for part in manifest.parts
        ],
        bodies=[common_pb2.BodyEntry(root=body.root, chunks=body.chunks) for body in manifest.bodies],
        signature=manifest.signature,
    )


def chunk_from_wire(message: common_pb2.SealedChunk) -> SealedChunk:
    """Raises WireError for a malformed field.  Whether it is the owner's, its digest says."""
    checks.bounded(len(message.sealed), TAG_BYTES + 1, SEALED, "length of a sealed chunk")
    return SealedChunk(message.sealed, checks.digest(message.rest, "chunk.rest"))


def chunk_to_wire(chunk: SealedChunk) -> common_pb2.SealedChunk:
    """The wire form of a chunk."""
    return common_pb2.SealedChunk(sealed=chunk.sealed, rest=chunk.rest)


def chunks_from_wire(
    parts: Iterable[pb.SubmitSharesRequest] | Iterable[coordinator_pb2.OfferSharesRequest],
) -> Iterator[SealedChunk]:
    """The chunks that follow the head.  Raises WireError for anything else."""
    for part in parts:
        if part.WhichOneof("part") != "chunk":
            raise WireError("only sealed chunks may follow the head of an upload's stream")
        yield chunk_from_wire(part.chunk)


def receipt_from_wire(replies: Iterable[pb.SubmitSharesReply], chunks: int) -> pb.ShareReceipt:
    """Wait for the receipt of a share of so many chunks.

    Raises WireError when the replies end without one, or there are more before it than one for each chunk and one that
    says where to go on.
    """
    for reply in islice(replies, chunks + 2):
        if reply.WhichOneof("part") == "receipt":
            return reply.receipt
    raise WireError("the prover took the share without a receipt; hand it in again")


class Sending(Generic[M]):
    """The messages of one upload: its head, and behind it what the other side says that it has not.

    Args:
        count: messages behind the head.
        make: makes one of them.
    """

    def __init__(self, head: M, count: int, make: Callable[[int], M]) -> None:
        self._head, self._count, self._make = head, count, make
        self._first = count
        self._told = threading.Event()

    def messages(self) -> Iterator[M]:
        """All of them; waits behind the head."""
        yield self._head
        self._told.wait()
        for index in range(self._first, self._count):
            yield self._make(index)

    def go_on(self, taken: int) -> None:
        """So many are there already; what is said later only shows that the upload moves.  Raises WireError."""
        if not self._told.is_set():
            self._first = checks.bounded(taken, 0, self._count, "chunks taken before the first was sent")
            self._told.set()

    def end(self) -> None:
        """Nothing more is sent; whoever takes the messages waits no longer."""
        self._told.set()
