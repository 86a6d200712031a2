"""Plots of the results, as PNG files for the documentation.  Needs matplotlib: the extra `bench`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.cases import CAPACITY
from benchmarks.machine import ROOT
from benchmarks.results import Result
from benchmarks.robustness import robustplots

DIRECTORY = ROOT / "docs" / "img"


def write() -> list[Path]:
    """Draw everything that there are results for.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    found = [r for r in results.load_all("round-d") if r["case"]["provers"] == 4 and r["case"]["capacity"] == CAPACITY]
    return [*_growth([r for r in found if r["case"]["owners"] == 32]), *_batches(found), *robustplots.write()]


def _growth(found: Sequence[Result]) -> list[Path]:
    """CPU seconds against the model's size at batches of 32."""
    from matplotlib import pyplot as plt

    if len(found) < 2:
        return []
    found = sorted(found, key=lambda r: r["case"]["dimension"])
    sizes = [r["case"]["dimension"] for r in found]
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, label in (
        ("prover_cpu_per_gradient", "prover, per gradient"),
        ("owner_cpu_per_submission", "data owner, per submission"),
        ("coordinator_cpu_per_batch", "coordinator, per batch of 32"),
    ):
        axes.loglog(sizes, [r["summary"][name] for r in found], marker="o", label=label)
    peer = results.load("peers-circom")
    if peer is not None:
        proven = [(size["dimension"], size["prove"]["cpu"]) for size in peer["sizes"]]
        label = "circuit over every coordinate (circom, snarkjs)"
        axes.loglog(*zip(*proven, strict=True), marker="x", linestyle="--", label=label)
    axes.set(xlabel="model parameters", ylabel="CPU seconds", title="Cost against the size of the model, N = 4, t = 1")
    axes.grid(visible=True, which="major", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    path = DIRECTORY / "growth.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return [path]


def _batches(found: Sequence[Result]) -> list[Path]:
    """CPU seconds and gas a gradient against the owners in a batch."""
    from matplotlib import pyplot as plt

    dimensions = sorted({r["case"]["dimension"] for r in found if r["case"]["owners"] == 8})
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for dimension in dimensions:
        rows = sorted((r for r in found if r["case"]["dimension"] == dimension), key=lambda r: r["case"]["owners"])
        owners = [r["case"]["owners"] for r in rows]
        for axes, name in ((left, "prover_cpu_per_gradient"), (right, "gas_per_gradient")):
            axes.plot(owners, [r["summary"][name] for r in rows], marker="o", label=f"d = {dimension:,}")
    left.set(xlabel="owners in a batch", ylabel="CPU seconds of a prover a gradient", yscale="log")
    right.set(xlabel="owners in a batch", ylabel="gas a gradient", ylim=(0, None))
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    path = DIRECTORY / "batches.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return [path]
