"""The model owner's reference: its own gradient without what the task has published, and the update from graded sums.

Sums are public, so who hands one in again has done no work; without their span in the reference it earns no level by
it.  A reference from which much was taken points less well, and a batch in which nobody had a weight was not judged by
it at all: there the model owner goes on with its own gradient, and where a sum points away from that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.arrays import FloatArray, float_vector
from circuits.errors import GradientError, InvalidInputError
from circuits.grading import Grades

LEAST_SUMS = 5
"""Sums that are taken out at least, where there are so many: by default in open tasks."""
_LEAST_LEFT = 1e-6
"""Part of a gradient's length below which rounding is most of what is left of it."""
_BLOCK = 1 << 16
"""Coordinates that are worked on at a time, so that no second copy of all vectors is made."""


@dataclass(frozen=True, eq=False, slots=True)
class Reference:
    """A reference gradient; dealing it brings it to the task's bound.

    Attributes:
        values: float64[d].
        removed: dimensions of the span that was taken out.
        left: its length in parts of the model owner's own gradient's, above 0, at most 1.
    """

    values: FloatArray = field(repr=False)
    removed: int
    left: float


def reference_gradient(own: FloatArray, sums: Sequence[FloatArray], *, least: int = LEAST_SUMS) -> Reference:
    """The model owner's own gradient without its part in the span of published sums.

    Args:
        own: float64[d], computed on the data that the task's terms name by their digest.
        sums: float64[d] each, of every batch, or round, from which nobody is to earn by repeating it; in any order.
            Sums that are zero or follow from the others take out nothing more.
        least: how many there must be; fewer only where the task has not published more, and the caller says so.

    Raises:
        InvalidInputError: fewer sums than ``least``, or one of another shape, or with NaN or infinity.
        GradientError: the own gradient is none, is zero, or lies in the span of the sums.
    """
    if len(sums) < least:
        raise InvalidInputError(
            f"{len(sums)} published sums are to be taken out of the reference, and {least} are asked for; name more, "
            "or say that the task has no more"
        )
    start = _unit(float_vector(own, len(own), "reference gradient", GradientError))
    if start is None:
        raise GradientError("the model owner's own gradient is zero, so it has no direction; compute it on other data")
    rows = [_unit(float_vector(each, len(start), f"published sum {n}")) for n, each in enumerate(sums)]
    span = _Span.of([row for row in rows if row is not None])
    values = span.taken_out_of(span.taken_out_of(start))  # once more: the first time leaves what its rounding left
    left = min(1.0, _length(values))
    if left < _LEAST_LEFT:
        raise GradientError(
            f"the model owner's own gradient lies in the span of the {len(sums)} sums that are taken out of it, so "
            "nothing is left to grade by; compute it on other data, or take fewer sums out"
        )
    return Reference(values / left, span.rank, left)


@dataclass(frozen=True, eq=False, slots=True)
class _Span:
    """What some vectors span.

    Attributes:
        vectors: of length 1, float64[d].
        basis: (rank, number of vectors); its product with them is orthonormal.
    """

    vectors: list[FloatArray]
    basis: FloatArray

    @classmethod
    def of(cls, vectors: list[FloatArray]) -> _Span:
        """By a QR decomposition block after block of coordinates, then an SVD of the small triangle.

        The Gram matrix would square the condition: sums of neighbouring rounds are nearly parallel.
        """
        if not vectors:
            return cls([], np.zeros((0, 0)))
        triangle: FloatArray = np.zeros((0, len(vectors)))
        for block in _blocks(vectors):
            triangle = np.linalg.qr(np.vstack((triangle, block.T))).R
        _, singular, right = np.linalg.svd(triangle)
        smallest = singular[0] * max(len(vectors), len(vectors[0])) * np.finfo(np.float64).eps
        rank = int(np.count_nonzero(singular > smallest))
        return cls(vectors, right[:rank] / singular[:rank, None])

    @property
    def rank(self) -> int:
        """Its dimensions."""
        return len(self.basis)

    def taken_out_of(self, vector: FloatArray) -> FloatArray:
        """The vector less its projection onto the span."""
        if not self.rank:
            return vector
        inner = np.zeros(len(self.vectors))
        for block, part in zip(_blocks(self.vectors), _blocks([vector]), strict=True):
            inner += block @ part[0]
        weights = (self.basis @ inner) @ self.basis
        rest = [part[0] - weights @ block for block, part in zip(_blocks(self.vectors), _blocks([vector]), strict=True)]
        return np.concatenate(rest)


def _blocks(vectors: Sequence[FloatArray]) -> Iterator[FloatArray]:
    """(number of vectors, coordinates) each; at most 65,536 coordinates."""
    for start in range(0, len(vectors[0]), _BLOCK):
        yield np.stack([vector[start : start + _BLOCK] for vector in vectors])


def _length(vector: FloatArray) -> float:
    return math.sqrt(float(np.dot(vector, vector)))


def _unit(vector: FloatArray) -> FloatArray | None:
    """The vector at length 1, None for zero."""
    largest = float(np.max(np.abs(vector), initial=0.0))
    if largest == 0.0:
        return None
    scaled = vector / largest  # squares of huge or tiny values would leave float64
    return scaled / _length(scaled)


@dataclass(frozen=True, eq=False, slots=True)
class GradedSum:
    """The sum of a graded batch.

    Attributes:
        total: float64[d], each gradient times its weight, in the gradient's units.
    """

    total: FloatArray = field(repr=False)
    grades: Grades


@dataclass(frozen=True, eq=False, slots=True)
class Update:
    """Where a model owner goes from a round.

    Attributes:
        values: float64[d], a mean of gradients of the bound's norm.
        judged: whether it comes from the owners; else it is the model owner's own gradient.
    """

    values: FloatArray = field(repr=False)
    judged: bool


def guarded_update(own: FloatArray, batches: Sequence[GradedSum], norm: float) -> Update:
    """The weighted mean of the gradients that were judged, or the own gradient where none is to be followed.

    In a batch that fell back all gradients count once, whatever they are.  Nothing says that they are of use, so a
    model is not led by them.  Nor is it by a batch whose sum points away from the own gradient: who learns the
    reference is weighted for the part that it repeats, and one from which much was taken says little about the rest.

    Args:
        own: float64[d], the model owner's own gradient, before sums were taken out of it.
        batches: all accepted batches of the round.
        norm: of the bound, in the gradient's units, to which owners bring their gradients and this brings ``own``.

    Raises:
        GradientError: no batch is to be followed, and the own gradient is zero.
        InvalidInputError: vectors of different lengths.
    """
    if any(batch.total.shape != own.shape for batch in batches):
        raise InvalidInputError("the sums of a round have other shapes than the model owner's own gradient")
    judged = [batch for batch in batches if not batch.grades.fallback and float(batch.total @ own) >= 0]
    if judged:
        total = np.sum([batch.total for batch in judged], axis=0)
        return Update(total / sum(sum(batch.grades.weights) for batch in judged), judged=True)
    direction = _unit(own)
    if direction is None:
        raise GradientError("no gradient of the round was judged, and the model owner's own is zero: nothing to go by")
    return Update(direction * norm, judged=False)
