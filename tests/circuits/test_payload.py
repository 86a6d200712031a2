"""The aggregate's encoding: exactly one for each aggregate, and none that a dishonest owner can prevent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from circuits import payload
from circuits.errors import WireError
from circuits.payload import Aggregate
from circuits.statement import ROWS, TAIL

MASKS = st.integers(-(1 << 127), (1 << 127) - 1)


def aggregate(values: list[int], blinder: int, masks: list[int]) -> Aggregate:
    tail = native.from_ints([blinder, *(m % native.R for m in masks)])
    return Aggregate(np.array(values, np.int64), tail)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=9),
    st.integers(0, native.R - 1),
    st.lists(MASKS, min_size=ROWS, max_size=ROWS),
)
def test_decoding_inverts_encoding(values: list[int], blinder: int, masks: list[int]) -> None:
    made = aggregate(values, blinder, masks)
    raw = payload.encode(made)
    assert len(raw) <= payload.largest_payload(len(values))
    opened = payload.decode(raw, len(values))
    assert np.array_equal(opened.values, made.values)
    assert np.array_equal(opened.tail, made.tail)
    assert payload.encode(opened) == raw


@pytest.mark.parametrize("mask", [1 << 127, -(1 << 127) - 1, native.R // 2])
def test_sum_of_masks_out_of_range_is_not_encoded(mask: int) -> None:
    with pytest.raises(ValueError, match="signed integer of 128 bits"):
        payload.encode(aggregate([1], 0, [mask] + [0] * (ROWS - 1)))


@pytest.mark.parametrize(("value", "width"), [(0, 1), (127, 1), (-128, 1), (128, 2), (-129, 2), (1 << 62, 8)])
def test_width_is_the_least_that_holds_every_value(value: int, width: int) -> None:
    raw = payload.encode(aggregate([0, value], 1, [0] * ROWS))
    assert raw[1] == width
    assert len(raw) == 6 + 2 * width + 32 + 16 * ROWS


def test_longer_form_than_needed_is_refused() -> None:
    short = payload.encode(aggregate([5], 1, [0] * ROWS))
    long = bytes((1, 2)) + short[2:6] + b"\0\5" + short[7:]
    with pytest.raises(WireError, match="shortest form"):
        payload.decode(long, 1)


@pytest.mark.parametrize("dimension", [1, 3])
def test_payload_of_another_dimension_is_refused(dimension: int) -> None:
    with pytest.raises(WireError, match="the model has"):
        payload.decode(payload.encode(aggregate([1, 2], 1, [0] * ROWS)), dimension)


@pytest.mark.parametrize(
    "change", [lambda raw: b"\2" + raw[1:], lambda raw: raw + b"\0", lambda raw: raw[:-1], lambda _: b""]
)
def test_malformed_payload_is_refused(change: Callable[[bytes], bytes]) -> None:
    raw = payload.encode(aggregate([1, 2], 1, [0] * ROWS))
    with pytest.raises(WireError):
        payload.decode(change(raw), 2)


def test_blinder_outside_the_field_is_refused() -> None:
    raw = payload.encode(aggregate([1], 0, [0] * ROWS))
    damaged = raw[:7] + native.R.to_bytes(32, "big") + raw[39:]
    with pytest.raises(WireError, match="canonical"):
        payload.decode(damaged, 1)


def test_tail_has_one_blinder_and_all_masks() -> None:
    opened = payload.decode(payload.encode(aggregate([1], 9, list(range(ROWS)))), 1)
    assert native.to_ints(opened.tail) == [9, *range(ROWS)]
    assert len(opened.tail) == TAIL
