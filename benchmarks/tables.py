"""Fills the tables of README.md and of pages in docs/ in, between markers that name them.

Figures come from the results of the benchmarks, and from the snapshots of gas that the contracts' tests keep.
``python -m benchmarks.tables`` writes the pages anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.cases import CAPACITY, Case
from benchmarks.datamarket import markettables
from benchmarks.economics import costtables
from benchmarks.floors import Floors
from benchmarks.machine import ROOT
from benchmarks.markdown import number, table
from benchmarks.results import Result
from benchmarks.robustness import robusttables
from benchmarks.targets import DEFAULT, DEMO

PAGES = (
    *(ROOT / "docs" / f"{name}.md" for name in ("performance", "economics", "robustness", "data-simulation")),
    ROOT / "README.md",
)
_MODELS = {650: "softmax on digits", 61_470: "LeNet", 270_896: "ResNet-20", 1 << 20: "a million"}
_GRADED = (
    ("prover CPU s / gradient", "prover_cpu_per_gradient"), ("coordinator CPU s / batch", "coordinator_cpu_per_batch"),
    ("owner CPU s", "owner_cpu_per_submission"), ("upload B / coordinate", "upload_bytes_per_coordinate"),
    ("gas / gradient", "gas_per_gradient"), ("whole round, wall s", "wall_round"),
)  # fmt: skip
_MARK = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write() -> Sequence[Path]:
    """Write the pages anew with all tables that there are results for."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    return PAGES


def filled(text: str) -> str:
    """A page with its tables as the results give them."""
    return _MARK.sub(_filled, text)


def _filled(match: re.Match[str]) -> str:
    return f"{match[1]}{TABLES[match[2]]()}{match[3]}"


def goals() -> str:
    """Everything in targets.json."""
    path = results.DIRECTORY / "targets.json"
    if not path.exists():
        return ""
    rows = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        floor = entry.get("floor")
        share = number(entry["figure"] / floor) if floor else "-"
        params = ", ".join(f"{key} {value}" for key, value in entry["params"].items())
        rows.append((str(entry["goal"]), params, number(entry["figure"]), entry["unit"], number(floor), share))
    return table(("goal", "of", "figure", "unit", "floor", "figure / floor"), rows)


def headline() -> str:
    """What a batch of 32 costs everybody, for a few models."""
    rows = []
    for dimension, model in _MODELS.items():
        found = results.load(f"round-{Case(dimension, DEFAULT.owners).name}")
        if found is None:
            continue
        figures = found["summary"]
        peak = max(memory["resident"] for name, memory in found["memory"].items() if name.startswith("prover"))
        rows.append((
            f"{dimension:,} ({model})", number(figures["prover_cpu_per_gradient"]),
            number(figures["coordinator_cpu_per_batch"]), number(figures["owner_cpu_per_submission"]),
            number(figures["upload_bytes_per_coordinate"] * dimension / 1e6), number(peak / 1e6),
            number(figures["gas_per_gradient"]), number(figures["wall_round"]),
        ))  # fmt: skip
    head = (
        "parameters", "prover CPU s / gradient", "coordinator CPU s / batch", "owner CPU s", "owner upload MB",
        "prover peak MB", "gas / gradient", "whole round, wall s",
    )  # fmt: skip
    return table(head, rows)


def growth() -> str:
    """One row a model size, batches of 32."""
    return _rounds(lambda case: case["owners"] == DEFAULT.owners and case["provers"] == 4)


def batches() -> str:
    """One row a batch size and committee."""
    return _rounds(lambda case: case["owners"] != DEFAULT.owners or case["provers"] != 4)


def _rounds(wanted: Callable[[Result], bool]) -> str:
    found = [r for r in results.load_all("round-d") if wanted(r["case"]) and r["case"]["capacity"] == CAPACITY]
    found.sort(key=lambda r: (r["case"]["dimension"], r["case"]["provers"], r["case"]["owners"]))
    head = (
        "d", "N, t", "owners", "prover CPU s / gradient", "coordinator CPU s / batch", "owner CPU s",
        "upload B / coordinate", "prover peak MB (anonymous)", "gas / gradient", "wall s: submit, prove",
    )  # fmt: skip
    return table(head, map(_round_row, found))


def _round_row(found: Result) -> tuple[str, ...]:
    case, figures = found["case"], found["summary"]
    memory = [m for name, m in found["memory"].items() if name.startswith("prover")]
    peak, own = (max(m[kind] for m in memory) / 1e6 for kind in ("resident", "anonymous"))
    return (
        f"{case['dimension']:,}", f"{case['provers']}, {case['threshold']}", str(case["owners"]),
        number(figures["prover_cpu_per_gradient"]), number(figures["coordinator_cpu_per_batch"]),
        number(figures["owner_cpu_per_submission"]), f"{figures['upload_bytes_per_coordinate']:.2f}",
        f"{number(peak)} ({number(own)})", number(figures["gas_per_gradient"]),
        f"{number(figures['wall_submit'])}, {number(figures['wall_prove'])}",
    )  # fmt: skip


def graded() -> str:
    """Rounds that grade, each with the factor over the same round without."""
    found = [r for r in results.load_all("graded-d") if "beside" in r]
    found.sort(key=lambda r: (r["case"]["dimension"], r["case"]["capacity"]))
    head = ("d", "slots", *(name for name, _ in _GRADED))
    return table(head, map(_graded_row, found))


def _graded_row(found: Result) -> tuple[str, ...]:
    case, figures, plain = found["case"], found["summary"], found["beside"]["summary"]
    measured = (f"{number(figures[key])} ({figures[key] / plain[key] - 1:+.1%})" for _, key in _GRADED)
    return (f"{case['dimension']:,}", str(case["capacity"]), *measured)


def steps() -> str:
    """Steps of one prover at a million coordinates, with floors."""
    found, kernels = results.load(f"round-{DEFAULT.name}"), results.load("kernels")
    if found is None or kernels is None:
        return ""
    floors = Floors(DEFAULT, kernels["rates"])
    rows = []
    for step, figures in found["prover_steps"]["prover-0"].items():
        advanced = found["coordinator_advances"].get(step, {}).get("cpu")
        rows.append((step, figures, floors.prover_steps.get(step), advanced))
    shares = sum(each["cpu_submit"]["prover-0"] for each in found["rounds"]) / len(found["rounds"])
    intake = found["intake"][0]["received"] / len(found["rounds"])
    taken = {"cpu": shares, "seconds": None, "received": intake, "sent": 0}
    rows.insert(0, ("shares", taken, floors.prover_steps["share"], None))
    head = (
        "step", "prover CPU s", "floor", "CPU / floor", "wall s", "bytes in", "bytes out", "coordinator CPU s after it"
    )  # fmt: skip
    return table(head, (_step_row(*row) for row in rows))


def _step_row(step: str, figures: dict[str, float], floor: float | None, advanced: float | None) -> tuple[str, ...]:
    ratio = figures["cpu"] / floor if floor else None
    measured = (number(figures[key]) for key in ("seconds", "received", "sent"))
    return (step, number(figures["cpu"]), number(floor), number(ratio), *measured, number(advanced))


def rates() -> str:
    """What floors are made of."""
    found = results.load("kernels")
    if found is None:
        return ""
    return table(("operation", "a CPU second"), ((name, f"{rate:.3g}") for name, rate in found["rates"].items()))


def gas() -> str:
    """Gas on anvil."""
    found = results.load("gas")
    if found is None:
        return ""
    rows = (
        (
            f"{row['dimension']:,}", str(row["owners"]), "yes" if row["roster_compacted"] else "no",
            number(row["gas"]), number(row["gas_per_gradient"]), number(row["calldata"]),
        )
        for row in found["rows"]
    )  # fmt: skip
    return table(("d", "owners", "roster compacted", "gas a batch", "gas a gradient", "calldata bytes"), rows)


def paid() -> str:
    """Gas on anvil of batches and of the claim that pays for them."""
    found = results.load("gas")
    if found is None or "paid" not in found:
        return ""
    rows = (
        (
            str(row["owners"]), str(row["rounds"]), "new" if row["new_accounts"] else "used",
            number(row["accepting_gas"] / row["rounds"]), number(row["claim_gas"]), number(row["gas_per_gradient"]),
        )
        for row in found["paid"]
    )  # fmt: skip
    return table(("owners", "rounds", "accounts", "gas a batch", "gas of the claim", "gas a gradient, paid"), rows)


def swap() -> str:
    """What selling a model costs seller and buyer."""
    found = results.load("swap")
    if found is None:
        return ""
    head = (
        "weights", "seller, CPU us a weight", "buyer: decode and check", "buyer: open", "peak MB: seller, buyer",
        "file, bytes a weight", "both sides, wall s",
    )  # fmt: skip
    return table(head, map(_swap_row, found["sizes"]))


def _swap_row(size: Result) -> tuple[str, ...]:
    seller, buyer, weights = size["seller"], size["buyer"], size["weights"]
    opened = buyer["steps"]["open"]["cpu_us"]
    return (
        f"{weights:,}", number(seller["cpu_us"]), number(buyer["cpu_us"] - opened), number(opened),
        f"{number(seller['peak'] / 1e6)}, {number(buyer['peak'] / 1e6)}",
        number(buyer["bytes"] / weights), number(size["wall"]),
    )  # fmt: skip


def accuracy() -> str:
    """Accuracy proofs of one chunk, a row a size class."""
    found = results.load("accuracy")
    if found is None:
        return ""
    head = (
        "class", "P, H, C, n", "weights", "constraints", "key MB", "prove CPU s", "peak MB", "load key CPU s",
        "verify CPU ms", "make keys CPU s", "peak MB then",
    )  # fmt: skip
    return table(head, (_accuracy_row(name, figures) for name, figures in found["classes"].items()))


def _accuracy_row(name: str, figures: dict[str, float]) -> tuple[str, ...]:
    return (
        name, ", ".join(str(figures[key]) for key in ("inputs", "hidden", "classes", "samples")),
        f"{figures['weights']:,}", f"{figures['constraints']:,}", number(figures["key_bytes"] / 1e6),
        number(figures["prove_cpu"]), number(figures["peak_bytes"] / 1e6), number(figures["load_cpu"]),
        number(figures["verify_cpu"] * 1e3), number(figures["compile_cpu"] + figures["keys_cpu"]),
        number(figures["keys_peak_bytes"] / 1e6),
    )  # fmt: skip


def rounding() -> str:
    """Rounding proofs, a row a size class."""
    found = results.load("accuracy")
    if found is None:
        return ""
    head = ("weights", "constraints", "key MB", "prove CPU s", "peak MB", "load key CPU s", "verify CPU ms")
    return table(head, map(_rounding_row, found["classes"].values()))


def _rounding_row(figures: dict[str, float]) -> tuple[str, ...]:
    return (
        f"{figures['weights']:,}", f"{figures['rounding_constraints']:,}", number(figures["rounding_key_bytes"] / 1e6),
        number(figures["rounding_prove_cpu"]), number(figures["rounding_peak_bytes"] / 1e6),
        number(figures["rounding_load_cpu"]), number(figures["rounding_verify_cpu"] * 1e3),
    )  # fmt: skip


def machine() -> str:
    """Where and when the largest round was measured."""
    found = results.load(f"round-{DEFAULT.name}") or results.load(f"round-{DEMO.name}")
    if found is None:
        return ""
    facts = found["machine"]
    memory = facts["memory_bytes"] / 1e9
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {memory:.0f} GB, {facts['system']}, Python {facts['python']}; "
        f"{facts['date']}, load average {facts['load']} before the run, revision `{facts['commit']}`.\n"
    )


TABLES: dict[str, Callable[[], str]] = {
    "goals": goals, "growth": growth, "batches": batches, "steps": steps, "rates": rates, "gas": gas,
    "paid": paid, "graded": graded, "accuracy": accuracy, "rounding": rounding, "swap": swap,
    "machine": machine, "headline": headline, **costtables.TABLES, **robusttables.TABLES, **markettables.TABLES,
}  # fmt: skip

if __name__ == "__main__":
    write()
