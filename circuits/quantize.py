"""Float gradients to small signed integers, within an exact integer bound on the squared norm.

q = round(x * 2^f) after x is clipped to the L2 ball of radius sqrt(BOUND) / 2^f. Rounding can leave the ball
by up to sqrt(d) / 2 units; then coordinates that were rounded away from zero move one unit back, those that
were moved furthest first, ties by index, until it fits. So sum q^2 <= BOUND holds exactly.

Error against the clipped gradient, per coordinate: at most 2^-f / 2 where nothing was moved, below 2^-f
anywhere. Clipping itself shrinks the gradient by the factor `Quantized.scale`. Summing m gradients adds the
errors: below m 2^-f.

Where gradients are graded all are brought to the radius, smaller ones too: then nobody gains by a gradient's
length, which says nothing of its use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import GradientError
from circuits.terms import MAX_BOUND, MAX_DIMENSION

MAX_FRACTION_BITS = 62
_INSIDE = 1 - 2.0**-40
"""Keeps the clipped vector inside the ball whatever way float64 sums round (d <= 2^28)."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Quantized:
    """A quantised gradient and what quantising did to it.

    Attributes:
        values: int64[d] with sum of squares <= BOUND.
        squared_norm: that sum.
        scale: factor of the clipping, 1.0 when the gradient was inside the ball; above that where it was stretched.
        max_error: largest |values / 2^f - scale * gradient|, in the gradient's units.
    """

    values: IntArray = field(repr=False)
    squared_norm: int
    scale: float
    max_error: float

    @property
    def clipped(self) -> bool:
        """Whether the gradient exceeded the task's L2 bound."""
        return self.scale < 1.0


def quantize(
    gradient: npt.ArrayLike, *, fraction_bits: int, bound: int, dimension: int, stretch: bool = False
) -> Quantized:
    """Clips and rounds a gradient for a task.

    Args:
        gradient: floats or integers of shape (d,); see `arrays.float_vector` for what is taken.
        fraction_bits: f of the task.
        bound: BOUND of the task, on the sum of squares of the integers.
        dimension: d of the task.
        stretch: bring a gradient inside the ball to its radius, as a task that grades wants it.

    Raises:
        GradientError: wrong dimension or type, NaN or infinity, or parameters out of range; with ``stretch`` also a
            gradient without a direction: zero, or zero once it is rounded.
    """
    _check_parameters(fraction_bits, bound, dimension)
    values = float_vector(gradient, dimension, "gradient", GradientError)
    scaled, scale = _clip(values, fraction_bits, bound, stretch=stretch)
    rounded = _fit(np.rint(scaled).astype(np.int64), scaled, bound)
    if stretch and not rounded.any():
        raise GradientError(
            "the gradient is zero, or becomes it when it is rounded within the task's bound, so it has no direction "
            "that could be graded; submit another"
        )
    error = float(np.max(np.abs(rounded - scaled), initial=0.0))
    return Quantized(rounded, squared_norm(rounded), scale, math.ldexp(error, -fraction_bits))


def dequantize(values: IntArray, fraction_bits: int) -> FloatArray:
    """float64[d]: values / 2^f, exact for |values| < 2^53."""
    return np.ldexp(values.astype(np.float64), -fraction_bits)


def squared_norm(values: IntArray) -> int:
    """sum q^2 over the integers, exact for any int64 values."""
    magnitude = np.abs(values).astype(np.uint64)
    high, low = magnitude >> np.uint64(32), magnitude & np.uint64(0xFFFFFFFF)
    parts = ((high, high, 64), (high, low, 33), (low, low, 0))
    return sum(_exact_dot(left, right) << shift for left, right, shift in parts)


def _exact_dot(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> int:
    """sum of products of 32-bit numbers, each product split so that no partial sum overflows."""
    products = left * right
    low = int(np.sum(products & np.uint64(0xFFFFFFFF), dtype=np.uint64))
    return (int(np.sum(products >> np.uint64(32), dtype=np.uint64)) << 32) + low


def _check_parameters(fraction_bits: int, bound: int, dimension: int) -> None:
    limits = (
        ("fraction bits", fraction_bits, 0, MAX_FRACTION_BITS),
        ("bound", bound, 1, MAX_BOUND),
        ("dimension", dimension, 1, MAX_DIMENSION),
    )
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise GradientError(f"{name} {value} is outside [{low}, {high}]; the task's terms are invalid")


def _clip(values: FloatArray, fraction_bits: int, bound: int, *, stretch: bool) -> tuple[FloatArray, float]:
    """The gradient in units of 2^-f, inside the ball of radius sqrt(bound), and the factor for that."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0:
        return values, 1.0
    relative = values / largest  # squares of huge or tiny gradients would leave float64
    norm = math.sqrt(float(np.dot(relative, relative)))
    radius = math.sqrt(bound) * _INSIDE
    units = math.ldexp(largest, fraction_bits) if largest < 2.0**900 else math.inf
    if units * norm <= radius and not stretch:
        return np.ldexp(values, fraction_bits), 1.0
    scaled = relative * (radius / norm)
    factor = math.ldexp(radius / norm / largest, -fraction_bits)
    if math.isinf(factor):
        raise GradientError(f"the gradient's largest coordinate is {largest:.3g}, too small to be stretched; scale it")
    return scaled, factor


def _fit(rounded: IntArray, scaled: FloatArray, bound: int) -> IntArray:
    """Moves coordinates that were rounded away from zero one unit back until sum q^2 <= bound."""
    excess = squared_norm(rounded) - bound
    if excess <= 0:
        return rounded
    away = np.flatnonzero(np.abs(rounded) > np.abs(scaled))
    gain = np.abs(rounded[away]) - np.abs(scaled[away])
    order = away[np.argsort(-gain, kind="stable")]
    saved = np.cumsum(2 * np.abs(rounded[order]) - 1)
    count = int(np.searchsorted(saved, excess)) + 1
    moved = rounded.copy()
    moved[order[:count]] -= np.sign(moved[order[:count]])
    if squared_norm(moved) > bound:
        raise GradientError("the gradient cannot be brought inside the bound; lower the fraction bits")
    return moved
