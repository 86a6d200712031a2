"""The tables of docs/data-simulation.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from benchmarks import results
from benchmarks.markdown import table

_T20 = 2.093
"""Two-sided 95% quantile of Student's t with 19 degrees of freedom."""


def _found() -> Mapping[str, Any] | None:
    return results.load("datamarket")


def accuracy() -> str:
    """At the end of each experiment, the mean of its seeds."""
    found = _found()
    rows = []
    for name, runs in found["experiments"].items() if found else ():
        ends = [run["moments"][-1] for run in runs]
        rows.append((
            name.replace("-", ", "),
            *(f"{100 * fmean(end['accuracy'][kind] for end in ends):.1f}" for kind in ("market", "clean", "free")),
            *(f"{fmean(end['samples'][kind] for end in ends):,.0f}" for kind in ("market", "clean", "free")),
            *(f"{fmean(end['bad'][kind] for end in ends):,.1f}" for kind in ("market", "free")),
        ))  # fmt: skip
    head = (
        "contributors, data", "accuracy with the market, %", "clean, %", "without, %",
        "samples with the market", "clean", "without", "bad samples with the market", "without",
    )  # fmt: skip
    return table(head, rows)


def gains() -> str:
    """What each contributor gained, in rewards, the mean of the seeds, and how many samples it got to hand in."""
    found = _found()
    rows = []
    for name, runs in found["experiments"].items() if found else ():
        for who in runs[0]["gains"]:
            won = [run["gains"][who] for run in runs]
            handed = fmean(run["samples"][who] for run in runs)
            rows.append((name.replace("-", ", "), who, f"{fmean(won):+.1f}", f"{min(won):+.1f}", f"{handed:.0f}"))
    return table(("contributors, data", "who", "gain, mean", "least", "samples handed in"), rows)


def strategies() -> str:
    """What each strategy gains, with 95% intervals over the seeds."""
    found = _found()
    rows = [
        (each["name"], each["inequality"], each["per"], _interval(each["run"]), _interval(each.get("broken", ())))
        for each in (found["strategies"] if found else ())
    ]
    return table(("strategy", "what decides", "gain by the", "at the example's terms", "where it does not hold"), rows)


def _interval(gains: Sequence[float]) -> str:
    if not gains:
        return "-"
    half = _T20 * stdev(gains) / len(gains) ** 0.5
    return f"{fmean(gains):+.3f} ±{half:.3f}"


TABLES = {"market-accuracy": accuracy, "market-gains": gains, "market-strategies": strategies}
