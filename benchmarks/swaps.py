"""What selling a committed model costs: the seller and the buyer, each in a process of its own.

Weights are synthetic: uniform integers of 12 bits. Keys, string and bases are mapped from their files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import parameters
from benchmarks.machine import ROOT

SIZES = (10_000, 1_000_000)
_BASES = 1 << 16
Made = TypeVar("Made")


def measure() -> dict[str, Any]:
    """Figures of each size; and CPU microseconds of a base, which is made once for all sizes and models."""
    return {"sizes": [_swap(dimension) for dimension in SIZES], "bases": _bases()}


def _swap(dimension: int) -> dict[str, Any]:
    folder = parameters.ensure(dimension)
    _run("prepare", dimension, folder)
    seller, buyer = _run("sell", dimension, folder), _run("buy", dimension, folder)
    steps = (*seller["steps"].values(), *buyer["steps"].values())
    return {"weights": dimension, "seller": seller, "buyer": buyer, "wall": round(sum(s["wall"] for s in steps), 2)}


def _bases() -> dict[str, Any]:
    import native
    from circuits.swap.swaptranscript import BASE_TAG

    began = time.process_time()
    bases = native.independent_points(BASE_TAG, _BASES)
    made = time.process_time()
    native.check_independent(bases, BASE_TAG)
    checked = time.process_time()
    return {"count": _BASES, "made_us": _micro(made - began, _BASES), "checked_us": _micro(checked - made, _BASES)}


def _run(part: str, dimension: int, folder: Path) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-m", "benchmarks.swaps", part, str(dimension), str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class _Steps:
    """CPU and wall time of what is called, one after the other."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self.found: dict[str, Mapping[str, float]] = {}

    def take(self, name: str, work: Callable[[], Made]) -> Made:
        """Calls, and remembers how long it took."""
        cpu, wall = time.process_time(), time.monotonic()
        made = work()
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        self.found[name] = {"cpu_us": _micro(cpu, self._dimension), "wall": round(wall, 3)}
        return made

    def record(self) -> dict[str, Any]:
        """For the parent: the steps, their sum a weight, and the peak of the whole process."""
        from benchmarks.processes import status_bytes

        total = round(sum(step["cpu_us"] for step in self.found.values()), 2)
        return {"steps": self.found, "cpu_us": total, "peak": status_bytes(os.getpid(), "VmHWM")}


def _micro(seconds: float, count: int) -> float:
    return round(1e6 * seconds / count, 2)


def main(part: str, dimension: int, folder: Path) -> dict[str, Any]:
    """One side, in this process."""
    import numpy as np

    from circuits.accuracy.modelrows import ModelRow
    from circuits.commitment import commitment_key
    from circuits.hashing import keccak
    from circuits.srs import load
    from circuits.statement import TAIL
    from circuits.swap.offerchecks import check_row, open_row
    from circuits.swap.rowsealing import seal_row
    from circuits.swap.sealedrows import SealedRow
    from circuits.swap.swapbases import swap_bases
    from circuits.swap.swaptranscript import swap_context
    from gradroll.setup.keygen import SRS_FILE

    bases, steps = swap_bases(dimension + TAIL, folder), _Steps(dimension)
    if part == "prepare":
        return {}
    srs = load(folder / SRS_FILE, allow_insecure=True)
    key = commitment_key(srs, dimension, folder)
    weights = np.random.default_rng(dimension).integers(-2048, 2048, dimension)
    numbers = iter(range(1 << 20))
    row = ModelRow.fresh(weights, lambda: _scalar(f"tail {next(numbers)}"))
    context, file = swap_context(keccak(b"sales"), keccak(b"listing"), bytes(20)), folder / f"{dimension}.sealed"
    k = _scalar("key")
    if part == "sell":
        sealed = steps.take("seal", lambda: seal_row(key, srs, bases, context, row, k, lambda: _scalar(os.urandom(9))))
        steps.take("encode", lambda: file.write_bytes(sealed.encode()))
        return steps.record()
    model = row.commit(key)
    sealed = steps.take("decode", lambda: SealedRow.decode(file.read_bytes(), dimension))
    checked = steps.take("check", lambda: check_row(key, srs, bases, context, model, sealed))
    opened = steps.take("open", lambda: open_row(checked, k))
    if not np.array_equal(opened, weights):
        raise ValueError("the buyer has other weights than were sold")
    return {**steps.record(), "bytes": file.stat().st_size}


def _scalar(name: object) -> int:
    import native
    from circuits.hashing import keccak

    return int.from_bytes(keccak(repr(name).encode()), "big") % native.R


if __name__ == "__main__":
    json.dump(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])), sys.stdout)
