"""A sealed row: what the seller sends a buyer, and its one encoding.

    ct_j = w_j G + k H_j (j < d)      ct_(d+l) = t_l G + k H_(d+l) (l < 129)      K = kG
    zeta = Hash(context, C_M, K, all ct)     c = (L_j(zeta); zeta^l Z_H(zeta))     E = <c, ct>   Hh = <c, H>
    pi = [(W(X) - y)/(X - zeta)] + rho G     Q = k Hh + rho S     S = [tau]_1 - zeta G     y = W(zeta), rho fresh
    proof of knowledge of (k, y, rho):  K = kG,  E = yG + k Hh,  Q = k Hh + rho S

Layout (version 1): "GRADSEAL", the version in 2 bytes, d in 4, the points K, pi and Q, the scalars c, s_k, s_y and
s_rho, then d + 129 ciphertexts. Points have 64 bytes (EIP-196), scalars 32; all big-endian. Exactly one encoding a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import native
from circuits.errors import WireError
from circuits.hashing import keccak, words
from circuits.statement import TAIL
from circuits.swap.swaptranscript import offer_digest
from circuits.terms import MAX_DIMENSION
from native import G1, G1Bases

MAGIC = b"GRADSEAL"
VERSION = 1
_POINT, _SCALAR = 64, 32
_POINTS, _SCALARS = 3, 4
_PREFIX = len(MAGIC) + 2 + 4
_HEAD = _PREFIX + _POINTS * _POINT + _SCALARS * _SCALAR
_PART = 1 << 14
"""Ciphertexts that are encoded at once: 1 MB."""


@dataclass(frozen=True, eq=False)
class SealedRow:
    """A row under a key that its buyer does not have yet.

    Attributes:
        key_point: K.
        ciphertexts: d of the weights, then 129 of the tail.
        opening: pi.
        blind: Q.
        challenge: c of the proof of knowledge, and its answers for k, y and rho.
    """

    key_point: G1
    ciphertexts: G1Bases = field(repr=False)
    opening: G1
    blind: G1
    challenge: int
    key_answer: int
    value_answer: int
    blind_answer: int

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.ciphertexts) - TAIL

    @property
    def scalars(self) -> tuple[int, int, int, int]:
        """c, s_k, s_y, s_rho."""
        return self.challenge, self.key_answer, self.value_answer, self.blind_answer

    @cached_property
    def ciphertext_hash(self) -> bytes:
        """See `ciphertext_hash`."""
        return ciphertext_hash(self.ciphertexts)

    @cached_property
    def digest(self) -> bytes:
        """The offer's 32 bytes, which seller and receipts sign: they bind every byte of the encoding."""
        return offer_digest(self.key_point, self.ciphertext_hash, self.opening, self.blind, self.scalars)

    def parts(self) -> Iterator[bytes]:
        """The encoding, about a megabyte at a time."""
        head = MAGIC + VERSION.to_bytes(2, "big") + self.dimension.to_bytes(4, "big")
        yield head + words(self.key_point, self.opening, self.blind, *self.scalars)
        for start in range(0, len(self.ciphertexts), _PART):
            stop = min(start + _PART, len(self.ciphertexts))
            yield self.ciphertexts.slice(start, stop).to_bytes()

    def encode(self) -> bytes:
        """The encoding, `encoded_length(d)` bytes."""
        return b"".join(self.parts())

    @classmethod
    def decode(cls, data: bytes | memoryview, dimension: int) -> SealedRow:
        """The row that an encoding for a model of d weights holds; whether it is the model's, `check_row` finds out.

        Raises:
            WireError: another length, version or dimension; a point that is not canonical, not on the curve or
                infinity; a scalar that is not below r.
        """
        if len(data) != encoded_length(dimension):
            raise WireError(f"the sealed row has {len(data)} bytes; one of {dimension} weights has "
                            f"{encoded_length(dimension)}")  # fmt: skip
        view = memoryview(data)
        expected = MAGIC + VERSION.to_bytes(2, "big") + dimension.to_bytes(4, "big")
        if view[:_PREFIX] != expected:
            raise WireError(f"this is no sealed row of {dimension} weights in version {VERSION}")
        start = _PREFIX + _POINTS * _POINT
        own, opening, blind = (_point(view[at : at + _POINT]) for at in range(_PREFIX, start, _POINT))
        scalars = (_scalar(view[at : at + _SCALAR]) for at in range(start, _HEAD, _SCALAR))
        return cls(own, _ciphertexts(view[_HEAD:]), opening, blind, *scalars)


def ciphertext_hash(ciphertexts: G1Bases) -> bytes:
    """Keccak-256 of all ciphertexts, 64 bytes each."""
    return keccak(ciphertexts.to_bytes())


def encoded_length(dimension: int) -> int:
    """Bytes of a sealed row of d weights. Raises WireError when no row has so many."""
    if not 1 <= dimension <= MAX_DIMENSION:
        raise WireError(f"a row has 1 to {MAX_DIMENSION} weights, not {dimension}")
    return _HEAD + (dimension + TAIL) * _POINT


def _point(raw: memoryview) -> G1:
    point = G1(bytes(raw))
    if not any(point):
        raise WireError("a point of the sealed row is infinity")
    try:
        native.g1_check(point)
    except ValueError as error:
        raise WireError(f"the sealed row: {error}") from error
    return point


def _scalar(raw: memoryview) -> int:
    value = int.from_bytes(raw, "big")
    if value >= native.R:
        raise WireError("a scalar of the sealed row is not below r")
    return value


def _ciphertexts(raw: memoryview) -> G1Bases:
    halves = np.frombuffer(raw, np.uint64).reshape(-1, _POINT // 8)
    infinite = np.flatnonzero(~halves.any(axis=1))
    if len(infinite):
        raise WireError(f"ciphertext {infinite[0]} of the sealed row is infinity")
    try:
        return G1Bases.from_bytes(raw)
    except ValueError as error:
        raise WireError(f"the sealed row: {error}") from error
