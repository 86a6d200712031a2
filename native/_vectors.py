"""Vectors over the scalar field."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from native import _kernel, paging
from native._types import FrArray, scalar, scalar_bytes, scalars, scalars_bytes


def check(a: FrArray) -> None:
    """Refuse a vector with an element that is not below R. Raises NonCanonicalError naming the first one."""
    _kernel.check(a)


def zeros(n: int) -> FrArray:
    """n zeros, shape (n, 4)."""
    return np.zeros((n, 4), dtype=np.uint64)


def from_ints(values: Iterable[int]) -> FrArray:
    """A vector from integers in [0, R). For small vectors: it loops in Python. Raises NonCanonicalError."""
    data = bytearray(scalars_bytes(values))
    return np.frombuffer(data, dtype="<u8").astype(np.uint64, copy=False).reshape(-1, 4)


def to_ints(a: FrArray) -> list[int]:
    """The elements as integers. For small vectors: it loops in Python."""
    _kernel.check(a)
    return scalars(a.astype("<u8", copy=False).tobytes())


def from_int64(values: npt.NDArray[np.int64]) -> FrArray:
    """Signed integers as field elements, shape (n,) to (n, 4); a negative x becomes R - |x|."""
    return _kernel.from_int64(np.ascontiguousarray(values))


def to_int64(a: FrArray) -> npt.NDArray[np.int64]:
    """Field elements as signed integers, shape (n, 4) to (n,). Raises OverflowError at |x| >= 2**63."""
    return _kernel.to_int64(a)


def add(a: FrArray, b: FrArray) -> FrArray:
    """a + b, element by element. Raises ValueError when the lengths differ."""
    return _kernel.add(a, b)


def sub(a: FrArray, b: FrArray) -> FrArray:
    """a - b, element by element. Raises ValueError when the lengths differ."""
    return _kernel.sub(a, b)


def mul(a: FrArray, b: FrArray) -> FrArray:
    """a * b, element by element. Raises ValueError when the lengths differ."""
    return _kernel.mul(a, b)


def scale(a: FrArray, s: int) -> FrArray:
    """s * a."""
    return _kernel.scale(a, scalar_bytes(s))


def neg(a: FrArray) -> FrArray:
    """-a."""
    return _kernel.neg(a)


def inner(a: FrArray, b: FrArray) -> int:
    """The sum of a_j b_j. Raises ValueError when the lengths differ."""
    return scalar(_kernel.inner(a, b))


def batch_inverse(a: FrArray) -> FrArray:
    """1 / a, element by element. Raises ZeroDivisionError naming the first zero."""
    return _kernel.batch_inverse(a)


def square_roots(a: FrArray) -> FrArray:
    """Of the two square roots of each element the lesser one.  The time depends on the elements: nothing secret.

    Raises ValueError naming the first element that is zero or no square.
    """
    return _kernel.square_roots(a)


def powers(x: int, n: int) -> FrArray:
    """1, x, x**2, ... (n elements)."""
    return _kernel.powers(scalar_bytes(x), n)


def linear_combination(rows: Sequence[FrArray], coefficients: Sequence[int]) -> FrArray:
    """The sum of coefficients[i] * rows[i], shape (n, 4).  Long mapped rows are read as by `gram`.

    Raises ValueError when there are no rows, rows differ in length or their number is not that of the
    coefficients.
    """
    rows, weights = list(rows), scalars_bytes(coefficients)
    if not rows:
        raise ValueError("a linear combination needs at least one row")
    if not paging.worthwhile(rows):
        return _kernel.linear_combination(rows, weights, len(rows[0]))
    out = np.empty((len(rows[0]), 4), dtype=np.uint64)
    for start, parts in paging.parts(rows):
        out[start : start + len(parts[0])] = _kernel.linear_combination(parts, weights, len(parts[0]))
    return out


def prefix_sum(a: FrArray) -> FrArray:
    """Exclusive running sum: element i of the result is the sum of the first i elements of a."""
    return _kernel.prefix_sum(a)


def expand(seed: bytes, n: int, offset: int = 0) -> FrArray:
    """Elements offset .. offset + n of the uniform vector of a 32-byte seed, shape (n, 4).

    Element i is block i of the ChaCha20 keystream (RFC 8439: the seed as key, zero nonce, counter from zero),
    64 bytes read little-endian modulo R. Raises ValueError beyond element 2**32 - 1.
    """
    return _kernel.expand(seed, n, offset)


def expand_bounded(seed: bytes, n: int, bits: int) -> FrArray:
    """n elements uniform in [0, 2**bits), bits <= 128, from a keystream of its own (16 bytes an element)."""
    return _kernel.expand_bounded(seed, n, bits)


def signs(seed: bytes, row: int, d: int) -> npt.NDArray[np.int8]:
    """Row `row` of the sign matrix of a seed, shape (d,): -1, 0, +1 with probabilities 1/4, 1/2, 1/4.

    The keystream has the nonce b"gr/signs" + row as little-endian u32. Each 64-byte block holds 256 signs:
    low bits in its first 32 bytes, high bits in the last 32, bit i of a half being bit i % 8 of byte i // 8.
    A sign is its low bit minus its high bit.
    """
    return _kernel.signs(seed, row, d)


def project(rows: Sequence[FrArray], seed: bytes, k: int = 128) -> list[FrArray]:
    """R times every row, each of shape (k, 4); row i of the k by d matrix R is signs(seed, i, d).

    Long mapped rows are read as by `gram`.
    """
    rows = list(rows)
    if not paging.worthwhile(rows):
        return _kernel.project(rows, seed, k, 0)
    sums = [zeros(k) for _ in rows]
    for start, parts in paging.parts(rows):
        sums = [_kernel.add(a, b) for a, b in zip(sums, _kernel.project(parts, seed, k, start), strict=True)]
    return sums


def gram(rows: Sequence[FrArray]) -> FrArray:
    """Inner products of rows i <= j, upper triangle row by row, shape (m (m + 1) / 2, 4).

    Long rows that are read-only maps of files are read part by part, and their pages are let go behind it (see
    `release`): the system reads them again when they are needed.
    """
    rows = list(rows)
    if not paging.worthwhile(rows):
        return _kernel.gram(rows)
    total = zeros(len(rows) * (len(rows) + 1) // 2)
    for _, parts in paging.parts(rows):
        total = _kernel.add(total, _kernel.gram(parts))
    return total
