"""Scores, and the cells in which ours is worst against its peers."""

from __future__ import annotations

from benchmarks.robustness import cellfiles
from benchmarks.robustness.settings import HEADLINE, NONE, PEERS, SEEDS, Cell, grid, moved

COUNT = 4


def score(cell: Cell, row: cellfiles.Row) -> float:
    """What a rule is judged by: accuracy; under a back door, how often it stays shut."""
    return 1 - float(row["back_door"]) if cell.attack == "back door" else float(row["accuracy"])


def seeds_of(cell: Cell) -> set[int]:
    """Seeds of which a cell has every rule."""
    there = {(row["seed"], row["rule"]) for row in cellfiles.rows_of(cell)}
    return {seed for seed in SEEDS if all((seed, rule) in there for rule in cell.rules)}


def whole_seeds() -> tuple[int, ...]:
    """Seeds of which every cell of the grid is there, by every rule."""
    return tuple(sorted(set(SEEDS).intersection(*map(seeds_of, grid()))))


def worst_cells() -> list[Cell]:
    """Where ours is furthest behind the best peer, by the first seed: a cell of each of four attacks.

    The four worst cells of all would be one attack's.  None before the seed is whole.
    """
    if SEEDS[0] not in whole_seeds():
        return []
    ordered = sorted((cell for cell in grid() if cell.attack != NONE), key=_lead)
    worst: dict[str, Cell] = {}
    for cell in ordered:
        worst.setdefault(cell.attack, cell)
    return list(worst.values())[:COUNT]


def _lead(cell: Cell) -> float:
    scores = {row["rule"]: score(cell, row) for row in cellfiles.rows_of(cell) if row["seed"] == SEEDS[0]}
    return scores[HEADLINE] - max(scores[peer] for peer in PEERS)


def moved_cells() -> list[Cell]:
    """The worst cells with the other model and with the other data."""
    return [each for cell in worst_cells() for each in moved(cell)]
