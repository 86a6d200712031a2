"""Adam in float64, with the same bits everywhere.

IEEE 754 fixes the result of +, -, *, / and the square root.  Here is nothing else: each operation is one pass over
arrays in the order that is written, with no power, no fused operation and no sum over coordinates.  Vectors of
hexadecimal floats (tests/training) hold every release of numpy to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from circuits.arrays import FloatArray
from circuits.errors import ConfigError, InvalidInputError
from commons.protocol.trainingrules import Adam, TrainingRule
from gradroll.training.fixedpoint import IntArray, largest
from gradroll.training.means import ScaledBlock, divisor_of, norm_factor, slices

_EXACT = 1 << 53


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Adam's state.

    Attributes:
        first, second: float64[d], decaying means of gradients and of their squares.
        power1, power2: beta1^t and beta2^t after t steps, by repeated multiplication.
    """

    first: FloatArray = field(repr=False)
    second: FloatArray = field(repr=False)
    power1: float = 1.0
    power2: float = 1.0

    @classmethod
    def zero(cls, dimension: int) -> Moments:
        """Before the first step."""
        return cls(np.zeros(dimension), np.zeros(dimension))


def float_mean(rule: TrainingRule, blocks: Sequence[ScaledBlock], total: IntArray, weight: int) -> FloatArray:
    """The mean gradient of a round, float64[d]: sum by its scale, exactly, then / divisor, then clipped.

    Raises:
        InvalidInputError: a sum is beyond 2^53, which float64 does not hold.
    """
    if largest(total) > _EXACT:
        raise InvalidInputError("a round's sum is beyond 2^53, which adam's float64 does not hold: take less scale")
    divisor = divisor_of(rule, weight)
    mean = np.empty(len(total))
    for where, bits in slices(blocks):
        mean[where] = np.ldexp(total[where].astype(np.float64), -bits) / float(divisor)
    if rule.clip is None:
        return mean
    if rule.clip.kind == "value":
        limit = float(rule.clip.limit.fraction)
        return np.minimum(np.maximum(mean, -limit), limit)
    factor = norm_factor(rule.clip, blocks, total, divisor)
    return mean if factor == 1 else mean * float(factor)


def adam_step(
    method: Adam, moments: Moments, model: FloatArray, mean: FloatArray, rate: Fraction, decay: Fraction
) -> tuple[FloatArray, Moments]:
    """The next model and state.

    Args:
        mean: float64[d], see ``float_mean``.
        rate: of this round, rounded to float64 once.
        decay: of the rule; rate times decay is rounded to float64 once.

    Raises:
        InvalidInputError: a number leaves the range of float64.
        ConfigError: this process does not keep small numbers.
    """
    _require_small_numbers()
    beta1, beta2 = method.beta1, method.beta2
    power1, power2 = moments.power1 * beta1, moments.power2 * beta2
    with np.errstate(all="ignore"):  # what is no finite number is refused below
        first = beta1 * moments.first + (1.0 - beta1) * mean
        second = beta2 * moments.second + (1.0 - beta2) * (mean * mean)
        direction = (first / (1.0 - power1)) / (np.sqrt(second / (1.0 - power2)) + method.epsilon)
        following = model - float(rate) * direction
        if decay:
            following = following - float(rate * decay) * model
    for values in (second, following):
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise InvalidInputError(
                f"coordinate {int(wrong[0])} of the next model leaves the range of float64: the rule gives no model"
            )
    return following, Moments(first, second, power1, power2)


def _require_small_numbers() -> None:
    """A library built with -ffast-math can make the whole thread take subnormal numbers for zero."""
    if not (np.full(8, 2.0**-1073) * 0.5).all():
        raise ConfigError(
            "this process takes subnormal numbers for zero, since a library that it loaded says so: run it without that"
        )
