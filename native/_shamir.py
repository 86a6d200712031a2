"""Shamir sharing of whole vectors. Prover p (from 0) holds the value at x = p + 1; every `xs` lists such x:
nonzero, distinct, at most 32."""

from collections.abc import Sequence

from native import _kernel
from native._types import FrArray, scalar_bytes, scalars, scalars_bytes


def shamir_share(secret: FrArray, coefficients: Sequence[FrArray], xs: Sequence[int]) -> list[FrArray]:
    """Shares f(x) = secret + sum_l coefficients[l - 1] x**l, one vector per x."""
    return _kernel.shamir_share(secret, list(coefficients), scalars_bytes(xs))


def shamir_share_seeded(secret: FrArray, fixed: Sequence[tuple[int, FrArray]], xs: Sequence[int]) -> list[FrArray]:
    """Shares at xs of the polynomial of degree len(fixed) through secret at 0 and the fixed (x, share)."""
    points, shares = [x for x, _ in fixed], [share for _, share in fixed]
    return _kernel.shamir_share_seeded(secret, scalars_bytes(points), shares, scalars_bytes(xs))


def lagrange_coefficients(xs: Sequence[int], at: int = 0) -> list[int]:
    """Weights c with f(at) = sum c_i f(xs_i) for every f of degree below len(xs)."""
    return scalars(_kernel.lagrange_coefficients(scalars_bytes(xs), scalar_bytes(at)))


def interpolate(rows: Sequence[FrArray], xs: Sequence[int], at: int = 0) -> FrArray:
    """Values at `at` of the polynomials of least degree through the rows, shape (n, 4)."""
    return _kernel.interpolate(list(rows), scalars_bytes(xs), scalar_bytes(at))


def rs_decode(
    rows: Sequence[FrArray], xs: Sequence[int], degree: int, max_errors: int | None = None
) -> tuple[FrArray, tuple[int, ...]]:
    """Values at zero, and positions of the rows that are wrong anywhere, of shares of the given degree.

    Every coordinate is checked; rows may be wrong in different coordinates, their union counts. The default
    for max_errors is the largest possible, (len(rows) - degree - 1) // 2. With max_errors = 0 this is a test
    that the rows have the degree. Raises DecodingError when more rows are wrong, ValueError when there are
    too few rows for the degree or for max_errors.
    """
    values, errors = _kernel.rs_decode(list(rows), scalars_bytes(xs), degree, max_errors)
    return values, tuple(errors)
