"""The body of an upload: what several provers need alike, sealed once, chunk by chunk.

Chunks are sealed with ChaCha20-Poly1305 (RFC 8439) under a key that is fresh for every upload, with the chunk's index
as nonce; what they are for, and how many there are, is their associated data.  Each carries what all chunks behind it
hash to, so that the digest of the first, which the owner signs, binds all of them, and a receiver knows of each chunk
when it comes whether it is the owner's (the chain of Gennaro and Rohatgi, "How to Sign Digital Streams", CRYPTO 1997).
Section 2.7 of docs/protocol.md.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from circuits.errors import WireError
from circuits.hashing import tag, words

KEY_BYTES = 32
TAG_BYTES = 16
SEALED = 1 << 16
"""Bytes of every sealed chunk but the last, which may be shorter: small enough for a slow link to move one in time."""
PIECE = SEALED - TAG_BYTES
"""Plaintext bytes of such a chunk."""
END = bytes(32)
"""What stands in the last chunk for those behind it."""
_BODY = b"gradroll/v1/body"


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """A sealed piece, and what the chunks behind it hash to (32 bytes, ``END`` in the last one)."""

    sealed: bytes = field(repr=False)
    rest: bytes

    @property
    def digest(self) -> bytes:
        """What this chunk and all behind it hash to."""
        return hashlib.sha256(self.sealed + self.rest).digest()


@dataclass(frozen=True, slots=True)
class BodyLabel:
    """Ties sealed chunks to one body of one submission; a chunk's index completes it.

    Attributes:
        domain: the market's EIP-712 domain separator.
        submission: digest of the owner's dealing, which names task, round and owner.
        body: number of the body in its upload.
    """

    domain: bytes
    submission: bytes
    body: int
    chunks: int

    def data(self, index: int) -> bytes:
        """Associated data of one chunk."""
        return _BODY + words(self.domain, self.submission, self.body, index, self.chunks)


class Chunks(Protocol):
    """Where the chunks of a sealed body come from."""

    @property
    def count(self) -> int:
        """How many there are."""

    def chunk(self, index: int) -> SealedChunk:
        """One of them."""


class Taker(Protocol):
    """Where chunks go; one that is here already is passed over."""

    @property
    def taken(self) -> int:
        """How many are here."""

    def take(self, index: int, chunk: SealedChunk) -> None:
        """Take one, if it is the next."""


class NoChunks:
    """The body of a share that is whole without."""

    count = 0

    def chunk(self, index: int) -> SealedChunk:
        """There is none."""
        raise IndexError(index)


def take_rest(taker: Taker, count: int, chunks: Iterator[SealedChunk]) -> Iterator[int]:
    """Take what is missing of ``count`` chunks from a stream that begins with the first that is.

    Yields:
        How many are here: before the stream is read, and after each.

    Raises:
        WireError: there are fewer, or more.
    """
    first = taker.taken  # others may bring some before this stream goes on
    yield first
    for index in range(first, count):
        chunk = next(chunks, None)
        if chunk is None:
            raise WireError(f"the upload ended after {index} of {count} chunks; hand in the rest")
        taker.take(index, chunk)
        yield index + 1
    if next(chunks, None) is not None:
        raise WireError("more chunks came than were announced")


def chunk_count(plaintext_bytes: int) -> int:
    """Chunks into which a body is sealed."""
    return -(-plaintext_bytes // PIECE)


def body_key(upload_key: bytes, body: int) -> bytes:
    """The key of one body of an upload, 32 bytes, from the upload's own."""
    return hmac.digest(upload_key, words(tag("gradroll/v1/body-key"), body), "sha256")


class SealedBody:
    """A body as its owner sends it.  The same key and plaintext give the same chunks, as often as they are asked for.

    So an upload can go on after a restart, and no sealed copy has to be kept.  The key must not be used for another
    plaintext: that would lay the difference of both open.
    """

    def __init__(self, key: bytes, plaintext: memoryview, label: BodyLabel) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._plaintext = plaintext
        self._label = label
        self._rests = [END]
        for index in reversed(range(label.chunks)):
            self._rests.append(SealedChunk(self._seal(index), self._rests[-1]).digest)
        self._rests.reverse()

    @property
    def root(self) -> bytes:
        """What all chunks hash to."""
        return self._rests[0]

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return self._label.chunks

    def chunk(self, index: int) -> SealedChunk:
        """Seal one chunk."""
        return SealedChunk(self._seal(index), self._rests[index + 1])

    def _seal(self, index: int) -> bytes:
        piece = self._plaintext[index * PIECE : (index + 1) * PIECE]
        return self._cipher.encrypt(_nonce(index), piece, self._label.data(index))


class RunningCheck:
    """Checks the chunks of a body one after the other, as they come, against the root that its owner signed.

    Attributes:
        taken: how many have come.
    """

    def __init__(self, root: bytes, chunks: int) -> None:
        self.taken = 0
        self._wanted = root
        self._chunks = chunks

    @property
    def complete(self) -> bool:
        """Whether all have come."""
        return self.taken == self._chunks

    def take(self, chunk: SealedChunk) -> None:
        """Take the next one.  Raises WireError, and takes nothing, when it is not the one that its owner signed."""
        last = self.taken + 1 == self._chunks
        size, least = len(chunk.sealed), TAG_BYTES + 1 if last else SEALED
        if self.complete or not least <= size <= SEALED or len(chunk.rest) != len(END) or (chunk.rest == END) != last:
            raise WireError(f"chunk {self.taken} of the share has {size} bytes, or is not one of the {self._chunks}")
        if chunk.digest != self._wanted:
            raise WireError(f"chunk {self.taken} of the share is not the one that its owner signed")
        self.taken, self._wanted = self.taken + 1, chunk.rest


def open_chunk(key: bytes, sealed: bytes, label: BodyLabel, index: int) -> bytes:
    """Open one chunk.  Raises WireError when it was sealed with another key or under another label."""
    try:
        return ChaCha20Poly1305(key).decrypt(_nonce(index), sealed, label.data(index))
    except InvalidTag as error:
        raise WireError(f"chunk {index} of the share does not open with the key in this prover's part") from error


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")
