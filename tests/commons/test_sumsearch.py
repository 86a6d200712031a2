"""Sums among shares of which t are lies, with no more than a quorum's there: found, and nobody honest is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

import native
from circuits.commitment import CommitmentKey
from circuits.policies import DEFAULT
from commons.protocol import sumsearch
from commons.protocol.sumsearch import find_vector
from native import G1, FrArray
from tests.support.plain_batch import development_setup

Shares = dict[int, FrArray]


@pytest.fixture(scope="module")
def key() -> CommitmentKey:
    return development_setup(DEFAULT, 4, 5).commitment


def expanded(name: int, key: CommitmentKey) -> FrArray:
    return native.expand(bytes([name]) * 32, len(key.bases))


def shared(key: CommitmentKey, threshold: int, provers: Sequence[int]) -> tuple[FrArray, Shares]:
    """A vector, and provers' shares of it."""
    coefficients = [expanded(power, key) for power in range(threshold + 1)]
    shares = {p: native.linear_combination(coefficients, [pow(p + 1, k, native.R) for k in range(threshold + 1)])
              for p in provers}  # fmt: skip
    return coefficients[0], shares


def lying(shares: Shares, liars: Sequence[int], key: CommitmentKey) -> Shares:
    """Each liar sends something of its own."""
    return shares | {p: expanded(100 + p, key) for p in liars}


def agreeing(shares: Shares, liars: Sequence[int], through: Sequence[int], key: CommitmentKey) -> Shares:
    """Liars that shift their shares by a polynomial that is zero at zero and at the places of honest provers."""
    shift, bent = expanded(200, key), dict(shares)
    for p in liars:
        factor = p + 1
        for other in through:
            factor = factor * (p - other) % native.R
        bent[p] = native.linear_combination([shares[p], shift], [1, factor])
    return bent


def find(shares: Mapping[int, FrArray], threshold: int, key: CommitmentKey, vector: FrArray) -> tuple[int, ...]:
    """Who is named beside the right vector."""
    found = find_vector(shares, threshold, key, key.commit_long(vector))
    assert found is not None
    assert np.array_equal(found.vector, vector)
    return found.liars


@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_every_number_of_shares_from_a_quorum_on_is_enough(key: CommitmentKey, threshold: int) -> None:
    for count in range(2 * threshold + 1, 3 * threshold + 2):
        vector, shares = shared(key, threshold, range(count))
        for liars in (tuple(range(threshold)), tuple(range(count - threshold, count))):
            assert find(lying(shares, liars, key), threshold, key, vector) == liars


def test_six_of_thirteen_liars_do_not_cost_the_sum_though_they_are_tried_first(key: CommitmentKey) -> None:
    """Of 1716 sets of seven one has no liar.  A list of sealed shares that a quorum gave is all that is ever kept."""
    vector, shares = shared(key, 6, range(13))
    assert find(lying(shares, range(6), key), 6, key, vector) == tuple(range(6))


def test_too_many_sets_to_try_them_all_are_drawn(key: CommitmentKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sumsearch, "_MOST_SETS", 400)
    vector, shares = shared(key, 4, range(12))  # of 792 sets the last 56 have no liar
    liars = (0, 1, 2, 3)
    assert find(lying(shares, liars, key), 4, key, vector) == liars


@pytest.mark.parametrize(("threshold", "count", "liars", "through"), [
    (2, 5, (0, 1), (2,)), (2, 5, (3, 4), (0,)), (3, 7, (0, 1, 2), (3, 4)), (3, 8, (0, 1, 2), (3, 4)),
])  # fmt: skip
def test_liars_that_agree_on_another_polynomial_with_the_same_sum_have_nobody_honest_named(
    key: CommitmentKey, threshold: int, count: int, liars: tuple[int, ...], through: tuple[int, ...]
) -> None:
    """They need not know the sum: what they add is zero where it is."""
    vector, shares = shared(key, threshold, range(count))
    named = find(agreeing(shares, liars, through, key), threshold, key, vector)
    assert set(named) <= set(liars)


@pytest.mark.parametrize(("threshold", "count", "through"), [(2, 6, (2,)), (3, 9, (3, 4))])
def test_such_liars_are_named_where_their_polynomial_leaves_more_than_t_out(
    key: CommitmentKey, threshold: int, count: int, through: tuple[int, ...]
) -> None:
    """Theirs is found first: it goes through the shares with which the search begins."""
    vector, shares = shared(key, threshold, range(count))
    liars = tuple(range(threshold))
    assert find(agreeing(shares, liars, through, key), threshold, key, vector) == liars


def test_where_all_provers_answer_such_liars_are_named(key: CommitmentKey) -> None:
    vector, shares = shared(key, 2, range(7))
    assert find(agreeing(shares, (0, 1), (2,), key), 2, key, vector) == (0, 1)


def test_where_there_are_too_many_sets_to_tell_nobody_is_named(
    key: CommitmentKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sumsearch, "_MOST_TO_NAME", 9)
    vector, shares = shared(key, 2, range(5))
    assert find(lying(shares, (0, 1), key), 2, key, vector) == ()


def test_more_than_t_liars_that_fit_a_share_of_another_do_not_hide_the_sum(key: CommitmentKey) -> None:
    """Decoding finds theirs; t + 1 honest shares are enough all the same."""
    vector, shares = shared(key, 1, range(4))
    _, theirs = shared(key, 1, range(4))
    line = native.linear_combination([theirs[2], expanded(201, key)], [1, 1])
    bent = shares | {p: native.linear_combination([shares[p], line], [1, native.R + p - 2]) for p in (0, 1)}
    assert find(bent, 1, key, vector) == (0, 1)


def test_without_enough_honest_shares_there_is_none(key: CommitmentKey) -> None:
    vector, shares = shared(key, 2, range(5))
    point: G1 = key.commit_long(vector)
    assert find_vector(lying(shares, (0, 1, 2), key), 2, key, point) is None
    assert find_vector({p: shares[p] for p in (0, 1)}, 2, key, point) is None
