"""How long a prover takes from nothing to all keys loaded, as a process of its own."""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import parameters
from benchmarks.machine import ROOT
from circuits.policies import DEFAULT

_REPEATS = 5
DIMENSION = 1 << 20
CAPACITY = 64


def measure() -> dict[str, Any]:
    """Median wall seconds, from starting the interpreter to the last key in memory; files in the page cache."""
    from gradroll.setup.keygen import cached_development_parameters

    folder = parameters.ensure(DIMENSION)
    cached_development_parameters(folder, DIMENSION, DEFAULT, CAPACITY)
    runs = sorted((_start(folder) for _ in range(_REPEATS)), key=lambda run: float(run["seconds"]))
    return {"dimension": DIMENSION, "median": runs[len(runs) // 2], "runs": runs}


def _start(folder: Path) -> dict[str, Any]:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-m", "benchmarks.coldstart", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds = time.monotonic() - began
    return {"seconds": round(seconds, 3), **json.loads(done.stdout)}


def load(folder: Path) -> dict[str, float]:
    """Import the node and load what it needs for a batch; seconds of each part."""
    marks = [("start", time.monotonic())]
    from circuits import container
    from circuits.keyfiles import PROVING
    from commons.settings.loading import load
    from commons.storage.parameters import PublicParameters
    from gradroll.setup.keygen import SRS_FILE, proving_key_file
    from provers.node import ProverNode

    del load, ProverNode
    marks.append(("import", time.monotonic()))
    held = PublicParameters(folder / SRS_FILE, folder, allow_insecure=True)
    _ = held.tau  # a prover reads the powers only where it has to derive a commitment key
    marks.append(("srs", time.monotonic()))
    held.commitment_key(DIMENSION)
    marks.append(("commitment_key", time.monotonic()))
    held.proving_key(
        bytes.fromhex(container.read(proving_key_file(folder, DEFAULT, CAPACITY), PROVING).text("key_hash"))
    )
    marks.append(("proving_key", time.monotonic()))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    parts = {name: round(at - before, 3) for (_, before), (name, at) in itertools.pairwise(marks)}
    return {**parts, "cpu": round(usage.ru_utime + usage.ru_stime, 3), "peak_bytes": usage.ru_maxrss * 1024}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(load(Path(sys.argv[1]))))
