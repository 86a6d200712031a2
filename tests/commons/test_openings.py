"""Openings name the liar exactly where redundancy allows it, and never an honest prover."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

import native
from circuits.errors import BlamedProversError, InconsistentError
from commons.sharing.reconstruct import locatable, open_g1, open_g2, open_scalar, open_vector
from native import FrArray

LENGTH = 7


def shares_of(degree: int, count: int) -> tuple[FrArray, dict[int, FrArray]]:
    secret = native.expand(b"s" * 32, LENGTH)
    coefficients = [native.expand(bytes([i]) * 32, LENGTH) for i in range(degree)]
    rows = native.shamir_share(secret, coefficients, [p + 1 for p in range(count)])
    return secret, dict(enumerate(rows))


def lie(share: FrArray, at: int = 3) -> FrArray:
    out = share.copy()
    out[at] = native.from_ints([native.to_ints(share[at : at + 1])[0] ^ 1])[0]
    return out


@pytest.mark.parametrize(("count", "liars"), [(4, 1), (7, 2), (10, 3)])
def test_every_set_of_liars_is_located_from_3t_plus_1_shares(count: int, liars: int) -> None:
    secret, honest = shares_of(liars, count)
    assert native.to_ints(open_vector(honest, liars, liars, "x")) == native.to_ints(secret)
    for chosen in list(combinations(range(count), liars))[:12]:
        shares = {p: lie(s, p % LENGTH) if p in chosen else s for p, s in honest.items()}
        with pytest.raises(BlamedProversError) as caught:
            open_vector(shares, liars, liars, "x")
        assert caught.value.provers == chosen


@pytest.mark.parametrize(("count", "degree", "liars"), [(3, 1, 1), (5, 2, 2), (4, 2, 1), (7, 4, 2)])
def test_a_lie_without_enough_redundancy_is_seen_and_nobody_is_named(count: int, degree: int, liars: int) -> None:
    assert locatable(count, degree, liars) == 0
    _, honest = shares_of(degree, count)
    if count <= degree + 1:
        pytest.skip("no redundancy at all")
    with pytest.raises(InconsistentError, match="do not fit"):
        open_vector({**honest, 1: lie(honest[1])}, degree, liars, "x")


def test_two_liars_of_five_cannot_frame_an_honest_prover() -> None:
    _, honest = shares_of(2, 5)
    offset = [native.lagrange_coefficients([1, 2, 3], x) for x in (4, 5)]
    framed = dict(honest)
    wrong = lie(honest[2])
    for x, c in zip((4, 5), offset, strict=True):
        framed[x - 1] = native.linear_combination([honest[0], honest[1], wrong], c)
    with pytest.raises(InconsistentError):
        open_vector(framed, 2, 2, "x")


def test_too_few_shares_are_refused() -> None:
    _, honest = shares_of(2, 5)
    with pytest.raises(InconsistentError, match="2 shares cannot open"):
        open_vector({p: honest[p] for p in (0, 1)}, 2, 0, "x")


def test_scalars_open_like_vectors() -> None:
    secret, honest = shares_of(1, 4)
    scalars = {p: native.to_ints(s)[0] for p, s in honest.items()}
    assert open_scalar(scalars, 1, 1, "x") == native.to_ints(secret)[0]
    with pytest.raises(BlamedProversError) as caught:
        open_scalar({**scalars, 2: scalars[2] ^ 1}, 1, 1, "x")
    assert caught.value.provers == (2,)


@pytest.mark.parametrize("group", ["g1", "g2"])
def test_points_open_in_the_exponent(group: str) -> None:
    groups: dict[str, tuple[Any, Any, Any]] = {
        "g1": (native.g1_mul, native.g1_generator, open_g1),
        "g2": (native.g2_mul, native.g2_generator, open_g2),
    }
    mul, generator, open_point = groups[group]
    secret, honest = shares_of(1, 4)
    points = {p: mul(generator, native.to_ints(s)[0]) for p, s in honest.items()}
    assert open_point(points, 1, 1, "x") == mul(generator, native.to_ints(secret)[0])
    with pytest.raises(BlamedProversError) as caught:
        open_point({**points, 3: generator}, 1, 1, "x")
    assert caught.value.provers == (3,)
    with pytest.raises(InconsistentError):
        open_point({**points, 3: generator}, 2, 1, "x")
