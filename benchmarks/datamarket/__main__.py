"""`python -m benchmarks.datamarket`: run all markets, and keep what came of them in benchmarks/results/datamarket.json.

`--plots` draws the images of docs/data-simulation.md from what is kept.  Needs the packages of requirements/demo.txt,
and for plots matplotlib, which `make bench` installs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import results
from benchmarks.datamarket import experiments, strategies
from benchmarks.datamarket.marketplots import write
from benchmarks.machine import facts

NAME = "datamarket"
_SEEDS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.datamarket", description=__doc__)
    parser.add_argument("--plots", action="store_true", help="draw what is kept, and run nothing")
    if not parser.parse_args(arguments).plots:
        machine = facts(("numpy", "scikit-learn"))
        figures = {"experiments": _experiments(), "strategies": _strategies()}
        results.save(NAME, "python -m benchmarks.datamarket", machine, figures)
    for path in write():
        _say(path.name)
    return 0


def _experiments() -> dict[str, object]:
    found: dict[str, object] = {}
    for experiment in experiments.EXPERIMENTS:
        found[experiment.name] = [experiments.run(experiment, seed) for seed in experiments.SEEDS]
        _say(experiment.name)
    return found


def _strategies() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for each in strategies.STRATEGIES:
        gains = {
            name: [run.gain(seed) for seed in range(1, _SEEDS + 1)]
            for name, run in (("run", each.run), ("broken", each.broken))
            if run is not None
        }
        found.append({"name": each.name, "inequality": each.inequality, "per": each.per, **gains})
        _say(each.name)
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
