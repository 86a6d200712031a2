"""The same constraints for our plain prover, one party of the joint prover, ark-groth16 and snarkjs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.peers import iden3, tools
from benchmarks.peers.systems import SYSTEMS, System
from benchmarks.peers.tools import Usage
from circuits import joint
from circuits.groth16 import ProvingKey
from native import FrArray

_SEED = b"powers of tau for the benchmarks".ljust(32)
_XS = [1, 2, 3]
_R, _S = 3, 5
_SNARKJS_RUNS = 3


def measure(runs: int = 7) -> dict[str, Any]:
    """All systems; figures are medians, ratios are medians of the ratios of neighbouring runs."""
    tools.install()
    systems = {name: _compare(make(), runs) for name, make in SYSTEMS.items()}
    targets = [
        {"goal": 7, "params": {"system": name}, "figure": figures["ratios"]["plain / ark-groth16"], "unit": "CPU / CPU"}
        for name, figures in systems.items()
    ]
    return {"versions": tools.versions(), "runs": runs, "systems": systems, "targets": targets}


class _Ours:
    """Our provers with their keys."""

    def __init__(self, system: System) -> None:
        began = time.process_time()
        self.key = system.keys()
        self.keys_cpu = time.process_time() - began
        self.wires = system.assignment
        self.shares = system.shares(_XS)
        _verify(self.key, self.wires, self.shares)

    def plain(self) -> Usage:
        """The block's commitment and the proof."""
        return _timed(lambda: _whole(self.key, joint.Blinding(_R, _S), self.wires))

    def joint(self) -> Usage:
        """What the first of three parties computes."""
        return _timed(lambda: _whole(self.key, joint.Blinding(_R, _S), self.shares[0]))


def _compare(system: System, runs: int) -> dict[str, Any]:
    r1cs, wtns = tools.WORK / f"{system.name}.r1cs", tools.WORK / f"{system.name}.wtns"
    iden3.write_r1cs(r1cs, system.circuit)
    iden3.write_wtns(wtns, system.assignment)
    ours, power = _Ours(system), system.circuit.domain_size.bit_length() - 1
    ptau, zkey = tools.WORK / f"{power}.ptau", tools.WORK / f"{system.name}.zkey"
    iden3.write_development_ptau(ptau, power, _SEED)
    snarkjs_keys = tools.snarkjs("groth16", "setup", r1cs, ptau, zkey)
    proof, public = tools.WORK / "proof.json", tools.WORK / "public.json"
    with tools.arkworks(r1cs, wtns) as ark:
        provers: dict[str, Callable[[], Usage]] = {
            "plain": ours.plain,
            "ark-groth16": lambda: ark.prove("matrices"),
            "joint, one party": ours.joint,
            "ark-groth16 with synthesis": lambda: ark.prove("synthesis"),
            "snarkjs": lambda: tools.snarkjs("groth16", "prove", zkey, wtns, proof, public),
        }
        found = _take_turns(provers, runs)
    return {
        "constraints": system.circuit.constraint_count,
        "wires": system.circuit.wire_count,
        "domain": system.circuit.domain_size,
        "note": system.note,
        "keys": {
            "ours": round(ours.keys_cpu, 3),
            "ark-groth16": ark.keys["cpu"],
            "snarkjs": round(snarkjs_keys.cpu, 3),
        },
        "prove": {name: tools.typical(usages).record() for name, usages in found.items()},
        "ratios": {
            "plain / ark-groth16": _ratio(found, "plain", "ark-groth16"),
            "plain / ark-groth16 with synthesis": _ratio(found, "plain", "ark-groth16 with synthesis"),
            "joint / plain": _ratio(found, "joint, one party", "plain"),
            "joint / ark-groth16": _ratio(found, "joint, one party", "ark-groth16"),
            "snarkjs / plain": _ratio(found, "snarkjs", "plain"),
        },
        "cpu_of_runs": {name: [round(usage.cpu, 3) for usage in usages] for name, usages in found.items()},
    }


def _take_turns(provers: Mapping[str, Callable[[], Usage]], runs: int) -> dict[str, list[Usage]]:
    """Every prover once a turn, every other turn in opposite order: what else the machine does meets all alike."""
    found: dict[str, list[Usage]] = {name: [] for name in provers}
    for turn in range(runs):
        names: Sequence[str] = list(provers)[:: 1 if turn % 2 else -1]
        for name in names:
            if name != "snarkjs" or turn < _SNARKJS_RUNS:
                found[name].append(provers[name]())
    return found


def _ratio(found: Mapping[str, Sequence[Usage]], over: str, under: str) -> float:
    pairs = zip(found[over], found[under], strict=False)
    return round(median(a.cpu / b.cpu for a, b in pairs), 3)


def _whole(key: ProvingKey, blinding: joint.Blinding, wires: FrArray) -> joint.ProofShares:
    circuit = key.circuit
    joint.commit_block(key, np.ascontiguousarray(wires[circuit.public_count : circuit.private_start]))
    return joint.prove(key, wires, blinding)


def _timed(work: Callable[[], object]) -> Usage:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Usage(time.process_time() - cpu, time.perf_counter() - wall, 0)


def _verify(key: ProvingKey, wires: FrArray, shares: Sequence[FrArray]) -> None:
    """Both provers' proofs hold; shares of the blinders are constants here."""
    circuit = key.circuit
    gram, knowledge = joint.commit_block(key, np.ascontiguousarray(wires[circuit.public_count : circuit.private_start]))
    values = [int.from_bytes(wire.tobytes(), "little") for wire in wires[1 : circuit.public_count]]
    parts = {x: joint.prove(key, share, joint.Blinding(_R, _S, 0)) for x, share in zip(_XS, shares, strict=True)}
    plain = {1: joint.prove(key, wires, joint.Blinding(_R, _S))}
    for proof in (joint.combine_proof(plain, 0), joint.combine_proof(parts, 1)):
        if not joint.verify(key.verifying, values, gram, knowledge, proof):
            raise tools.PeerError("a proof of ours does not verify")
