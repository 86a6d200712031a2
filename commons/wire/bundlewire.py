"""Bundles of samples and receipts for them on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from circuits.errors import WireError
from commons.samples.samplebundles import HEAD_BYTES, MAX_BUNDLE_BYTES
from commons.wire import checks
from commons.wire._generated import prover_pb2 as pb
from commons.wire.streams import chunks


@dataclass(frozen=True, slots=True)
class BundleHead:
    """What comes before the file of a bundle.

    Attributes:
        bundle: its number in the contract of campaigns.
        content_digest: SHA-256 of the file, 32 bytes.
        length: bytes of the file.
    """

    bundle: int
    content_digest: bytes
    length: int


def bundle_to_wire(head: BundleHead, file: bytes) -> Iterator[pb.HoldBundleRequest]:
    """A bundle's head, then its file."""
    told = pb.BundleHead(bundle=head.bundle, content_digest=head.content_digest, length=head.length)
    yield pb.HoldBundleRequest(head=told)
    yield from (pb.HoldBundleRequest(chunk=chunk) for chunk in chunks(file))


def bundle_from_wire(first: pb.HoldBundleRequest | None) -> BundleHead:
    """The head that a stream begins with.  Raises WireError for a malformed field."""
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("a bundle begins with its head")
    raw = first.head
    length = checks.bounded(raw.length, HEAD_BYTES, MAX_BUNDLE_BYTES, "length of the bundle's file")
    return BundleHead(_number(raw.bundle), checks.digest(raw.content_digest, "content_digest"), length)


def asked_from_wire(message: pb.AttestBundleRequest) -> tuple[int, bytes]:
    """Number and content digest of the bundle that a receipt is asked for.  Raises WireError."""
    return _number(message.bundle), checks.digest(message.content_digest, "content_digest")


def receipt_to_wire(signature: bytes) -> pb.BundleReceipt:
    """The wire form of a receipt."""
    return pb.BundleReceipt(signature=signature)


def receipt_from_wire(message: pb.BundleReceipt) -> bytes:
    """A receipt's 65-byte signature; whose it is, the caller checks."""
    return checks.signature(message.signature, "signature of the receipt")


def _number(bundle: int) -> int:
    return checks.bounded(bundle, 1, 2**64 - 1, "number of the bundle")
