"""Training rules once more, slowly: every number a fraction, every coordinate alone, nothing shared with the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

from commons.protocol.trainingrules import Momentum, Sgd, TrainingRule


@dataclass(frozen=True)
class PlainBlock:
    """A block of a manifest, as far as a rule knows it."""

    length: int
    fraction_bits: int


def nearest(value: Fraction) -> int:
    """The nearest integer, ties to even (which is what Python's ``round`` does of a fraction)."""
    return round(value)


@dataclass
class SlowTraining:
    """A training by sgd or momentum in steps of 2^-model_bits.

    Attributes:
        model: integers of the model.
        velocity: integers of the velocity.
    """

    rule: TrainingRule
    blocks: Sequence[PlainBlock]
    model: list[int]
    velocity: list[int] = field(default_factory=list)

    def mean(self, total: Sequence[int], weight: int) -> list[Fraction]:
        """Mean gradient, clipped."""
        bits = [block.fraction_bits for block in self.blocks for _ in range(block.length)]
        divisor = weight if self.rule.divisor == "weight" else self.rule.divisor
        out = [Fraction(value, divisor * 2**each) for value, each in zip(total, bits, strict=True)]
        clip = self.rule.clip
        if clip is None:
            return out
        limit = clip.limit.fraction
        if clip.kind == "value":
            return [max(-limit, min(limit, value)) for value in out]
        square = sum(value * value for value in out)
        if square <= limit * limit:
            return out
        # The norm of the sum in the finest step, rounded up to a multiple of 2^-64.
        finest = max(bits)
        whole = square * (divisor * 2**finest) ** 2
        assert whole.denominator == 1
        radicand = int(whole) << 128
        root = isqrt(radicand) + (isqrt(radicand) ** 2 < radicand)
        norm = Fraction(root, 2**64) / (divisor * 2**finest)
        return [value * limit / norm for value in out]

    def step(self, total: Sequence[int], weight: int, rate: Fraction) -> None:
        """One round."""
        method, direction = self.rule.method, self.mean(total, weight)
        if isinstance(method, Momentum):
            grid = 2**method.velocity_bits
            before = self.velocity or [0] * len(total)
            pairs = zip(before, direction, strict=True)
            self.velocity = [nearest(method.momentum.fraction * old + new * grid) for old, new in pairs]
            direction = [Fraction(value, grid) for value in self.velocity]
        assert isinstance(method, Momentum | Sgd)
        decay, unit = self.rule.decay.fraction, 2**method.model_bits
        self.model = [n - nearest(rate * (g * unit + decay * n)) for n, g in zip(self.model, direction, strict=True)]
