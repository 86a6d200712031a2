"""Quantisation: the integer bound holds exactly and the error stays within what is documented."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import GradientError
from circuits.quantize import Quantized, dequantize, quantize, squared_norm
from circuits.terms import MAX_BOUND

reals = st.floats(-1e6, 1e6, allow_nan=False, width=64)


def run(values: list[float], fraction_bits: int = 8, bound: int = 1 << 30) -> Quantized:
    return quantize(np.array(values), fraction_bits=fraction_bits, bound=bound, dimension=len(values))


@settings(max_examples=200, deadline=None)
@given(st.lists(reals, min_size=1, max_size=40), st.integers(0, 20), st.integers(1, 1 << 40))
def test_bound_and_error(values: list[float], fraction_bits: int, bound: int) -> None:
    result = run(values, fraction_bits, bound)
    assert result.squared_norm == sum(int(v) ** 2 for v in result.values) <= bound
    unit = 2.0**-fraction_bits
    clipped = np.array(values) * result.scale
    error = np.abs(dequantize(result.values, fraction_bits) - clipped)
    slack = 1e-12 * np.max(np.abs(values))
    assert np.max(error) < unit + slack
    assert result.max_error == pytest.approx(np.max(error), abs=slack + 1e-12)
    norm = math.sqrt(float(np.dot(values, values))) / unit
    assert result.clipped == (norm > math.sqrt(bound) * (1 - 2.0**-40)) or norm == pytest.approx(math.sqrt(bound))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40))
def test_inside_the_ball_rounding_is_to_the_nearest(values: list[float]) -> None:
    result = run(values, 10, MAX_BOUND)
    assert result.scale == 1.0
    assert result.max_error <= 2.0**-11
    assert np.array_equal(result.values, np.rint(np.array(values) * 1024).astype(np.int64))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1), min_size=4, max_size=4), min_size=1, max_size=16))
def test_error_of_an_aggregate_is_at_most_the_sum(rows: list[list[float]]) -> None:
    results = [run(row, 12, 1 << 24) for row in rows]
    exact = sum(np.array(row) * r.scale for row, r in zip(rows, results, strict=True))
    total = np.sum([r.values for r in results], axis=0)
    assert np.max(np.abs(dequantize(total, 12) - exact)) < len(rows) * 2.0**-12


def test_rounding_that_leaves_the_ball_is_taken_back_deterministically() -> None:
    result = run([0.6] * 100, 0, 36)  # norm 6 exactly; rint gives a hundred ones
    assert result.squared_norm == 36
    assert np.array_equal(result.values, [0] * 64 + [1] * 36)


def test_extreme_magnitudes_are_clipped_not_overflowed() -> None:
    for magnitude in (1e300, np.finfo(np.float64).max):
        result = run([magnitude, -magnitude, 0.0], 62, MAX_BOUND)
        assert result.clipped
        assert MAX_BOUND * 0.999 < result.squared_norm <= MAX_BOUND
    tiny = run([5e-324, 0.0], 62, MAX_BOUND)
    assert tiny.squared_norm == 0


def test_zero_and_float32_gradients() -> None:
    assert run([0.0, 0.0]).squared_norm == 0
    result = quantize(np.array([0.5], dtype=np.float32), fraction_bits=4, bound=100, dimension=1)
    assert result.values.tolist() == [8]


def stretched(values: list[float], bound: int = 1 << 40) -> Quantized:
    return quantize(np.array(values), fraction_bits=8, bound=bound, dimension=len(values), stretch=True)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(reals.map(lambda value: value if abs(value) > 1e-50 else 0.0), min_size=1, max_size=40).filter(any),
    st.floats(1e-200, 1e200),
)
def test_stretched_gradients_have_the_bounds_norm_whatever_their_length(values: list[float], factor: float) -> None:
    """So that a longer gradient earns nothing by its length, where inner products are graded."""
    bound = 1 << 40
    result, other = stretched(values), stretched([value * factor for value in values])
    assert bound * (1 - 1e-4) < result.squared_norm <= bound
    assert np.max(np.abs(result.values - other.values)) <= 1  # where a half is rounded, a last bit decides
    error = np.abs(dequantize(result.values, 8) - np.array(values) * result.scale)
    assert np.max(error) < 2.0**-8 + 1e-9


def test_stretching_changes_nothing_about_what_is_clipped() -> None:
    long = [3e5, -4e5, 1e3]
    assert np.array_equal(stretched(long, 1 << 20).values, run(long, 8, 1 << 20).values)
    assert stretched(long, 1 << 20).clipped
    assert stretched([1e-3, 0.0]).scale > 1
    assert not stretched([1e-3, 0.0]).clipped


@pytest.mark.parametrize("values", [[0.0] * 4, [1.0] * 400], ids=["zero", "zero when rounded"])
def test_a_gradient_without_a_direction_is_not_stretched(values: list[float]) -> None:
    with pytest.raises(GradientError, match="no direction"):
        stretched(values, bound=64)


def test_a_gradient_too_small_for_a_factor_in_float64_is_not_stretched() -> None:
    with pytest.raises(GradientError, match="too small"):
        stretched([5e-324, 0.0])
    assert stretched([1e-290, 0.0]).squared_norm > 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(GradientError, match="first is 1"):
        run([0.0, bad])


def test_wrong_shapes_types_and_parameters_are_refused() -> None:
    good: dict[str, Any] = {"fraction_bits": 8, "bound": 100, "dimension": 2}
    with pytest.raises(GradientError, match="shape"):
        quantize(np.zeros(3), **good)
    with pytest.raises(GradientError, match="shape"):
        quantize(np.zeros((2, 1)), **good)
    with pytest.raises(GradientError, match="complex"):
        quantize(np.zeros(2, dtype=complex), **good)
    for name, value in (("fraction_bits", 63), ("bound", 1 << 62), ("bound", 0), ("dimension", 0)):
        with pytest.raises(GradientError, match="outside"):
            quantize(np.zeros(2), **{**good, name: value})


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_squared_norm_is_exact(values: list[int]) -> None:
    assert squared_norm(np.array(values, dtype=np.int64)) == sum(v * v for v in values)
