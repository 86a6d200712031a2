"""How gradients are graded against a reference: the scale of the opened numbers, levels, weights, and what is paid.

A number is v = F w + n: the inner product w of an owner's gradient with the round's reference, scaled, under noise n
uniform in [0, 2^40).  Levels and weights are public functions of these numbers, the same here and in the contract
(``contracts/src/libraries/Grading.sol``; shared vectors).  Steps and noise are fractions of BOUND: a level is
BOUND / step wide, the noise BOUND / dither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from circuits.errors import InvalidInputError

NOISE_BITS = 40
"""Bits of the noise under which an inner product is opened."""
MAX_LEVEL = 3
MAX_DITHER = 64
LEAST_SCALE = 1 << 8
"""Scale below which rounding it would move a level's boundary by more than 1/256."""
VALUE_BYTES = 8
"""Bytes of an opened number, in two's complement, big-endian."""


@dataclass(frozen=True, slots=True)
class GradingRule:
    """By which rule a task's gradients are graded.

    Attributes:
        step: levels are BOUND / step wide.
        dither: the noise is BOUND / dither wide, at most a level; more noise, fewer bits about an owner.
        min_owners: fewest owners that share a weight other than 0.

    Raises:
        InvalidInputError: not 1 <= step <= dither <= 64, or no owners.
    """

    step: int
    dither: int
    min_owners: int

    def __post_init__(self) -> None:
        if not 1 <= self.step <= self.dither <= MAX_DITHER:
            raise InvalidInputError(
                f"grading: step {self.step} and dither {self.dither} must keep 1 <= step <= dither <= {MAX_DITHER}"
            )
        if self.min_owners < 1:
            raise InvalidInputError(f"grading: min_owners is {self.min_owners}, it must be at least 1")

    def scale(self, bound: int) -> int:
        """F, by which inner products are multiplied before the noise is added.

        Raises:
            InvalidInputError: BOUND is too large for 40 bits of noise.
        """
        scale = (self.dither << NOISE_BITS) // bound
        if scale < LEAST_SCALE:
            most = (self.dither << NOISE_BITS) // LEAST_SCALE
            raise InvalidInputError(f"grading: a bound of {bound} is too large, choose at most {most}")
        return scale

    def bits(self, bound: int) -> float:
        """Most that one opened number tells about what its owner's gradient was computed from, in bits.

        That is the mutual information of number and data, whatever is known of the data before.  Given w all 2^40
        noises are equally likely, and the number is one of 2 F BOUND + 2^40, so it is at most
        log2((2 F BOUND + 2^40) / 2^40) <= log2(2 dither + 1).  Noises of different rounds are independent, so R numbers
        tell R times that at most (chain rule), also where each reference is chosen after the numbers before it.
        """
        return math.log2(1 + 2 * self.scale(bound) * bound / (1 << NOISE_BITS))

    def level(self, value: int) -> int:
        """Level of one opened number, 0 to 3."""
        return 0 if value < 0 else min(MAX_LEVEL, value * self.step // (self.dither << NOISE_BITS))


@dataclass(frozen=True, slots=True)
class Grades:
    """What follows from the opened numbers of a batch.

    Attributes:
        levels: by which each owner is paid, 0 to 3.
        weights: factor of each gradient in the sum, 0 to 3; of those that share one other than 0 there are at least
            ``min_owners``.
        fallback: nobody had a weight, so all count once.
    """

    levels: tuple[int, ...]
    weights: tuple[int, ...]
    fallback: bool


def grades(rule: GradingRule, values: Sequence[int]) -> Grades:
    """Levels and weights of a batch's owners, from their opened numbers in the same order.

    Small classes are demoted, since weights tell classes apart: sums of small integers weighted 3, 2 and 1 could be
    taken apart again.  Where nobody has a weight all count once: owners were read, so there is a batch, and whoever
    counts is paid something.
    """
    levels = tuple(rule.level(value) for value in values)
    weights = levels
    for level in range(MAX_LEVEL, 0, -1):
        if weights.count(level) < rule.min_owners:
            weights = tuple(level - 1 if weight == level else weight for weight in weights)
    if any(weights):
        return Grades(levels, weights, fallback=False)
    return Grades(tuple(max(level, 1) for level in levels), (1,) * len(levels), fallback=True)


def encode_values(values: Sequence[int]) -> bytes:
    """Opened numbers as they are hashed and sent, 8 bytes each.

    Raises:
        InvalidInputError: one does not fit.
    """
    try:
        return b"".join(value.to_bytes(VALUE_BYTES, "big", signed=True) for value in values)
    except OverflowError as error:
        raise InvalidInputError("grading: an opened number does not fit 8 bytes") from error


def decode_values(raw: bytes) -> tuple[int, ...]:
    """The numbers behind ``encode_values``.

    Raises:
        InvalidInputError: the length is no multiple of 8.
    """
    if len(raw) % VALUE_BYTES:
        raise InvalidInputError(f"grading: {len(raw)} bytes are no whole number of opened numbers")
    pieces = (raw[at : at + VALUE_BYTES] for at in range(0, len(raw), VALUE_BYTES))
    return tuple(int.from_bytes(piece, "big", signed=True) for piece in pieces)
