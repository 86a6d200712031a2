"""The network as anybody runs it: integers, exact, the same on every machine.

    A = [X | first_bias] W1        R = max(A, 0)        Z = [R | second_bias] W2

A row is answered rightly if its label's score is strictly the largest; a tie is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import InvalidInputError

Int64Array = npt.NDArray[np.int64]
NO_LABEL = -1
"""Stands where a row has no label: it only fills a chunk, and never counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What the network computes of a chunk.

    Attributes:
        before: A, (rows, H), before ReLU.
        scores: Z, (rows, C).
    """

    before: Int64Array = field(repr=False)
    scores: Int64Array = field(repr=False)


def layers(size: SizeClass, weights: Int64Array) -> tuple[Int64Array, Int64Array]:
    """W1, (P + 1, H), and W2, (H + 1, C), of int64[d].

    Raises:
        InvalidInputError: another shape.
    """
    if weights.shape != (size.weights,):
        raise InvalidInputError(f"a model of class {size.name} has {size.weights} weights, got {weights.shape}")
    first, second = weights[: size.first_weights], weights[size.first_weights :]
    return first.reshape(size.inputs + 1, size.hidden), second.reshape(size.hidden + 1, size.classes)


def forward(size: SizeClass, features: Int64Array, weights: Int64Array) -> Scores:
    """Run the network on features (rows, P); weights int64[d].

    Raises:
        InvalidInputError: other shapes.
    """
    first, second = layers(size, weights)
    if features.ndim != 2 or features.shape[1] != size.inputs:
        raise InvalidInputError(f"features of class {size.name} have {size.inputs} columns, got {features.shape}")
    before = _with_constant(features, size.first_bias) @ first
    return Scores(before, _with_constant(np.maximum(before, 0), size.second_bias) @ second)


def largest_before(size: SizeClass, weights: Int64Array, bound: int) -> int:
    """The largest |A| of any features that lie in -bound..bound.  Raises InvalidInputError as `layers`."""
    first, _ = layers(size, weights)
    sums = bound * np.abs(first[:-1]).sum(0) + size.first_bias * np.abs(first[-1])
    return int(sums.max())


def right(scores: Int64Array, labels: Int64Array) -> npt.NDArray[np.bool_]:
    """Which rows are answered rightly: scores (rows, C), labels (rows,) in 0..C-1 or `NO_LABEL`, which is never."""
    rows = np.arange(len(labels))
    mine = scores[rows, labels]
    others = scores.copy()
    others[rows, labels] = np.iinfo(np.int64).min
    answer: npt.NDArray[np.bool_] = (mine > others.max(axis=1)) & (labels != NO_LABEL)
    return answer


def count_right(size: SizeClass, features: Int64Array, labels: Int64Array, weights: Int64Array) -> int:
    """How many rows the model answers rightly."""
    return int(right(forward(size, features, weights).scores, labels).sum())


def _with_constant(values: Int64Array, constant: int) -> Int64Array:
    return np.concatenate([values, np.full((len(values), 1), constant, dtype=np.int64)], axis=1)
