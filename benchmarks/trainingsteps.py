"""What a step of a training costs, by algorithm: `python -m benchmarks.trainingsteps [COORDINATES]`."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from commons.protocol.trainingrules import Adam, Clip, Dyadic, Momentum, Sgd, TrainingRule
from gradroll.training.stepping import advance, begin, digest_of

_REPEATS, _WEIGHT = 5, 13
_RATE, _DECAY = Dyadic.near(0.05), Dyadic.near(0.0001)
RULES = {
    "sgd, divisor 16, nothing rounded": TrainingRule(Sgd(44), Dyadic(1, 5), 1, divisor=16),
    "sgd": TrainingRule(Sgd(44), _RATE, 1),
    "sgd, decay": TrainingRule(Sgd(44), _RATE, 1, decay=_DECAY),
    "sgd, clipped by norm": TrainingRule(Sgd(44), _RATE, 1, clip=Clip("norm", Dyadic(1))),
    "sgd, clipped by value": TrainingRule(Sgd(44), _RATE, 1, clip=Clip("value", Dyadic(1, 3))),
    "momentum": TrainingRule(Momentum(44, Dyadic.near(0.9), 44), _RATE, 1),
    "momentum, decay": TrainingRule(Momentum(44, Dyadic.near(0.9), 44), _RATE, 1, decay=_DECAY),
    "adam": TrainingRule(Adam(), Dyadic.near(0.001, 60), 1),
    "adam, decay": TrainingRule(Adam(), Dyadic.near(0.001, 60), 1, decay=Dyadic.near(0.01)),
}


class _Block(NamedTuple):
    length: int
    fraction_bits: int


def measured(dimension: int) -> Iterator[tuple[str, float]]:
    """Seconds of the second step by each rule, the median of five; and of a model's digest."""
    source = np.random.default_rng(1)
    blocks = (_Block(dimension // 2, 20), _Block(dimension - dimension // 2, 24))
    sums = [source.integers(-(1 << 26), 1 << 26, dimension) for _ in range(2)]
    model = np.rint(source.normal(size=dimension) * 2.0**40) / 2.0**40 + 0.0
    for name, rule in RULES.items():
        state = advance(rule, blocks, begin(rule, blocks, model), sums[0], _WEIGHT)
        yield name, _median(partial(advance, rule, blocks, state, sums[1], _WEIGHT))
    yield "digest of a model", _median(partial(digest_of, model))


def _median(work: Callable[[], object]) -> float:
    """Seconds."""

    def once() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return statistics.median(once() for _ in range(_REPEATS))


def main() -> int:
    """Prints a line a rule."""
    dimension = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 20
    for name, seconds in measured(dimension):
        sys.stdout.write(f"{name:<34} {seconds:8.3f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
