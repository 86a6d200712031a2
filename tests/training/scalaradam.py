"""Adam once more, a coordinate at a time with Python's floats, and the vectors that it gives.

`python -m tests.training.scalaradam` writes them; numpy has no part in that.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from commons.protocol.trainingrules import Adam, Clip, Dyadic, TrainingRule

HERE = Path(__file__).resolve().parent / "adam.json"
DIMENSION, BLOCK, STEPS, WEIGHT = 37, 16, 4, 13
BITS = (20, 31)
"""Fraction bits of the first 16 coordinates and of the others."""
RULES = {
    "plain": TrainingRule(Adam(), Dyadic.near(0.001, 60), 9),
    "decay": TrainingRule(Adam(0.8, 0.95, 1e-6), Dyadic(3, 6), 9, divisor=7, decay=Dyadic.near(0.01, 40)),
    "value": TrainingRule(Adam(), Dyadic(1, 4), 9, clip=Clip("value", Dyadic(1, 12))),
    "norm": TrainingRule(Adam(0.0, 0.5, 2.0**-20), Dyadic(1, 4), 9, clip=Clip("norm", Dyadic(3, 5))),
}


@dataclass
class ScalarAdam:
    """Adam as its paper has it, of a list of floats."""

    method: Adam
    model: list[float]
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    steps: int = 0

    def step(self, mean: list[float], rate: float, shrink: float | None) -> None:
        """One step; ``shrink`` is rate times decay, None without decay."""
        m, self.steps = self.method, self.steps + 1
        self.first, self.second = self.first or [0.0] * len(mean), self.second or [0.0] * len(mean)
        power1 = power2 = 1.0
        for _ in range(self.steps):
            power1, power2 = power1 * m.beta1, power2 * m.beta2
        for i, g in enumerate(mean):
            self.first[i] = m.beta1 * self.first[i] + (1.0 - m.beta1) * g
            self.second[i] = m.beta2 * self.second[i] + (1.0 - m.beta2) * (g * g)
            root = math.sqrt(self.second[i] / (1.0 - power2))
            moved = self.model[i] - rate * ((self.first[i] / (1.0 - power1)) / (root + m.epsilon))
            self.model[i] = moved if shrink is None else moved - shrink * self.model[i]


def scalar_mean(rule: TrainingRule, total: list[int], factor: float) -> list[float]:
    """Mean gradient; ``factor`` shortens it to the norm of the rule."""
    divisor = float(WEIGHT if rule.divisor == "weight" else rule.divisor)
    mean = [value / 2.0 ** BITS[i >= BLOCK] / divisor for i, value in enumerate(total)]
    if rule.clip is not None and rule.clip.kind == "value":
        limit = float(rule.clip.limit.fraction)
        return [max(-limit, min(limit, value)) for value in mean]
    return mean if factor == 1 else [value * factor for value in mean]


def sums() -> list[list[int]]:
    """Of each round; the third is of single steps."""
    source = Random(2)
    scales = (1 << 30, 1 << 12, 1, 1 << 30)
    return [[source.randint(-scale, scale) for _ in range(DIMENSION)] for scale in scales]


def factor_of(rule: TrainingRule, total: list[int]) -> float:
    """Limit over norm, by Python's fractions, where the rule clips by norm and the mean is longer."""
    if rule.clip is None or rule.clip.kind != "norm":
        return 1.0
    finest = max(BITS)
    square = sum((value << finest - BITS[i >= BLOCK]) ** 2 for i, value in enumerate(total))
    divisor = WEIGHT if rule.divisor == "weight" else rule.divisor
    limit = rule.clip.limit.fraction * (divisor << finest)
    if square <= limit * limit:
        return 1.0
    root = math.isqrt(square << 128)
    return float(limit / Fraction(root + (root * root < square << 128), 1 << 64))


def vectors() -> dict[str, Any]:
    """Model and moments after each step of each rule, as hexadecimal floats."""
    out: dict[str, Any] = {}
    for name, rule in RULES.items():
        assert isinstance(rule.method, Adam)
        source = Random(name)
        adam = ScalarAdam(rule.method, [source.uniform(-2, 2) for _ in range(DIMENSION)])
        out[name] = {"initial": [value.hex() for value in adam.model], "steps": []}
        for total in sums():
            rate, shrink = rule.rate.fraction, rule.rate.fraction * rule.decay.fraction
            adam.step(scalar_mean(rule, total, factor_of(rule, total)), float(rate), float(shrink) if shrink else None)
            state = {"model": adam.model, "first": adam.first, "second": adam.second}
            out[name]["steps"].append({key: [value.hex() for value in values] for key, values in state.items()})
    return out


if __name__ == "__main__":
    HERE.write_text(json.dumps(vectors(), indent=0) + "\n", encoding="utf-8")
