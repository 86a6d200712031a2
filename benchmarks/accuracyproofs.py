"""Accuracy proofs of the three size classes, one chunk each, and rounding proofs of models as large.

Each is proven in a process of its own from keys in files. In the small class the model is trained on digits, and proven
on 128 of them that it has not seen; in the others weights and features are random.

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
from circuits.accuracy.inference import Int64Array, forward
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.roundingcircuit import HALF, ROUNDING_BITS, rounding_circuit
from circuits.accuracy.roundingproof import RoundingStatement, error_row, prove_rounding, verify_rounding
from circuits.accuracy.sizeclasses import CLASSES, SMALL, SizeClass, size_class
from circuits.accuracy.testdata import Chunk, chunks, commit_chunk
from circuits.commitment import commitment_key
from circuits.statement import domain_size
from native import R

T = TypeVar("T")
_REPEATS = 5
_SEED = bytes(range(32))
_KEY, _SRS, _ROUNDING, _PROBLEM = "key", "srs", "rounding", "problem.npz"


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
            "rounding_key_bytes": (folder / _ROUNDING).stat().st_size,
            **json.loads(_child("round", size, folder)),
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
    peak = _peak()
    rounding = rounding_circuit(size.weights)
    save_proving_key(unsafe_generate_circuit_keys(rounding, string.tau, string.origin, _SEED), folder / _ROUNDING)
    weights, features, labels = _digits(size) if size is SMALL else _random(size)
    np.savez(folder / _PROBLEM, weights=weights, features=features, labels=labels)
    return {
        "weights": size.weights,
        "constraints": compiled.circuit.constraint_count,
        "block": compiled.circuit.committed_count,
        "compile_cpu": compile_cpu,
        "keys_cpu": keys_cpu,
        "keys_peak_bytes": peak,
        "rounding_constraints": rounding.circuit.constraint_count,
    }


def prove(size: SizeClass, folder: Path) -> dict[str, float]:
    """One chunk, proven from the files; CPU seconds of all threads, and the peak of the whole process."""
    key, load_cpu = _timed(lambda: load_model_key(folder / _KEY, allow_insecure=True))
    string = strings.load(folder / _SRS, allow_insecure=True)
    model, group = _problem(size, folder)
    statement = AccuracyStatement(
        bytes(32), model.commit(commitment_key(string, size.weights)), (commit_chunk(string, size, group[0]),)
    )
    runs = [_timed(lambda: prove_accuracy(key, string, statement, model, group, _draw)) for _ in range(_REPEATS)]
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


def round_(size: SizeClass, folder: Path) -> dict[str, float]:
    """A model of the class, proven to be rounded from a row; figures as of ``prove``."""
    key, load_cpu = _timed(lambda: load_model_key(folder / _ROUNDING, allow_insecure=True))
    string = strings.load(folder / _SRS, allow_insecure=True)
    model, _ = _problem(size, folder)
    derived = (model.weights << ROUNDING_BITS) + np.random.default_rng(2).integers(-HALF, HALF, size.weights)
    error = error_row(ModelRow.fresh(derived, _draw), model)
    statement = RoundingStatement(bytes(32), bytes(32), error.commit(commitment_key(string, size.weights)))
    runs = [_timed(lambda: prove_rounding(key, string, statement, error, _draw)) for _ in range(_REPEATS)]
    peak = _peak()
    checks = [_timed(lambda: verify_rounding(key.verifying, statement, runs[0][0])) for _ in range(_REPEATS)]
    return {
        "rounding_load_cpu": load_cpu,
        "rounding_prove_cpu": statistics.median(cpu for _, cpu in runs),
        "rounding_peak_bytes": peak,
        "rounding_verify_cpu": statistics.median(cpu for _, cpu in checks),
    }


def _problem(size: SizeClass, folder: Path) -> tuple[ModelRow, list[Chunk]]:
    """What ``make`` chose."""
    with np.load(folder / _PROBLEM) as found:
        return ModelRow.fresh(found["weights"], _draw), chunks(size, found["features"], found["labels"])


def _digits(size: SizeClass) -> tuple[Int64Array, Int64Array, Int64Array]:
    """A network that scikit-learn trained on digits, quantised; and a chunk of digits that it has not seen."""
    from gradroll.demo.developers import alone, load_images

    images, trained = load_images(), len(load_images().labels) - size.samples
    weights = alone(images.part(slice(0, trained)), size.hidden, 1)
    tests = images.part(slice(trained, None))
    return weights, tests.features.astype(np.int64), tests.labels.astype(np.int64)


def _random(size: SizeClass) -> tuple[Int64Array, Int64Array, Int64Array]:
    """A random model, and features as large as the pixels of digits; nine labels in ten are the model's."""
    random = np.random.default_rng(1)
    weights = random.integers(-1000, 1000, size.weights)
    features = random.integers(0, 17, (size.samples, size.inputs))
    best = forward(size, features, weights).scores.argmax(axis=1)
    labels = np.where(random.random(size.samples) < 0.9, best, random.integers(0, size.classes, size.samples))
    return weights, features, labels


def _draw() -> int:
    return secrets.randbelow(R)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = work()
    return result, round(time.process_time() - began, 4)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    chosen = {"make": make, "prove": prove, "round": round_}[sys.argv[1]]
    sys.stdout.write(json.dumps(chosen(size_class(sys.argv[2]), Path(sys.argv[3]))))
