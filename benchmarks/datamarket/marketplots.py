"""Balances, data and accuracy over time, an image an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.machine import ROOT

_WORDS = {"market": "with deposits and reviews", "free": "without", "clean": "honest contributors alone"}
_LINES = {"market": "-", "free": ":", "clean": "--"}


def write() -> list[Path]:
    """Draw every experiment that there are results for.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    found = results.load("datamarket")
    return [] if found is None else [_drawn(name, runs) for name, runs in found["experiments"].items()]


def _drawn(name: str, runs: Sequence[Mapping[str, Any]]) -> Path:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "gradroll"  # the same figures give the same file
    from matplotlib import pyplot as plt

    figure, (money, data, model) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    steps = [moment["step"] for moment in runs[0]["moments"]]
    for who in runs[0]["moments"][0]["balances"]:
        money.plot(steps, _mean(runs, lambda moment, who=who: moment["balances"][who]), label=who)
    money.set(title="balances, in rewards", xlabel="steps")
    for kind, words in _WORDS.items():
        style = {"label": words, "linestyle": _LINES[kind]}
        data.plot(steps, _mean(runs, lambda moment, kind=kind: moment["samples"][kind]), **style)
        model.plot(steps, _mean(runs, lambda moment, kind=kind: 100 * moment["accuracy"][kind]), **style)
    data.set(title="samples in the data set", xlabel="steps")
    model.set(title="accuracy on the test, %", xlabel="steps")
    for axes in (money, data, model):
        axes.grid(visible=True, alpha=0.3)
    money.legend(fontsize="small")
    data.legend(fontsize="small")
    path = ROOT / "docs" / "img" / f"datamarket-{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _mean(runs: Sequence[Mapping[str, Any]], of: Any) -> Any:
    return np.mean([[of(moment) for moment in run["moments"]] for run in runs], axis=0)
