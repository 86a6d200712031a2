"""`python -m benchmarks.robustness`: run what is missing of the grid, and keep it in benchmarks/results/robustness.

Seed after seed, each with the whole grid and, where ours is worst, with the other model and the other data too.
Needs the packages of requirements/robustness.txt, which `make robustness` installs beside the others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks.machine import Machine, facts
from benchmarks.robustness import cellfiles
from benchmarks.robustness.rates import tried
from benchmarks.robustness.settings import SEEDS, Cell, grid
from benchmarks.robustness.training import Training
from benchmarks.robustness.worst import moved_cells


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="cells of these names (all)")
    parser.add_argument("--seeds", type=int, choices=range(1, len(SEEDS) + 1), default=len(SEEDS), help="how many")
    parser.add_argument("--rates", action="store_true", help="try rates for each rule, on seeds of their own")
    chosen = parser.parse_args(arguments)
    if chosen.rates:
        for line in tried():
            _say(line)
        return 0
    run(SEEDS[: chosen.seeds], chosen.only, facts(cellfiles.PACKAGES), _say)
    return 0


def run(seeds: Sequence[int], only: Sequence[str], machine: Machine, say: Callable[[str], None]) -> None:
    """Every training that has no row yet; what was kept before an interruption stays."""
    for seed in seeds:
        for cell in _cells(only):
            rows = cellfiles.rows_of(cell)
            there = {row["rule"] for row in rows if row["seed"] == seed}
            missing = [rule for rule in cell.rules if rule not in there]
            made = [{"rule": rule, "seed": seed, **Training(cell, rule, seed).run()} for rule in missing]
            if made:
                cellfiles.keep(cell, [*rows, *made], machine)
                say(f"seed {seed}: {cell.name}")


def _cells(only: Sequence[str]) -> Iterator[Cell]:
    """Those of the grid first: by them the others are found."""
    for cells in (grid, moved_cells):
        yield from (cell for cell in cells() if not only or cell.name in only)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
