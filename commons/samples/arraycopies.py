"""Near copies among arrays: a grid over sums of features with signs, which move by no more than the distance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from commons.samples.sampledistances import array_rows
from commons.samples.sampleschemas import SampleSchema

__all__ = ["array_copies"]

_GRID = 3
"""Sums by whose cells samples are looked up."""
_SUMS = 11
"""With those that only spare comparisons of whole samples."""
_CHUNK = 1 << 22
"""Features that are compared at a time."""

_Indices = npt.NDArray[np.int64]


def array_copies(
    schema: SampleSchema, samples: Sequence[bytes], searched: range, originals: int | None, spend: Callable[[int], None]
) -> Iterator[tuple[int, int, int]]:
    """An (index, earlier index, distance) of each sample in ``searched`` that is near to an earlier one.

    Two samples at distance tau lie in one cell of width tau + 1, or in neighbouring ones.  The signs follow from all
    samples, so nobody can choose samples that crowd one cell.

    Args:
        samples: that fit the schema, no two with the same features.
        originals: only so many samples are originals; None: all.
        spend: is told how many pairs are compared next, and may refuse.
    """
    if not searched:
        return
    rows = array_rows(schema, samples)
    random = np.random.Generator(np.random.PCG64(int.from_bytes(_digest(samples), "big")))
    signs = random.choice(np.array([-1.0, 1.0]), (schema.width, _SUMS))
    sums = np.vstack([rows[at : at + 8192] @ signs for at in range(0, len(rows), 8192)]).astype(np.int64)
    cells, odd = sums[:, :_GRID] // (schema.tau + 1), random.integers(0, 1 << 62, _GRID) | 1
    keys = _keys(cells, odd)
    order = np.argsort(keys[:originals], kind="stable")  # of a cell, the earliest sample is first
    ordered, left = keys[order], np.array(searched)
    comparison = _Comparison(rows, sums, schema.tau, spend)
    for step in sorted(product((-1, 0, 1), repeat=_GRID), key=lambda each: sum(map(abs, each))):
        wanted = _keys(cells[left] + np.array(step), odd)
        start, end = (np.searchsorted(ordered, wanted, side) for side in ("left", "right"))
        found = list(comparison.scan(left, order, start, end))
        yield from found
        left = np.setdiff1d(left, np.array([index for index, _, _ in found], np.int64))


def _digest(samples: Sequence[bytes]) -> bytes:
    hashed = hashlib.sha256()
    for sample in samples:
        hashed.update(sample)
    return hashed.digest()


def _keys(cells: _Indices, odd: _Indices) -> _Indices:
    """A number for each cell.  Two cells may have the same one, which costs comparisons and nothing else."""
    found: _Indices = (cells * odd).sum(axis=1)
    return found


class _Comparison:
    """Pairs of rows, compared by their sums first."""

    def __init__(self, rows: npt.NDArray[Any], sums: _Indices, tau: int, spend: Callable[[int], None]) -> None:
        self._rows, self._sums, self._tau, self._spend = rows, sums, tau, spend

    def scan(self, left: _Indices, order: _Indices, start: _Indices, end: _Indices) -> Iterator[tuple[int, int, int]]:
        """Compare each of ``left`` with the earlier ones of ``order[start:end]``, until one is near."""
        while True:
            live = np.flatnonzero(start < end)
            other = order[start[live]]
            live = live[other < left[live]]
            left, start, end = left[live], start[live], end[live]
            if not len(left):
                return
            other = order[start]
            self._spend(len(left))
            distances = self._distances(left, other)
            near = distances <= self._tau
            yield from zip(left[near].tolist(), other[near].tolist(), distances[near].tolist(), strict=True)
            left, start, end = left[~near], start[~near] + 1, end[~near]

    def _distances(self, one: _Indices, other: _Indices) -> _Indices:
        """Distances of pairs; of those that the sums tell apart, one above tau."""
        found: _Indices = np.abs(self._sums[one] - self._sums[other]).max(axis=1)
        close, batch = np.flatnonzero(found <= self._tau), max(1, _CHUNK // self._rows.shape[1])
        for at in range(0, len(close), batch):
            part = close[at : at + batch]
            difference = self._rows[one[part]].astype(np.int32) - self._rows[other[part]]
            found[part] = np.abs(difference).sum(axis=1)
        return found
