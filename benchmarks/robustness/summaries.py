"""Means over seeds with their intervals, and how ours stands against its peers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, stdev

from benchmarks import results
from benchmarks.robustness import cellfiles
from benchmarks.robustness.settings import NONE, PEERS, Cell, grid
from benchmarks.robustness.worst import score

_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Of Student's distribution, between which 95% lie, by degrees of freedom from 1 on."""
POINTS = 2.0
"""Per cent that ours may be behind the best peer."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds in per cent, and half of its 95% interval; None of one seed."""

    mean: float
    half: float | None

    def __str__(self) -> str:
        return f"{self.mean:.1f}" + (f" ±{self.half:.1f}" if self.half is not None else "")


def interval(shares: Sequence[float]) -> Interval:
    """Of figures that are parts of 1, one a seed."""
    half = None
    if len(shares) > 1:
        half = 100 * _STUDENT[len(shares) - 2] * stdev(shares) / math.sqrt(len(shares))
    return Interval(100 * fmean(shares), half)


def figure(cell: Cell, rule: str, seeds: Sequence[int], of: Callable[[cellfiles.Row], float]) -> Interval:
    """A figure of a cell and rule over seeds."""
    rows = [row for row in _kept(results.DIRECTORY, cell) if row["rule"] == rule and row["seed"] in seeds]
    return interval([of(row) for row in rows])


def accuracy_of(row: cellfiles.Row) -> float:
    """A row's part of the test that is classified rightly."""
    return float(row["accuracy"])


def scored(cell: Cell, rule: str, seeds: Sequence[int]) -> Interval:
    """What a rule is judged by in a cell."""
    return figure(cell, rule, seeds, lambda row: score(cell, row))


@cache
def _kept(directory: Path, cell: Cell) -> Sequence[cellfiles.Row]:
    """A cell's rows, read once: tables ask for each of them many times."""
    return cellfiles.rows_of(cell)


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule in a cell, beside the peer that is best there.

    Attributes:
        lead: points before that peer; negative behind it.
    """

    cell: Cell
    ours: Interval
    peer: str
    best: Interval

    @property
    def lead(self) -> float:
        return self.ours.mean - self.best.mean

    @property
    def missed(self) -> bool:
        """Whether it is further behind than the goal allows."""
        return self.lead < -POINTS


def standings(rule: str, seeds: Sequence[int]) -> list[Standing]:
    """Of every cell of the grid, the one furthest behind first."""
    found = []
    for cell in grid():
        peers = {peer: scored(cell, peer, seeds) for peer in PEERS}
        best = max(peers, key=lambda peer: peers[peer].mean)
        found.append(Standing(cell, scored(cell, rule, seeds), best, peers[best]))
    return sorted(found, key=lambda standing: standing.lead)


def attacked() -> list[Cell]:
    """Cells with attackers in them."""
    return [cell for cell in grid() if cell.attack != NONE]
