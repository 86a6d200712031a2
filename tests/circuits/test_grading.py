"""Levels, weights and pay follow from opened numbers as the terms say; no weight singles out few owners."""

from __future__ import annotations

import math
import random
from bisect import bisect_left

import numpy as np
import pytest

from circuits.errors import InvalidInputError
from circuits.grading import LEAST_SCALE, NOISE_BITS, GradingRule, decode_values, encode_values, grades

RULE = GradingRule(4, 4, 3)
BOUND = 1 << 32
STEP = 1 << NOISE_BITS  # of a rule whose noise is as wide as a level


def test_levels_are_as_wide_as_the_step_says() -> None:
    assert [RULE.level(v) for v in (-1, 0, STEP - 1, STEP, 2 * STEP, 3 * STEP - 1, 3 * STEP, 9 * STEP)] == [
        0, 0, 0, 1, 2, 2, 3, 3,
    ]  # fmt: skip


@pytest.mark.parametrize("step", [1, 3, 4, 16])
@pytest.mark.parametrize("dither", [16, 17, 64])
def test_a_gradient_at_right_angles_to_the_reference_has_level_0_whatever_the_noise(step: int, dither: int) -> None:
    assert GradingRule(step, dither, 2).level((1 << NOISE_BITS) - 1) == 0


@pytest.mark.parametrize(("step", "dither"), [(4, 4), (64, 64), (4, 5), (4, 16)])
@pytest.mark.parametrize("cosine", [0.001, 0.05, 0.2])
def test_small_cosines_have_a_level_by_chance(step: int, dither: int, cosine: float) -> None:
    """By the least noise that earns one, exactly: with step and dither alike dither times the cosine."""
    rule = GradingRule(step, dither, 2)
    product = rule.scale(BOUND) * int(cosine * BOUND)
    least = bisect_left(range(1 << NOISE_BITS), 1, key=lambda noise: rule.level(product + noise))
    chance = 1 - least / (1 << NOISE_BITS)
    assert chance == pytest.approx(min(1, max(0, 1 + dither * (cosine - 1 / step))), abs=0.01)
    if step == dither:
        assert chance == pytest.approx(min(1, dither * cosine), abs=0.01)
    elif cosine < 1 / step - 1 / dither:
        assert chance == 0


@pytest.mark.parametrize("bound", [BOUND, BOUND - 1, 12345, 10**9 + 7])
def test_a_gradient_that_fits_whole_has_the_level_of_its_inner_product(bound: int) -> None:
    rule = GradingRule(3, 5, 2)
    scale = rule.scale(bound)
    for level in range(3):
        inside = scale * (bound * (level + 1) // 3 + bound // LEAST_SCALE)
        assert rule.level(inside) == min(3, level + 1)
        assert rule.level(scale * (bound * level // 3)) <= level


@pytest.mark.parametrize(("step", "dither"), [(0, 4), (5, 4), (4, 65), (-1, 4)])
def test_noise_is_no_wider_than_a_level_and_a_level_no_wider_than_the_bound(step: int, dither: int) -> None:
    with pytest.raises(InvalidInputError, match="step"):
        GradingRule(step, dither, 2)


def test_a_bound_under_which_the_scale_would_be_coarse_is_refused() -> None:
    most = (4 << NOISE_BITS) // LEAST_SCALE
    assert RULE.scale(most) == LEAST_SCALE
    with pytest.raises(InvalidInputError, match=f"at most {most}"):
        RULE.scale(most + most // 200)


@pytest.mark.parametrize("dither", [1, 4, 64])
def test_what_a_number_tells_is_bounded_whatever_is_known_before(dither: int) -> None:
    """Mutual information of inner product and number, exactly, for priors on a grid finer than the noise."""
    rule, fine = GradingRule(1, dither, 2), 5
    cells = 2 * dither * fine + 1  # inner products; the noise is as wide as `fine` of them
    bound = 1 << 34 if dither >= 4 else 1 << 30
    draw = np.random.default_rng(dither)
    spread = np.zeros(cells)
    spread[::fine] = 1  # as far apart as the noise is wide: the worst there is
    priors = [spread, np.ones(cells), *(draw.random(cells) ** power for power in (1, 10, 100))]
    told = []
    for prior in priors:
        numbers = np.convolve(prior / prior.sum(), np.ones(fine) / fine)
        seen = numbers[numbers > 0]
        told.append(-float(seen @ np.log2(seen)) - math.log2(fine))
    assert max(told) <= rule.bits(bound) + 1e-9
    assert told[0] == pytest.approx(rule.bits(bound)) == pytest.approx(math.log2(2 * dither + 1))


@pytest.mark.parametrize("bound", [BOUND, BOUND - 1, 12345, 10**9 + 7])
def test_a_number_tells_no_more_where_the_scale_is_rounded_down(bound: int) -> None:
    assert RULE.bits(bound) <= math.log2(9)
    assert RULE.bits(bound) > math.log2(9) - 1 / LEAST_SCALE


def test_small_classes_are_demoted_and_levels_are_not() -> None:
    values = [3 * STEP] * 2 + [2 * STEP] * 1 + [STEP] * 3 + [0]
    graded = grades(RULE, values)
    assert graded.levels == (3, 3, 2, 1, 1, 1, 0)
    assert graded.weights == (2, 2, 2, 1, 1, 1, 0)
    assert not graded.fallback


def test_where_nobody_has_a_weight_all_count_once_and_are_paid_something() -> None:
    graded = grades(RULE, [3 * STEP, 3 * STEP, -5, -5])
    assert graded.fallback
    assert graded.weights == (1, 1, 1, 1)
    assert graded.levels == (3, 3, 1, 1)


def test_a_class_other_than_the_removed_has_min_owners_in_every_batch() -> None:
    draw = random.Random(7)
    for _ in range(2000):
        rule = GradingRule(4, 4, draw.randint(2, 5))
        values = [draw.randint(-STEP, 4 * STEP) for _ in range(draw.randint(rule.min_owners, 20))]
        weights = grades(rule, values).weights
        assert any(weights)
        assert all(weights.count(w) >= rule.min_owners for w in set(weights) - {0})
        assert all(weight <= max(1, rule.level(value)) for weight, value in zip(weights, values, strict=True))


def test_a_model_owner_alone_can_have_one_owner_beside_its_own_accounts() -> None:
    """Not defended, as the trust model says: a reference along what one owner has and the others lack, and
    min_owners - 1 accounts that submit it, make a class in which that one is alone with them, whatever the noise."""
    draw, rule = random.Random(3), GradingRule(4, 16, 5)
    scale = rule.scale(BOUND)
    for _ in range(200):
        products = [BOUND] * 4 + [3 * BOUND // 10] + [draw.randint(-BOUND // 5, BOUND // 6) for _ in range(40)]
        weights = grades(rule, [scale * w + draw.randrange(1 << NOISE_BITS) for w in products]).weights
        assert [place for place, weight in enumerate(weights) if weight] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("dither", [1, 4, 64])
def test_a_number_places_the_inner_product_in_a_window_as_wide_as_the_noise(dither: int) -> None:
    """And says nothing more for certain: both ends and all between give the same number under some noise."""
    rule = GradingRule(1, dither, 2)
    scale, bound = rule.scale(BOUND), BOUND
    value = scale * (bound // 3) + (1 << 39)
    fits = [
        w
        for w in (bound // 3 + k * (bound // (64 * dither)) for k in range(-80, 81))
        if 0 <= value - scale * w < 1 << 40
    ]
    assert max(fits) - min(fits) <= bound // dither
    assert max(fits) - min(fits) >= (bound // dither) * 31 // 32


def test_numbers_have_one_encoding() -> None:
    values = (0, -1, STEP, -(1 << 46), (1 << 46) + STEP)
    assert decode_values(encode_values(values)) == values
    assert len(encode_values(values)) == 8 * len(values)
    with pytest.raises(InvalidInputError, match="8 bytes"):
        encode_values([1 << 63])
    with pytest.raises(InvalidInputError, match="whole number"):
        decode_values(bytes(9))
