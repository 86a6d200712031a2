"""Bodies of the provers' messages: canonical encodings, one a step.

Scalars are 32 bytes big-endian below r, points 64 or 128 bytes big-endian (EIP-196/197).  ``decode`` takes the exact
shape it expects, so a body of another length, a scalar >= r or a point off the curve is refused with a WireError.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

import numpy as np

import native
from circuits.errors import WireError
from circuits.policies.gram import triangle
from circuits.statement import ROWS
from commons.protocol.ledgerheads import HEAD_BYTES, LedgerHead
from commons.protocol.messages import NONCE_BYTES
from commons.sharing.scalars import canonical
from native import G1, G2, FrArray

CHECKED = ROWS + 1
"""Scalars opened of each submission when its dealing is checked: its projections and one combination of the rest."""


def scalars_to_bytes(scalars: FrArray) -> bytes:
    """Encode FrArray (..., 4) as 32-byte big-endian scalars."""
    return np.ascontiguousarray(scalars[..., ::-1]).astype(">u8").tobytes()


def vector_digest(vector: FrArray) -> bytes:
    """SHA-256 of a vector's little-endian bytes, as a body names what travels beside it."""
    return sha256(np.ascontiguousarray(vector).data).digest()


class Reader:
    """Cuts a body into scalars, points and digests; every cut is checked."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        piece = self._raw[self._at : self._at + size]
        if len(piece) != size:
            raise WireError(f"a message body ends after {len(self._raw)} bytes, {self._at + size} are needed")
        self._at += size
        return piece

    def scalars(self, count: int) -> FrArray:
        """``count`` canonical scalars as FrArray (count, 4)."""
        words = np.frombuffer(self.take(32 * count), ">u8").reshape(count, 4)
        return canonical(np.ascontiguousarray(words[:, ::-1]).astype(np.uint64), "a message body")

    def scalar(self) -> int:
        """One canonical scalar."""
        return native.to_ints(self.scalars(1))[0]

    def g1(self) -> G1:
        """One point of G1."""
        raw = self.take(64)
        try:
            native.g1_check(raw)
        except ValueError as error:
            raise WireError(f"a point of a message body is not in G1: {error}") from error
        return G1(raw)

    def g2(self) -> G2:
        """One point of G2, in the subgroup of order r."""
        raw = self.take(128)
        try:
            native.g2_check(raw)
        except ValueError as error:
            raise WireError(f"a point of a message body is not in G2: {error}") from error
        return G2(raw)

    def end(self) -> None:
        """Refuse trailing bytes."""
        if self._at != len(self._raw):
            raise WireError(f"a message body has {len(self._raw) - self._at} bytes too many")


MOST_SEEN = 255
"""Heads of peers' ledgers in a coin's body."""


@dataclass(frozen=True, slots=True)
class CoinBody:
    """COIN: a share of the cohort's coin.

    Attributes:
        nonce: what the prover drew when it started, 32 bytes.
        head: of its ledger.
        seen: the highest head that it has seen of each peer's ledger with each of the peer's keys, ascending by prover
            and encoded head; at most ``MOST_SEEN``.
    """

    share: int = field(repr=False)
    nonce: bytes
    head: LedgerHead
    seen: tuple[tuple[int, LedgerHead], ...] = ()

    def encode(self) -> bytes:
        """Canonical bytes."""
        seen = b"".join(bytes((prover,)) + head.encode() for prover, head in self.seen)
        return self.share.to_bytes(32, "big") + self.nonce + self.head.encode() + bytes((len(self.seen),)) + seen

    @classmethod
    def decode(cls, raw: bytes) -> CoinBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        share, nonce, head = reader.scalar(), reader.take(NONCE_BYTES), LedgerHead.decode(reader.take(HEAD_BYTES))
        seen = tuple((reader.take(1)[0], LedgerHead.decode(reader.take(HEAD_BYTES))) for _ in range(reader.take(1)[0]))
        reader.end()
        if any((a, one.encode()) >= (b, other.encode()) for (a, one), (b, other) in pairwise(seen)):
            raise WireError("the heads of a coin's body are not in ascending order of provers and heads")
        return cls(share, nonce, head, seen)


@dataclass(frozen=True, slots=True)
class ProjectBody:
    """PROJECT: shares of every submission's projections and dealing check, FrArray (submissions, 129, 4)."""

    shares: FrArray = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return scalars_to_bytes(self.shares)

    @classmethod
    def decode(cls, raw: bytes, submissions: int) -> ProjectBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        flat = reader.scalars(submissions * CHECKED)
        reader.end()
        return cls(flat.reshape(submissions, CHECKED, 4))


@dataclass(frozen=True, slots=True)
class MaskBody:
    """MASK: shares of the mask row's commitment and projections, and the masked inner products (degree 2t)."""

    commitment: G1
    projections: FrArray = field(repr=False)
    products: FrArray = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.commitment + scalars_to_bytes(self.projections) + scalars_to_bytes(self.products)

    @classmethod
    def decode(cls, raw: bytes, owners: int) -> MaskBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.g1(), reader.scalars(ROWS), reader.scalars(triangle(owners + 1)))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class ValidateBody:
    """VALIDATE: residuals of the owners' constraints (degree 2t), shares of the Gram commitment's two parts."""

    residuals: FrArray = field(repr=False)
    gram: G1
    knowledge: G1

    def encode(self) -> bytes:
        """Canonical bytes."""
        return scalars_to_bytes(self.residuals) + self.gram + self.knowledge

    @classmethod
    def decode(cls, raw: bytes, owners: int) -> ValidateBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.scalars(owners), reader.g1(), reader.g1())
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class ConfirmBody:
    """CONFIRM: the transcript state behind rho and the hash of every broadcast of the attempt."""

    state: bytes
    broadcasts: bytes

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.state + self.broadcasts

    @classmethod
    def decode(cls, raw: bytes) -> ConfirmBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.take(32), reader.take(32))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class CombineBody:
    """COMBINE: SHA-256 of the share of the combined row, and a share of its squared norm T."""

    digest: bytes
    square_norm: int = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.digest + self.square_norm.to_bytes(32, "big")

    @classmethod
    def decode(cls, raw: bytes) -> CombineBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.take(32), reader.scalar())
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class ProveBody:
    """PROVE: shares of the Groth16 proof; a and b of degree t, c of degree 2t."""

    a: G1
    b: G2
    c: G1

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.a + self.b + self.c

    @classmethod
    def decode(cls, raw: bytes) -> ProveBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.g1(), reader.g2(), reader.g1())
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class DigestBody:
    """RELEASE, PROBE_COMBINE, REVEAL: SHA-256 of what travels beside the message."""

    digest: bytes

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.digest

    @classmethod
    def decode(cls, raw: bytes) -> DigestBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.take(32))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class SignatureBody:
    """ATTEST, EXCLUDE: the prover's EIP-712 signature, 65 bytes, for the contract."""

    signature: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.signature

    @classmethod
    def decode(cls, raw: bytes) -> SignatureBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.take(65))
        reader.end()
        return body


@dataclass(frozen=True, slots=True)
class ProbeMaskBody:
    """PROBE_MASK: a share of the mask row's commitment."""

    commitment: G1

    def encode(self) -> bytes:
        """Canonical bytes."""
        return self.commitment

    @classmethod
    def decode(cls, raw: bytes) -> ProbeMaskBody:
        """Parse; raises WireError."""
        reader = Reader(raw)
        body = cls(reader.g1())
        reader.end()
        return body
