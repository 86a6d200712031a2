"""Markets over time: one honest and one malicious contributor, and ten of many kinds.

Each runs three times from the same seed: with deposits and reviews; without them, where everything that is handed in is
paid and taken; and clean, with the honest contributors alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from benchmarks.datamarket.agentmarket import AgentMarket, Setting
from benchmarks.datamarket.contributors import Contributor, Copier, Lazy, Malicious, Poisoner
from benchmarks.datamarket.juries import Juror
from benchmarks.datamarket.learners import accuracy
from benchmarks.datamarket.reviewers import Reviewer
from benchmarks.datamarket.samplepools import POOLS, Content
from benchmarks.datamarket.strategies import BELIEFS, EXAMPLE, UNIT

SEEDS = (1, 2, 3, 4, 5)
LOOKS = 15
"""Moments at which balances, data and accuracy are noted."""
REVIEWERS = (("owner", 0.3), ("reviewer", 0.1))
"""Who reviews, and the share that each looks at whoever handed it in."""
JURORS = tuple(Juror(f"juror {number}") for number in range(1, 12))


@dataclass(frozen=True, slots=True)
class Experiment:
    """Contributors, over so many steps, on a pool of samples.

    Attributes:
        made: makes the contributors anew.
    """

    name: str
    pool: str
    steps: int
    made: Callable[[], Sequence[Contributor]]


def _two() -> Sequence[Contributor]:
    return (Contributor("honest", 2), Malicious("malicious", 2, concedes=False))


def _ten() -> Sequence[Contributor]:
    honest = [Contributor(f"honest {number}", 1) for number in range(1, 8)]
    return (*honest, Malicious("malicious", 1, concedes=False), Lazy("lazy", 1), Copier("copying", 1))


def _poisoned() -> Sequence[Contributor]:
    honest = [Contributor(f"honest {number}", 1) for number in range(1, 8)]
    return (*honest, *(Poisoner(f"poisoner {number}", 1) for number in range(1, 4)))


EXPERIMENTS = tuple(
    Experiment(f"{name}-{pool}", pool, steps, made)
    for pool in POOLS
    for name, steps, made in (("two", 300, _two), ("ten", 120, _ten), ("poisoned", 120, _poisoned))
)


def run(experiment: Experiment, seed: int) -> dict[str, Any]:
    """All three markets of one seed: figures at each moment, and at the end."""
    market, clean, free = _market(experiment, seed), _market(experiment, seed, clean=True), _Free(experiment, seed)
    every = experiment.steps // LOOKS
    moments = []
    for now in range(experiment.steps):
        for each in (market, clean, free):
            each.step(now)
        if (now + 1) % every == 0:
            moments.append(_moment(now + 1, market, clean, free))
    for each in (market, clean):
        each.finish(experiment.steps)
    return {
        "seed": seed, "moments": [*moments, _moment(experiment.steps, market, clean, free)],
        "gains": {each.name: market.gain(each.name) / UNIT for each in market.contributors},
        "samples": {each.name: market.handed[each.name] for each in market.contributors},
        "reviewers": {each.name: market.gain(each.name) / UNIT for each in market.reviewers},
        "jurors": sum(market.gain(each.name) for each in JURORS) / UNIT,
        "least_honest_gain_without_errors": _least_gain(experiment, seed),
    }  # fmt: skip


def _market(experiment: Experiment, seed: int, *, clean: bool = False, errs: bool = True) -> AgentMarket:
    """One market; a clean one has the honest contributors alone."""
    rng = np.random.default_rng(seed)
    beliefs = BELIEFS if errs else replace(BELIEFS, error=Fraction(0))
    contributors = [each for each in experiment.made() if not clean or type(each) is Contributor]
    reviewers = tuple(Reviewer(name, share, float(BELIEFS.tolerated)) for name, share in REVIEWERS)
    return AgentMarket(Setting(EXAMPLE, beliefs), POOLS[experiment.pool](rng), contributors, reviewers, JURORS, rng)


def _least_gain(experiment: Experiment, seed: int) -> float:
    """What the honest contributor gains that gains least where no jury errs, in rewards."""
    market = _market(experiment, seed, errs=False)
    for now in range(experiment.steps):
        market.step(now)
    market.finish(experiment.steps)
    return min(market.gain(each.name) for each in market.contributors if type(each) is Contributor) / UNIT


class _Free:
    """No deposits and no reviews: what is handed in is taken and paid.

    Attributes:
        taken: the data set.
    """

    def __init__(self, experiment: Experiment, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._pool = POOLS[experiment.pool](self._rng)
        self.taken = list(self._pool.initial)
        self._contributors = experiment.made()

    def step(self, now: int) -> None:
        """Everybody hands in."""
        before = list(self.taken)
        for each in self._contributors:
            self.taken += each.batch(self._pool, before, self._rng)


def _moment(steps: int, market: AgentMarket, clean: AgentMarket, free: _Free) -> Mapping[str, Any]:
    sets: dict[str, list[Content]] = {"market": market.accepted(), "clean": clean.accepted(), "free": free.taken}
    return {
        "step": steps,
        "balances": {name: market.money.of[name] / UNIT for name in market.names()},
        "samples": {name: len(found) for name, found in sets.items()},
        "bad": {name: sum(not each.is_good for each in found) for name, found in sets.items()},
        "accuracy": {name: accuracy(found, market.pool.test) for name, found in sets.items()},
    }  # fmt: skip
