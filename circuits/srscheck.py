"""Reference strings and commitment keys against [tau]_2: what a file claims is verified, not believed.

Two equations do it. Each draws a random number from the operating system after the points are fixed, so no file
can be made to fit it (as it could a challenge that is hashed from the file); a wrong file passes with a chance
below 2^-200 a load, and then by luck, not by work.

*Consecutive powers* (`consecutive`).  For points P_0 .. P_(N-1) and random x let S = sum_i x^i P_i.  The errors
E_i = P_(i+1) - tau P_i of all steps vanish together when sum_i x^i E_i = 0, that is

    (S - P_0) / x  =  tau (S - x^(N-1) P_(N-1)),

except for N - 2 of the r values of x.  One multi-scalar multiplication and two pairings.

*Lagrange basis* (`lagrange_basis`).  For a domain of n points w^j let Z(X) = X^n - 1, and for points
l_0 .. l_(n-1), V and random z let S = sum_j L_j(z) l_j, the value at z of the polynomial that takes l_j at w^j.  Then

    n (z - tau) S  =  tau Z(z) - z V.

As polynomials of degree n in z both sides agree only for the true basis: z = tau gives V = Z(tau) (tau is not
zero), then z = w^j gives l_j = Z(tau) w^j / (n (tau - w^j)) = L_j(tau).  So all n points *and* Z(tau) are pinned by
[tau]_2 and the generator alone; with fewer than n points the basis could be a multiple of the true one.

The idea of checking a reference string under random weights is that of Bowe, Gabizon, Miers, "Scalable
Multi-party Computation for zk-SNARK Parameters in the Random Beacon Model" (2017), and of Fuchsbauer,
"Subversion-zero-knowledge SNARKs" (2018).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import native
from circuits.errors import KeyFileError
from circuits.statement import TAIL
from native import G1, G2, FrArray, G1Bases

INFINITY_G1, INFINITY_G2 = G1(bytes(64)), G2(bytes(128))
_X = 64
"""Bytes of the x coordinate of a point of G2: points that share it are equal up to sign."""


def consecutive(points: G1Bases, factor: G2) -> bool:
    """Whether each point is the one before times the scalar in `factor` (x in [x]_2), by chance never otherwise."""
    last = len(points) - 1
    if last < 1:
        return True
    x = _nonzero()
    powers = native.powers(x, last + 1)
    total, (first, end) = points.msm(powers), (point(points, 0), point(points, last))
    inverse, highest = pow(x, -1, native.R), pow(x, last, native.R)
    shifted = native.g1_linear_combination([total, first], [inverse, native.R - inverse])
    plain = native.g1_linear_combination([total, end], [native.R - 1, highest])  # negated
    return native.pairing_product_is_one([(shifted, native.g2_generator), (plain, factor)])


def lagrange_basis(combine: Callable[[FrArray], G1], domain: int, at: G2, vanishing: tuple[G1, G2]) -> bool:
    """Whether points are [L_0(t)]_1 .. [L_(n-1)(t)]_1 for t in `at` = [t]_2, and a product of points is Z(t).

    Args:
        combine: the multi-scalar multiplication of the n points, for weights of shape (n, 4).
        domain: n, the size of the evaluation domain.
        at: [t]_2, not infinity.
        vanishing: a point of G1 and one of G2 whose scalars have the product Z(t) = t^n - 1.
    """
    z = _nonzero()
    scaled = native.g1_mul(combine(native.lagrange_scalars(z, domain)), domain)
    at_z = (pow(z, domain, native.R) - 1) % native.R
    left = native.g1_mul(scaled, z)
    right = native.g1_neg(native.g1_linear_combination([scaled, native.g1_generator], [1, at_z]))
    return native.pairing_product_is_one(
        [(left, native.g2_generator), (right, at), (native.g1_mul(vanishing[0], z), vanishing[1])]
    )


def check_tau(where: object, tau: G2) -> None:
    """Refuse a [tau]_2 that gives its tau away as 0, 1 or -1.

    Raises:
        KeyFileError: it does; under tau = 0 or a point of a domain commitments hide nothing.
    """
    if tau == INFINITY_G2 or tau[:_X] == native.g2_generator[:_X]:
        raise KeyFileError(f"{where} has a trivial tau, under which commitments hide nothing; use another ceremony")


def check_string(where: object, powers: G1Bases, tau: G2, largest_domain: int) -> None:
    """Check that a string is [tau^0]_1 .. of the tau in [tau]_2, and that tau lies in no domain the string serves.

    Args:
        where: the file, for the message.
        largest_domain: the largest evaluation domain for which the string has enough powers; below 1 if none.

    Raises:
        KeyFileError: the points do not start at the generator, are no powers of one tau, or tau^n = 1 for a domain of
            n points: then Z(tau) = 0, and blinder and masks of a commitment drop out of it.
    """
    check_tau(where, tau)
    if len(powers) < 2 or point(powers, 0) != native.g1_generator:
        raise KeyFileError(f"{where} does not start with the generators; fetch the ceremony file again and import it")
    if not consecutive(powers, tau):
        raise KeyFileError(
            f"{where}: the points are not consecutive powers of one tau; fetch the ceremony file again and import it"
        )
    # tau lies in the domain of n points when tau^n = 1, and then in that of every multiple of n.  Domains have 2^a,
    # 3 2^a or 9 2^a points, so the largest of each kind speaks for all of its kind.  A domain beyond the string is
    # refused where a commitment key is wanted (`Srs.require`), so a tau that lies only there does no harm.
    for odd in (1, 3, 9):
        if largest_domain >= odd:
            n = odd << (largest_domain // odd).bit_length() - 1
            if point(powers, n) == native.g1_generator:
                raise KeyFileError(
                    f"{where}: tau lies in an evaluation domain (tau^{n} = 1), so commitments would hide nothing; use "
                    "another ceremony"
                )


def check_commitment_bases(where: object, bases: G1Bases, rest: G1Bases | None, dimension: int, tau: G2) -> None:
    """Check the basis of long rows against [tau]_2.

    Args:
        bases: [L_j(tau)]_1 for j < d, then the tail [tau^l Z(tau)]_1 for l < 129.
        rest: [L_j(tau)]_1 for d <= j < n, which pin the basis; None when d = n.
        dimension: d.

    Raises:
        KeyFileError: the points are others, or tau lies in the domain.
    """
    check_tau(where, tau)
    domain = dimension + (0 if rest is None else len(rest))
    tail = bases.slice(dimension, dimension + TAIL)
    vanishing = point(tail, 0)
    if vanishing == INFINITY_G1:
        raise _not_derived(where, "no point for the blinder, so commitments would hide nothing")

    def combine(weights: FrArray) -> G1:
        low = bases.msm(weights[:dimension])
        return low if rest is None else native.g1_add(low, rest.msm(weights[dimension:]))

    if not lagrange_basis(combine, domain, tau, (vanishing, native.g2_generator)):
        raise _not_derived(where, "Lagrange points that are not the reference string's")
    if not consecutive(tail, tau):
        raise _not_derived(where, "points for the masks that are not the reference string's")


def point(points: G1Bases, index: int) -> G1:
    """One point of an array. Raises ValueError outside it."""
    return G1(points.slice(index, index + 1).to_bytes())


def _not_derived(where: object, what: str) -> KeyFileError:
    return KeyFileError(f"{where} has {what}; it is derived again from the string (else remove the file)")


def _nonzero() -> int:
    return 1 + secrets.randbelow(native.R - 1)
