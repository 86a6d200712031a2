"""A trained network as the integers of a size class, with what that loses and how far its ranges are from their ends.

With features X = round(S x), W1 = round(s x w1) and the unit u = S s of a value before ReLU,

    A = [X | 2^7] W1      is  u (x w1 + b1)       where the row of biases is round(u b1 / 2^7)
    Z = [R | 2^14] W2     is  u s2 (r w2 + b2)    where it is round(u s2 b2 / 2^14)

An accuracy proof exists of rows with |A| < 2^24 and scores less than 2^47 apart, and all weights have 12 bits.  Of the
scales s that keep these, up to two bits are given away for room in the ranges, as long as the integers answer as many
of the given rows as the floats do.  Labels have no say in it, so that the choice does not fit them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.accuracy.inference import Int64Array, Scores, forward, right
from circuits.accuracy.sizeclasses import SizeClass
from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from gradroll.modelmarket.floatnetworks import FloatNetwork

FEATURE_BITS = 8
"""Bits of the largest feature, where no scale is given: as many as pictures have."""
HEADROOM = 2.0
"""How much larger sums of rows that are not known yet may be."""
_STEPS = 24
"""Scales of the first layer that are tried, each the square root of two below the one before."""
_GIVEN = 5
"""Of these, from the largest with which the ranges hold, so many may be chosen: two bits of the weights at most."""
_LARGEST_FEATURE = (1 << 15) - 1


@dataclass(frozen=True, slots=True)
class Report:
    """What quantising did, measured on the rows that were given.

    Attributes:
        rows: how many there were.
        alike: how many the network and its integers answer alike.
        float_right, right: how many the network, and its integers, answer rightly.
        largest_before: largest |A|.
        largest_possible: largest |A| of any features whose columns are no larger than those given.
        before_limit: |A| of a row that can be proven is below it.
        largest_spread: largest distance of two scores of a row.
        spread_limit: that distance is below it.
    """

    rows: int
    alike: int
    float_right: int
    right: int
    largest_before: int
    largest_possible: int
    before_limit: int
    largest_spread: int
    spread_limit: int

    @property
    def loss(self) -> float:
        """Accuracy that is lost: of the floats, less that of the integers; below 0 where rounding helped by chance."""
        return (self.float_right - self.right) / self.rows

    @property
    def before_room(self) -> float:
        """How many times the largest |A| fits its range."""
        return self.before_limit / max(self.largest_before, 1)

    @property
    def spread_room(self) -> float:
        """How many times the largest distance of scores fits its range."""
        return self.spread_limit / max(self.largest_spread, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """A model of a size class.

    Attributes:
        weights: int64[d], each in [-2048, 2047].
        feature_scale: S, an integer feature's value for 1.0.
        first_scale, second_scale: of the weights of both layers.
    """

    size: SizeClass
    weights: Int64Array = field(repr=False)
    feature_scale: float
    first_scale: float
    second_scale: float
    report: Report

    def features(self, values: FloatArray) -> npt.NDArray[np.int16]:
        """Integer features [rows, P of the class] of floats [rows, P of the network].  Raises InvalidInputError."""
        return quantise_features(values, self.feature_scale, self.size.inputs)


def quantise_features(values: FloatArray, scale: float, inputs: int) -> npt.NDArray[np.int16]:
    """round(scale x) with zeros behind, int16 [rows, inputs], of floats [rows, fewer].

    Raises:
        InvalidInputError: other shapes, NaN, or more than 16 bits.
    """
    if values.ndim != 2 or values.shape[1] > inputs:
        raise InvalidInputError(f"features have shape [rows, {inputs}] or fewer columns, got {values.shape}")
    scaled = np.rint(np.asarray(values, dtype=np.float64) * scale)
    if not (np.abs(scaled) <= _LARGEST_FEATURE).all():  # also of NaN
        raise InvalidInputError(
            f"a feature times its scale {scale:g} has more than 16 bits, or is no number; choose a smaller one"
        )
    out = np.zeros((len(values), inputs), dtype=np.int16)
    out[:, : values.shape[1]] = scaled
    return out


def feature_scale(values: FloatArray, bits: int = FEATURE_BITS) -> float:
    """The largest power of two that keeps all features within so many bits.  Raises InvalidInputError."""
    top = float(np.abs(values).max(initial=0.0))
    if not np.isfinite(top):
        raise InvalidInputError("the features have values that are no finite numbers; leave these rows out")
    return float(2.0 ** (bits - np.frexp(top)[1])) if top > 0 else 1.0


def quantise(
    network: FloatNetwork,
    size: SizeClass,
    features: FloatArray,
    labels: npt.NDArray[np.integer[Any]],
    *,
    scale: float | None = None,
    headroom: float = HEADROOM,
) -> Quantised:
    """The network in a size class that it fits; missing inputs and hidden units are zeros, missing classes never win.

    Args:
        features: floats [rows, P] that scales are chosen by and accuracy is measured on; not the hidden test set.
        labels: integers [rows], 0 to C - 1.
        scale: S, a power of two by default.
        headroom: sums of other rows may be so many times those of these; what no row can exceed needs none.

    Raises:
        InvalidInputError: the network does not fit the class, or its ranges cannot be proven: the message names the
            layer and a cure.
    """
    _check(network, size, features, labels)
    chosen = feature_scale(features) if scale is None else scale
    if not (np.isfinite(chosen) and chosen > 0 and headroom >= 1):
        raise InvalidInputError("a feature scale is a positive number, and headroom at least 1")
    integers = quantise_features(features, chosen, size.inputs).astype(np.int64)
    rows = labels.astype(np.int64)
    known = _Rows(integers, rows, network.scores(features).argmax(1), network.count_right(features, labels))
    tried = [
        _quantised(network, size, known, (chosen, first_scale), headroom)
        for first_scale in _scales(_first_limit(network, size, chosen))
    ]
    sound = [each for each in tried if not isinstance(each, _Layer)]
    if not sound:
        raise _second_layer(size) if _Layer.SECOND in tried else _first_layer(network, size, integers, chosen, headroom)
    return max(reversed(sound[:_GIVEN]), key=lambda each: each.report.alike)  # of equals the smallest scale


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What is known of the rows: integer features, labels, what the floats answer, and how often rightly."""

    features: Int64Array
    labels: Int64Array
    answers: npt.NDArray[np.intp]
    float_right: int


class _Layer(Enum):
    """Whose ranges do not hold."""

    FIRST, SECOND = 1, 2


def _check(network: FloatNetwork, size: SizeClass, features: FloatArray, labels: npt.NDArray[np.integer[Any]]) -> None:
    inputs, hidden, classes = network.shape
    if inputs > size.inputs or hidden > size.hidden or classes > size.classes:
        raise InvalidInputError(
            f"a network of {inputs} inputs, {hidden} hidden units and {classes} classes does not fit class {size.name} "
            f"of {size.inputs}, {size.hidden} and {size.classes}; choose a larger class, or train a smaller network"
        )
    if features.ndim != 2 or features.shape[1] != inputs or labels.shape != features.shape[:1] or not len(labels):
        raise InvalidInputError(f"rows have features [rows, {inputs}] and labels [rows]; pass some of them")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise InvalidInputError(f"labels are whole numbers from 0 to {classes - 1}; correct them")


def _scales(top: float) -> Iterator[float]:
    yield from (top * 2 ** (-step / 2) for step in range(_STEPS))


def _first_limit(network: FloatNetwork, size: SizeClass, scale: float) -> float:
    """The largest scale of layer 1 with which its weights and biases have 12 bits."""
    return _limit(network.first, network.first_bias * scale / size.first_bias, size)


def _limit(weights: FloatArray, biases: FloatArray, size: SizeClass) -> float:
    top = max(float(np.abs(weights).max()), float(np.abs(biases).max()))
    return (size.half - 1) / top if top > 0 else 1.0


def _quantised(
    network: FloatNetwork,
    size: SizeClass,
    rows: _Rows,
    scales: tuple[float, float],
    headroom: float,
) -> Quantised | _Layer:
    """The model with these scales of features and layer 1, or the layer whose ranges do not hold."""
    unit = scales[0] * scales[1]
    second_scale = _limit(network.second, network.second_bias * unit / size.second_bias, size)
    first = _first(network, size, unit, scales[1])
    if not first[:-1].any():
        return _Layer.FIRST  # nothing is left of it
    for _ in range(_STEPS):
        second = _second(network, size, unit, second_scale)
        if not second[:-1].any():
            break
        weights = np.concatenate([first.ravel(), second.ravel()])
        report = _report(size, first, rows, forward(size, rows.features, weights))
        if min(report.largest_possible, headroom * report.largest_before) >= report.before_limit:
            return _Layer.FIRST
        if headroom * report.largest_spread < report.spread_limit:
            return Quantised(size, weights, scales[0], scales[1], second_scale, report)
        second_scale /= 4
    return _Layer.SECOND


def _first(network: FloatNetwork, size: SizeClass, unit: float, scale: float) -> Int64Array:
    inputs, hidden, _ = network.shape
    out = np.zeros((size.inputs + 1, size.hidden), dtype=np.int64)
    out[:inputs, :hidden] = np.rint(network.first * scale)
    out[-1, :hidden] = np.rint(network.first_bias * unit / size.first_bias)
    return out


def _second(network: FloatNetwork, size: SizeClass, unit: float, scale: float) -> Int64Array:
    """W2. A class that does not exist has the least weight of each hidden unit, and a bias below all others: as no
    hidden value is negative, its score is below every other one whatever the features are."""
    _, hidden, classes = network.shape
    out = np.zeros((size.hidden + 1, size.classes), dtype=np.int64)
    out[:hidden, :classes] = np.rint(network.second * scale)
    out[-1, :classes] = np.rint(network.second_bias * unit * scale / size.second_bias)
    out[:, classes:] = out[:, :classes].min(1, keepdims=True)
    out[-1, classes:] = -size.half
    return out


def _report(size: SizeClass, first: Int64Array, rows: _Rows, found: Scores) -> Report:
    possible = np.abs(rows.features).max(0) @ np.abs(first[:-1]) + size.first_bias * np.abs(first[-1])
    scores = found.scores
    return Report(
        rows=len(rows.labels),
        alike=int((scores.argmax(1) == rows.answers).sum()),
        float_right=rows.float_right,
        right=int(right(scores, rows.labels).sum()),
        largest_before=int(np.abs(found.before).max()),
        largest_possible=int(possible.max()),
        before_limit=size.hidden_limit,
        largest_spread=int((scores.max(1) - scores.min(1)).max()),
        spread_limit=size.margin_limit,
    )


def _first_layer(
    network: FloatNetwork, size: SizeClass, integers: Int64Array, scale: float, headroom: float
) -> InvalidInputError:
    """What to say where no scale of layer 1 will do."""
    if not network.first.any():
        return InvalidInputError("layer 1 has no weights but zeros, so the model knows nothing of its inputs; train it")
    limit = _first_limit(network, size, scale)
    if not np.rint(network.first * limit).any():
        return InvalidInputError(
            "layer 1: its biases are so much larger than its weights that no weight is left in 12 bits; choose a "
            f"larger feature scale than {scale:g}, or train on features that are centred"
        )
    return InvalidInputError(
        f"layer 1: with features of up to {int(np.abs(integers).max())} the sums exceed {size.hidden_limit} with every "
        f"scale of its weights (with headroom {headroom:g}), which cannot be proven; choose a smaller feature scale "
        f"than {scale:g}, or train with weight decay so that the rows of layer 1 have smaller norms"
    )


def _second_layer(size: SizeClass) -> InvalidInputError:
    return InvalidInputError(
        f"layer 2: scores of a row are {size.margin_limit} apart or more with every scale of its weights, which cannot "
        "be proven; train with weight decay so that the columns of layer 2 have smaller norms"
    )
