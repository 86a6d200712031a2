"""Row spaces over F, and the part of one that is not hidden by randomness."""

from __future__ import annotations

import numpy as np

from native import FrArray, R
from native._vectors import linear_combination, mul, scale, sub, to_ints


def padded(rows: FrArray, width: int) -> FrArray:
    """The rows, FrArray (..., w, 4), with zero columns up to ``width`` appended."""
    missing = width - rows.shape[-2]
    if missing <= 0:
        return rows
    return np.concatenate((rows, np.zeros((*rows.shape[:-2], missing, 4), np.uint64)), axis=-2)


class RowSpace:
    """A subspace of F^width in reduced echelon form; each row's pivot is its *last* nonzero column.

    So the rows whose pivots lie below n are a basis of all vectors of the space that are zero from column n on.
    """

    def __init__(self, rows: FrArray | None = None, pivots: tuple[int, ...] = ()) -> None:
        self._rows = np.zeros((0, 0, 4), np.uint64) if rows is None else rows
        self._pivots = pivots

    def copy(self) -> RowSpace:
        """A space that can grow on its own (rows are replaced, never changed in place)."""
        return RowSpace(self._rows, self._pivots)

    @property
    def dimension(self) -> int:
        """Number of independent rows."""
        return len(self._pivots)

    def below(self, column: int) -> list[FrArray]:
        """A basis of the vectors that are zero from ``column`` on, each FrArray (column, 4)."""
        wide = padded(self._rows, column)
        return [wide[i, :column] for i, pivot in enumerate(self._pivots) if pivot < column]

    def reduced(self, row: FrArray) -> FrArray:
        """What is left of FrArray (w, 4) modulo the space; zero exactly for its members."""
        width = max(len(row), self._rows.shape[1])
        row = np.ascontiguousarray(padded(row, width))
        if not self._pivots:
            return row
        factors = to_ints(np.ascontiguousarray(row[list(self._pivots)]))
        used = [i for i, factor in enumerate(factors) if factor]
        if not used:
            return row
        basis = padded(self._rows, width)
        rows = [np.ascontiguousarray(basis[i]) for i in used]
        return sub(row, linear_combination(rows, [factors[i] for i in used]))

    def contains(self, row: FrArray) -> bool:
        """Whether a row is in the space."""
        return not self.reduced(row).any()

    def add(self, row: FrArray) -> bool:
        """Span the row too; whether that made the space larger."""
        rest = self.reduced(row)
        columns = np.flatnonzero(rest.any(axis=1))
        if not len(columns):
            return False
        pivot = int(columns[-1])
        rest = scale(rest, pow(to_ints(rest[[pivot]])[0], -1, R))
        cleared = _cleared(padded(self._rows, len(rest)), rest, pivot)
        self._rows = np.concatenate((cleared, rest[None]))
        self._pivots = (*self._pivots, pivot)
        return True


def _cleared(rows: FrArray, row: FrArray, pivot: int) -> FrArray:
    """The rows with their ``pivot`` column cleared by multiples of ``row``."""
    factors = rows[:, pivot]
    touched = np.flatnonzero(factors.any(axis=1))
    if not len(touched):
        return rows
    width = len(row)
    products = mul(np.repeat(factors[touched], width, axis=0), np.tile(row, (len(touched), 1)))
    out = rows.copy()
    out[touched] = sub(np.ascontiguousarray(rows[touched]).reshape(-1, 4), products).reshape(-1, width, 4)
    return out


def span(rows: list[FrArray]) -> RowSpace:
    """The space of some rows."""
    out = RowSpace()
    for row in rows:
        out.add(row)
    return out
