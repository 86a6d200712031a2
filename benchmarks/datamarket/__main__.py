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
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="strategies or experiments of these names (all)"
    )
    chosen = parser.parse_args(arguments)
    if not chosen.plots:
        _run(chosen.only)
    for path in write():
        _say(path.name)
    return 0


def _run(only: Sequence[str] | None) -> None:
    """Run what is chosen; what is not chosen is kept as it was, if it is still there."""
    kept = results.load(NAME) or {"experiments": {}, "strategies": []}
    before = {each["name"]: each for each in kept["strategies"]}
    over: dict[str, object] = {}
    for experiment in experiments.EXPERIMENTS:
        if only is None or experiment.name in only:
            over[experiment.name] = [experiments.run(experiment, seed) for seed in experiments.SEEDS]
            _say(experiment.name)
        elif experiment.name in kept["experiments"]:
            over[experiment.name] = kept["experiments"][experiment.name]
    alone: list[object] = []
    for each in strategies.STRATEGIES:
        if only is None or each.name in only:
            alone.append(_gains(each))
            _say(each.name)
        elif each.name in before:
            alone.append(before[each.name])
    machine = facts(("numpy", "scikit-learn"))
    results.save(NAME, "python -m benchmarks.datamarket", machine, {"experiments": over, "strategies": alone})


def _gains(strategy: strategies.Strategy) -> dict[str, object]:
    gains = {
        name: [run.gain(seed) for seed in range(1, _SEEDS + 1)]
        for name, run in (("run", strategy.run), ("broken", strategy.broken))
        if run is not None
    }
    return {"name": strategy.name, "inequality": strategy.inequality, "per": strategy.per, **gains}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
