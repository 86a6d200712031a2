"""What is public earns nothing against a reference without it, and a model is not led by what nobody judged."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from circuits.arrays import FloatArray
from circuits.errors import GradientError, InvalidInputError
from circuits.grading import NOISE_BITS, Grades, GradingRule, grades
from circuits.quantize import Quantized, quantize
from gradroll.model_owner.referencegradient import LEAST_SUMS, GradedSum, guarded_update, reference_gradient

DIMENSION = 2000
BOUND = 1 << 34
RULE = GradingRule(4, 4, 2)


def vectors(count: int, dimension: int = DIMENSION, seed: int = 1) -> list[FloatArray]:
    return list(np.random.default_rng(seed).standard_normal((count, dimension)))


def at_bound(vector: FloatArray, bound: int = BOUND) -> Quantized:
    return quantize(vector, fraction_bits=16, bound=bound, dimension=len(vector), stretch=True)


def drifting(own: FloatArray, count: int) -> list[FloatArray]:
    """Sums as a training run has them: most of each is what the round before had, and what the reference has."""
    steps = vectors(count, len(own), seed=2)
    return [own + 0.3 * np.sum(steps[: n + 1], axis=0) for n in range(count)]


def test_what_was_published_earns_nothing_when_it_is_handed_in_again() -> None:
    (own,) = vectors(1)
    sums = drifting(own, 5)
    mixed = sums[0] - 2.5 * sums[3] + 7 * sums[4]
    without, reference = at_bound(own), at_bound(reference_gradient(own, sums).values)
    scale = RULE.scale(BOUND)
    for replay in (*sums, mixed):
        submitted = at_bound(replay).values
        assert RULE.level(scale * int(submitted @ reference.values)) == 0
        assert abs(int(submitted @ reference.values)) < BOUND * 1e-3
    assert max(RULE.level(scale * int(at_bound(each).values @ without.values)) for each in sums) >= 1


def test_what_is_left_still_grades_what_is_new() -> None:
    own, fresh = vectors(2)
    sums = drifting(own, 5)
    reference = reference_gradient(own, sums)
    good = at_bound(own + 0.1 * fresh).values
    assert RULE.scale(BOUND) * int(good @ at_bound(reference.values).values) > 1 << NOISE_BITS
    assert 0.2 < reference.left < 0.4
    assert reference.removed == 5


@pytest.mark.parametrize("dimension", [3, 7, DIMENSION, (1 << 16) - 1, (1 << 16) + 1, 3 << 16])
def test_the_rest_stands_at_right_angles_to_every_sum_across_blocks(dimension: int) -> None:
    (own,) = vectors(1, dimension)
    sums = [10.0 ** (80 * (n - 2)) * each for n, each in enumerate(vectors(min(5, dimension - 1), dimension, seed=3))]
    reference = reference_gradient(own, sums, least=0)
    assert np.linalg.norm(reference.values) == pytest.approx(1)
    for each in sums:
        assert abs(reference.values @ (each / np.abs(each).max())) < 1e-12 * np.sqrt(dimension)
    basis = np.linalg.qr(np.stack([each / np.abs(each).max() for each in sums]).T)[0]
    expected = own - basis @ (basis.T @ own)
    assert np.allclose(reference.values, expected / np.linalg.norm(expected), atol=1e-10)
    assert reference.left == pytest.approx(np.linalg.norm(expected) / np.linalg.norm(own))


def test_sums_that_are_nearly_parallel_are_told_apart() -> None:
    """By the Gram matrix they would not be: its smallest eigenvalue is below what float64 holds beside the largest."""
    own, first, *steps = vectors(6)
    sums = [first + 1e-9 * step for step in steps] + [first]
    reference = reference_gradient(own, sums)
    assert reference.removed == 5
    for one, next_one in pairwise(sums):
        difference = next_one - one
        assert abs(reference.values @ difference) < 1e-5 * np.linalg.norm(difference)
    assert abs(reference.values @ first) < 1e-9


def test_parallel_zero_and_repeated_sums_take_nothing_more_out() -> None:
    own, one, other = vectors(3)
    plain = reference_gradient(own, [one, other], least=2)
    more = reference_gradient(own, [one, np.zeros(DIMENSION), 3 * one, other - one, -other, one])
    assert (plain.removed, more.removed) == (2, 2)
    assert np.allclose(plain.values, more.values, atol=1e-12)
    assert reference_gradient(own, [np.zeros(DIMENSION)] * 5).removed == 0


def test_fewer_sums_than_asked_for_are_refused_unless_the_task_has_no_more() -> None:
    own, *sums = vectors(LEAST_SUMS)
    with pytest.raises(InvalidInputError, match=r"4 published sums.* 5 are asked for"):
        reference_gradient(own, sums)
    assert reference_gradient(own, sums, least=len(sums)).removed == 4
    first = reference_gradient(3 * own, [], least=0)
    assert (first.removed, first.left) == (0, 1.0)
    assert np.allclose(first.values, own / np.linalg.norm(own))


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_an_own_gradient_that_was_published_leaves_nothing(noise: float) -> None:
    own, *sums = vectors(6)
    with pytest.raises(GradientError, match="lies in the span"):
        reference_gradient(own, [*sums[:4], own - sums[1] + noise * sums[4]])


@pytest.mark.parametrize(
    ("own", "sums", "error", "message"),
    [
        (np.zeros(4), [], GradientError, "zero"),
        (np.array([1.0, np.nan]), [], GradientError, "NaN"),
        (np.ones(4), [np.ones(3)], InvalidInputError, "published sum 0 has shape"),
        (np.ones(2), [np.array([0.0, 1.0]), np.array([np.inf, 1.0])], InvalidInputError, "published sum 1"),
    ],
)
def test_what_is_no_gradient_or_sum_is_refused(
    own: FloatArray, sums: list[FloatArray], error: type[InvalidInputError], message: str
) -> None:
    with pytest.raises(error, match=message):
        reference_gradient(own, sums, least=0)


def test_a_large_model_takes_a_few_vectors_beside_its_sums() -> None:
    dimension = 1 << 20
    own, *sums = vectors(6, dimension)
    tracemalloc.start()
    try:
        reference_gradient(own, sums)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 15 * 8 * dimension


JUDGED = Grades((3, 1, 0), (3, 1, 0), fallback=False)
FALLEN = Grades((1, 1), (1, 1), fallback=True)


def test_an_update_is_the_mean_by_weight_over_all_judged_batches() -> None:
    gradients = vectors(5)
    own = sum(gradients, np.zeros(DIMENSION))
    first = GradedSum(3 * gradients[0] + gradients[1], JUDGED)
    second = GradedSum(2 * gradients[2] + 2 * gradients[3], Grades((2, 2), (2, 2), fallback=False))
    update = guarded_update(own, [first, second], 1.0)
    assert update.judged
    expected = 3 * gradients[0] + gradients[1] + 2 * gradients[2] + 2 * gradients[3]
    assert np.allclose(update.values, expected / 8)


def test_a_batch_that_nobody_judged_leads_no_model() -> None:
    """Neither alone, where the own gradient stands in at the owners' length, nor beside a judged one."""
    own, harm = vectors(2)
    good = own + 0.1 * harm
    fallen = GradedSum(1e6 * good, FALLEN)
    alone = guarded_update(own, [fallen], 2.5)
    assert not alone.judged
    assert np.allclose(alone.values, own * 2.5 / np.linalg.norm(own))
    beside = guarded_update(own, [fallen, GradedSum(4 * good, JUDGED)], 2.5)
    assert np.allclose(beside.values, good)
    assert not guarded_update(own, [], 2.5).judged


def test_who_knows_the_reference_leads_no_model_backwards() -> None:
    """What repeats it has the highest level, and may turn the rest against what was published and taken out."""
    left, past = (vector / np.linalg.norm(vector) for vector in vectors(2))
    own = 0.5 * left + 2 * past
    reference = at_bound(reference_gradient(own, [past], least=1).values).values
    harm = at_bound(0.8 * reference / np.linalg.norm(reference) - 0.6 * past).values
    found = grades(RULE, [RULE.scale(BOUND) * int(harm @ reference)] * 2)
    assert found.levels == (3, 3)
    led = guarded_update(own, [GradedSum(6 * harm.astype(np.float64), found)], 2.5)
    assert not led.judged
    assert np.allclose(led.values, own * 2.5 / np.linalg.norm(own))


def test_without_a_direction_there_is_no_update() -> None:
    with pytest.raises(GradientError, match="nothing to go by"):
        guarded_update(np.zeros(4), [GradedSum(np.ones(4), FALLEN)], 1.0)
    with pytest.raises(InvalidInputError, match="other shapes"):
        guarded_update(np.ones(4), [GradedSum(np.ones(3), JUDGED)], 1.0)
