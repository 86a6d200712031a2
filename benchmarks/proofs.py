"""The joint prover against the plain one: the same code, keys and constraints, CPU seconds of one party."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import native
from benchmarks import kernels
from circuits import joint
from circuits.gadgets import occurs, range_check
from circuits.groth16 import ProvingKey, unsafe_generate_keys
from circuits.policies.spec import PolicyCircuit
from circuits.r1cs import ConstraintSystem
from circuits.srs import unsafe_development_srs
from native import FrArray

CONSTRAINTS = 1 << 16
_RANGE_BITS = 63
_REPEATS = 5
_SEED = bytes(range(32))


def ranges(constraints: int) -> tuple[PolicyCircuit, FrArray]:
    """Range checks of 63 bits, as in the policies: nearly all wires are bits.  The circuit and its shared inputs."""
    cs = ConstraintSystem()
    (blinder,) = cs.committed_block(1)
    count = (constraints - 1) // (_RANGE_BITS + 1)
    values, drawn = cs.shared_inputs(count), np.random.default_rng(0).integers(0, 1 << _RANGE_BITS, count)
    for value in values:
        range_check(cs, value, cs.shared_inputs(_RANGE_BITS))
    occurs(cs, blinder)
    bits = native.zeros(count * _RANGE_BITS)
    bits[:, 0] = (drawn[:, None] >> np.arange(_RANGE_BITS) & 1).ravel()
    return PolicyCircuit("ranges", 0, cs.compile()), np.concatenate((native.from_int64(drawn), bits))


def products(constraints: int) -> tuple[PolicyCircuit, FrArray]:
    """w_i w_(i+1) = w_(i+2): every wire is a uniform field element, for the plain prover too."""
    cs = ConstraintSystem()
    (blinder,) = cs.committed_block(1)
    wires = cs.shared_inputs(constraints + 1)
    for left, right, out in zip(wires, wires[1:], wires[2:], strict=False):
        cs.enforce(left, right, out)
    occurs(cs, blinder)
    values = [3, 5]
    while len(values) < len(wires):
        values.append(values[-2] * values[-1] % native.R)
    return PolicyCircuit("products", 0, cs.compile()), native.from_ints(values)


def measure() -> dict[str, Any]:
    """Both circuits; ratios of medians of one run."""
    made = [ranges(CONSTRAINTS), products(CONSTRAINTS)]
    return {"constraints": CONSTRAINTS, **{circuit.name: _compare(circuit, inputs) for circuit, inputs in made}}


def _compare(circuit: PolicyCircuit, inputs: FrArray) -> dict[str, float]:
    srs = unsafe_development_srs(_SEED, 2)
    key = unsafe_generate_keys(circuit, srs.tau, srs.origin, _SEED)
    block = native.from_ints([17])
    wires = circuit.circuit.assign((), block, inputs)
    shares = _shares(wires)
    _check(key, block, shares)
    plain, shared = [], []
    for _ in range(_REPEATS):  # taking turns: what else the machine does hits both alike
        plain.append(_cpu(lambda: joint.prove(key, wires, joint.Blinding(11, 13))))
        shared.append(_cpu(lambda: joint.prove(key, shares[0], joint.Blinding(11, 13, 0))))
    size = circuit.circuit.domain_size
    return {
        "wires": circuit.circuit.wire_count,
        "plain_cpu": round(statistics.median(plain), 3),
        "joint_cpu": round(statistics.median(shared), 3),
        "ratio": round(statistics.median(shared) / statistics.median(plain), 3),
        "additions": round(_additions(key)),
        "butterflies": 7 * size * (size.bit_length() - 1) / 2,
    }


def _additions(key: ProvingKey) -> float:
    """Point additions of one proof on full scalars; one over the quadratic extension counts as three."""
    sizes = [(len(part), 1) for part in (key.a, key.b1, key.private, key.quotient)] + [(len(key.b2), 3)]
    return sum(weight * kernels.additions(size, 254) for size, weight in sizes)


def _shares(wires: FrArray) -> list[FrArray]:
    return native.shamir_share(wires, [native.expand(_SEED, len(wires))], [1, 2, 3])


def _check(key: ProvingKey, block: FrArray, shares: list[FrArray]) -> None:
    """The three parts make a proof that verifies; shares of the blinders are constants here."""
    parts = {x: joint.prove(key, share, joint.Blinding(11, 13, 0)) for x, share in zip((1, 2, 3), shares, strict=True)}
    gram, knowledge = joint.commit_block(key, block)
    proof = joint.combine_proof(parts, 1)
    if not joint.verify(key.verifying, (), gram, knowledge, proof):
        raise ValueError("the joint proof does not verify")


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
