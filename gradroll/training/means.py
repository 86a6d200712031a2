"""The mean gradient of a round: its sum, over what the rule divides by, clipped as the rule says.

Sums are integers with a scale a block, so the mean is one vector of exact rational numbers, block by block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import isqrt
from typing import Protocol

from circuits.errors import InvalidInputError
from circuits.quantize import squared_norm
from commons.protocol.trainingrules import BY_WEIGHT, Clip, TrainingRule
from gradroll.training.fixedpoint import MAX_STATE, IntArray, Term, clipped, largest

_ROOT_BITS = 64
"""Fraction bits of the root of a squared norm, which is rounded up: a clipped mean is inside the ball."""
MAX_WEIGHT = (1 << 32) - 1
"""Most gradients, or weight, of a round."""


class ScaledBlock(Protocol):
    """Neighbouring coordinates of a gradient with one scale: a block of a model manifest."""

    @property
    def length(self) -> int:
        """Coordinates."""

    @property
    def fraction_bits(self) -> int:
        """A coordinate x is handed in as round(x * 2^fraction_bits)."""


def slices(blocks: Sequence[ScaledBlock]) -> Iterator[tuple[slice, int]]:
    """Where each block lies in the vector, and its fraction bits."""
    start = 0
    for block in blocks:
        yield slice(start, start + block.length), block.fraction_bits
        start += block.length


def require_sum(blocks: Sequence[ScaledBlock], total: IntArray, weight: int) -> None:
    """Raise unless a sum is one of vectors of these blocks.

    Args:
        total: int64[d], magnitudes below 2^62.
        weight: gradients in it, or the sum of their weights: 1 to 2^32 - 1.

    Raises:
        InvalidInputError: it is none.
    """
    dimension = sum(block.length for block in blocks)
    if total.shape != (dimension,) or total.dtype != "int64":
        raise InvalidInputError(f"a round's sum has {dimension} integers of 64 bits, by the blocks of the manifest")
    if largest(total) > MAX_STATE:
        raise InvalidInputError("a round's sum has a coordinate beyond 2^62 - 1; no sum of gradients has")
    if not 1 <= weight <= MAX_WEIGHT:
        raise InvalidInputError(f"a round's weight is {weight}, it must lie in [1, {MAX_WEIGHT}]")


def divisor_of(rule: TrainingRule, weight: int) -> int:
    """By what the sum of a round of this weight is divided."""
    return weight if rule.divisor == BY_WEIGHT else rule.divisor


def exact_mean(rule: TrainingRule, blocks: Sequence[ScaledBlock], total: IntArray, weight: int) -> list[Term]:
    """The mean gradient, a term a block: integers, and the factor that makes them the gradient's numbers."""
    divisor = divisor_of(rule, weight)
    shortening = norm_factor(rule.clip, blocks, total, divisor)
    out: list[Term] = []
    for where, bits in slices(blocks):
        unit = Fraction(1, divisor << bits)
        values, finer = total[where], Fraction(1)
        if rule.clip is not None and rule.clip.kind == "value":
            values, finer = clipped(total[where], rule.clip.limit.fraction / unit)
        out.append((values, finer * unit * shortening))
    return out


def norm_factor(clip: Clip | None, blocks: Sequence[ScaledBlock], total: IntArray, divisor: int) -> Fraction:
    """Factor in (0, 1] that brings a mean to the L2 norm of the rule; 1 without such a limit, or within it.

    It is limit / norm with the norm rounded up to a multiple of 2^-64 of the finest scale's step.
    """
    if clip is None or clip.kind != "norm":
        return Fraction(1)
    finest = max(block.fraction_bits for block in blocks)
    squares = [squared_norm(total[where]) << 2 * (finest - bits) for where, bits in slices(blocks)]
    limit = clip.limit.fraction * (divisor << finest)
    if sum(squares) <= limit * limit:
        return Fraction(1)
    radicand = sum(squares) << 2 * _ROOT_BITS
    root = isqrt(radicand)
    return limit * (1 << _ROOT_BITS) / (root + (root * root < radicand))
