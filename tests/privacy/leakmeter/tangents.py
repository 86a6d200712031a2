"""Which value has which tangent.

Secrets, shares and everything computed from them are elements of a field of 254 bits, uniform or nearly so, and the
party's code passes them on as arrays, integers and bytes.  So a value names its own tangent: a table from values to
tangents follows them wherever they go, through encodings and copies too.  A value with two tangents is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from native import FrArray, R, g1_generator, g2_generator
from native._vectors import add, from_ints, linear_combination
from tests.privacy.leakmeter.linear import padded

Tangent = FrArray
"""FrArray (w, 4): the derivative by the first w directions; by all later ones it is zero."""


class UntrackedError(AssertionError):
    """A value that must have a tangent has none: something that the meter does not follow computed it."""


@dataclass(frozen=True, eq=False)
class Exponent:
    """A point's discrete logarithm, known because all trapdoors are, and its tangent."""

    value: int
    tangent: Tangent


class Tracker:
    """Directions, and the tables of values and points.

    Attributes:
        step: how far all secrets are moved along `heading`, to see whether tangents are derivatives.
    """

    def __init__(self) -> None:
        self.width = 0
        self.step = 0
        self._values: dict[bytes, Tangent] = {}
        self._points: dict[bytes, Exponent] = {}
        self._streams: dict[tuple[bytes, int], int] = {}
        self._secret_seeds: set[bytes] = set()
        self._given: dict[bytes, FrArray] = {}
        self._squares: dict[bytes, Tangent] = {}
        self._paused = False
        for generator in (g1_generator, g2_generator):
            self.note_point(generator, Exponent(1, self.constant))
            self.note_point(bytes(len(generator)), Exponent(0, self.constant))

    @property
    def constant(self) -> Tangent:
        """The tangent of what depends on nothing."""
        return np.zeros((0, 4), np.uint64)

    def directions(self, count: int) -> list[int]:
        """New columns, one for each of ``count`` independent secrets."""
        start, self.width = self.width, self.width + count
        return list(range(start, self.width))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside, nothing is followed: for what the adversary computes from what it has seen."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def moved(self, vector: FrArray, columns: Sequence[int]) -> FrArray:
        """Secrets with these directions, FrArray (n, 4), moved by ``step``."""
        if not self.step:
            return vector
        return add(vector, from_ints([self.step * heading(c) % R for c in columns]))

    # --- seeds that the adversary does not hold ------------------------------------------------------------

    def hide(self, seed: bytes) -> None:
        """Elements expanded from this seed are unknown to the adversary: each is a direction of its own."""
        self._secret_seeds.add(seed)

    def stream(self, seed: bytes, start: int, count: int) -> list[int] | None:
        """Columns of a hidden seed's elements, the same whoever expands them; None for a seed that is known."""
        if self._paused or seed not in self._secret_seeds:
            return None
        names = [(seed, start + i) for i in range(count)]
        for name in names:
            if name not in self._streams:
                (self._streams[name],) = self.directions(1)
        return [self._streams[name] for name in names]

    def give(self, seed: bytes, tangents: FrArray) -> None:
        """The first elements expanded from this seed have these tangents, FrArray (n, w, 4)."""
        self._given[seed] = tangents

    def given(self, seed: bytes, start: int, count: int) -> FrArray | None:
        """Tangents of a seed's elements; None for a seed that was given none."""
        if self._paused or seed not in self._given:
            return None
        tangents = self._given[seed][start : start + count]
        assert len(tangents) == count, "more elements than the seed was given tangents for"
        return tangents

    # --- values ------------------------------------------------------------------------------------------------

    def note_square(self, value: bytes, tangent: Tangent) -> None:
        """Enter what the square of an element moves by that does not count, as the square's opening says nothing of it
        (`hiddenbits`)."""
        self._squares[value] = tangent

    def squares(self, vector: FrArray) -> FrArray | None:
        """What was entered for the squares of FrArray (n, 4), FrArray (n, width, 4); None where nothing was."""
        found = [] if self._paused else [self._squares.get(row.tobytes()) for row in vector]
        return self._stacked(found) if any(f is not None for f in found) else None

    def of(self, vector: FrArray) -> FrArray | None:
        """Tangents of FrArray (n, 4) as FrArray (n, width, 4); None when all are zero."""
        if self._paused:
            return None
        found = [self._values.get(row.tobytes()) for row in vector]
        return self._stacked(found) if any(f is not None for f in found) else None

    def of_int(self, value: int) -> Tangent | None:
        """Tangent of a scalar; None when it is zero."""
        return None if self._paused else self._values.get(value.to_bytes(32, "little"))

    def known(self, value: bytes) -> Tangent:
        """Tangent of an element that must have one (32 little-endian bytes).  Raises UntrackedError."""
        if value not in self._values:
            raise UntrackedError("the adversary saw a scalar whose tangent is not known")
        return self._values[value]

    def note(self, vector: FrArray, tangents: FrArray | None, *, may_vanish: bool = False) -> FrArray:
        """Enter the tangents, FrArray (n, w, 4), of a vector's elements; returns the vector.

        Zero names no tangent.  What the code opens may be zero at an honest point and still depend on secrets
        (``may_vanish``); it must not be computed with.
        """
        if tangents is not None:
            for row, tangent in zip(vector, tangents, strict=True):
                self._note(row.tobytes(), tangent, may_vanish)
        return vector

    def note_int(self, value: int, tangent: Tangent) -> None:
        """Enter the tangent of one scalar in [0, r)."""
        self._note(value.to_bytes(32, "little"), tangent, may_vanish=False)

    def _note(self, value: bytes, tangent: Tangent, may_vanish: bool) -> None:
        if self._paused or not tangent.any():
            return
        if not any(value):
            assert may_vanish, "zero has no tangent of its own; choose other inputs"
            return
        before = self._values.setdefault(value, tangent)
        assert before is tangent or _equal(before, tangent), "one value with two tangents"

    # --- points ------------------------------------------------------------------------------------------------

    def point(self, point: bytes) -> Exponent | None:
        """Exponent of a point, if it was computed under the meter."""
        return None if self._paused else self._points.get(point)

    def known_point(self, point: bytes) -> Tangent:
        """Tangent of a point's exponent.  Raises UntrackedError."""
        if point not in self._points:
            raise UntrackedError("the adversary saw a point whose exponent is not known")
        return self._points[point].tangent

    def note_point(self, point: bytes, exponent: Exponent) -> None:
        """Enter a point's exponent."""
        if self._paused:
            return
        before = self._points.setdefault(bytes(point), exponent)
        assert before.value == exponent.value and _equal(before.tangent, exponent.tangent), "a point with two exponents"

    # --- arithmetic of tangents ----------------------------------------------------------------------------

    def _stacked(self, tangents: Sequence[Tangent | None]) -> FrArray:
        out = np.zeros((len(tangents), self.width, 4), np.uint64)
        for row, tangent in zip(out, tangents, strict=True):
            if tangent is not None:
                row[: len(tangent)] = tangent
        return out

    def combined(self, terms: Iterable[tuple[int, Tangent | None]]) -> Tangent:
        """The sum of coefficient * tangent."""
        used = [(c % R, t) for c, t in terms if t is not None and len(t) and c % R]
        if not used:
            return self.constant
        rows = [np.ascontiguousarray(padded(t, self.width)) for _, t in used]
        return linear_combination(rows, [c for c, _ in used])


def _equal(a: Tangent, b: Tangent) -> bool:
    width = max(len(a), len(b))
    return np.array_equal(padded(a, width), padded(b, width))


def heading(column: int) -> int:
    """Component, along one direction, of a fixed line through the point of a run."""
    return int.from_bytes(sha256(b"heading" + column.to_bytes(4, "big")).digest(), "big") % R


class Scalar(int):
    """An integer with a tangent, as the party's own arithmetic modulo r needs it."""

    tracker: Tracker
    tangent: Tangent

    @classmethod
    def of(cls, value: int, tracker: Tracker, tangent: Tangent | None) -> int:
        """The value with its tangent (a plain integer when there is none); its residue is entered in the table."""
        if tangent is None or not tangent.any():
            return value
        self = cls(value)
        self.tracker, self.tangent = tracker, tangent
        if 0 < value < R:
            tracker.note_int(value, tangent)
        return self

    def _with(self, value: int, *terms: tuple[int, int]) -> int:
        parts = [(c, x.tangent if isinstance(x, Scalar) else None) for c, x in terms]
        return Scalar.of(value, self.tracker, self.tracker.combined(parts))

    def __add__(self, other: int) -> int:
        return self._with(int(self) + int(other), (1, self), (1, other))

    __radd__ = __add__

    def __sub__(self, other: int) -> int:
        return self._with(int(self) - int(other), (1, self), (-1, other))

    def __rsub__(self, other: int) -> int:
        return self._with(int(other) - int(self), (-1, self), (1, other))

    def __mul__(self, other: int) -> int:
        return self._with(int(self) * int(other), (int(other), self), (int(self), other))

    __rmul__ = __mul__

    def __neg__(self) -> int:
        return self._with(-int(self), (-1, self))

    def __mod__(self, modulus: int) -> int:
        assert modulus == R, "secrets are reduced modulo r only"
        return self._with(int(self) % R, (1, self))
