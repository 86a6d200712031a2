"""Exact steps of models whose coordinates are integers: no float takes part, so every machine gives the same.

Arrays are int64 where everything is known to fit beforehand, and of Python's integers where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError

IntArray = npt.NDArray[np.int64]
AnyIntegers = npt.NDArray[Any]
"""int64, or Python's integers in an array of objects."""
Term = tuple[AnyIntegers, Fraction]
"""A vector of rational numbers: integers, and a factor that all of them have."""
MAX_STEPS = (1 << 53) - 1
"""Largest magnitude of a model's integers: float64 holds all of them."""
MAX_STATE = (1 << 62) - 1
"""Largest magnitude of a velocity's integers, and of a sum's."""
_LEAST = Fraction(1, 1 << 900)
"""Factors between this and its inverse are estimated by floats."""
_PIECE = 1 << 15
_LARGE = 2.0**61
_ERROR = 16 * max(float(np.finfo(np.longdouble).eps), 2.0**-63)
"""Relative error of an estimate, of at most two terms: each is rounded three times at most, and their sum once."""


def model_integers(parameters: FloatArray, bits: int) -> IntArray:
    """The integers n of a model n / 2^bits, int64[d].

    Raises:
        InvalidInputError: a coordinate is no such number, is beyond 2^53 - 1 of them, or is the negative zero, which
            has other bytes than zero.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.ldexp(parameters, bits)
        wrong = (np.abs(scaled) > MAX_STEPS) | (np.rint(scaled) != scaled) | ~np.isfinite(parameters)
    _refuse_first(wrong, f"of the model is no multiple of 2^-{bits} of at most 2^53 - 1 steps; round the first model")
    _refuse_first(np.signbit(parameters) & (parameters == 0), "of the model is a negative zero; add 0.0 to the model")
    return scaled.astype(np.int64)


def model_floats(integers: AnyIntegers, bits: int) -> FloatArray:
    """What a model of these integers is published as, float64[d], exactly.

    Raises:
        InvalidInputError: a coordinate is beyond 2^53 - 1 steps.
    """
    why = f"of the next model is beyond 2^53 - 1 steps of 2^-{bits}: the rule gives no model; it needs other bits"
    return np.ldexp(_within(integers, MAX_STEPS, why).astype(np.float64), -bits)


def velocity_integers(integers: AnyIntegers) -> IntArray:
    """A velocity, int64[d].

    Raises:
        InvalidInputError: a coordinate is beyond 2^62 - 1 steps.
    """
    why = "of the velocity is beyond 2^62 - 1 steps: the rule gives no model; it needs other bits"
    return _within(integers, MAX_STATE, why)


def rounded_sum(terms: Sequence[Term]) -> AnyIntegers:
    """The integers nearest to a sum of vectors, ties to even: the one rounding that there is."""
    length = len(terms[0][0])
    if length <= _PIECE:
        return _rounded_piece(terms)
    starts = range(0, length, _PIECE)  # what is wider than the vectors lasts for a piece of them
    return np.concatenate([_rounded_piece([(v[at : at + _PIECE], ratio) for v, ratio in terms]) for at in starts])


def _rounded_piece(terms: Sequence[Term]) -> AnyIntegers:
    denominator = lcm(*(ratio.denominator for _, ratio in terms))
    parts = [(values, ratio.numerator * (denominator // ratio.denominator)) for values, ratio in terms]
    common = gcd(denominator, *(factor for _, factor in parts))
    parts, divisor = [(values, factor // common) for values, factor in parts], denominator // common
    small = _reach(parts) <= MAX_STATE
    if small or not all(values.dtype == np.int64 and _LEAST < ratio < 1 / _LEAST for values, ratio in terms):
        return _divided(_added(parts), divisor)
    return _mostly_estimated(terms, parts, divisor)


def _mostly_estimated(terms: Sequence[Term], parts: Sequence[tuple[AnyIntegers, int]], divisor: int) -> AnyIntegers:
    """The same where int64 does not hold the products: Python's integers are slow, so they take only what needs them.

    Floats say on which side of a half most coordinates are, with an error that is bounded; the others, and all that is
    large, are reckoned exactly.  What comes out does not depend on how floats round.
    """
    scaled = [values.astype(np.longdouble) * _extended(ratio) for values, ratio in terms]
    estimate, size = sum(scaled[1:], start=scaled[0]), sum((np.abs(each) for each in scaled[1:]), np.abs(scaled[0]))
    if size.max(initial=0) > _LARGE:
        return _divided(_added(parts), divisor)
    nearest = np.rint(estimate)
    unsure = np.abs(estimate - nearest) >= 0.5 - size * _ERROR
    out: IntArray = nearest.astype(np.int64)
    if unsure.any():
        out[unsure] = _divided(_added([(values[unsure].astype(object), factor) for values, factor in parts]), divisor)
    return out


def _extended(ratio: Fraction) -> np.longdouble:
    """A fraction with the precision of a long double, 53 bits at least."""
    high = float(ratio)
    return np.longdouble(high) + np.longdouble(float(ratio - Fraction(high)))


def difference(left: AnyIntegers, right: AnyIntegers) -> AnyIntegers:
    """left - right."""
    return _added([(left, 1), (right, -1)])


def clipped(values: IntArray, limit: Fraction) -> Term:
    """The values, brought into [-limit, limit]."""
    if largest(values) <= limit:
        return values, Fraction(1)
    finer = _added([(values, limit.denominator)])
    if finer.dtype == np.int64:  # then the limit, below the largest value, fits as well
        return np.clip(finer, -limit.numerator, limit.numerator), Fraction(1, limit.denominator)
    bounded = np.minimum(np.maximum(finer, -limit.numerator), limit.numerator)
    return bounded, Fraction(1, limit.denominator)


def largest(values: AnyIntegers) -> int:
    """Largest magnitude; 0 of none."""
    return max(int(values.max()), -int(values.min())) if values.size else 0


def _added(parts: Sequence[tuple[AnyIntegers, int]]) -> AnyIntegers:
    """Sum of multiples of vectors, in int64 where no part of it can leave that."""
    kind = np.int64 if _reach(parts) <= MAX_STATE else object
    scaled = [values.astype(kind) * factor for values, factor in parts]
    return sum(scaled[1:], start=scaled[0])


def _reach(parts: Sequence[tuple[AnyIntegers, int]]) -> int:
    """No part of such a sum has a larger magnitude, and no factor."""
    return sum(max(largest(values), 1) * abs(factor) for values, factor in parts)


def _divided(values: AnyIntegers, divisor: int) -> AnyIntegers:
    """values / divisor to the nearest integer, ties to even; the divisor is above 0."""
    if divisor == 1:
        return values
    if values.dtype == np.int64 and divisor > 2 * MAX_STATE:
        return np.zeros_like(values)  # every magnitude is below half of it
    floor = values // divisor
    over = values - floor * divisor
    under = divisor - over  # twice the rest could leave int64
    up = (over > under) | ((over == under) & (floor % 2).astype(bool))
    rounded: AnyIntegers = floor + up.astype(np.int64)
    return rounded


def _within(integers: AnyIntegers, bound: int, why: str) -> IntArray:
    if largest(integers) > bound:
        _refuse_first((integers > bound) | (integers < -bound), why)
    return integers.astype(np.int64)


def _refuse_first(wrong: npt.NDArray[Any], why: str) -> None:
    """Raise InvalidInputError for the first coordinate that is wrong, if there is one."""
    found = np.flatnonzero(wrong)
    if len(found):
        raise InvalidInputError(f"coordinate {int(found[0])} {why}")
