"""Attacks on earlier drafts of the protocol, carried out in full: each shows what a rule of ours is for.

Every test plays the adversary's algebra on real shares and recovers something about an honest gradient.  That the
running code refuses the step which the attack needs is tested in ``test_rules.py`` beside this file.
"""

from __future__ import annotations

import numpy as np
import pytest

import native
from circuits.statement import MASK_BITS, ROWS
from commons.sharing.prss import Purpose
from native import FrArray, R
from tests.commons.test_prss import committee_of, keys_of

DIMENSION = 6
SEED, OTHER = b"\x07" * 32, b"\x08" * 32


def gradient(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 1000, DIMENSION, dtype=np.int64)


def share(values: FrArray, size: int, threshold: int, seed: int) -> list[FrArray]:
    coefficients = [native.expand(bytes([seed, i]) + SEED[2:], len(values)) for i in range(threshold)]
    return native.shamir_share(values, coefficients, list(range(1, size + 1)))


def test_two_sign_matrices_over_one_mask_give_the_gradient_away() -> None:
    """Drawing the signs afresh in every attempt reuses the owner's mask: the difference has no noise at all."""
    g = gradient(1)
    mu = native.expand_bounded(SEED, ROWS, MASK_BITS)
    first, second = (np.stack([native.signs(s, row, DIMENSION) for row in range(ROWS)]) for s in (SEED, OTHER))
    opened = [native.add(native.project([native.from_int64(g)], s, ROWS)[0], mu) for s in (SEED, OTHER)]
    difference = native.to_int64(native.sub(opened[0], opened[1])).astype(float)
    system = (first.astype(int) - second.astype(int)).astype(float)
    solution, *_ = np.linalg.lstsq(system, difference, rcond=None)
    assert np.array_equal(np.rint(solution).astype(np.int64), g)


@pytest.mark.parametrize(("size", "threshold"), [(4, 1), (7, 2)])
def test_shares_off_the_polynomial_read_an_inner_product(size: int, threshold: int) -> None:
    """A dishonest owner, without any prover, learns <g, v> for any v from the redundancy of one opened product."""
    g, v = native.from_int64(gradient(2)), native.from_int64(np.arange(1, DIMENSION + 1))
    honest = share(g, size, threshold, 5)
    xs = list(range(1, size + 1))
    # A functional that vanishes on polynomials of degree 2t, and that picks out f(0) of a polynomial of degree t
    # when each share is multiplied by its own dealt factor.
    left_out = 2 * threshold + 1
    check = [*native.lagrange_coefficients(xs[:left_out], xs[left_out]), R - 1]
    at_zero = native.lagrange_coefficients(xs[: threshold + 1])
    dealt = [
        native.scale(v, at_zero[p] * pow(check[p], -1, R) % R) if p <= threshold else native.zeros(DIMENSION)
        for p in range(size)
    ]
    session = b"a" * 32
    opened = []
    for keys in keys_of(committee_of(size, threshold)):
        low = keys.random(session, Purpose.PRODUCT_MASK, 1)
        high = native.add(low, keys.zero(session, Purpose.PRODUCT_ZERO, 1))
        product = native.inner(honest[keys.index], dealt[keys.index])
        opened.append((product + native.to_ints(high)[0]) % R)
    leaked = sum(c * o for c, o in zip(check, opened, strict=False)) % R
    assert leaked == native.inner(g, v)


def test_contributions_to_two_sets_give_an_inner_product_away() -> None:
    """Opening contributions again after an owner was dropped reveals every honest owner's product with its vector."""
    honest, other, chosen = gradient(3), gradient(4), np.eye(DIMENSION, dtype=np.int64)[2]
    with_it = honest @ (honest + other + chosen)
    without = honest @ (honest + other)
    assert with_it - without == honest[2]


def test_two_aggregates_that_differ_by_one_owner_are_its_gradient() -> None:
    """What a submission's single aggregate is for."""
    a, b, c = gradient(5), gradient(6), gradient(7)
    assert np.array_equal((a + b + c) - (a + b), c)
