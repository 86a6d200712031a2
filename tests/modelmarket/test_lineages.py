"""A derived row opens what the registry computes from the rounds' commitments."""

from __future__ import annotations

import numpy as np
import pytest

import native
from circuits.accuracy.roundingproof import round_row
from circuits.errors import InvalidInputError
from circuits.payload import Aggregate
from circuits.statement import TAIL
from gradroll.modelmarket.lineages import MOST_ROUNDS, derive
from native import R
from tests.modelmarket.modelstage import SIZE
from tests.support.accuracymodels import accuracy_setup

KEY = accuracy_setup(SIZE)[1]
RANDOM = np.random.default_rng(5)
START = RANDOM.integers(-(1 << 16), 1 << 16, SIZE.weights)


def total(seed: int) -> Aggregate:
    random = np.random.default_rng(seed)
    return Aggregate(random.integers(-9999, 9999, SIZE.weights), native.from_ints(range(seed, seed + TAIL)))


def test_it_opens_the_combination_of_the_commitments() -> None:
    rounds = [(3, total(1)), (0, total(2)), (-7, total(3))]
    derived = derive(KEY, 5, 2, START, rounds)
    points = [derived.statement.start, *(KEY.commit_small(each.values, each.tail) for _, each in rounds)]
    combined = native.g1_linear_combination(points, [1, *(-c % R for c, _ in rounds)])
    assert derived.row.commit(KEY) == combined
    assert derived.row.weights.tolist() == (START - 3 * total(1).values + 7 * total(3).values).tolist()
    assert (derived.statement.task, derived.statement.first, derived.statement.coefficients) == (5, 2, (3, 0, -7))
    assert derived.weights.tolist() == round_row(derived.row.weights)[0].tolist()


def test_another_coefficient_is_another_statement() -> None:
    first, second = (derive(KEY, 5, 2, START, [(c, total(1))]).statement for c in (3, 4))
    assert first.digest(bytes(20)) != second.digest(bytes(20)) != first.digest(b"\x01" * 20)


@pytest.mark.parametrize(
    ("coefficients", "why"), [([], "1 to 64"), ([1] * (MOST_ROUNDS + 1), "1 to 64"), ([1 << 128], "128 bits"),
                              ([1 << 60], "diverged")],
)  # fmt: skip
def test_what_no_registry_takes_is_refused(coefficients: list[int], why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        derive(KEY, 5, 0, START, [(c, total(1)) for c in coefficients])


def test_a_start_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="begins with"):
        derive(KEY, 5, 0, START[:-1], [(1, total(1))])
