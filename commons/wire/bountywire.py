"""Groups, winners' offers and receipts of bounties on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from circuits.errors import WireError
from commons.protocol.bountydraws import MAX_GROUPS, TESTS, TRAINING, HiddenGroup
from commons.protocol.bountyheads import MAX_GROUP_BYTES, MAX_ROW_BYTES, GroupHead, WinnerHead
from commons.wire import checks
from commons.wire._generated import prover_pb2 as pb
from commons.wire.streams import body_chunks, chunks
from native import R

_MAX_SEALED = 1 << 10
_MAX_SAMPLES = 1 << 20
Part = TypeVar("Part", pb.HoldGroupRequest, pb.AttestOfferRequest)


def group_to_wire(head: GroupHead, file: bytes) -> Iterator[pb.HoldGroupRequest]:
    """A group's head, then its file."""
    group = head.group
    told = pb.BountyGroupHead(
        bounty=head.bounty, stage=head.stage, index=head.index, samples=group.samples, salt=group.salt,
        group_hash=group.group_hash, file_digest=group.file_digest, leaves=head.leaves, length=head.length,
    )  # fmt: skip
    yield pb.HoldGroupRequest(head=told)
    yield from (pb.HoldGroupRequest(chunk=chunk) for chunk in chunks(file))


def group_from_wire(first: pb.HoldGroupRequest | None) -> GroupHead:
    """The head that a stream begins with.  Raises WireError for a malformed field."""
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("the data of a group begin with its head")
    raw = first.head
    checks.counted(raw.leaves, 2, MAX_GROUPS, "leaves")
    group = HiddenGroup(
        checks.digest(raw.salt, "salt"), checks.digest(raw.group_hash, "group_hash"),
        checks.digest(raw.file_digest, "file_digest"), checks.bounded(raw.samples, 1, _MAX_SAMPLES, "samples"),
    )  # fmt: skip
    return GroupHead(
        checks.digest(raw.bounty, "bounty"), stage_from_wire(raw.stage),
        checks.bounded(raw.index, 0, len(raw.leaves) - 1, "index"), group,
        tuple(checks.digest(leaf, "leaf") for leaf in raw.leaves),
        checks.bounded(raw.length, 1, MAX_GROUP_BYTES, "length of the group's file"),
    )  # fmt: skip


def stage_from_wire(stage: int) -> int:
    """A stage in which a bounty draws.  Raises WireError."""
    return checks.bounded(stage, TRAINING, TESTS, "stage")


def winner_to_wire(head: WinnerHead, row: bytes) -> Iterator[pb.AttestOfferRequest]:
    """A winner's head, then the sealed row."""
    told = pb.BountyOfferHead(
        bounty=head.bounty, listing=head.listing, public_key=head.public, offer=head.offer,
        blinding=head.blinding.to_bytes(32, "big"), signature=head.signature, length=head.length,
    )  # fmt: skip
    yield pb.AttestOfferRequest(head=told)
    yield from (pb.AttestOfferRequest(chunk=chunk) for chunk in chunks(row))


def winner_from_wire(first: pb.AttestOfferRequest | None) -> WinnerHead:
    """The head that a stream begins with.  Raises WireError for a malformed field."""
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("a sealed row begins with its head")
    raw = first.head
    blinding = int.from_bytes(checks.sized(raw.blinding, 32, "blinding"), "big")
    if not 0 < blinding < R:
        raise WireError("blinding is no scalar in [1, r)")
    return WinnerHead(
        checks.digest(raw.bounty, "bounty"), checks.digest(raw.listing, "listing"),
        checks.g1(raw.public_key, "public_key"), checks.digest(raw.offer, "offer"), blinding,
        checks.account_signature(raw.signature, "signature"),
        checks.bounded(raw.length, 1, MAX_ROW_BYTES, "length of the sealed row"),
    )  # fmt: skip


def body(parts: Iterator[Part], length: int, what: str) -> Callable[[], bytes]:
    """Reads what follows a head, once it was looked at; the function raises as ``body_chunks``."""
    return lambda: b"".join(body_chunks(parts, length, what))


def receipt_to_wire(signature: bytes) -> pb.BountyReceipt:
    """The wire form of a receipt."""
    return pb.BountyReceipt(signature=signature)


def receipt_from_wire(message: pb.BountyReceipt) -> bytes:
    """A receipt's 65-byte signature; whose it is, the caller checks."""
    return checks.signature(message.signature, "signature of the receipt")


def blinding_request_from_wire(message: pb.BlindingRequest) -> tuple[bytes, bytes, bytes]:
    """Bounty, key and signature of an owner's request.  Raises WireError."""
    return (
        checks.digest(message.bounty, "bounty"), checks.sized(message.key, 32, "key"),
        checks.account_signature(message.signature, "signature"),
    )  # fmt: skip


def blinding_from_wire(message: pb.BlindingReply) -> bytes:
    """A sealed blinding."""
    checks.bounded(len(message.sealed), 1, _MAX_SEALED, "length of the sealed blinding")
    return message.sealed
