"""What a policy is: a name, a claim, and the constraints that it adds to those that every policy has.

Every policy's circuit has the same wires, since owners, provers and contract know no others:

    public inputs     rho, T, BOUND: what the contract computes or is given (`PublicInputs`)
    committed block   K_ij = <row_i, row_j> for 0 <= i <= j <= capacity, then one blinder (`gram`)
    private inputs    for each owner the 62 bits of BOUND - K_ii, which owners share beside their gradient

and these constraints, which no policy can leave out:

    T = sum_i rho_i^2 K_ii + 2 sum_(i<j) rho_i rho_j K_ij     ties the block to the owners' commitments
    the blinder occurs                                        or the commitment to the block would not hide it

A policy publishes nothing, since there is no wire for it (decision 3 in docs/decisions). Every private wire is linear
in (K, blinder, bits) with coefficients known to all, so the same `PolicyCircuit.assignment` runs on values and on
Shamir shares. An empty slot has K = 0 and the bits of BOUND, which are public; constraints have to hold for it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from circuits.errors import AssignmentError, CircuitError
from circuits.gadgets import occurs
from circuits.policies.gram import Gram, committed_block, enforce_quadratic_form, triangle
from circuits.r1cs import Circuit, ConstraintSystem, Variable
from circuits.statement import SLACK_BITS
from native import FrArray

MAX_CAPACITY = 120
"""Beyond it the error of combining rows by rho^(2^i), 2^(capacity + 2) / r, would exceed 2^-128."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

T = TypeVar("T")


class PublicInputs(NamedTuple, Generic[T]):
    """The public inputs in the order of the key's points behind the constant 1: values (int), or wires.

    Attributes:
        rho: the challenge that combines the rows.
        square_norm: T, the squared norm of the combined row.
        bound: BOUND, the task's bound of squared norms.
    """

    rho: T
    square_norm: T
    bound: T


KEY_POINTS = 1 + len(PublicInputs._fields)
"""Input points of a verifying key that the contract takes (`PolicyKey.sol`): the constant 1 and the public inputs."""


@dataclass(frozen=True, eq=False)
class PolicyWires:
    """What a policy may constrain.

    Attributes:
        public: the public inputs; every prover knows their values.
        gram: K, shared; row 0 is the provers' mask row, uniform, of which nothing holds.
        slack: by owner 1..capacity the wires of the bits of BOUND - K_ii, least significant first; shared.
    """

    public: PublicInputs[Variable]
    gram: Gram
    slack: Mapping[int, list[Variable]]

    @property
    def owners(self) -> range:
        """The owners' rows, 1..capacity; which of them a batch leaves empty is not known here."""
        return range(1, self.gram.rows)


Constrain = Callable[[ConstraintSystem, PolicyWires], None]


@dataclass(frozen=True, eq=False)
class PolicySpec:
    """A policy.  Specs are compared by identity: one name belongs to one of them (`registry`).

    Attributes:
        name: lower-case letters, digits and hyphens; it names key files, and stands in them.
        claim: what an accepted batch proves, in one sentence.
        constrain: adds the policy's constraints; the same calls in the same order at every time, or keys do not fit.
        public_inputs: names of the public inputs, in order.
        max_capacity: most slots for owners that a circuit may have.

    Raises:
        CircuitError: the name is none, the claim is empty, the contract knows no such public inputs, or the capacity is
            more than combined rows can tell apart.
    """

    name: str
    claim: str
    constrain: Constrain
    public_inputs: tuple[str, ...] = PublicInputs._fields
    max_capacity: int = MAX_CAPACITY

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise CircuitError(f"{self.name!r} cannot name a policy: take up to 64 of a-z, 0-9 and hyphens")
        if not self.claim.strip():
            raise CircuitError(f"policy {self.name!r} does not say what it proves; give it a claim")
        if self.public_inputs != PublicInputs._fields:
            raise CircuitError(
                f"policy {self.name!r} has the public inputs {', '.join(self.public_inputs) or '(none)'}; the contract "
                f"gives every verifier {', '.join(PublicInputs._fields)}, and takes keys with {KEY_POINTS} points"
            )
        if not 1 <= self.max_capacity <= MAX_CAPACITY:
            raise CircuitError(f"policy {self.name!r}: a capacity of {self.max_capacity} is outside 1..{MAX_CAPACITY}")

    def circuit(self, capacity: int) -> PolicyCircuit:
        """The circuit for up to `capacity` owners, compiled once a process.

        Raises:
            CircuitError: as `compile`.
        """
        return _compiled(self, capacity)

    def compile(self, capacity: int) -> PolicyCircuit:
        """Compiles the circuit for up to `capacity` owners.

        Raises:
            CircuitError: the capacity is out of range, or `constrain` adds what cannot be proven jointly or inputs
                that owners do not share.
        """
        if not 1 <= capacity <= self.max_capacity:
            raise CircuitError(f"capacity {capacity} is outside 1..{self.max_capacity}")
        cs = ConstraintSystem()
        public = PublicInputs(*cs.public_inputs(len(self.public_inputs)))
        *entries, blinder = cs.committed_block(triangle(capacity + 1) + 1)
        gram = Gram(entries, capacity + 1)
        enforce_quadratic_form(cs, gram, public.rho, public.square_norm)
        slack = {owner: cs.shared_inputs(SLACK_BITS) for owner in range(1, capacity + 1)}
        self.constrain(cs, PolicyWires(public, gram, slack))
        occurs(cs, blinder)
        circuit = cs.compile()
        if len(circuit.input_wires) != capacity * SLACK_BITS:
            raise CircuitError(
                f"policy {self.name!r} declares private inputs of its own; owners share {SLACK_BITS} bits each, the "
                "slack of their norm, and nothing else beside the gradient"
            )
        return PolicyCircuit(self.name, capacity, circuit)


@cache
def _compiled(spec: PolicySpec, capacity: int) -> PolicyCircuit:
    return spec.compile(capacity)


@dataclass(frozen=True, eq=False)
class PolicyCircuit:
    """A policy's circuit for up to `capacity` owners."""

    name: str
    capacity: int
    circuit: Circuit

    @property
    def gram_size(self) -> int:
        """Entries of the Gram block without the blinder."""
        return triangle(self.capacity + 1)

    def committed_block(self, gram: FrArray, blinder: int, owners: int) -> FrArray:
        """The committed block, (gram_size + 1, 4), from the Gram entries of rows 0..owners, (triangle(owners+1), 4), or
        shares of it; see `gram.committed_block`.

        Raises:
            AssignmentError: `owners` or the number of entries does not fit the circuit.
        """
        self._check_owners(owners)
        return committed_block(gram, blinder, owners, self.capacity)

    def slack_bits(self, bits: FrArray, bound: int, owners: int) -> FrArray:
        """The bit wires, (capacity * 62, 4), from the owners' bits (owners * 62, 4) or shares of them.

        Raises:
            AssignmentError: `owners` or the number of bits does not fit the circuit.
        """
        self._check_owners(owners)
        if bits.shape != (owners * SLACK_BITS, 4):
            raise AssignmentError(f"{owners} owners have {owners * SLACK_BITS} bits, got {bits.shape}")
        empty = np.zeros((self.capacity - owners, SLACK_BITS, 4), dtype=np.uint64)
        empty[:, :, 0] = [bound >> exponent & 1 for exponent in range(SLACK_BITS)]
        return np.concatenate((bits, empty.reshape(-1, 4)))

    def assignment(self, public: PublicInputs[int], block: FrArray, bits: FrArray) -> FrArray:
        """The full wire vector from `PublicInputs`, `committed_block` and `slack_bits` (or shares of them).

        Linear in (block, bits) with public coefficients; see `Circuit.assign`.
        """
        return self.circuit.assign(public, block, bits)

    def _check_owners(self, owners: int) -> None:
        if not 1 <= owners <= self.capacity:
            raise AssignmentError(f"{owners} owners do not fit a circuit of capacity {self.capacity}")
