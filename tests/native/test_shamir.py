"""Sharing against galois' interpolation, decoding under every kind of error."""

import galois
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from tests.native.reference import GF, elements

R = native.R


def deal(degree: int, parties: int, n: int = 6) -> tuple[native.FrArray, list[native.FrArray], list[int]]:
    secret = native.expand(b"s" * 32, n)
    coefficients = [native.expand(bytes([i]) * 32, n) for i in range(degree)]
    xs = list(range(1, parties + 1))
    return secret, native.shamir_share(secret, coefficients, xs), xs


def test_shares_are_values_of_the_polynomial() -> None:
    rows = [elements(f"row {i}", 5) for i in range(3)]
    secret, *coefficients = (native.from_ints(row) for row in rows)
    xs = [1, 2, 7, R - 1]
    shares = native.shamir_share(secret, coefficients, xs)
    for x, share in zip(xs, shares, strict=True):
        expected = [sum(c * pow(x, e, R) for e, c in enumerate(column)) % R for column in zip(*rows, strict=True)]
        assert native.to_ints(share) == expected
    assert native.to_ints(native.shamir_share(secret, [], [3])[0]) == rows[0]


@pytest.mark.parametrize("at", [0, 5, 2, R - 3])
def test_interpolation_agrees_with_galois(at: int) -> None:
    xs = [2, 9, 4, R - 2]
    ys = [elements(f"y {i}", 3) for i in range(4)]
    got = native.interpolate([native.from_ints(y) for y in ys], xs, at)
    weights = native.lagrange_coefficients(xs, at)
    for j in range(3):
        column = [y[j] for y in ys]
        expected = int(galois.lagrange_poly(GF(xs), GF(column))(GF(at)))
        assert native.to_ints(got)[j] == expected
        assert sum(w * y for w, y in zip(weights, column, strict=True)) % R == expected


def test_sharing_through_fixed_shares() -> None:
    secret = native.expand(b"a" * 32, 7)
    fixed = [(2, native.expand(b"b" * 32, 7)), (5, native.expand(b"c" * 32, 7))]
    xs = [1, 2, 3, 4, 5]
    shares = native.shamir_share_seeded(secret, fixed, xs)
    assert (shares[1] == fixed[0][1]).all()
    assert (shares[4] == fixed[1][1]).all()
    values, errors = native.rs_decode(shares, xs, 2)
    assert (values == secret).all()
    assert errors == ()


@pytest.mark.parametrize("xs", [[0], [1, 1], list(range(1, 34)), []])
def test_evaluation_points_that_are_refused(xs: list[int]) -> None:
    with pytest.raises(ValueError, match="evaluation point"):
        native.lagrange_coefficients(xs)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_decoding_corrects_any_union_within_the_bound(data: st.DataObject) -> None:
    degree = data.draw(st.integers(0, 4))
    parties = data.draw(st.integers(degree + 1, 12))
    secret, shares, xs = deal(degree, parties)
    limit = (parties - degree - 1) // 2
    wrong = data.draw(st.sets(st.integers(0, parties - 1), max_size=limit))
    for row in wrong:
        for column in data.draw(st.sets(st.integers(0, 5), min_size=1)):
            shares[row][column] = native.from_ints([data.draw(st.integers(0, R - 1))])[0]
    _, clean, _ = deal(degree, parties)
    changed = tuple(i for i in range(parties) if (shares[i] != clean[i]).any())
    values, errors = native.rs_decode(shares, xs, degree)
    assert (values == secret).all()
    assert errors == changed


def test_rows_wrong_in_different_coordinates_count_together() -> None:
    secret, shares, xs = deal(1, 6)
    shares[0][0, 0] ^= 1
    shares[5][3, 0] ^= 1
    values, errors = native.rs_decode(shares, xs, 1)
    assert (values == secret).all()
    assert errors == (0, 5)
    shares[2][4, 0] ^= 1
    with pytest.raises(native.DecodingError, match=r"\[0, 2, 5\]"):
        native.rs_decode(shares, xs, 1)
    with pytest.raises(native.DecodingError):
        native.rs_decode(shares, xs, 1, max_errors=1)


def test_more_errors_in_one_coordinate_than_can_be_corrected() -> None:
    _, shares, xs = deal(1, 4)
    shares[1][2, 0] ^= 1
    shares[3][2, 1] ^= 1
    with pytest.raises(native.DecodingError, match="coordinate 2"):
        native.rs_decode(shares, xs, 1)


def test_without_errors_allowed_it_is_a_degree_test() -> None:
    _, shares, xs = deal(2, 4)
    assert native.rs_decode(shares, xs, 2, max_errors=0)[1] == ()
    with pytest.raises(native.DecodingError):
        native.rs_decode(shares, xs, 1, max_errors=0)


def test_requests_that_cannot_be_met() -> None:
    _, shares, xs = deal(1, 4)
    with pytest.raises(ValueError, match="at most 1"):
        native.rs_decode(shares, xs, 1, max_errors=2)
    with pytest.raises(ValueError, match="cannot determine"):
        native.rs_decode(shares, xs, 4)
    with pytest.raises(ValueError, match="4 against 3"):
        native.rs_decode(shares, xs[:3], 1)
    with pytest.raises(ValueError, match="cannot determine"):
        native.rs_decode([], [], 0)


def test_empty_vectors_decode_to_nothing() -> None:
    empty = [native.zeros(0)] * 4
    values, errors = native.rs_decode(empty, [1, 2, 3, 4], 1)
    assert values.shape == (0, 4)
    assert errors == ()
