"""Constraint systems that every prover gets: the policy circuit, and two of 2^16 constraints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import native
from circuits.gadgets import inner_product, range_check, repeated_squares
from circuits.groth16 import ProvingKey, unsafe_generate_keys
from circuits.policies.gram import owner_norms, quadratic_weights
from circuits.policies.norm import NORM
from circuits.policies.spec import PolicyCircuit, PublicInputs
from circuits.r1cs import Circuit, ConstraintSystem
from circuits.statement import SLACK_BITS
from native import FrArray

CAPACITY = 64
LARGE = (1 << 16) - 8
"""Constraints of the large systems. arkworks and snarkjs add one row for each public wire; with these eight left
free everybody works in a domain of 2^16."""
_SEED = b"benchmarks of peers".ljust(32)
_CROSS_TERMS = 31


@dataclass(frozen=True, eq=False)
class System:
    """A circuit with a satisfying assignment.

    Attributes:
        note: what kind of wires it has.
    """

    name: str
    note: str
    policy: PolicyCircuit
    assignment: FrArray

    @property
    def circuit(self) -> Circuit:
        return self.policy.circuit

    def keys(self) -> ProvingKey:
        """Reproducible keys, for measurements alone."""
        return unsafe_generate_keys(self.policy, native.g2_generator, "insecure-development", _SEED)

    def shares(self, xs: list[int]) -> list[FrArray]:
        """Shares of degree 1 of the assignment; public wires stay as they are."""
        slope = native.expand(_SEED, len(self.assignment))
        slope[: self.circuit.public_count] = 0
        for product in self.circuit.public_products:
            slope[product.wire] = 0
        return native.shamir_share(self.assignment, [slope], xs)


def policy_system() -> System:
    """The policy `norm` for 64 owners, all slots taken."""
    policy, bound = NORM.circuit(CAPACITY), 1 << 40
    rows = native.from_int64(np.random.default_rng(1).integers(-1000, 1000, (CAPACITY + 1) * 16))
    gram = native.gram(list(np.split(rows, CAPACITY + 1)))
    block = policy.committed_block(gram, blinder=native.to_ints(native.expand(_SEED, 1))[0], rows=CAPACITY)
    rho = native.to_ints(native.expand(_SEED, 2))[1]
    weights = [pow(rho, 1 << i, native.R) for i in range(CAPACITY + 1)]
    bits = _bits([bound - norm for norm in native.to_ints(owner_norms(gram, CAPACITY))])
    public = PublicInputs(rho, native.inner(gram, quadratic_weights(weights)), bound)
    return System(
        "norm-64", "policy circuit", policy, policy.assignment(public, block, policy.slack_bits(bits, bound, CAPACITY))
    )


def mixed_system(constraints: int = LARGE) -> System:
    """The mix of the policy circuits at another size: for each slot 62 bits and 31 products by public weights."""
    cs = ConstraintSystem()
    rho, bound = cs.public_inputs(2)
    weights = repeated_squares(cs, rho, _CROSS_TERMS)
    slots = (constraints - _CROSS_TERMS + 1) // (SLACK_BITS + 1 + _CROSS_TERMS)
    for _ in range(slots):
        entries = cs.shared_inputs(_CROSS_TERMS)
        inner_product(cs, entries, weights)
        range_check(cs, bound - entries[0], cs.shared_inputs(SLACK_BITS))
    spare = constraints - (_CROSS_TERMS - 1) - slots * (SLACK_BITS + 1 + _CROSS_TERMS)
    for value in cs.shared_inputs(spare):
        cs.product(value, rho)
    circuit, limit = cs.compile(), 1 << 61
    generator = np.random.default_rng(2)
    inputs = []
    for entries in generator.integers(0, limit, (slots, _CROSS_TERMS)):
        inputs += [native.from_int64(entries), _bits([limit - int(entries[0])])]
    inputs.append(native.expand(_SEED, spare))
    assignment = circuit.assign((12345, limit), native.zeros(0), np.concatenate(inputs))
    return System("mixed-65528", "two thirds bits, as in the policy circuits", _as_policy("mixed", circuit), assignment)


def dense_system(constraints: int = LARGE) -> System:
    """Products of uniform values: no wire is small, for one party or for many."""
    cs = ConstraintSystem()
    cs.public_inputs(1)
    factors, products = cs.shared_inputs(constraints), cs.shared_inputs(constraints)
    for index, product in enumerate(products):
        cs.enforce(factors[index], factors[index - 1], product)
    circuit = cs.compile()
    values = native.expand(_SEED, constraints)
    inputs = np.concatenate((values, native.mul(values, np.roll(values, 1, axis=0))))
    assignment = circuit.assign((7,), native.zeros(0), inputs)
    return System("dense-65528", "uniform wires", _as_policy("dense", circuit), assignment)


SYSTEMS: dict[str, Callable[[], System]] = {
    "norm-64": policy_system,
    "mixed-65528": mixed_system,
    "dense-65528": dense_system,
}


def _as_policy(name: str, circuit: Circuit) -> PolicyCircuit:
    return PolicyCircuit(name, capacity=1, circuit=circuit)


def _bits(values: list[int]) -> FrArray:
    flat = [value >> exponent & 1 for value in values for exponent in range(SLACK_BITS)]
    return native.from_int64(np.array(flat, dtype=np.int64))
