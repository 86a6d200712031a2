"""Noise of graded numbers: bits that nobody knows, and the check that finds what is no bit."""

from __future__ import annotations

import random

import numpy as np
import pytest

import native
from circuits.errors import InconsistentError, ProofError
from circuits.grading import NOISE_BITS
from circuits.statement import SLACK_BITS
from commons.protocol import noisebits
from commons.protocol.gradedbodies import checked_bits
from native import FrArray, R

PSI, LAMBDA = 1234567, 7654321
ROWS = 3


def squares_of(values: list[int]) -> FrArray:
    return native.from_ints(v * v % R for v in values)


@pytest.fixture
def drawn() -> list[int]:
    source = random.Random(1)
    return [source.randrange(1, R) for _ in range(2 * NOISE_BITS)]


def test_roots_are_in_the_lower_half(drawn: list[int]) -> None:
    edges = [1, R - 1, (R - 1) // 2, (R + 1) // 2, 5, pow(5, (R - 1) >> 28, R), pow(5, (R - 1) >> 27, R)]
    roots = native.to_ints(noisebits.square_roots(squares_of([*drawn, *edges])))
    assert roots == [min(v, R - v) for v in [*drawn, *edges]]


@pytest.mark.parametrize("bad", [0, 5, 5 * 4, 5**3 * 49, R - 5])
def test_what_is_no_square_is_refused(bad: int) -> None:
    with pytest.raises(InconsistentError):
        noisebits.square_roots(native.from_ints([4, bad, 9]))


def test_bits_say_in_which_half_the_value_lies(drawn: list[int]) -> None:
    randoms = native.from_ints(drawn).reshape(2, NOISE_BITS, 4)
    squares = squares_of(drawn).reshape(2, NOISE_BITS, 4)
    bits = noisebits.noise_bits(randoms, squares)
    lower = [int(v <= (R - 1) // 2) for v in drawn]
    assert native.to_ints(bits.reshape(-1, 4)) == lower
    assert 0 < sum(lower) < len(lower)
    expected = [sum(b << e for e, b in enumerate(lower[start : start + NOISE_BITS])) for start in (0, NOISE_BITS)]
    assert native.to_ints(noisebits.noise(bits)) == expected


def checked(values: list[int]) -> tuple[noisebits.CheckShares, list[int]]:
    """All bits of a batch, and the three products."""
    mask = native.expand(b"m" * 32, len(values))
    check = noisebits.CheckShares(mask, native.from_ints(values), PSI)
    return check, native.to_ints(check.products)


def require(check: noisebits.CheckShares, products: list[int], slack: int = 0) -> None:
    noisebits.require_bits(
        PSI, check.product(products, LAMBDA), check.not_bits(products), slack, check.combined(LAMBDA)
    )  # fmt: skip


def test_bits_pass_and_anything_else_does_not() -> None:
    bits = [k % 2 for k in range(checked_bits(ROWS))]
    require(*checked(bits))
    for place in (0, SLACK_BITS * ROWS, len(bits) - 1):
        for other in (2, R - 1, pow(2, -1, R)):
            with pytest.raises(ProofError, match="a bit of the batch is none"):
                require(*checked([*bits[:place], other, *bits[place + 1 :]]))


@pytest.mark.parametrize("which", range(3))
def test_products_cannot_be_shifted(which: int) -> None:
    """A prover that covers for a value that is no bit has to shift <psi R, R>, and P with it."""
    check, products = checked([1, 0] * SLACK_BITS)
    products[which] += 1
    with pytest.raises(ProofError):
        require(check, products)


def test_a_shift_that_hides_a_value_that_is_no_bit_is_found() -> None:
    check, products = checked([3, 0] * SLACK_BITS)
    products[2] -= check.not_bits(products)
    assert check.not_bits(products) == 0
    with pytest.raises(ProofError, match="not the one that was masked"):
        require(check, products)


def test_slack_ties_bits_to_norms() -> None:
    bound, norms = 1 << 40, [5, 1 << 40, 0]
    rows = [native.from_ints((bound - norm) >> e & 1 for e in range(SLACK_BITS)) for norm in norms]
    assert noisebits.slack_check(native.from_ints(norms), rows, bound, LAMBDA) == 0
    for row in range(len(norms)):
        moved = [norm + (nth == row) for nth, norm in enumerate(norms)]
        assert noisebits.slack_check(native.from_ints(moved), rows, bound, LAMBDA) == -pow(LAMBDA, row + 1, R) % R
    check, products = checked([1, 0])
    with pytest.raises(ProofError, match="do not make up"):
        require(check, products, slack=1)


def test_digests_and_challenges_bind_what_they_name(drawn: list[int]) -> None:
    squares = squares_of(drawn).reshape(2, NOISE_BITS, 4)
    other = squares.copy()
    other[1, 3] = native.from_ints([4])[0]
    digests = {
        noisebits.squares_digest(squares),
        noisebits.squares_digest(other),
        noisebits.squares_digest(squares[:1]),
    }
    assert len(digests) == 3
    a, b, c = b"a" * 32, b"b" * 32, b"c" * 32
    assert len({noisebits.check_challenge(*of) for of in [(a, b, c), (b, a, c), (a, c, b)]}) == 3
    assert noisebits.combination_challenge(a, b) != noisebits.combination_challenge(b, a)


def test_all_bits_lie_rows_first() -> None:
    slack = [native.from_ints([row] * SLACK_BITS) for row in range(ROWS)]
    own = np.concatenate([native.from_ints([10 + owner] * NOISE_BITS) for owner in range(ROWS - 1)])
    together = native.to_ints(noisebits.all_bits(slack, own.reshape(ROWS - 1, NOISE_BITS, 4)))
    assert together == [0] * 62 + [1] * 62 + [2] * 62 + [10] * 40 + [11] * 40
    assert len(together) == checked_bits(ROWS)
