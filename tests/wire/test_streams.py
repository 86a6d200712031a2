"""Blobs in bounded chunks with their digest; key packages and confirmations."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from circuits.errors import WireError
from circuits.hashing import keccak
from commons.protocol.keypackages import KeyConfirmation, KeyPackage, decode_keys, encode_keys
from commons.protocol.status import ProverStatus
from commons.wire import uploads
from commons.wire._generated import common_pb2 as pb
from commons.wire.checks import MAX_CHUNK
from commons.wire.streams import blob_from_wire, blob_to_wire, timely


@pytest.mark.parametrize("size", [0, 1, MAX_CHUNK, MAX_CHUNK + 1, 3 * MAX_CHUNK])
def test_blobs_survive(size: int) -> None:
    data = bytes(size)
    parts = list(blob_to_wire(data))
    assert all(len(part.chunk) <= MAX_CHUNK for part in parts)
    assert blob_from_wire(parts, 3 * MAX_CHUNK, "it", keccak(data)) == data


def test_malformed_blobs_are_refused() -> None:
    good = list(blob_to_wire(b"x" * 10))
    head = pb.BlobPart(head=pb.BlobHead(length=10, digest=bytes(32)))
    for match, parts in (
        ("is empty", []),
        ("begin with its head", good[1:]),
        ("second head", [good[0], good[0]]),
        ("ended after 0 of 10", good[:1]),
        ("more bytes came", [*good, good[1]]),
        ("does not have the digest", [head, good[1]]),
        ("length of it", [pb.BlobPart(head=pb.BlobHead(length=11, digest=bytes(32)))]),
        ("digest of it", [pb.BlobPart(head=pb.BlobHead(length=10, digest=b""))]),
    ):
        with pytest.raises(WireError, match=match):
            blob_from_wire(parts, 10, "it")
    with pytest.raises(WireError, match="does not have the digest"):
        blob_from_wire(good, 10, "it", bytes(32))


def test_key_setup_survives() -> None:
    package = KeyPackage(1, 2, b"sealed", b"\x01" * 65)
    assert uploads.package_from_wire(uploads.package_to_wire(package)) == package
    word = KeyConfirmation(3, {(0, 1, 3): b"\x02" * 32, (1, 2, 3): b"\x03" * 32}, b"\x04" * 65)
    assert uploads.confirmation_from_wire(uploads.confirmation_to_wire(word)) == word
    status = ProverStatus(b"\x01" * 20, 5, b"\x02" * 20, 0, 3, "0.1.0", True, 7, 8, {"closed": 2})
    assert uploads.status_from_wire(uploads.status_to_wire(status)) == status


def test_malformed_key_setup_is_refused() -> None:
    wire = uploads.package_to_wire(KeyPackage(1, 2, b"sealed", b"\x01" * 65))
    with pytest.raises(WireError, match="come twice"):
        uploads.packages_from_wire([wire, wire])
    wire.sealed = b""
    with pytest.raises(WireError, match=r"package\.sealed"):
        uploads.package_from_wire(wire)
    word = uploads.confirmation_to_wire(KeyConfirmation(3, {(0, 1): b"\x02" * 32}, b"\x04" * 65))
    word.hashes.add(subset=3, hash=bytes(32))
    with pytest.raises(WireError, match="subset"):
        uploads.confirmation_from_wire(word)


def test_dealt_keys_have_one_encoding() -> None:
    dealt: dict[tuple[int, ...], bytes] = {(0, 2, 3): b"\x01" * 32, (0, 1, 3): b"\x02" * 32}
    raw = encode_keys(dealt)
    assert decode_keys(raw) == dealt
    for broken in (raw[:-1], raw[36:] + raw[:36], raw[:36] * 2, bytes(36)):
        with pytest.raises(WireError):
            decode_keys(broken)


def test_a_silent_caller_loses_the_call() -> None:
    class Call:
        cancelled = threading.Event()

        def cancel(self) -> None:
            self.cancelled.set()

    call = Call()

    def messages() -> Iterator[int]:
        yield 1
        assert call.cancelled.wait(5)
        raise RuntimeError("cancelled")

    stream = timely(messages(), call, seconds=0.05)  # type: ignore[arg-type]
    assert next(stream) == 1
    with pytest.raises(RuntimeError, match="cancelled"):
        next(stream)
    quick = Call()
    quick.cancelled = threading.Event()
    assert list(timely(range(3), quick, seconds=5)) == [0, 1, 2]  # type: ignore[arg-type]
    assert not quick.cancelled.is_set()
