"""Bundles of samples as files: one way of writing each, and read piece by piece, never more than is bounded.

docs/protocol-data.md, section "Bundles".  A file is the magic, the hash of the schema (32 bytes), the number of samples
(4), then of each sample its length (2) and its bytes; numbers are big-endian.  Samples that do not fit the schema are
read like others: a reviewer has to see them to prove them bad.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

from circuits.errors import InvalidInputError
from commons.samples.merkletrees import MAX_LEAVES, MerkleTree, sample_leaf
from commons.samples.sampleschemas import MAX_SAMPLE

__all__ = [
    "HEAD_BYTES",
    "MAX_BUNDLE_BYTES",
    "SampleBundle",
    "bundle_head",
    "framed_sample",
    "largest_bundle",
    "read_samples",
]

_MAGIC = b"gradroll/bundle/1"
_COUNT, _LENGTH = 4, 2
HEAD_BYTES = len(_MAGIC) + 32 + _COUNT


def largest_bundle(count: int, longest: int) -> int:
    """Bytes of a file of so many samples, each as long as it may be."""
    return HEAD_BYTES + count * (_LENGTH + longest)


MAX_BUNDLE_BYTES = largest_bundle(MAX_LEAVES, MAX_SAMPLE)


@dataclass(frozen=True, slots=True)
class SampleBundle:
    """A bundle that is in memory.

    Attributes:
        schema_digest: 32 bytes, ``SampleSchema.digest``.
        samples: 1 to 65,536, of at most 4,096 bytes each.

    Raises:
        InvalidInputError: there are too many samples or none, or one is too long.
    """

    schema_digest: bytes
    samples: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if any(len(sample) > MAX_SAMPLE for sample in self.samples):
            raise InvalidInputError(f"a sample has at most {MAX_SAMPLE} bytes")
        bundle_head(self.schema_digest, len(self.samples))

    def encode(self) -> bytes:
        """The file, the same for everybody who has these samples in this order."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The file, piece by piece."""
        yield bundle_head(self.schema_digest, len(self.samples))
        yield from map(framed_sample, self.samples)

    @property
    def content_digest(self) -> bytes:
        """SHA-256 of the file: what the chain has of it."""
        hashed = hashlib.sha256()
        for piece in self.pieces():
            hashed.update(piece)
        return hashed.digest()

    def tree(self) -> MerkleTree:
        """The tree over the samples, whose root the chain has."""
        return MerkleTree([sample_leaf(index, sample) for index, sample in enumerate(self.samples)])

    @classmethod
    def decode(cls, data: bytes) -> SampleBundle:
        """The bundle in a file's bytes.  Raises InvalidInputError for other bytes."""
        return cls.read(BytesIO(data))

    @classmethod
    def read(cls, source: IO[bytes]) -> SampleBundle:
        """The bundle in a file, up to its end.

        Raises:
            InvalidInputError: it is none, or goes on after the last sample.
        """
        schema_digest, samples = read_samples(source)
        return cls(schema_digest, tuple(samples))


def bundle_head(schema_digest: bytes, count: int) -> bytes:
    """What a file begins with.  Raises InvalidInputError for a count that no bundle has."""
    if len(schema_digest) != 32 or not 1 <= count <= MAX_LEAVES:
        raise InvalidInputError(f"a bundle has the hash of a schema and 1 to {MAX_LEAVES} samples, not {count}")
    return _MAGIC + schema_digest + count.to_bytes(_COUNT, "big")


def framed_sample(sample: bytes) -> bytes:
    """A sample as it stands in a file."""
    return len(sample).to_bytes(_LENGTH, "big") + sample


def read_samples(source: IO[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Hash of the schema, and the samples as they are read; the iterator raises where the file is wrong.

    Raises:
        InvalidInputError: it does not begin as a bundle.
    """
    head = source.read(HEAD_BYTES)
    magic, schema_digest, count = head[: len(_MAGIC)], head[len(_MAGIC) : -_COUNT], head[-_COUNT:]
    if len(head) < HEAD_BYTES or magic != _MAGIC:
        raise InvalidInputError("the file is no bundle of samples; make one with `gradroll data bundle make`")
    number = int.from_bytes(count, "big")
    bundle_head(schema_digest, number)
    return schema_digest, _samples(source, number)


def _samples(source: IO[bytes], count: int) -> Iterator[bytes]:
    for place in range(count):
        length = int.from_bytes(_exactly(source, _LENGTH, place), "big")
        if length > MAX_SAMPLE:
            raise InvalidInputError(f"sample {place} of the bundle has {length} bytes; {MAX_SAMPLE} are the most")
        yield _exactly(source, length, place)
    if source.read(1):
        raise InvalidInputError("the bundle goes on after its last sample; cut it there")


def _exactly(source: IO[bytes], size: int, place: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise InvalidInputError(f"the bundle ends in sample {place}; get the whole file")
    return data
