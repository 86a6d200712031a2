"""Shamir sharing of whole vectors. Prover p (from 0) holds the value at x = p + 1; every `xs` lists such x:
nonzero, distinct, at most 32. Small integers may be shared by seeds and one correction (`integer_*`)."""

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


def integer_correction(secret: FrArray, seeds: Sequence[bytes], bits: int) -> bytes:
    """Secret integers plus 2**102 plus one mask of `bits` bits from every seed: 13 little-endian bytes an element.

    The masks are those of `expand_bounded`. Raises ValueError for an element of absolute value 2**102 or more,
    and for masks whose sum may reach 2**103.
    """
    return _kernel.integer_correction(secret, list(seeds), bits)


def integer_share(
    seeds: Sequence[bytes],
    weights: Sequence[int],
    bits: int,
    corrected: bytes,
    weight: int,
    offset: int,
    n: int,
) -> FrArray:
    """Elements offset .. offset + n of weight * (corrected - 2**102) + sum_k weights[k] * masks of seeds[k].

    Args:
        corrected: 13 bytes for each of these n elements, or nothing when the weight is zero.
        offset: a multiple of four.
    """
    return _kernel.integer_share(list(seeds), scalars_bytes(weights), bits, corrected, scalar_bytes(weight), offset, n)


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
