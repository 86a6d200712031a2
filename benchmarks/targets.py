"""The list of goals with the figures that results give for them: benchmarks/results/targets.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.cases import CAPACITY, LARGE, SMALL, Case
from benchmarks.floors import Floors
from benchmarks.peers import circom
from benchmarks.results import Result
from circuits.statement import domain_size

Entry = dict[str, Any]
DEFAULT = Case(LARGE, 32)
DEMO = Case(SMALL, 10, capacity=16)


def write() -> Path:
    """Write the list from the results that are there."""
    path = results.DIRECTORY / "targets.json"
    path.write_text(
        json.dumps(sorted(entries(), key=lambda entry: int(entry["goal"])), indent=1) + "\n", encoding="utf-8"
    )
    return path


def entries() -> Iterator[Entry]:
    """One entry a figure; figures that were not measured are left out."""
    kernels = results.load("kernels")
    rates = kernels["rates"] if kernels else None
    found = results.load(f"round-{DEFAULT.name}")
    if found:
        yield from _default(found, Floors(DEFAULT, rates) if rates else None)
    yield from _gas()
    yield from _proofs()
    yield from _peers()
    yield from _demo()
    yield from _growth()
    yield from _cold()


def _entry(goal: int, params: object, figure: float, unit: str, floor: float | None, source: Result) -> Entry:
    return {
        "goal": goal,
        "params": params,
        "figure": float(f"{figure:.5g}"),
        "unit": unit,
        "floor": None if floor is None else float(f"{floor:.3g}"),
        "command": source["command"],
    }


def _default(found: Result, floors: Floors | None) -> Iterator[Entry]:
    """Goals 1 to 4 and 9, at a million coordinates and 32 owners."""
    figures, params = found["summary"], found["case"]
    owners = DEFAULT.owners
    by_goal = (
        (1, "prover_cpu_per_gradient", "CPU s a gradient", floors.prover / owners if floors else None),
        (2, "coordinator_cpu_per_batch", "CPU s a batch", floors.coordinator if floors else None),
        (3, "owner_cpu_per_submission", "CPU s a submission", floors.owner if floors else None),
        (4, "upload_bytes_per_coordinate", "bytes a coordinate", floors.upload if floors else None),
    )
    for goal, name, unit, floor in by_goal:
        yield _entry(goal, params, figures[name], unit, floor, found)
    peak = max(memory["resident"] for name, memory in found["memory"].items() if name.startswith("prover"))
    held = Floors(DEFAULT, {}).shares_held
    yield _entry(9, params, peak / 1e9, "GB resident at the peak", held / 1e9, found)
    yield _entry(9, params, peak / held, "peak / bytes of the shares held", 1.0, found)


def _gas() -> Iterator[Entry]:
    for dimension in (SMALL, LARGE):
        for owners in (8, 32, 64):
            settled = results.load(f"round-{Case(dimension, owners).name}")
            if settled:
                params = {"dimension": dimension, "owners": owners, "capacity": CAPACITY, "round": "real processes"}
                yield _entry(5, params, settled["summary"]["gas_per_gradient"], "gas a gradient", None, settled)
    found = results.load("gas")
    if found is None:
        return
    for row in found["rows"]:
        params = {key: row[key] for key in ("dimension", "owners", "roster_compacted")}
        yield _entry(5, {**params, "capacity": CAPACITY}, row["gas_per_gradient"], "gas a gradient", None, found)


def _proofs() -> Iterator[Entry]:
    found = results.load("joint-proof")
    if found is None:
        return
    for circuit in ("products", "ranges"):
        params = {"constraints": found["constraints"], "witness": circuit}
        yield _entry(6, params, found[circuit]["ratio"], "joint / plain CPU s", 1.0, found)


def _peers() -> Iterator[Entry]:
    """Goals 7 and 8, which compare with other provers; the latter against the rounds as they are now."""
    groth, per_coordinate = results.load("peers-groth16"), results.load("peers-circom")
    if groth is not None:
        for entry in groth["targets"]:
            yield {**entry, "floor": None, "command": groth["command"]}
    if per_coordinate is not None:
        for entry in circom.goals(per_coordinate["sizes"], per_coordinate["cpu_per_coordinate"]):
            yield {**entry, "floor": None, "command": per_coordinate["command"]}


def _demo() -> Iterator[Entry]:
    found = results.load(f"round-{DEMO.name}")
    if found:
        busy = [sum(r["cpu_submit"].values()) + sum(r["cpu_prove"].values()) for r in found["rounds"][1:]]
        floor = min(busy) / found["machine"]["cores"]
        params = {**found["case"], "load": found["machine"]["load"]}
        yield _entry(10, params, found["summary"]["wall_round"], "wall s a round", floor, found)


def _growth() -> Iterator[Entry]:
    """Cost a coordinate at a size against that at 2^20, 1 is linear, beyond the fixed costs: those of d = 650.

    Sizes at which fixed costs are the larger part are left out: there the difference is noise.  So are results of
    another processor.
    """
    last, fixed = results.load(f"round-{DEFAULT.name}"), results.load(f"round-{Case(SMALL, 32).name}")
    if last is None or fixed is None or not _same_processor(fixed, last):
        return
    for found in sorted(filter(_comparable, results.load_all("round-d")), key=lambda r: int(r["case"]["dimension"])):
        d = found["case"]["dimension"]
        if not _same_processor(found, last):
            continue
        for name in ("prover_cpu_per_gradient", "coordinator_cpu_per_batch"):
            here, there, start = (r["summary"][name] for r in (found, last, fixed))
            if here < 2 * start:
                continue
            grown = (here - start) / (d - SMALL) / ((there - start) / (LARGE - SMALL))
            params = {"of": name, "dimension": d, "against": LARGE, "costs": "beyond d = 650"}
            yield _entry(11, params, grown, "cost a coordinate, ratio", 1.0, found)
            if name.startswith("coordinator"):
                yield _entry(11, params, grown * d / domain_size(d), "cost a point of the domain, ratio", 1.0, found)


def _same_processor(one: Result, other: Result) -> bool:
    return bool(one["machine"]["cpu"] == other["machine"]["cpu"])


def _comparable(found: Result) -> bool:
    case = found["case"]
    same = (case["owners"], case["provers"], case["capacity"]) == (DEFAULT.owners, DEFAULT.provers, CAPACITY)
    return same and 1 << 12 <= case["dimension"] < LARGE


def _cold() -> Iterator[Entry]:
    found = results.load("cold-start")
    if found:
        params = {"dimension": found["dimension"], "load": found["machine"]["load"]}
        yield _entry(12, params, found["median"]["seconds"], "wall s", None, found)
        yield _entry(12, params, found["median"]["cpu"], "CPU s", None, found)
