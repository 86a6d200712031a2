"""The kernel with tangents beside it: every function computes its value as always, then the derivative.

`metered` puts these in place of the attributes of `native` that the party, the circuits and the keys use.  A function
that is not here yields values without tangents, and those are refused as soon as the adversary sees one
(`UntrackedError`), so a new call in the party's code shows up as an error and not as a blind spot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations_with_replacement
from typing import Any
from unittest.mock import patch

import numpy as np

import native
from commons.protocol import noisebits
from native import FrArray, R, _curve
from tests.privacy.leakmeter.tangents import Exponent, Scalar, Tangent, Tracker

_NOISE_BITS = noisebits.noise_bits
_REAL = {name: getattr(native, name) for name in native.__all__}
Element = Callable[[FrArray], FrArray]


def real(name: str) -> Any:
    """A function of `native` as it is, without tangents."""
    return _REAL[name]


def _flat(tangents: FrArray) -> FrArray:
    return np.ascontiguousarray(tangents).reshape(-1, 4)


def _spread(vector: FrArray, width: int) -> FrArray:
    """Each element once for every direction."""
    return np.repeat(vector, width, axis=0)


def weighed(tangents: FrArray, weights: FrArray) -> Tangent:
    """The sum of weights[i] * tangents[i]."""
    count, width, _ = tangents.shape
    if not count or not width:
        return np.zeros((width, 4), np.uint64)
    used = np.flatnonzero(weights.any(axis=1) & tangents.any(axis=(1, 2)))
    if not len(used):
        return np.zeros((width, 4), np.uint64)
    coefficients = real("to_ints")(np.ascontiguousarray(weights[used]))
    out: FrArray = real("linear_combination")([np.ascontiguousarray(tangents[i]) for i in used], coefficients)
    return out


def dense_signs(seed: bytes, k: int, d: int) -> list[FrArray]:
    """Rows of the sign matrix of a seed, each coordinate in at least one of them.

    At real size a coordinate is in none of the rows with chance 2^-128; two rows would leave out every fourth, and the
    dealing check would not cover it.
    """
    signs = np.stack([real("signs")(seed, row, d) for row in range(k)]).astype(np.int64)
    signs[0, ~signs.any(axis=0)] = 1
    return [real("from_int64")(row) for row in signs]


class Kernel:
    """The functions of `native`, metered by a tracker.  Names and arguments are those of `native`."""

    def __init__(self, tracker: Tracker, rows: int) -> None:
        """Args:
        rows: how many signs rows a projection has when its caller does not say.
        """
        self._tracker = tracker
        self._rows = rows

    # --- elements --------------------------------------------------------------------------------------------

    def _linear(
        self, value: FrArray, terms: Sequence[tuple[FrArray, FrArray | int]], free: FrArray | None = None
    ) -> FrArray:
        """Note for ``value`` the sum of factor * d(vector), factors being scalars or vectors, less ``free``."""
        total: FrArray | None = None if free is None else real("neg")(_flat(free))
        for vector, factor in terms:
            tangents = self._tracker.of(vector)
            if tangents is None:
                continue
            width = tangents.shape[1]
            if isinstance(factor, int):
                part = real("scale")(_flat(tangents), factor % R)
            else:
                part = real("mul")(_flat(tangents), _spread(factor, width))
            total = part if total is None else real("add")(total, part)
        return self._tracker.note(value, None if total is None else total.reshape(len(value), -1, 4))

    def add(self, a: FrArray, b: FrArray) -> FrArray:
        return self._linear(real("add")(a, b), [(a, 1), (b, 1)])

    def sub(self, a: FrArray, b: FrArray) -> FrArray:
        return self._linear(real("sub")(a, b), [(a, 1), (b, -1)])

    def neg(self, a: FrArray) -> FrArray:
        return self._linear(real("neg")(a), [(a, -1)])

    def mul(self, a: FrArray, b: FrArray) -> FrArray:
        free = self._tracker.squares(a) if a is b else None
        return self._linear(real("mul")(a, b), [(a, b), (b, a)], free)

    def scale(self, a: FrArray, s: int) -> FrArray:
        assert self._tracker.of_int(s) is None, "a vector is scaled by public values only"
        return self._linear(real("scale")(a, s), [(a, s)])

    def linear_combination(self, rows: Sequence[FrArray], coefficients: Sequence[int]) -> FrArray:
        assert all(self._tracker.of_int(c) is None for c in coefficients), "rows are combined by public values only"
        value = real("linear_combination")(rows, coefficients)
        return self._linear(value, list(zip(rows, coefficients, strict=True)))

    def _inner(self, a: FrArray, b: FrArray) -> tuple[int, Tangent]:
        parts = [weighed(t, other) for one, other in ((a, b), (b, a)) if (t := self._tracker.of(one)) is not None]
        return real("inner")(a, b), self._tracker.combined([(1, part) for part in parts])

    def inner(self, a: FrArray, b: FrArray) -> int:
        value, tangent = self._inner(a, b)
        return Scalar.of(value, self._tracker, tangent)

    def gram(self, rows: Sequence[FrArray]) -> FrArray:
        value: FrArray = real("gram")(rows)
        pairs = combinations_with_replacement(rows, 2)
        for element, (a, b) in zip(value, pairs, strict=True):
            self._tracker.note(element[None], self._inner(a, b)[1][None])
        return value

    def project(self, rows: Sequence[FrArray], seed: bytes, k: int | None = None) -> list[FrArray]:
        signs = dense_signs(seed, self._rows if k is None else k, len(rows[0]))
        out = []
        for row in rows:
            value = real("from_ints")([real("inner")(row, s) for s in signs])
            tangents = self._tracker.of(row)
            out.append(
                self._tracker.note(value, None if tangents is None else np.stack([weighed(tangents, s) for s in signs]))
            )
        return out

    def expand(self, seed: bytes, n: int, offset: int = 0) -> FrArray:
        value: FrArray = real("expand")(seed, n, offset)
        given = self._tracker.given(seed, offset, n)
        if given is not None:
            return self._tracker.note(value, given)
        columns = self._tracker.stream(seed, offset, n)
        if columns is None:
            return value
        tangents = np.zeros((n, self._tracker.width, 4), np.uint64)
        tangents[np.arange(n), columns, 0] = 1
        return self._tracker.note(self._tracker.moved(value, columns), tangents)

    def to_ints(self, a: FrArray) -> list[int]:
        values = real("to_ints")(a)
        return [Scalar.of(v, self._tracker, self._tracker.of_int(v)) for v in values]

    # --- sharing -----------------------------------------------------------------------------------------------

    def interpolate(self, rows: Sequence[FrArray], xs: Sequence[int], at: int = 0) -> FrArray:
        value = real("interpolate")(rows, xs, at)
        return self._interpolated(value, rows, xs, at)

    def rs_decode(
        self, rows: Sequence[FrArray], xs: Sequence[int], degree: int, max_errors: int | None = None
    ) -> tuple[FrArray, tuple[int, ...]]:
        value, wrong = real("rs_decode")(rows, xs, degree, max_errors=max_errors)
        right = [i for i in range(len(rows)) if i not in wrong][: degree + 1]
        return self._interpolated(value, [rows[i] for i in right], [xs[i] for i in right], 0), wrong

    def _interpolated(self, value: FrArray, rows: Sequence[FrArray], xs: Sequence[int], at: int) -> FrArray:
        weights = real("lagrange_coefficients")(xs, at)
        known = [(w, t) for w, row in zip(weights, rows, strict=True) if (t := self._tracker.of(row)) is not None]
        if not known:
            return value
        flat = real("linear_combination")([_flat(t) for _, t in known], [w for w, _ in known])
        return self._tracker.note(value, flat.reshape(len(value), -1, 4), may_vanish=True)

    def noise_bits(self, randoms: FrArray, squares: FrArray) -> FrArray:
        """`noisebits.noise_bits` in one step: one prover's r / root may be another's bit, and they move otherwise."""
        with self._tracker.paused():
            value = _NOISE_BITS(randoms, squares)
            ones = np.ascontiguousarray(np.broadcast_to(real("from_ints")([1]), randoms.shape))
            start, end = (_NOISE_BITS(at, squares).reshape(-1, 4) for at in (np.zeros_like(ones), ones))
        shape = value.shape
        return self._linear(value.reshape(-1, 4), [(randoms.reshape(-1, 4), real("sub")(end, start))]).reshape(shape)

    # --- transforms --------------------------------------------------------------------------------------------

    def by_columns(self, value: FrArray, argument: FrArray, linear: Element) -> FrArray:
        """Note for ``value`` = linear(argument) the same map of every direction that occurs."""
        tangents = self._tracker.of(argument)
        if tangents is None:
            return value
        out = np.zeros((len(value), tangents.shape[1], 4), np.uint64)
        for column in np.flatnonzero(tangents.any(axis=(0, 2))):
            out[:, column] = linear(np.ascontiguousarray(tangents[:, column]))
        return self._tracker.note(value, out)

    def ntt(self, a: FrArray, inverse: bool = False, coset: bool = False) -> FrArray:
        transform = real("ntt")
        return self.by_columns(
            transform(a, inverse=inverse, coset=coset), a, lambda v: transform(v, inverse=inverse, coset=coset)
        )

    # --- points ------------------------------------------------------------------------------------------------

    def _point_sum(self, name: str, points: Sequence[bytes], scalars: Sequence[int]) -> bytes:
        point: bytes = real(name)(points, scalars)
        known = [self._tracker.point(bytes(p)) for p in points]
        if all(e is not None for e in known):
            exponents = [e for e in known if e is not None]
            pairs = list(zip(exponents, scalars, strict=True))
            terms: list[tuple[int, Tangent | None]] = [(int(s), e.tangent) for e, s in pairs]
            terms += [(e.value, self._tracker.of_int(s)) for e, s in pairs]
            value = sum(e.value * int(s) for e, s in pairs) % R
            self._tracker.note_point(point, Exponent(value, self._tracker.combined(terms)))
        return point

    def g1_linear_combination(self, points: Sequence[bytes], scalars: Sequence[int]) -> bytes:
        return self._point_sum("g1_linear_combination", points, scalars)

    def g2_linear_combination(self, points: Sequence[bytes], scalars: Sequence[int]) -> bytes:
        return self._point_sum("g2_linear_combination", points, scalars)

    def g1_fixed_base(self, scalars: FrArray) -> Bases:
        return Bases(self._tracker, real("g1_fixed_base")(scalars), scalars)

    def g2_fixed_base(self, scalars: FrArray) -> Bases:
        return Bases(self._tracker, real("g2_fixed_base")(scalars), scalars)

    def csr(self, *arguments: Any) -> Matrix:
        return Matrix(self, real("Csr")(*arguments))


class Bases:
    """An array of points with known exponents, in place of `native.G1Bases` and `native.G2Bases`."""

    def __init__(self, tracker: Tracker, points: Any, exponents: FrArray) -> None:
        self.exponents = exponents
        self._tracker = tracker
        self._points = points

    def __len__(self) -> int:
        return len(self.exponents)

    def to_bytes(self) -> bytes:
        """Encodings; each point's exponent is noted."""
        raw = bytes(self._points.to_bytes())
        size = len(raw) // max(1, len(self))
        for i, value in enumerate(real("to_ints")(self.exponents)):
            self._tracker.note_point(raw[i * size : (i + 1) * size], Exponent(value, self._tracker.constant))
        return raw

    def msm(self, scalars: FrArray, start: int = 0) -> bytes:
        """The sum of scalars[i] * points[start + i]."""
        tangents = self._tracker.of(scalars)
        return self.msm_with(scalars, tangents, start)

    def msm_with(self, scalars: FrArray, tangents: FrArray | None, start: int = 0) -> bytes:
        """As msm, where the scalars' tangents are known to the caller."""
        exponents = np.ascontiguousarray(self.exponents[start : start + len(scalars)])
        tangent = self._tracker.constant if tangents is None else weighed(tangents, exponents)
        point: bytes = self._points.msm(scalars, start)
        self._tracker.note_point(point, Exponent(real("inner")(scalars, exponents), tangent))
        return point


class Matrix:
    """A sparse matrix, in place of `native.Csr`."""

    def __init__(self, kernel: Kernel, csr: Any) -> None:
        self._kernel = kernel
        self._csr = csr

    def mul(self, v: FrArray) -> FrArray:
        """The matrix times a vector."""
        return self._kernel.by_columns(self._csr.mul(v), v, self._csr.mul)

    def tmul(self, v: FrArray) -> FrArray:
        """The transposed matrix times a public vector."""
        out: FrArray = self._csr.tmul(v)
        return out


_METERED = (
    "add", "sub", "neg", "mul", "scale", "linear_combination", "inner", "gram", "project", "expand", "to_ints",
    "interpolate", "rs_decode", "ntt", "g1_linear_combination", "g2_linear_combination", "g1_fixed_base",
    "g2_fixed_base",
)  # fmt: skip


@contextmanager
def metered(tracker: Tracker, rows: int) -> Iterator[Kernel]:
    """The kernel's functions carry tangents inside this context."""
    kernel = Kernel(tracker, rows)
    functions = {name: getattr(kernel, name) for name in _METERED}
    sums = {name: functions[name] for name in ("g1_linear_combination", "g2_linear_combination")}
    with (
        patch.multiple(native, Csr=kernel.csr, **functions),
        patch.multiple(_curve, **sums),
        patch.object(noisebits, "noise_bits", kernel.noise_bits),
    ):
        yield kernel
