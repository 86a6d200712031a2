"""What pay by improvement gives to who knows its tests, cuts its data, hands it in again or orders it.

The table is the one that a campaign's committee signs (``commons.samples.improvements``), over the digits: the initial
data, then bundles of four honest contributors and of the one that is looked at, which is third.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.datamarket.samplepools import Content, Pool, digits, schema_of
from commons.samples.canonicalsamples import array_sample
from commons.samples.improvements import improvement_table

SIZE = 100
"""Samples of each bundle."""
TESTS = 100
_BUDGET = 10**9
_BEFORE, _AFTER = 2, 2
_PIECE = 5
"""Samples of a bundle, where somebody cuts its data."""
_ORDERS = 10
"""Orders that somebody tries who knows the tests."""
_SCHEMA = schema_of("digits")

Bundles = list[list[Content]]


@dataclass(frozen=True, slots=True)
class World:
    """What bundles are scored in.

    Attributes:
        tests: hidden, until the campaign is over.
        before, after: bundles of others.
        mine: good samples of the one that is looked at.
    """

    pool: Pool
    tests: Sequence[Content]
    before: Bundles
    mine: list[Content]
    after: Bundles
    rng: np.random.Generator

    def paid(self, bundles: Bundles) -> float:
        """Percent of the budget that bundles get in the third place."""
        handed = [*self.before, *bundles, *self.after]
        table = improvement_table(
            _SCHEMA, _encoded(self.tests), _encoded(self.pool.initial),
            [(number, _encoded(bundle)) for number, bundle in enumerate(handed, start=1)], _BUDGET,
        )  # fmt: skip
        own = table.parts[len(self.before) : len(self.before) + len(bundles)]
        return 100 * sum(part.amount for part in own) / _BUDGET


def _encoded(contents: Sequence[Content]) -> list[bytes]:
    return [array_sample(_SCHEMA, each.label, [int(value) for value in each.features]) for each in contents]


def world(seed: int) -> World:
    """The world of a seed."""
    rng = np.random.default_rng(seed)
    pool = digits(rng)
    before, mine, after = ([pool.take(SIZE) for _ in range(count)] for count in (_BEFORE, 1, _AFTER))
    return World(pool, pool.test[:TESTS], before, mine[0], after, rng)


Plan = Callable[[World], Bundles]
"""What is handed in."""


def leaked(noise: int) -> Plan:
    """Copies of so many tests, each changed by so much."""
    return lambda found: [[found.pool.varied(each, noise, found.rng) for each in found.tests[:SIZE]]]


def cut(found: World) -> Bundles:
    """Good samples in small bundles."""
    return [found.mine[at : at + _PIECE] for at in range(0, SIZE, _PIECE)]


def repeated(noise: int) -> Plan:
    """Good samples, and the same again, each changed by so much."""
    return lambda found: [found.mine, [found.pool.varied(each, noise, found.rng) for each in found.mine]]


def ordered_by_tests(found: World) -> Bundles:
    """Good samples in the best of some orders, for who knows the tests."""
    orders = [[[found.mine[at] for at in found.rng.permutation(SIZE)]] for _ in range(_ORDERS)]
    return max(orders, key=found.paid)


@dataclass(frozen=True, slots=True)
class ImprovementRun:
    """What a plan gains in percent of the budget, above the same data, or as many good samples, in one bundle.

    Attributes:
        fee: for the receipts of a bundle, in percent of the budget.
    """

    plan: Plan
    fee: float = 0.0

    def gain(self, seed: int) -> float:
        """Of one seed."""
        found = world(seed)
        bundles = self.plan(found)
        return found.paid(bundles) - found.paid([found.mine]) - self.fee * (len(bundles) - 1)
