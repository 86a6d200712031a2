"""Long values as streams of bounded chunks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

import grpc
import numpy as np

from circuits.errors import WireError
from circuits.hashing import keccak
from commons.sharing.scalars import from_little_endian
from commons.wire._generated import common_pb2 as pb
from commons.wire.checks import MAX_CHUNK, bounded, digest
from native import FrArray

M = TypeVar("M")
SCALAR = 32


def chunks(data: bytes | memoryview, size: int = MAX_CHUNK) -> Iterator[bytes]:
    """Cut bytes into pieces of at most ``size``; no piece for no bytes."""
    view = memoryview(data)
    for at in range(0, len(view), size):
        yield bytes(view[at : at + size])


class Collector:
    """Puts chunks together up to an announced length; memory grows with what came, not what was said."""

    def __init__(self, length: int, limit: int, what: str) -> None:
        """Raises WireError when the announced length is beyond the limit."""
        self._length = bounded(length, 0, limit, f"length of {what}")
        self._what = what
        self._data = bytearray()

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return len(self._data) == self._length

    def add(self, chunk: bytes) -> None:
        """Append a chunk; WireError for an empty or long one, or when more comes than was announced."""
        bounded(len(chunk), 1, MAX_CHUNK, f"chunk of {self._what}")
        if len(self._data) + len(chunk) > self._length:
            raise WireError(f"{self._what}: more bytes came than the announced {self._length}")
        self._data += chunk

    def finish(self) -> bytes:
        """All bytes; WireError when some are missing."""
        if not self.complete:
            raise WireError(f"{self._what} ended after {len(self._data)} of {self._length} bytes")
        return bytes(self._data)


def timely(messages: Iterable[M], context: grpc.ServicerContext, seconds: float) -> Iterator[M]:
    """The same messages; a caller that sends nothing for ``seconds`` loses the call, and frees its thread."""
    stream = iter(messages)
    while True:
        timer = threading.Timer(seconds, context.cancel)
        timer.daemon = True
        timer.start()
        try:
            message = next(stream, None)
        finally:
            timer.cancel()
        if message is None:
            return
        yield message


def vector_to_bytes(vector: FrArray) -> memoryview:
    """A vector as 32-byte little-endian scalars, without a copy where it is contiguous."""
    return np.ascontiguousarray(vector, dtype="<u8").data.cast("B")


def vector_from_bytes(raw: bytes, length: int, what: str) -> FrArray:
    """The inverse of ``vector_to_bytes``; WireError for another length or a scalar >= r."""
    if len(raw) != length * SCALAR:
        raise WireError(f"{what} has {len(raw)} bytes, {length} scalars need {length * SCALAR}")
    return from_little_endian(raw, what)


def blob_to_wire(data: bytes) -> Iterator[pb.BlobPart]:
    """Stream a blob: its length and Keccak-256 digest, then its chunks."""
    yield pb.BlobPart(head=pb.BlobHead(length=len(data), digest=keccak(data)))
    for chunk in chunks(data):
        yield pb.BlobPart(chunk=chunk)


def blob_from_wire(parts: Iterable[pb.BlobPart], limit: int, what: str, expected: bytes | None = None) -> bytes:
    """Collect a streamed blob and check it against its digest.

    Args:
        limit: most bytes that are taken.
        expected: the digest that it must have, where the caller knows it; else the announced one is checked.
    """
    stream = iter(parts)
    first = _next(stream, what)
    if first.WhichOneof("part") != "head":
        raise WireError(f"{what}: the stream must begin with its head")
    collector = Collector(first.head.length, limit, what)
    announced = digest(first.head.digest, f"digest of {what}")
    for part in stream:
        if part.WhichOneof("part") != "chunk":
            raise WireError(f"{what}: a second head in the stream")
        collector.add(part.chunk)
    data = collector.finish()
    if keccak(data) != (expected or announced):
        raise WireError(f"{what} does not have the digest 0x{(expected or announced).hex()}")
    return data


def _next(stream: Iterator[pb.BlobPart], what: str) -> pb.BlobPart:
    try:
        return next(stream)
    except StopIteration:
        raise WireError(f"{what}: the stream is empty") from None
