"""Accuracy proofs of the three size classes: one chunk each, proven in a process of its own from keys in files.

python -m benchmarks.accuracyproofs CLASS FOLDER     the child: prints its figures
"""

from __future__ import annotations

import json
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.machine import ROOT
from circuits import srs as strings
from circuits.accuracy.accuracykeys import load_model_key
from circuits.accuracy.accuracyproof import AccuracyStatement, prove_accuracy, verify_accuracy
from circuits.accuracy.inference import forward
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.sizeclasses import CLASSES, SizeClass, size_class
from circuits.accuracy.testdata import Chunk, chunks, commit_chunk
from circuits.commitment import commitment_key
from circuits.statement import domain_size
from native import R

T = TypeVar("T")
_REPEATS = 5
_SEED = bytes(range(32))
_KEY, _SRS = "key", "srs"


def measure() -> dict[str, Any]:
    """Figures of all classes."""
    return {"classes": {size.name: _measure(size) for size in CLASSES}}


def _measure(size: SizeClass) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = json.loads(_child("make", size, folder))
        return {
            **{"inputs": size.inputs, "hidden": size.hidden, "classes": size.classes, "samples": size.samples},
            **made,
            "key_bytes": (folder / _KEY).stat().st_size,
            **json.loads(_child("prove", size, folder)),
        }


def _child(work: str, size: SizeClass, folder: Path) -> str:
    command = [sys.executable, "-m", "benchmarks.accuracyproofs", work, size.name, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own


def make(size: SizeClass, folder: Path) -> dict[str, float]:
    """Development keys of a class, into files; what it takes."""
    from circuits.accuracy.accuracycircuit import accuracy_circuit
    from circuits.groth16 import unsafe_generate_circuit_keys
    from circuits.keyfiles import save_proving_key
    from circuits.srs import unsafe_development_srs

    string = unsafe_development_srs(_SEED, max(domain_size(size.weights), size.columns * size.samples))
    string.save(folder / _SRS)
    compiled, compile_cpu = _timed(lambda: accuracy_circuit(size))
    key, keys_cpu = _timed(lambda: unsafe_generate_circuit_keys(compiled, string.tau, string.origin, _SEED))
    save_proving_key(key, folder / _KEY)
    return {
        "weights": size.weights,
        "constraints": compiled.circuit.constraint_count,
        "block": compiled.circuit.committed_count,
        "compile_cpu": compile_cpu,
        "keys_cpu": keys_cpu,
        "keys_peak_bytes": _peak(),
    }


def prove(size: SizeClass, folder: Path) -> dict[str, float]:
    """One chunk, proven from the files; CPU seconds of all threads, and the peak of the whole process."""
    key, load_cpu = _timed(lambda: load_model_key(folder / _KEY, allow_insecure=True))
    string = strings.load(folder / _SRS, allow_insecure=True)
    model, group = _problem(size)
    statement = AccuracyStatement(
        bytes(32), model.commit(commitment_key(string, size.weights)), (commit_chunk(string, size, group[0]),)
    )
    draw = lambda: secrets.randbelow(R)  # noqa: E731
    runs = [_timed(lambda: prove_accuracy(key, string, statement, model, group, draw)) for _ in range(_REPEATS)]
    peak = _peak()
    checks = [_timed(lambda: verify_accuracy(key.verifying, statement, runs[0][0])) for _ in range(_REPEATS)]
    return {
        "load_cpu": load_cpu,
        "first_prove_cpu": runs[0][1],
        "prove_cpu": statistics.median(cpu for _, cpu in runs),
        "peak_bytes": peak,
        "verify_cpu": statistics.median(cpu for _, cpu in checks),
        "correct": checks[0][0],
    }


def _problem(size: SizeClass) -> tuple[ModelRow, list[Chunk]]:
    """A random model, and features as large as the pixels of digits; nine labels in ten are the model's."""
    random = np.random.default_rng(1)
    weights = random.integers(-1000, 1000, size.weights)
    features = random.integers(0, 17, (size.samples, size.inputs))
    best = forward(size, features, weights).scores.argmax(axis=1)
    labels = np.where(random.random(size.samples) < 0.9, best, random.integers(0, size.classes, size.samples))
    return ModelRow.fresh(weights, lambda: secrets.randbelow(R)), chunks(size, features, labels)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = work()
    return result, round(time.process_time() - began, 4)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    chosen = {"make": make, "prove": prove}[sys.argv[1]]
    sys.stdout.write(json.dumps(chosen(size_class(sys.argv[2]), Path(sys.argv[3]))))
