"""Integer rules: each step is the exact rational one, rounded once; what leaves its range is named, never wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from commons.protocol.trainingrules import Clip, Dyadic, Momentum, Plateau, ScheduleStep, Sgd, TrainingRule
from gradroll.training import fixedpoint
from gradroll.training.fixedpoint import clipped, rounded_sum
from gradroll.training.means import exact_mean
from gradroll.training.stepping import TrainingState, advance, begin, nearest_model, rate_of, with_metric
from tests.training.reference import PlainBlock, SlowTraining

BLOCKS = (PlainBlock(2, 20), PlainBlock(1, 0), PlainBlock(3, 31))
ONE = (PlainBlock(1, 0),)
SMALL, LARGE = st.integers(-(1 << 20), 1 << 20), st.integers(-(1 << 61), 1 << 61)
FACTORS = st.builds(
    Fraction, st.one_of(st.integers(-9, 9), st.integers(-(1 << 90), 1 << 90)), st.integers(1, 1 << 90)
) | st.builds(lambda top, bits: Fraction(top, 1 << bits), st.integers(-(1 << 40), 1 << 40), st.integers(0, 200))


def dyadic(low: int, high: int, bits: int) -> st.SearchStrategy[Dyadic]:
    """Dyadic numbers low..high / 2^bits."""
    return st.integers(low, high).map(lambda top: Dyadic.near(Fraction(top, 1 << bits), bits))


METHODS = st.one_of(
    st.builds(Sgd, st.integers(0, 44)),
    st.builds(Momentum, st.integers(0, 44), dyadic(0, (1 << 20) - 1, 20), st.integers(0, 40)),
)
RULES = st.builds(
    TrainingRule,
    METHODS,
    dyadic(1, 1 << 12, 12),
    st.just(100),
    st.one_of(st.just("weight"), st.integers(1, 1000), st.just(1 << 32).map(lambda top: top - 1)),
    st.none() | st.builds(Clip, st.sampled_from(["norm", "value"]), dyadic(1, 1 << 20, 18)),
    dyadic(0, 1 << 10, 14),
)
SUMS = st.lists(st.integers(-(1 << 30), 1 << 30), min_size=6, max_size=6)


def integers_of(model: FloatArray, bits: int) -> list[int]:
    """A model in steps of 2^-bits, by Python alone."""
    scaled = [Fraction(value) * (1 << bits) for value in model.tolist()]
    assert all(value.denominator == 1 for value in scaled)
    return [int(value) for value in scaled]


def model_of(integers: Sequence[int], bits: int) -> FloatArray:
    return np.array([float(Fraction(value, 1 << bits)) for value in integers])


@given(RULES, SUMS,
       st.lists(st.tuples(SUMS, st.integers(1, 300)), min_size=1, max_size=3))  # fmt: skip
def test_every_step_is_the_exact_one_rounded_once(
    rule: TrainingRule, first: list[int], rounds: list[tuple[list[int], int]]
) -> None:
    assert isinstance(rule.method, Sgd | Momentum)
    bits = rule.method.model_bits
    state, slow = begin(rule, BLOCKS, model_of(first, bits)), SlowTraining(rule, BLOCKS, first)
    for total, weight in rounds:
        slow.step(total, weight, rule.rate.fraction)
        assume(max(map(abs, slow.model)) < 1 << 53)
        assume(max(map(abs, slow.velocity), default=0) < 1 << 62)
        state = advance(rule, BLOCKS, state, np.array(total), weight)
        assert integers_of(state.model, bits) == slow.model
        if slow.velocity:
            assert isinstance(state.memory, np.ndarray)
            assert state.memory.tolist() == slow.velocity


@given(st.lists(st.tuples(SMALL | LARGE, SMALL | LARGE), min_size=1, max_size=20), FACTORS, FACTORS)
def test_sums_of_multiples_are_rounded_as_fractions_are(
    pairs: list[tuple[int, int]], left: Fraction, right: Fraction
) -> None:
    columns = [np.array(column, np.int64) for column in zip(*pairs, strict=True)]
    found = rounded_sum([(columns[0], left), (columns[1], right)])
    assert [int(each) for each in found] == [round(left * a + right * b) for a, b in pairs]
    assert [int(each) for each in rounded_sum([(columns[0], left)])] == [round(left * a) for a, _ in pairs]


@given(st.lists(st.integers(-(1 << 40), 1 << 40), min_size=1, max_size=30), st.integers(1, 1 << 80))
def test_ties_go_to_the_even_integer_where_floats_cannot_tell(values: list[int], wide: int) -> None:
    """(2 v + 1) / 2 by way of factors that int64 does not hold, and what is off by one part in 2^150."""
    odd = np.array([2 * value + 1 for value in values])
    exact, above, below = (Fraction(1, 2) + Fraction(sign, (1 << 150) + wide) for sign in (0, 1, -1))
    tie = rounded_sum([(odd, Fraction(wide, 2 * wide + 1)), (odd, Fraction(1, 2 * (2 * wide + 1)))])
    assert [int(each) for each in tie] == [round(Fraction(2 * value + 1, 2)) for value in values]
    for factor in (exact, above, below):
        assert [int(each) for each in rounded_sum([(odd, factor)])] == [round(factor * int(each)) for each in odd]


def test_estimates_decide_most_coordinates_and_nothing_hangs_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With floats of 53 bits, as some machines have them, the same comes out."""
    generator = np.random.default_rng(5)
    terms = [(generator.integers(-(2**45), 2**45, 4000), Fraction(3**40, 5**41)),
             (generator.integers(-(2**45), 2**45, 4000), Fraction(-(7**30), 11**25))]  # fmt: skip
    expected = [
        round(terms[0][1] * int(a) + terms[1][1] * int(b)) for a, b in zip(terms[0][0], terms[1][0], strict=True)
    ]
    assert rounded_sum(terms).tolist() == expected
    monkeypatch.setattr(fixedpoint, "_PIECE", 1001)
    assert rounded_sum(terms).tolist() == expected
    monkeypatch.setattr(np, "longdouble", np.float64)
    monkeypatch.setattr(fixedpoint, "_ERROR", 16 * 2.0**-52)
    assert rounded_sum(terms).tolist() == expected


@given(st.lists(SMALL | LARGE, min_size=1, max_size=9), st.fractions(0, 1 << 62) | FACTORS.map(abs))
def test_clipping_by_value_is_exact(values: list[int], limit: Fraction) -> None:
    found, factor = clipped(np.array(values), limit)
    assert [int(each) * factor for each in found] == [max(-limit, min(limit, Fraction(value))) for value in values]


@given(
    st.lists(st.integers(-(1 << 31), 1 << 31), min_size=6, max_size=6), st.integers(1, 1 << 16), dyadic(1, 1 << 20, 20)
)
def test_a_mean_clipped_by_its_norm_is_inside_the_ball_and_nearly_on_it(
    total: list[int], weight: int, limit: Dyadic
) -> None:
    rule = TrainingRule(Sgd(0), Dyadic(1), 1, clip=Clip("norm", limit))
    raw = SlowTraining(replace(rule, clip=None), BLOCKS, []).mean(total, weight)
    mean = [int(v) * ratio for values, ratio in exact_mean(rule, BLOCKS, np.array(total), weight) for v in values]
    norm, before = sum(value * value for value in mean), sum(value * value for value in raw)
    if before <= limit.fraction**2:
        assert mean == raw
    else:
        assert limit.fraction**2 * (1 - Fraction(1, 1 << 60)) <= norm <= limit.fraction**2


def stepped(rule: TrainingRule, model: int, total: int, weight: int = 1) -> int:
    """One step of one coordinate, in steps of one."""
    state = advance(rule, ONE, begin(rule, ONE, np.array([float(model)])), np.array([total]), weight)
    return int(state.model[0])


def test_halves_are_rounded_to_even() -> None:
    rule = TrainingRule(Sgd(0), Dyadic(1, 1), 1)
    assert [stepped(rule, 10, total) for total in (1, 3, 5, -1, -3)] == [10, 8, 8, 10, 12]


def test_a_model_may_reach_the_last_step_and_no_further() -> None:
    rule, last = TrainingRule(Sgd(0), Dyadic(1), 1), (1 << 53) - 1
    assert stepped(rule, 0, -last) == last
    with pytest.raises(InvalidInputError, match=r"coordinate 0 of the next model is beyond 2\^53 - 1"):
        stepped(rule, 0, -last - 1)
    with pytest.raises(InvalidInputError, match="coordinate 0"):
        stepped(rule, -last, 1)


def test_the_coordinate_that_leaves_the_range_is_named() -> None:
    rule = TrainingRule(Sgd(50), Dyadic(1), 1)
    state = begin(rule, BLOCKS, np.zeros(6))
    with pytest.raises(InvalidInputError, match="coordinate 2 of the next model"):
        advance(rule, BLOCKS, state, np.array([0, 0, 8, 0, 0, 1 << 40]), 1)


def test_a_velocity_that_leaves_its_range_is_refused() -> None:
    rule = TrainingRule(Momentum(0, Dyadic(1, 1), 62), Dyadic(1, 62), 1)
    state = begin(rule, ONE, np.zeros(1))
    with pytest.raises(InvalidInputError, match=r"coordinate 0 of the velocity is beyond 2\^62"):
        advance(rule, ONE, state, np.array([1]), 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.1, "no multiple"), (2.0**-5, "no multiple"), (2.0**49, "no multiple"), (-0.0, "negative zero"),
     (float("nan"), "NaN"), (float("inf"), "infinite"), (5e-324, "no multiple"), (1e308, "no multiple")],
)  # fmt: skip
def test_a_first_model_off_the_grid_is_refused(value: float, words: str) -> None:
    rule = TrainingRule(Sgd(4), Dyadic(1), 1)
    with pytest.raises(InvalidInputError, match=words):
        begin(rule, (PlainBlock(3, 0),), np.array([0.0, value, 1.0]))


def test_the_nearest_model_is_on_the_grid() -> None:
    rule = TrainingRule(Sgd(4), Dyadic(1), 1)
    found = nearest_model(rule, np.array([0.1, -0.01, 3 / 32, 5 / 32, -7.0]))
    assert found.tolist() == [2 / 16, 0.0, 2 / 16, 2 / 16, -7.0]
    begin(rule, (PlainBlock(5, 0),), found)


@pytest.mark.parametrize(
    ("total", "weight"),
    [([1] * 5, 1), ([1.0] * 6, 1), ([1] * 6, 0), ([1] * 6, -1), ([1] * 6, 1 << 32), ([-(1 << 63)] * 6, 1),
     ([1 << 62] + [0] * 5, 1)],
)  # fmt: skip
def test_a_sum_of_another_shape_or_size_is_refused(total: list[int], weight: int) -> None:
    rule = TrainingRule(Sgd(20), Dyadic(1), 1)
    with pytest.raises(InvalidInputError, match="a round's"):
        advance(rule, BLOCKS, begin(rule, BLOCKS, np.zeros(6)), np.array(total), weight)


def test_a_round_without_a_batch_changes_nothing() -> None:
    rule = TrainingRule(Momentum(20, Dyadic(1, 1), 20), Dyadic(1), 9, decay=Dyadic(1, 3))
    state = advance(rule, BLOCKS, begin(rule, BLOCKS, np.ones(6)), np.arange(6), 2)
    after = advance(rule, BLOCKS, state, None, 0)
    assert (after.round, after.memory, after.model.tobytes()) == (2, state.memory, state.model.tobytes())


def test_decay_pulls_the_model_to_zero() -> None:
    rule = TrainingRule(Sgd(0), Dyadic(1, 1), 1, decay=Dyadic(1, 1))
    assert [stepped(rule, model, 0) for model in (1000, -1000, 2, 6)] == [750, -750, 2, 4]


def test_the_rate_is_the_rules_by_schedule_and_plateau() -> None:
    schedule = (ScheduleStep(2, Dyadic(1, 1)), ScheduleStep(3, Dyadic(3)))
    plateau = Plateau("min", Dyadic(1, 2), 1, 0, 2, bytes(32))
    rule = TrainingRule(Sgd(0), Dyadic(5, 3), 9, schedule=schedule, plateau=plateau)
    state = begin(rule, ONE, np.zeros(1))
    rates = []
    for metric in (9, 9, 9, 9):  # each that is no better than the first reduces the rate, two times at most
        rates.append(rate_of(rule, state))
        state = with_metric(rule, advance(rule, ONE, state, np.array([0]), 1), metric)
    assert rates == [Fraction(5, 8), Fraction(5, 8), Fraction(5, 16) / 4, Fraction(15, 8) / 16]


def test_a_step_takes_the_rate_of_its_round() -> None:
    rule = TrainingRule(Sgd(4), Dyadic(1), 3, schedule=(ScheduleStep(1, Dyadic(1, 1)),))
    state = begin(rule, ONE, np.zeros(1))
    for expected in (-1.0, -1.5, -2.0):
        state = advance(rule, ONE, state, np.array([1]), 1)
        assert state.model[0] == expected


def test_a_metric_that_is_not_called_for_and_a_foreign_state_are_refused() -> None:
    rule = TrainingRule(Sgd(0), Dyadic(1), 3)
    with pytest.raises(InvalidInputError, match="no plateau"):
        with_metric(rule, begin(rule, ONE, np.zeros(1)), 1)
    with pytest.raises(InvalidInputError, match="not one of a training by this rule"):
        advance(rule, ONE, TrainingState(0, np.zeros(1), np.zeros(1, np.int64)), np.array([1]), 1)
