"""Training that is linear in a size class's integers: the network in floats is the network in integers, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.accuracy.inference import forward
from circuits.accuracy.sizeclasses import MEDIUM, SMALL, SizeClass
from circuits.errors import InvalidInputError
from gradroll.modelmarket.linearform import LinearForm

DIGITS = LinearForm(SMALL, 16)


def test_digits_have_the_bias_inputs_eight_and_one() -> None:
    assert (DIGITS.kept_bits, DIGITS.hidden_bias_input, DIGITS.output_bias_input) == (10, 8.0, 1.0)


@pytest.mark.parametrize(
    "form",
    [DIGITS, LinearForm(MEDIUM, 128, 20), LinearForm(SMALL, 1, 18, 9), LinearForm(SizeClass("t", 3, 2, 2, 4), 5, 16)],
)
def test_integer_inference_is_the_network(form: LinearForm) -> None:
    """Bit by bit: all numbers of the floats are multiples of small powers of two."""
    rng, size = np.random.default_rng(2), form.size
    weights = rng.integers(-size.half, size.half, size.weights)
    features = rng.integers(0, 256, (30, size.inputs))
    parameters = weights / 2**form.kept_bits
    if form.feature_scale & (form.feature_scale - 1):
        expected = form.scores(parameters, features / form.feature_scale) * form.score_scale
        assert np.allclose(expected, forward(size, features, weights).scores, rtol=1e-12, atol=1e-3)
    else:
        expected = form.scores(parameters, features / form.feature_scale) * form.score_scale
        assert np.array_equal(expected, forward(size, features, weights).scores)


def test_a_step_in_floats_is_a_step_in_integers() -> None:
    """With x = m 2^-F, a step x - r g for multiples of 2^-F is m - c G in integers, and rounding comes last."""
    rng = np.random.default_rng(3)
    start = rng.uniform(-1, 1, SMALL.weights)
    integers = DIGITS.integers(start)
    sums = [rng.integers(-(1 << 10), 1 << 10, SMALL.weights) for _ in range(3)]
    factors = (40, 76, 30)
    trained = integers - sum(c * g for c, g in zip(factors, sums, strict=True))
    kept, errors = DIGITS.split(trained)
    assert np.array_equal((kept << 12) + errors, trained)
    assert np.abs(kept / 1024 - trained / 2**22).max() <= 2**-11
    floats = integers / 2**22 - sum(c * (g / 2**22) for c, g in zip(factors, sums, strict=True))
    assert np.array_equal(floats * 2**22, trained)


@given(st.integers(-(2047 << 12), 2047 << 12), st.integers(1, 12))
def test_every_integer_is_split_into_twelve_bits_and_twelve(value: int, shift: int) -> None:
    size = SizeClass("t", 1, 2, 2, 4)
    form = LinearForm(size, 1, 22, shift)
    value >>= 12 - shift
    kept, errors = form.split(np.full(size.weights, value))
    assert int(kept[0]) * 2**shift + int(errors[0]) == value
    assert -(1 << (shift - 1)) <= errors[0] < 1 << (shift - 1)
    assert -2048 <= kept[0] < 2048


@pytest.mark.parametrize("value", [(2047 << 12) + 2048, -(2048 << 12) - 2049, 1 << 62, -(1 << 63)])
def test_parameters_beyond_twelve_bits_are_refused(value: int) -> None:
    trained = np.zeros(SMALL.weights, np.int64)
    trained[9] = value
    with pytest.raises(InvalidInputError):
        DIGITS.split(trained)


def test_the_ends_of_the_range_are_kept() -> None:
    trained = np.zeros(SMALL.weights, np.int64)
    trained[:2] = (2047 << 12) + 2047, -(2048 << 12) - 2048
    kept, errors = DIGITS.split(trained)
    assert kept[:2].tolist() == [2047, -2048]
    assert errors[:2].tolist() == [2047, -2048]


def test_other_vectors_and_forms_are_refused() -> None:
    floats: Any = np.zeros(SMALL.weights)
    for wrong in (np.zeros(5, np.int64), floats):
        with pytest.raises(InvalidInputError):
            DIGITS.split(wrong)
    for bits, shift, scale in ((11, 12, 16), (22, 13, 16), (22, 0, 16), (41, 12, 16), (22, 12, 0), (22, 12, 1 << 15)):
        with pytest.raises(InvalidInputError):
            LinearForm(SMALL, scale, bits, shift)
    for bad in (np.nan, np.inf, 1e30):
        with pytest.raises(InvalidInputError):
            DIGITS.integers(np.full(SMALL.weights, bad))
