"""Long values as streams of bounded chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Literal, Protocol

import numpy as np

from circuits.errors import WireError
from circuits.hashing import keccak
from commons.sharing.scalars import from_little_endian
from commons.wire._generated import common_pb2 as pb
from commons.wire.checks import CHUNK, bounded, digest
from native import FrArray

SCALAR = 32


def chunks(data: bytes | memoryview, size: int = CHUNK) -> Iterator[bytes]:
    """Cut bytes into pieces of at most ``size``; no piece for no bytes."""
    view = memoryview(data)
    for at in range(0, len(view), size):
        yield bytes(view[at : at + size])


class Gauge:
    """Counts the chunks of a body, and refuses one that has not the size of all."""

    def __init__(self, length: int, limit: int, what: str) -> None:
        """Raises WireError when the announced length is beyond the limit."""
        self._length = bounded(length, 0, limit, f"length of {what}")
        self._what, self.received = what, 0

    def take(self, chunk: bytes) -> bytes:
        """A chunk that may come; WireError for another size, or when more comes than was announced."""
        missing = self._length - self.received
        if len(chunk) > missing:
            raise WireError(f"{self._what}: more bytes came than the announced {self._length}")
        if not chunk or len(chunk) != min(CHUNK, missing):  # by small ones a peer could be slow without end
            raise WireError(f"a chunk of {self._what} has {len(chunk)} bytes; all but the last one have {CHUNK}")
        self.received += len(chunk)
        return chunk

    def finish(self) -> None:
        """Raise WireError when some bytes are missing."""
        if self.received != self._length:
            raise WireError(f"{self._what} ended after {self.received} of {self._length} bytes")


class Collector:
    """Puts chunks together up to an announced length; memory grows with what came, not what was said."""

    def __init__(self, length: int, limit: int, what: str) -> None:
        """Raises WireError when the announced length is beyond the limit."""
        self._gauge, self._data = Gauge(length, limit, what), bytearray()

    @property
    def received(self) -> int:
        """Bytes that came."""
        return len(self._data)

    def add(self, chunk: bytes) -> None:
        """Append a chunk; WireError for one that has not the size of all, or when more comes than was announced."""
        self._data += self._gauge.take(chunk)

    def finish(self) -> bytes:
        """All bytes; WireError when some are missing."""
        self._gauge.finish()
        return bytes(self._data)


class _Part(Protocol):
    """A message of a stream that begins with a head."""

    @property
    def chunk(self) -> bytes:
        """Bytes, of a message that is no head."""

    def WhichOneof(self, oneof_group: Literal["part"]) -> str | None:  # noqa: N802
        """What the message is."""


def body_chunks(parts: Iterable[_Part], length: int, what: str) -> Iterator[bytes]:
    """What follows the head of a stream, chunk by chunk.

    Raises:
        WireError: another head comes, or more or fewer bytes than were announced.
    """
    gauge = Gauge(length, length, what)
    for part in parts:
        if part.WhichOneof("part") != "chunk":
            raise WireError(f"{what}: a second head in the stream")
        yield gauge.take(part.chunk)
    gauge.finish()


def vector_to_bytes(vector: FrArray) -> memoryview:
    """A vector as 32-byte little-endian scalars, without a copy where it is contiguous."""
    return np.ascontiguousarray(vector, dtype="<u8").data.cast("B")


def vector_from_bytes(raw: bytes, length: int, what: str) -> FrArray:
    """The inverse of ``vector_to_bytes``; WireError for another length or a scalar >= r."""
    if len(raw) != length * SCALAR:
        raise WireError(f"{what} has {len(raw)} bytes, {length} scalars need {length * SCALAR}")
    return from_little_endian(raw, what)


def blob_to_wire(data: bytes, offset: int = 0) -> Iterator[pb.BlobPart]:
    """Stream a blob: its length and Keccak-256 digest, then its chunks from ``offset`` on.

    Raises:
        WireError: the blob is not that long.
    """
    bounded(offset, 0, len(data), "offset")
    yield pb.BlobPart(head=pb.BlobHead(length=len(data), digest=keccak(data)))
    for chunk in chunks(memoryview(data)[offset:]):
        yield pb.BlobPart(chunk=chunk)


def file_to_wire(file: BinaryIO, length: int, digest: bytes, offset: int = 0) -> Iterator[pb.BlobPart]:
    """Stream a file as ``blob_to_wire`` does a blob, a chunk in memory at a time.

    Args:
        length: its bytes.
        digest: Keccak-256 of them.

    Raises:
        WireError: the file is not that long.
    """
    file.seek(bounded(offset, 0, length, "offset"))
    yield pb.BlobPart(head=pb.BlobHead(length=length, digest=digest))
    while chunk := file.read(CHUNK):
        yield pb.BlobPart(chunk=chunk)


class BlobReader:
    """Collects a streamed blob, from several streams if one breaks, and checks the whole against its digest."""

    def __init__(self, limit: int, what: str, expected: bytes | None = None) -> None:
        """Args:
        limit: most bytes that are taken.
        expected: the digest that it must have, where the caller knows it; else the announced one is checked.
        """
        self._limit = limit
        self._what = what
        self._expected = expected
        self._head: pb.BlobHead | None = None
        self._collector = Collector(0, 0, what)

    @property
    def offset(self) -> int:
        """Bytes that came; the next stream has to begin after them."""
        return self._collector.received

    def read(self, parts: Iterable[pb.BlobPart]) -> bytes:
        """Read a stream to its end; returns the blob.

        Raises:
            WireError: malformed, too long or short, or not the blob with that digest.
        """
        stream = iter(parts)
        wanted = self._begin(_next(stream, self._what))
        for part in stream:
            if part.WhichOneof("part") != "chunk":
                raise WireError(f"{self._what}: a second head in the stream")
            self._collector.add(part.chunk)
        data = self._collector.finish()
        if keccak(data) != wanted:
            raise WireError(f"{self._what} does not have the digest 0x{wanted.hex()}")
        return data

    def _begin(self, first: pb.BlobPart) -> bytes:
        """Take a stream's head; returns the digest that the blob must have."""
        if first.WhichOneof("part") != "head":
            raise WireError(f"{self._what}: the stream must begin with its head")
        if self._head is None:
            self._collector = Collector(first.head.length, self._limit, self._what)
            self._head = first.head
        elif first.head != self._head:
            raise WireError(f"{self._what}: another one is served than before the connection broke")
        announced = digest(first.head.digest, f"digest of {self._what}")
        return self._expected or announced


def _next(stream: Iterator[pb.BlobPart], what: str) -> pb.BlobPart:
    try:
        return next(stream)
    except StopIteration:
        raise WireError(f"{what}: the stream is empty") from None
