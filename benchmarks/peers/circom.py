"""The per-coordinate statement as a circom circuit, proven by snarkjs: what validation costs without the protocol.

One party sees the gradient in the clear, and nothing ties it to a commitment: the cheapest form of the peer.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.peers import iden3, tools

DIMENSIONS = (650, 1024, 4096)
LARGE = 16_384
MILLION = 1 << 20
_SEED = b"powers of tau for the benchmarks".ljust(32)
_LIMIT = 1 << 15
_BOUND = (1 << 62) - 1
_MAIN = """pragma circom 2.0.0;
include "range_norm.circom";
component main {{public [bound]}} = RangeNorm({dimension});
"""


def measure(runs: int = 5, *, large: bool = False) -> dict[str, Any]:
    """All dimensions; figures are medians.

    Args:
        large: measure 16,384 coordinates too, minutes and a gigabyte.
    """
    tools.install()
    sizes = [_measure(d, runs) for d in (*DIMENSIONS, *([LARGE] if large else []))]
    per_coordinate = sizes[-1]["prove"]["cpu"] / sizes[-1]["dimension"]
    return {
        "versions": tools.versions(),
        "runs": runs,
        "sizes": sizes,
        "cpu_per_coordinate": round(per_coordinate, 6),
        "million_cpu_extrapolated": round(per_coordinate * MILLION, 1),
        "targets": goals(sizes, per_coordinate),
    }


def _measure(dimension: int, runs: int) -> dict[str, Any]:
    work = tools.WORK / f"range-norm-{dimension}"
    work.mkdir(parents=True, exist_ok=True)
    library = tools.HERE / "circuits" / "range_norm.circom"
    (work / library.name).write_text(library.read_text(encoding="utf-8"), encoding="utf-8")
    (work / "main.circom").write_text(_MAIN.format(dimension=dimension), encoding="utf-8")
    compiling = tools.circom(work / "main.circom", work)
    r1cs, ptau, first, zkey = (work / name for name in ("main.r1cs", "powers.ptau", "first.zkey", "main.zkey"))
    constraints, public = iden3.read_counts(r1cs)
    iden3.write_development_ptau(ptau, (constraints + public).bit_length(), _SEED)
    keys = tools.snarkjs("groth16", "setup", r1cs, ptau, first)
    contribution = tools.snarkjs("zkey", "contribute", first, zkey, "--name=benchmark", "-e=not secret")
    ptau.unlink()
    first.unlink()
    wtns, verifying, proof, inputs = (work / name for name in ("main.wtns", "key.json", "proof.json", "public.json"))
    (work / "input.json").write_text(json.dumps(_inputs(dimension)), encoding="utf-8")
    program = work / "main_js"
    witness = [
        tools.run(["node", program / "generate_witness.js", program / "main.wasm", work / "input.json", wtns])
        for _ in range(runs)
    ]
    prove = [tools.snarkjs("groth16", "prove", zkey, wtns, proof, inputs) for _ in range(runs)]
    tools.snarkjs("zkey", "export", "verificationkey", zkey, verifying)
    tools.snarkjs("groth16", "verify", verifying, inputs, proof)
    return {
        "dimension": dimension,
        "constraints": constraints,
        "prove": tools.typical(prove).record(),
        "witness": tools.typical(witness).record(),
        "keys": keys.record(),
        "contribution": contribution.record(),
        "compile": compiling.record(),
        "zkey_bytes": zkey.stat().st_size,
        "prove_cpu_of_runs": [round(usage.cpu, 3) for usage in prove],
    }


def _inputs(dimension: int) -> dict[str, object]:
    drawn = np.random.default_rng(dimension).integers(-_LIMIT, _LIMIT, dimension)
    return {"gradient": [str(value) for value in drawn], "bound": str(_BOUND)}


def goals(sizes: list[dict[str, Any]], per_coordinate: float) -> list[dict[str, object]]:
    """Goal 8, for the rounds that are measured already: circom's CPU over ours, for one gradient."""
    baselines = {size["dimension"]: (size["prove"]["cpu"], "measured") for size in sizes}
    baselines[MILLION] = (per_coordinate * MILLION, f"extrapolated from {sizes[-1]['dimension']}")
    found = []
    for dimension, (cpu, how) in baselines.items():
        ours = results.load(f"round-d{dimension}-m32-n4t1")
        if ours is None:
            continue
        summary, case = ours["summary"], ours["case"]
        spent = case["provers"] * summary["prover_cpu_per_gradient"]
        spent += summary["coordinator_cpu_per_batch"] / case["owners"]
        params = {"dimension": dimension, "owners": case["owners"], "provers": case["provers"], "baseline": how}
        found.append({"goal": 8, "params": params, "figure": round(cpu / spent, 2), "unit": "circom CPU / our CPU"})
    return found
