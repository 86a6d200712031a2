"""Blocks of one vector keep their own scales, under one bound."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import GradientError, InvalidInputError
from circuits.quantize import dequantize, quantize
from circuits.terms import MAX_BOUND, NewTask, Windows
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import Block, ModelManifest

TERMS = NewTask(1, b"\1" * 20, b"\2" * 20, 10, 16, 1 << 40, 2, 6, 3, Windows(60, 600))


def scales(*parts: tuple[int, int]) -> BlockScales:
    return BlockScales(tuple(Block(f"b{n}", length, bits) for n, (length, bits) in enumerate(parts)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 30)), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
)
def test_each_block_is_rounded_to_its_own_multiples_and_the_whole_fits_the_bound(
    parts: list[tuple[int, int]], seed: int, bits: int
) -> None:
    made, rng = scales(*parts), np.random.default_rng(seed)
    vector = rng.normal(size=made.dimension) * 10.0 ** rng.integers(-6, 7, made.dimension)
    done = made.quantize(vector, 1 << bits)
    assert done.squared_norm == sum(int(each) ** 2 for each in done.values) <= 1 << bits
    back = made.dequantize(done.values)
    for block, part in made.parts():
        assert np.array_equal(np.ldexp(back[part], block.fraction_bits), done.values[part])
        slack = 1e-12 * np.max(np.abs(vector))
        assert np.max(np.abs(back[part] - done.scale * vector[part])) < 2.0**-block.fraction_bits + slack
    assert done.max_error == pytest.approx(np.max(np.abs(back - done.scale * vector)), rel=1e-6, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.booleans())
def test_one_scale_for_all_blocks_is_quantising_without_blocks(seed: int, bits: int, stretch: bool) -> None:
    vector = np.random.default_rng(seed).normal(size=9)
    ours = scales((4, bits), (5, bits)).quantize(vector, 1 << 34, stretch=stretch)
    plain = quantize(vector, fraction_bits=bits, bound=1 << 34, dimension=9, stretch=stretch)
    assert np.array_equal(ours.values, plain.values)
    assert (ours.scale, ours.max_error, ours.squared_norm) == (plain.scale, plain.max_error, plain.squared_norm)
    assert np.array_equal(scales((4, bits), (5, bits)).dequantize(ours.values), dequantize(plain.values, bits))


def test_the_largest_error_is_in_the_vectors_units() -> None:
    done = scales((1, 0), (1, 10)).quantize(np.array([1000.25, 0.3]), MAX_BOUND)
    assert done.values.tolist() == [1000, 307]
    assert done.max_error == 0.25


def test_clipping_shrinks_all_blocks_by_one_factor() -> None:
    made = scales((1, 0), (1, 10))
    done = made.quantize(np.array([3000.0, 4.0]), 2500**2)  # integers (3000, 4096), of length 5077
    assert done.clipped
    assert done.scale == pytest.approx(2500 / math.hypot(3000, 4096))
    assert made.dequantize(done.values) == pytest.approx([3000 * done.scale, 4 * done.scale], abs=1)


def test_stretching_brings_the_integers_of_all_blocks_to_the_radius() -> None:
    done = scales((2, 0), (2, 20)).quantize(np.array([1.0, 2, 3e-6, 4e-6]), 1 << 40, stretch=True)
    assert 2**40 * 0.9999 < done.squared_norm <= 1 << 40
    assert done.values[1] == pytest.approx(2 * done.values[0], abs=2)
    assert done.values[2] == pytest.approx(3e-6 * 2**20 * done.values[0], rel=1e-4)


def test_units_are_those_of_the_integers_and_taken_back_exactly() -> None:
    made, vector = scales((2, 3), (3, 20), (1, 7)), np.array([1.5, -2, 3, 4, 5, 6.25])
    units = made.to_units(vector)
    assert np.array_equal(np.ldexp(units, made.fraction_bits), np.ldexp(vector, [3, 3, 20, 20, 20, 7]))
    assert np.array_equal(made.from_units(units), vector)
    assert np.array_equal(vector, [1.5, -2, 3, 4, 5, 6.25])
    with pytest.raises(InvalidInputError):
        made.to_units(vector[1:])


@pytest.mark.parametrize("bad", [[1.0, 2.0], [1.0, 2.0, math.nan], [1.0, 2.0, math.inf], ["a", "b", "c"]])
def test_what_is_no_gradient_of_the_task_is_refused(bad: list[float]) -> None:
    with pytest.raises(GradientError):
        scales((1, 0), (2, 10)).quantize(bad, 100)


def test_huge_coordinates_are_clipped_and_tiny_ones_vanish() -> None:
    made = scales((1, 0), (1, 62))
    assert made.quantize(np.array([1.7e308, 1.7e308]), MAX_BOUND).clipped
    assert made.quantize(np.array([5e-324, 5e-324]), MAX_BOUND).values.tolist() == [0, 0]


def test_a_task_without_a_manifest_has_one_block_of_its_terms() -> None:
    made = BlockScales.of(TERMS, None)
    assert (made.dimension, made.fraction_bits) == (10, 16)


def test_a_manifest_of_another_length_than_the_tasks_is_refused() -> None:
    manifest = ModelManifest((Block("a", 11, 3),), 11)
    with pytest.raises(InvalidInputError, match="coordinates"):
        BlockScales.of(replace(TERMS, manifest=manifest.digest), manifest)


def test_scales_are_those_of_the_manifest_that_the_terms_name() -> None:
    manifest = ModelManifest((Block("a", 4, 3), Block("b", 6, 30)), 10)
    assert BlockScales.of(replace(TERMS, manifest=manifest.digest), manifest).blocks == manifest.blocks
    for terms, at_hand in (
        (TERMS, manifest), (replace(TERMS, manifest=bytes(31) + b"\1"), manifest),
        (replace(TERMS, manifest=manifest.digest), None),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError):
            BlockScales.of(terms, at_hand)
