"""What goes to the contract, and its canonical encoding: 32-byte big-endian words, points as in EIP-196 and EIP-197."""

from __future__ import annotations

from dataclasses import dataclass, field

import native
from circuits.accuracy.sizeclasses import MAX_CHUNKS
from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words
from circuits.statement import GrothProof
from native import G1, G2, R

_WORD = 32
_HEAD, _CHUNK = 3, 14
"""Words of an accuracy proof: y_M and W; of each chunk D, its knowledge part, y_X, K, A, B, C."""
_ROUNDING = 15


@dataclass(frozen=True, slots=True)
class ChunkProof:
    """One chunk's part of an accuracy proof.

    Attributes:
        block: D, the commitment to the circuit's block.
        knowledge: sigma D.
        data_value: y_X = f_X(alpha).
        correct: K, right answers claimed.
    """

    block: G1
    knowledge: G1
    data_value: int
    correct: int
    groth: GrothProof = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccuracyProof:
    """The proof of one group: 1..16 chunks under one challenge.

    Attributes:
        model_value: y_M = W(alpha).
        opening: of the model's and the data's commitments together at alpha.
    """

    chunks: tuple[ChunkProof, ...]
    model_value: int
    opening: G1

    @property
    def correct(self) -> int:
        """Right answers of all chunks."""
        return sum(chunk.correct for chunk in self.chunks)

    def encode(self) -> bytes:
        """y_M, W, then of each chunk D, sigma D, y_X, K, A, B, C: 3 + 14 Q words."""
        parts: list[int | bytes] = [self.model_value, self.opening]
        for c in self.chunks:
            parts += [c.block, c.knowledge, c.data_value, c.correct, c.groth.a, c.groth.b, c.groth.c]
        return words(*parts)

    @classmethod
    def decode(cls, data: bytes) -> AccuracyProof:
        """The proof that `encode` gives these bytes.

        Raises:
            WireError: another length, a scalar outside [0, r), or bytes that are no point of their group.
        """
        count, rest = divmod(len(data) - _HEAD * _WORD, _CHUNK * _WORD)
        if rest or not 1 <= count <= MAX_CHUNKS:
            raise WireError(f"{len(data)} bytes are no accuracy proof of 1..{MAX_CHUNKS} chunks")
        reader = _Reader(data)
        value, opening = reader.scalar(), reader.g1()
        return cls(tuple(reader.chunk() for _ in range(count)), value, opening)


@dataclass(frozen=True, slots=True)
class RoundingProof:
    """The proof that a committed row has 12-bit entries.

    Attributes:
        block, knowledge: D and sigma D.
        error_value: y_E, the row's polynomial at alpha.
        opening: of C_E at alpha.
    """

    block: G1
    knowledge: G1
    error_value: int
    opening: G1
    groth: GrothProof = field(repr=False)

    def encode(self) -> bytes:
        """D, sigma D, y_E, W, A, B, C: 15 words."""
        groth = self.groth
        return words(self.block, self.knowledge, self.error_value, self.opening, groth.a, groth.b, groth.c)

    @classmethod
    def decode(cls, data: bytes) -> RoundingProof:
        """The proof that `encode` gives these bytes. Raises WireError as `AccuracyProof.decode`."""
        if len(data) != _ROUNDING * _WORD:
            raise WireError(f"a rounding proof has {_ROUNDING * _WORD} bytes, not {len(data)}")
        reader = _Reader(data)
        return cls(reader.g1(), reader.g1(), reader.scalar(), reader.g1(), reader.groth())


def require_scalars(*values: int) -> None:
    """Raise InvalidInputError for a value outside [0, r): a proof for x must not pass for x + r too."""
    if not all(0 <= value < R for value in values):
        raise InvalidInputError("a scalar of the proof is outside [0, r)")


def require_points(*points: G1) -> None:
    """Raise native.PointError for bytes that are no point of G1."""
    for point in points:
        native.g1_check(point)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def _take(self, count: int) -> bytes:
        self._at += count * _WORD
        return self._data[self._at - count * _WORD : self._at]

    def scalar(self) -> int:
        value = int.from_bytes(self._take(1), "big")
        if value >= R:
            raise WireError("a scalar of the proof is outside [0, r)")
        return value

    def g1(self) -> G1:
        point = G1(self._take(2))
        try:
            native.g1_check(point)
        except ValueError as error:
            raise WireError(f"a point of the proof is none: {error}") from error
        return point

    def g2(self) -> G2:
        point = G2(self._take(4))
        try:
            native.g2_check(point)
        except ValueError as error:
            raise WireError(f"a point of the proof is none: {error}") from error
        return point

    def groth(self) -> GrothProof:
        return GrothProof(self.g1(), self.g2(), self.g1())

    def chunk(self) -> ChunkProof:
        return ChunkProof(self.g1(), self.g1(), self.scalar(), self.scalar(), self.groth())
