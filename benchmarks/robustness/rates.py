"""How the rules' rates were found: each rule's own, by the mean of a few cells, on seeds that the grid does not use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from benchmarks.robustness.settings import NONE, RULES, SPREADS, Cell
from benchmarks.robustness.training import Training

TRIED = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
SEEDS = (101, 102)
ATTACKS = ((NONE, 0), ("sign flip", 30), ("a little is enough", 30), ("adaptive", 30))


def tried() -> Iterator[str]:
    """A line a rule: accuracy by rate, the best rate last."""
    for rule in RULES:
        means = [_mean(rule, rate) for rate in TRIED]
        shown = ", ".join(f"{rate:g}: {mean:.3f}" for rate, mean in zip(TRIED, means, strict=True))
        yield f"{rule}: {shown}; best {TRIED[int(np.argmax(means))]:g}"


def _mean(rule: str, rate: float) -> float:
    cells = [Cell("digits", "mlp", spread, *attack) for spread, attack in product(SPREADS, ATTACKS)]
    runs = [Training(cell, rule, seed, rate).run() for cell, seed in product(cells, SEEDS)]
    return float(np.mean([figures["accuracy"] for figures in runs]))
