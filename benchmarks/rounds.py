"""Measures whole rounds: CPU, wall time, memory and bytes of every role and step, and the gas of the settlement."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hexbytes import HexBytes

from benchmarks import steplog
from benchmarks.cases import Case
from benchmarks.machine import ROOT
from benchmarks.market import Stage, stage
from benchmarks.processes import MemorySampler, cpu_seconds
from circuits.errors import UnavailableError
from gradroll.demo.scenes import LATE
from gradroll.demo.settling import put_forward

_TIMEOUT = 1500.0
WORK = ROOT / "build" / "bench" / "run"


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """One round.  CPU is by role: seconds of the whole process, from the first byte of a share on, which in a round
    that grades is one of the reference's.

    A round ends when its sum is open: ``wall_release`` of ``wall_prove`` is after the market's acceptance.
    """

    cpu_submit: dict[str, float]
    cpu_prove: dict[str, float]
    wall_submit: float
    wall_prove: float
    wall_release: float
    gas: int
    calldata: int
    owners: dict[str, list[float]]

    def record(self) -> dict[str, object]:
        """For a result file."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """Run rounds of a case; the first warms caches up and is reported apart when there are several."""
    work = WORK / case.name
    with stage(case, work) as running:
        figures: list[RoundFigures] = []
        with MemorySampler(running.pids) as sampler:
            for _ in range(rounds):
                figures.append(_round(running, case))
                running.fleet.require_alive()
            peaks = sampler.peaks()
        stored = _stored(running)
        logs = {name: work / "logs" / f"{name}.log" for name in running.pids}
        steps = {n: _per_round(steplog.steps(logs[n], "step"), rounds) for n in logs if n.startswith("prover")}
        asked = _per_round(steplog.steps(logs["coordinator"], "asked"), rounds)
        advanced = _per_round(steplog.steps(logs["coordinator"], "advanced"), rounds)
        intake = [_received(log, "share") for name, log in logs.items() if name.startswith("prover")]
        uploaded = _received(logs["coordinator"], "upload")["received"]
    shutil.rmtree(work / "market", ignore_errors=True)
    return {
        "case": case.record(),
        "rounds": [each.record() for each in figures],
        "prover_steps": steps,
        "coordinator_asks": asked,
        "coordinator_advances": advanced,
        "intake": intake,
        "memory": {n: {"resident": m.resident, "anonymous": m.anonymous} for n, m in peaks.items()},
        "stored_bytes": stored,
        **summary(case, figures, uploaded),
    }


def measure_beside(case: Case, rounds: int) -> dict[str, Any]:
    """Rounds that grade, and the same rounds without a reference, measured just before them."""
    other = measure(case.ungraded, rounds)
    beside = {name: other[name] for name in ("case", "prover_steps", "coordinator_advances", "memory", "summary")}
    return {**measure(case, rounds), "beside": beside}


def summary(case: Case, figures: list[RoundFigures], uploaded: float) -> dict[str, Any]:
    """The figures that goals are about: medians over rounds of the slowest prover's CPU, and so on.

    Args:
        uploaded: bytes that the coordinator got of owners.
    """
    warm = figures[1:] or figures
    provers = [f"prover-{p}" for p in range(case.provers)]
    totals = [{n: f.cpu_submit[n] + f.cpu_prove[n] for n in (*provers, "coordinator")} for f in warm]
    owners = [cpu for f in warm for cpu in f.owners["cpu"]]
    received = uploaded / (len(figures) * case.owners)
    return {
        "summary": {
            "prover_cpu_per_gradient": statistics.median(max(t[n] for n in provers) for t in totals) / case.owners,
            "prover_cpu_per_gradient_mean": statistics.median(
                statistics.mean(t[n] for n in provers) for t in totals
            ) / case.owners,
            "coordinator_cpu_per_batch": statistics.median(t["coordinator"] for t in totals),
            "owner_cpu_per_submission": statistics.median(owners),
            "owner_cpu_first_submission": figures[0].owners["cpu"][0],
            "upload_bytes_per_coordinate": received / case.dimension,
            "gas_per_batch": statistics.median(f.gas for f in warm),
            "gas_per_gradient": statistics.median(f.gas for f in warm) / case.owners,
            "wall_submit": statistics.median(f.wall_submit for f in warm),
            "wall_prove": statistics.median(f.wall_prove for f in warm),
            "wall_release": statistics.median(f.wall_release for f in warm),
            "wall_round": statistics.median(f.wall_submit + f.wall_prove for f in warm),
        }
    }  # fmt: skip


def _round(running: Stage, case: Case) -> RoundFigures:
    opening = _cpu(running)
    number = _open(running, case)
    begun, before = time.monotonic(), opening if case.is_graded else _cpu(running)
    owners = running.submit_all(number)
    if case.is_graded:
        put_forward(running.view, running.view.round(running.task_id, number).submit_deadline + LATE)
    submitted, between = time.monotonic(), _cpu(running)
    gas, data = _await(running, number, released=False)
    accepted = time.monotonic()
    _await(running, number, released=True)
    settled, after = time.monotonic(), _cpu(running)
    return RoundFigures(
        _difference(between, before), _difference(after, between), round(submitted - begun, 3),
        round(settled - submitted, 3), round(settled - accepted, 3), gas, data,
        {k: [each[k] for each in owners] for k in owners[0]},
    )  # fmt: skip


def _open(running: Stage, case: Case) -> int:
    """A round on a model of its own: owners that are graded take part in one on each."""
    drawn = np.random.default_rng()
    model = drawn.random(case.dimension)
    own = drawn.random(case.dimension) - 0.5 if case.is_graded else None
    return running.buyer.open_round(running.task_id, model, reference=own)


def _cpu(running: Stage) -> dict[str, float]:
    return {name: cpu_seconds(pid) for name, pid in running.pids.items()}


def _difference(later: dict[str, float], earlier: dict[str, float]) -> dict[str, float]:
    return {name: round(later[name] - earlier[name], 3) for name in later}


def _await(running: Stage, number: int, *, released: bool) -> tuple[int, int]:
    """Gas and calldata bytes of the settling transactions, once a round's batches are accepted, or their sums open."""
    deadline = time.monotonic() + _TIMEOUT
    trouble = ""
    while time.monotonic() < deadline:
        running.fleet.require_alive()
        for found in running.coordinator.task_status(running.task_id).rounds:
            if found.round == number:
                trouble = found.trouble or trouble
                done = [b for b in found.batches if b.accepted and (b.payload_digest is not None or not released)]
                sent = [b.transaction for b in done if b.transaction]
                if sent and not found.pending:
                    return _settlement(running, sent)
        time.sleep(0.05 if running.market.plan.dimension < 1 << 14 else 0.5)
    raise UnavailableError(f"round {number} did not settle within {_TIMEOUT:.0f} s: {trouble or 'no reason given'}")


def _settlement(running: Stage, sent: list[bytes]) -> tuple[int, int]:
    eth = running.view.rpc.web3.eth
    receipts = [eth.get_transaction_receipt(HexBytes(each)) for each in sent]
    data = [len(eth.get_transaction(HexBytes(each))["input"]) for each in sent]
    return sum(int(r["gasUsed"]) for r in receipts), sum(data)


def _stored(running: Stage) -> dict[str, int]:
    home = running.market.plan.directory
    return {
        name: sum(p.stat().st_size for p in (home / name / "state").rglob("*") if p.is_file())
        for name in (*(f"prover-{p}" for p in range(len(running.provers))), "coordinator")
    }


def _received(log: Path, event: str) -> dict[str, float]:
    """Of lines of one cause some are left out and counted; they are as long as the others."""
    found = list(steplog.events(log, event))
    sizes = [float(each["received"]) for each in found if "received" in each]
    shares = len(sizes) + sum(int(each.get("left_out", 0)) for each in found)
    return {"shares": shares, "received": sum(sizes) * shares / max(len(sizes), 1)}


def _per_round(steps: dict[str, dict[str, float]], rounds: int) -> dict[str, dict[str, float]]:
    return {step: {k: round(v / rounds, 4) for k, v in found.items()} for step, found in steps.items()}
