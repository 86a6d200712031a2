"""Blobs in bounded chunks with their digest; key packages and confirmations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from circuits.errors import UnavailableError, WireError
from circuits.hashing import keccak
from circuits.statement import Committee
from circuits.terms import MAX_DIMENSION
from commons.protocol.keypackages import KeyConfirmation, KeyPackage, decode_keys, encode_keys
from commons.protocol.status import ProverStatus
from commons.sharing.sealedbodies import chunk_count
from commons.sharing.sharepayloads import all_payload_sizes
from commons.wire import uploads
from commons.wire._generated import common_pb2 as pb
from commons.wire._generated import prover_pb2 as prover_pb
from commons.wire.checks import CHUNK
from commons.wire.sharestreams import MAX_CHUNKS
from commons.wire.streams import BlobReader, blob_to_wire


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_blobs_survive(size: int) -> None:
    data = bytes(size)
    parts = list(blob_to_wire(data))
    assert all(len(part.chunk) <= CHUNK for part in parts)
    assert BlobReader(3 * CHUNK, "it", keccak(data)).read(parts) == data


def test_a_blob_that_broke_off_goes_on_where_it_stopped() -> None:
    data = bytes(range(256)) * 1000

    def broken() -> Iterator[pb.BlobPart]:
        yield from list(blob_to_wire(data))[:3]
        raise UnavailableError("the connection broke")

    reader = BlobReader(len(data), "it")
    with pytest.raises(UnavailableError):
        reader.read(broken())
    assert reader.offset == 2 * CHUNK
    rest = list(blob_to_wire(data, reader.offset))
    assert sum(len(part.chunk) for part in rest) == len(data) - 2 * CHUNK
    assert reader.read(rest) == data


def test_the_rest_of_another_blob_is_refused() -> None:
    reader = BlobReader(2 * CHUNK, "it")
    with pytest.raises(WireError, match="ended after"):
        reader.read(list(blob_to_wire(bytes(2 * CHUNK)))[:2])
    with pytest.raises(WireError, match="another one is served"):
        reader.read(blob_to_wire(b"\x01" * 2 * CHUNK, reader.offset))
    with pytest.raises(WireError, match="offset is 11"):
        list(blob_to_wire(b"x" * 10, 11))


def test_nobody_may_be_slow_by_small_chunks() -> None:
    head, *_ = blob_to_wire(bytes(2 * CHUNK))
    for size in (0, 1, CHUNK - 1):
        with pytest.raises(WireError, match="chunk"):
            BlobReader(2 * CHUNK, "it").read([head, pb.BlobPart(chunk=bytes(size))])


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
            BlobReader(10, "it").read(parts)
    with pytest.raises(WireError, match="does not have the digest"):
        BlobReader(10, "it", bytes(32)).read(good)


def test_the_largest_model_has_few_enough_chunks() -> None:
    committee = Committee(0, 1, tuple(bytes([p + 1]) * 20 for p in range(4)))
    largest = max(all_payload_sizes(MAX_DIMENSION, committee))
    assert largest > 13 * MAX_DIMENSION
    assert chunk_count(largest) <= MAX_CHUNKS


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


def names(*numbers: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in numbers]


def test_a_list_of_batches_ascends_and_goes_on_after_the_last_one() -> None:
    reply = prover_pb.ListBatchesReply(batch_ids=names(3, 5, 9))
    assert uploads.batches_from_wire(reply, b"") == tuple(names(3, 5, 9))
    assert uploads.batches_from_wire(reply, *names(2)) == tuple(names(3, 5, 9))
    assert uploads.batches_from_wire(prover_pb.ListBatchesReply(), *names(9)) == ()


@pytest.mark.parametrize(
    ("listed", "after"),
    [(names(3, 3), b""), (names(5, 3), b""), (names(3), names(3)[0]), (names(3), names(4)[0]), ([b"short"], b"")],
)
def test_a_list_that_never_ends_or_is_none_is_refused(listed: list[bytes], after: bytes) -> None:
    """A prover that repeats what it said would be asked for ever."""
    with pytest.raises(WireError, match="batch_ids"):
        uploads.batches_from_wire(prover_pb.ListBatchesReply(batch_ids=listed), after)


def test_a_list_of_batches_begins_behind_a_whole_identifier() -> None:
    for after in (b"", b"\x01" * 32):
        assert uploads.listed_after(prover_pb.ListBatchesRequest(after=after)) == after
    for after in (b"\x01" * 31, b"\x01" * 33, bytes(1 << 20)):
        with pytest.raises(WireError, match="after"):
            uploads.listed_after(prover_pb.ListBatchesRequest(after=after))


def test_a_list_is_no_longer_than_a_reply_may_be() -> None:
    reply = prover_pb.ListBatchesReply(batch_ids=names(*range(1, uploads.MAX_LISTED + 2)))
    with pytest.raises(WireError, match="batch_ids: 1025 given"):
        uploads.batches_from_wire(reply, b"")
