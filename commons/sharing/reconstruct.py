"""Opening shared values from signed shares, with the liar named where redundancy allows it.

``shares`` maps a prover's committee index p to its share, which lies at x = p + 1.  With at most ``liars`` wrong
shares among them, a polynomial found here is the honest one: it passes through degree + 1 honest shares.
Where that cannot be had (degree 2t with fewer than 3t + 1 shares) an opening only says that all shares fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import TypeVar

import native
from circuits.errors import BlamedProversError, InconsistentError
from native import G1, G2, FrArray

P = TypeVar("P", G1, G2)
_MOST_SUBSETS = 4096


def locatable(count: int, degree: int, liars: int) -> int:
    """How many wrong shares among ``count`` can be located beyond doubt, given at most ``liars`` of them."""
    return max(0, min(liars, count - degree - 1 - liars))


def open_vector(shares: Mapping[int, FrArray], degree: int, liars: int, what: str) -> FrArray:
    """Open FrArray (n, 4) from shares that must all fit one polynomial of the degree.

    Raises:
        BlamedProversError: some shares do not fit, and they can be located.
        InconsistentError: the shares do not fit, or are too few.
    """
    senders = sorted(shares)
    _enough(senders, degree, what)
    try:
        values, wrong = native.rs_decode(
            [shares[p] for p in senders],
            [p + 1 for p in senders],
            degree,
            max_errors=locatable(len(senders), degree, liars),
        )
    except native.DecodingError as error:
        raise InconsistentError(f"{what}: the provers' shares do not fit together") from error
    if wrong:
        raise _blame(tuple(senders[i] for i in wrong), what)
    return values


def open_scalar(shares: Mapping[int, int], degree: int, liars: int, what: str) -> int:
    """Open one scalar; errors as ``open_vector``."""
    rows = {p: native.from_ints([s]) for p, s in shares.items()}
    return native.to_ints(open_vector(rows, degree, liars, what))[0]


def open_g1(shares: Mapping[int, G1], degree: int, liars: int, what: str) -> G1:
    """Open a point of G1 shared in the exponent; errors as ``open_vector``."""
    return _open_point(shares, degree, liars, what, native.g1_linear_combination)


def open_g2(shares: Mapping[int, G2], degree: int, liars: int, what: str) -> G2:
    """Open a point of G2 shared in the exponent; errors as ``open_vector``."""
    return _open_point(shares, degree, liars, what, native.g2_linear_combination)


def _open_point(
    shares: Mapping[int, P],
    degree: int,
    liars: int,
    what: str,
    combine: Callable[[Sequence[P], Sequence[int]], P],
) -> P:
    senders = sorted(shares)
    _enough(senders, degree, what)
    for wrong in range(locatable(len(senders), degree, liars) + 1):
        if comb(len(senders), wrong) > _MOST_SUBSETS:
            break
        for left_out in combinations(senders, wrong):
            kept = [p for p in senders if p not in left_out]
            if _fits(shares, kept, degree, combine):
                if left_out:
                    raise _blame(left_out, what)
                return _evaluate(shares, kept[: degree + 1], 0, combine)
    raise InconsistentError(f"{what}: the provers' shares do not fit together")


def _fits(
    shares: Mapping[int, P],
    kept: Sequence[int],
    degree: int,
    combine: Callable[[Sequence[P], Sequence[int]], P],
) -> bool:
    base = kept[: degree + 1]
    return all(_evaluate(shares, base, p + 1, combine) == shares[p] for p in kept[degree + 1 :])


def _evaluate(
    shares: Mapping[int, P], base: Sequence[int], at: int, combine: Callable[[Sequence[P], Sequence[int]], P]
) -> P:
    coefficients = native.lagrange_coefficients([p + 1 for p in base], at)
    return combine([shares[p] for p in base], coefficients)


def _enough(senders: Sequence[int], degree: int, what: str) -> None:
    if len(senders) < degree + 1:
        raise InconsistentError(f"{what}: {len(senders)} shares cannot open a value of degree {degree}")


def _blame(provers: tuple[int, ...], what: str) -> BlamedProversError:
    names = ", ".join(str(p) for p in provers)
    return BlamedProversError(provers, f"{what}: the share of prover {names} does not fit all the others")
