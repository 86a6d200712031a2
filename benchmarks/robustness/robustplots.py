"""Accuracy against the part of attackers, an image a kind of division, with 95% intervals over the seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.robustness.settings import ATTACKS, HEADLINE, NONE, PERCENTS, RULES, SPREADS, Cell
from benchmarks.robustness.summaries import scored
from benchmarks.robustness.worst import whole_seeds

_BOLD = ("reference", HEADLINE)


def write() -> list[Path]:
    """Draw both, where a seed is whole.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    return [_drawn(spread) for spread in SPREADS] if whole_seeds() else []


def _drawn(spread: str) -> Path:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, grid = plt.subplots(2, len(ATTACKS) // 2, figsize=(13, 6.5), sharex=True, sharey=True, layout="constrained")
    for axes, attack in zip(grid.flat, ATTACKS, strict=True):
        for rule in RULES:
            _curve(axes, spread, attack, rule)
        what = "trigger without effect" if attack == "back door" else "accuracy"
        axes.set(title=f"{attack}: {what}", ylim=(0, 100))
        axes.grid(visible=True, alpha=0.3)
    for axes in grid[-1]:
        axes.set(xlabel="attackers, % of owners")
    figure.supylabel("%")
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(RULES))
    path = ROOT / "docs" / "img" / f"robustness-{spread}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _curve(axes: Any, spread: str, attack: str, rule: str) -> None:
    cells = [Cell("digits", "mlp", spread, NONE, 0)] if attack != "back door" else []
    cells += [Cell("digits", "mlp", spread, attack, percent) for percent in PERCENTS]
    found = [scored(cell, rule, whole_seeds()) for cell in cells]
    axes.errorbar(
        [cell.percent for cell in cells], [each.mean for each in found], yerr=[each.half or 0.0 for each in found],
        label=rule, capsize=2, marker="o" if rule in _BOLD else ".", linewidth=2.2 if rule in _BOLD else 1,
        linestyle="-" if rule in _BOLD else "--",
    )  # fmt: skip


if __name__ == "__main__":
    write()
