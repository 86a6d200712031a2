"""What a policy is: a name, a claim, and the constraints that it adds for each owner to those that every policy has.

Every policy's circuit has the same wires, since owners, provers and contract know no others:

    public inputs     rho, T, BOUND: what the contract computes or is given (`PublicInputs`); where batches are graded
                      also F, eta, V (`GradedInputs`)
    committed block   K_ij = <row_i, row_j> for 0 <= i <= j <= capacity, then one blinder (`gram`); between them the
                      noise where batches are graded
    private inputs    for each owner the 62 bits of BOUND - K_ii, which owners share beside their gradient

and these constraints, which no policy can leave out:

    T = sum_i rho_i^2 K_ii + 2 sum_(i<j) rho_i rho_j K_ij     ties the block to the owners' commitments
    for each owner 62 boolean bits, sum 2^e bit_e = BOUND - K_ii
    the blinder occurs                                        or the commitment to the block would not hide it

What a policy adds speaks of one owner at a time, and of BOUND. Provers put the same constraints to the validity test of
VALIDATE, whose result names the owner that breaks them. Nothing may speak of two owners: whether it holds would tell
one of them something about the other's gradient, and a proof that fails for it would look like a prover's lie.

A policy publishes nothing of its own, since there is no wire for it (decision 3 in docs/decisions). Every private wire
is linear in (K, blinder, bits) with coefficients known to all, so the same `PolicyCircuit.assignment` runs on values
and on Shamir shares. An empty slot has K = 0 and the bits of BOUND, which are public; constraints have to hold for it
too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np

import native
from circuits.errors import AssignmentError, CircuitError
from circuits.gadgets import occurs, range_check, recompose
from circuits.policies.gram import Gram, committed_block, enforce_quadratic_form, triangle
from circuits.policies.noise import REFERENCE_ROW, enforce_noise, enforce_values, noise_inputs, noise_slots
from circuits.r1cs import Circuit, ConstraintSystem, LinearCombination, Variable
from circuits.statement import SLACK_BITS
from circuits.terms import MAX_BOUND
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


class GradedInputs(NamedTuple, Generic[T]):
    """The public inputs where batches are graded against a reference, in the order of the key's points.

    Attributes:
        rho, square_norm, bound: as in `PublicInputs`.
        scale: F, by which inner products are multiplied.
        eta: the challenge that combines the opened numbers.
        values: V = sum_(i>=1) eta^i v_i over the owners (`transcript.values_sum`).
    """

    rho: T
    square_norm: T
    bound: T
    scale: T
    eta: T
    values: T


KEY_POINTS = 1 + len(PublicInputs._fields)
"""Input points of a verifying key that the contract takes (`PolicyKey.sol`): the constant 1 and the public inputs."""
GRADED_KEY_POINTS = 1 + len(GradedInputs._fields)
"""Input points of a verifying key under which batches are graded."""


def most_owners(key_points: int, capacity: int) -> int:
    """Most owners of a batch, by a key of so many input points: where batches are graded a row is the reference's."""
    return capacity - (key_points == GRADED_KEY_POINTS)


@dataclass(frozen=True, eq=False)
class OwnerWires:
    """What a policy may constrain: one owner's wires, or an empty slot's.

    Attributes:
        bound: BOUND; every prover knows it.
        norm: the squared norm, as BOUND less what the bits make; shared.  Not the wire K_ii, which it equals in every
            proof: corrupt provers can shift that one by what they choose, and a product with it would then open a
            linear function of the owner's secrets.
        slack: the 62 bits of BOUND - K_ii, least significant first; shared.
    """

    bound: Variable
    norm: LinearCombination
    slack: list[Variable]


Constrain = Callable[[ConstraintSystem, OwnerWires], None]


@dataclass(frozen=True, eq=False)
class PolicySpec:
    """A policy.  Specs are compared by identity: one name belongs to one of them (`registry`).

    Attributes:
        name: lower-case letters, digits and hyphens; it names key files, and stands in them.
        claim: what an accepted batch proves, in one sentence.
        constrain: adds the policy's own constraints for one owner, to a system that has that owner's wires and no
            others.  It is called once; every slot of a circuit repeats what it added.  None adds nothing.
        public_inputs: names of the public inputs, in order: those of `PublicInputs`, or where batches are graded those
            of `GradedInputs`.  Such a policy adds nothing: before owners are locked to a graded set, and their numbers
            opened, provers see at degree t that the circuit's constraints hold, and know only those of every policy.
        max_capacity: most rows behind the mask row that a circuit may have.

    Raises:
        CircuitError: the name is none, the claim is empty, the contract knows no such public inputs, a graded policy
            has constraints of its own, or the capacity is more than combined rows can tell apart.
    """

    name: str
    claim: str
    constrain: Constrain | None = None
    public_inputs: tuple[str, ...] = PublicInputs._fields
    max_capacity: int = MAX_CAPACITY

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise CircuitError(f"{self.name!r} cannot name a policy: take up to 64 of a-z, 0-9 and hyphens")
        if not self.claim.strip():
            raise CircuitError(f"policy {self.name!r} does not say what it proves; give it a claim")
        if self.public_inputs not in (PublicInputs._fields, GradedInputs._fields):
            raise CircuitError(
                f"policy {self.name!r} has the public inputs {', '.join(self.public_inputs) or '(none)'}; the contract "
                f"gives every verifier {', '.join(PublicInputs._fields)}, and takes keys with {KEY_POINTS} points"
            )
        if self.graded and self.constrain is not None:
            raise CircuitError(
                f"policy {self.name!r} grades and adds constraints: a set could be locked and its numbers opened that "
                "breaks them and can never be proven; leave constrain out, or the grading"
            )
        if not 1 <= self.max_capacity <= MAX_CAPACITY:
            raise CircuitError(f"policy {self.name!r}: a capacity of {self.max_capacity} is outside 1..{MAX_CAPACITY}")

    @property
    def graded(self) -> bool:
        """Whether its batches are graded against a reference."""
        return self.public_inputs == GradedInputs._fields

    def circuit(self, capacity: int) -> PolicyCircuit:
        """The circuit for up to `capacity` rows, compiled once a process.

        Raises:
            CircuitError: as `compile`.
        """
        return _compiled(self, capacity)

    def compile(self, capacity: int) -> PolicyCircuit:
        """Compiles the circuit for up to `capacity` rows: owners, and before them the reference where there is one.

        Raises:
            CircuitError: the capacity is out of range, or `constrain` adds what cannot be proven jointly, what does not
                hold for empty slots, or inputs that owners do not share.
        """
        least = 1 + REFERENCE_ROW if self.graded else 1
        if not least <= capacity <= self.max_capacity:
            raise CircuitError(f"capacity {capacity} is outside {least}..{self.max_capacity}; choose one of these")
        cs = ConstraintSystem()
        inputs = cs.public_inputs(len(self.public_inputs))
        public = PublicInputs(*inputs[: len(PublicInputs._fields)])
        size = triangle(capacity + 1)
        *block, blinder = cs.committed_block(size + (noise_slots(capacity) if self.graded else 0) + 1)
        gram, noise = Gram(block[:size], capacity + 1), block[size:]
        enforce_quadratic_form(cs, gram, public.rho, public.square_norm)
        further = _further(self)
        for row in range(1, capacity + 1):
            slack = cs.shared_inputs(SLACK_BITS)
            range_check(cs, public.bound - gram[row, row], slack)
            if further is not None:
                further.repeat_in(cs, {1: public.bound, **{2 + e: bit for e, bit in enumerate(slack)}})
        if self.graded:
            _enforce_opened(cs, gram, noise, GradedInputs(*inputs))
        occurs(cs, blinder)
        return PolicyCircuit(self.name, capacity, cs.compile(), self._owner_circuit(), self.graded)

    def holds(self, bound: int, norm: int) -> bool:
        """Whether a gradient of this squared norm keeps the policy; an owner asks before it shares anything.

        A validity test that fails opens a combination of the owner's secrets to the provers.
        """
        if not 0 <= norm <= bound:
            return False
        return _holds(self._owner_circuit(), bound, norm)

    def _owner_circuit(self) -> Circuit | None:
        """The policy's own constraints over public input BOUND and the bits of one owner."""
        further = _further(self)
        return None if further is None else further.compile()


def _enforce_opened(cs: ConstraintSystem, gram: Gram, noise: list[Variable], public: GradedInputs[Variable]) -> None:
    """Noise in range, and the opened numbers from it and the inner products with the reference."""
    products = [gram[REFERENCE_ROW, row] for row in range(REFERENCE_ROW + 1, gram.rows)]
    enforce_noise(cs, noise)
    enforce_values(cs, products, noise, public.scale, public.eta, public.values)


@cache
def _further(spec: PolicySpec) -> ConstraintSystem | None:
    """What a policy adds for one owner, over wire 1 for BOUND and 2.. for the bits; checked on many bounds."""
    if spec.constrain is None:
        return None
    cs = ConstraintSystem()
    (bound,), slack = cs.public_inputs(1), cs.shared_inputs(SLACK_BITS)
    spec.constrain(cs, OwnerWires(bound, bound - recompose(slack), slack))
    cs.require_own_wires()
    circuit = cs.compile()
    if len(circuit.input_wires) != SLACK_BITS:
        raise CircuitError(
            f"policy {spec.name!r} declares private inputs of its own; owners share {SLACK_BITS} bits each, the "
            "slack of their norm, and nothing else beside the gradient"
        )
    for value in _tried_bounds():
        _require_bound(spec.name, circuit, value)
    return cs


def _tried_bounds() -> Iterator[int]:
    """Bounds of all sizes, even and odd."""
    sizes = range(SLACK_BITS)
    tried = (10**6, 6**20, *(1 << e for e in sizes), *(MAX_BOUND >> e for e in sizes))
    return (bound for bound in tried if 0 < bound <= MAX_BOUND)


def _holds(per_owner: Circuit | None, bound: int, norm: int) -> bool:
    bits = native.from_ints([bound - norm >> exponent & 1 for exponent in range(SLACK_BITS)])
    return per_owner is None or per_owner.is_satisfied(per_owner.assign((bound,), native.zeros(0), bits))


def _require_bound(name: str, per_owner: Circuit | None, bound: int) -> None:
    if not _holds(per_owner, bound, 0):
        raise CircuitError(
            f"policy {name!r} does not hold for an empty slot (norm 0, the bits of BOUND) where BOUND is {bound}, so "
            "no batch with fewer owners than slots could be proven"
        )


@cache
def _compiled(spec: PolicySpec, capacity: int) -> PolicyCircuit:
    return spec.compile(capacity)


@dataclass(frozen=True, eq=False)
class PolicyCircuit:
    """A policy's circuit.

    Attributes:
        capacity: most rows behind the mask row: owners, and before them the reference where batches are graded.
        per_owner: what the policy adds, for one owner alone (`further_residual`); None if it adds nothing.
        graded: whether it shows opened numbers; its block has noise then, and its public inputs are `GradedInputs`.
    """

    name: str
    capacity: int
    circuit: Circuit
    per_owner: Circuit | None = None
    graded: bool = False

    @property
    def gram_size(self) -> int:
        """Entries of the Gram triangle, with which the committed block begins."""
        return triangle(self.capacity + 1)

    def committed_block(self, gram: FrArray, blinder: int, rows: int, noise: FrArray | None = None) -> FrArray:
        """The committed block from the Gram entries of rows 0..rows, (triangle(rows+1), 4), or shares of them; see
        `gram.committed_block`.

        Args:
            rows: owners, and where batches are graded the reference.
            noise: there, and only there, that of the owners, (rows - 1, 4).

        Raises:
            AssignmentError: `rows` or the number of entries does not fit the circuit.
        """
        self._check_rows(rows)
        self._check_graded(noise is not None)
        return committed_block(gram, blinder, rows, self.capacity, noise)

    def slack_bits(self, bits: FrArray, bound: int, rows: int) -> FrArray:
        """The bit wires of norms, (capacity * 62, 4), from the rows' bits (rows * 62, 4) or shares of them.

        Raises:
            AssignmentError: `rows` or the number of bits does not fit the circuit.
        """
        self._check_rows(rows)
        if bits.shape != (rows * SLACK_BITS, 4):
            raise AssignmentError(f"{rows} rows have {rows * SLACK_BITS} bits, got {bits.shape}")
        empty = np.zeros((self.capacity - rows, SLACK_BITS, 4), dtype=np.uint64)
        empty[:, :, 0] = [bound >> exponent & 1 for exponent in range(SLACK_BITS)]
        return np.concatenate((bits, empty.reshape(-1, 4)))

    def private_bits(self, norm_bits: FrArray, noise_bits: FrArray, bound: int, rows: int) -> FrArray:
        """All bit wires where batches are graded, (capacity * 62 + (capacity - 1) * 40, 4), or shares of them.

        Args:
            norm_bits: (rows * 62, 4), as for `slack_bits`; the reference's come first.
            noise_bits: ((rows - 1) * 40, 4), an owner's 40 bits of noise after the other's, least significant first.

        Raises:
            AssignmentError: `rows` or a number of bits does not fit the circuit, or it does not grade.
        """
        self._check_graded(True)
        norms = self.slack_bits(norm_bits, bound, rows)
        return np.concatenate((norms, noise_inputs(noise_bits, rows, self.capacity)))

    def assignment(self, public: PublicInputs[int] | GradedInputs[int], block: FrArray, bits: FrArray) -> FrArray:
        """The full wire vector from the public inputs, `committed_block` and `slack_bits` (`private_bits` where batches
        are graded), or shares of them.

        Linear in (block, bits) with public coefficients; see `Circuit.assign`.
        """
        return self.circuit.assign(public, block, bits)

    def require_bound(self, bound: int) -> None:
        """Raise CircuitError unless slots of a batch may stay empty under this BOUND.

        Asked before a batch is proven: one that fails for an empty slot would look like a prover's lie.
        """
        _require_bound(self.name, self.per_owner, bound)

    def further_residual(self, bound: int, bits: FrArray, weight: int) -> int:
        """sum_k weight^k (a_k b_k - c_k) over what the policy adds for an owner: zero if it holds, for a random weight.

        Args:
            bits: (62, 4), or shares of degree t; of such the result is a share of degree 2t.
        """
        if self.per_owner is None:
            return 0
        defects = self.per_owner.defects(self.per_owner.assign((bound,), native.zeros(0), bits))
        return native.inner(defects, native.powers(weight, len(defects)))

    def _check_rows(self, rows: int) -> None:
        least = 1 + REFERENCE_ROW if self.graded else 1
        if not least <= rows <= self.capacity:
            raise AssignmentError(f"{rows} rows do not fit a circuit of capacity {self.capacity}")

    def _check_graded(self, graded: bool) -> None:
        if graded != self.graded:
            raise AssignmentError(f"policy {self.name!r} {'grades' if self.graded else 'does not grade'} its batches")
