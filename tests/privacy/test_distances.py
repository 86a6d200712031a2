"""The figures of docs/protocol.md, sections 15 and 16: statistical distances, errors, and that nothing wraps."""

from __future__ import annotations

import re
from math import comb, log2
from pathlib import Path

import pytest

from circuits.policies.spec import MAX_CAPACITY
from circuits.statement import MASK_BITS, PROJECTION_HIGH, PROJECTION_LOW, ROWS, Committee
from circuits.terms import MAX_BOUND, MAX_DIMENSION
from commons.sharing import replicated
from native import R

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
LARGEST = log2(MAX_BOUND)


def projections(dimension: int, bound: float) -> float:
    """Logarithm of the distance of an owner's opened projections from its masks."""
    return log2(ROWS) + (log2(dimension) + bound) / 2 - MASK_BITS


def shares(dimension: int, bound: float, bits: int) -> float:
    """Logarithm of the distance of what t provers are dealt of an owner from what does not depend on it."""
    return (log2(dimension) + bound) / 2 - bits


def both(dimension: int, bound: float, bits: int) -> float:
    """Of a full batch."""
    return log2(MAX_CAPACITY) + log2(2 ** projections(dimension, bound) + 2 ** shares(dimension, bound, bits))


def bits_of(size: int, threshold: int) -> int:
    return replicated.mask_bits(Committee(0, threshold, tuple(bytes([p]) * 20 for p in range(size))))


@pytest.mark.parametrize(
    ("label", "dimension", "bound", "bits"),
    [
        ("d = 2^28, BOUND = 2^62, 64 sets", MAX_DIMENSION, LARGEST, 97),
        ("d = 2^28, BOUND = 2^62, (N, t) = (4, 1)", MAX_DIMENSION, LARGEST, bits_of(4, 1)),
        ("d = 2^20, BOUND = 2^62, (4, 1)", 1 << 20, LARGEST, bits_of(4, 1)),
        ("d = 2^20, BOUND = 2^40, (4, 1)", 1 << 20, 40.0, bits_of(4, 1)),
    ],
)
def test_the_table_of_distances(label: str, dimension: int, bound: float, bits: int) -> None:
    row = re.search(rf"^\| {re.escape(label)} \| 2\^(-\d+) \| 2\^(-\d+) \| 2\^(-\d+) \|$", PAGE, re.MULTILINE)
    assert row, label
    given = [int(value) for value in row.groups()]
    found = [projections(dimension, bound), shares(dimension, bound, bits), both(dimension, bound, bits)]
    assert all(f <= g < f + 1 for f, g in zip(found, given, strict=True)), found


def test_no_committee_has_narrower_masks_than_the_table_allows() -> None:
    sizes = [(n, t) for n in range(3, 33) for t in range(1, (n - 1) // 2 + 1)]
    assert min(bits_of(n, t) for n, t in sizes if comb(n, t) <= replicated.MAX_SETS) >= 97


def test_the_error_of_the_combination_is_that_of_the_capacity() -> None:
    assert 2 ** (MAX_CAPACITY + 2) / R < 2**-131
    assert MAX_CAPACITY == 120


def test_small_entries_have_inner_products_that_do_not_wrap() -> None:
    window = PROJECTION_HIGH - PROJECTION_LOW
    assert window < 1 << 110
    assert MAX_DIMENSION * (1 << 110) ** 2 < R // 2


def test_honest_projections_are_in_range() -> None:
    largest = int((MAX_DIMENSION * MAX_BOUND) ** 0.5) + 1
    assert -largest >= PROJECTION_LOW
    assert (1 << MASK_BITS) + largest < PROJECTION_HIGH


@pytest.mark.parametrize("size", range(3, 33))
def test_two_quorums_share_an_honest_prover_and_a_quorum_can_be_had(size: int) -> None:
    for threshold in range(1, (size - 1) // 2 + 1):
        quorum = Committee(0, threshold, tuple(bytes([p]) * 20 for p in range(size))).quorum
        assert 2 * quorum - size >= threshold + 1
        assert 2 * threshold + 1 <= quorum <= size
        assert quorum == max(2 * threshold + 1, (size + threshold) // 2 + 1)
