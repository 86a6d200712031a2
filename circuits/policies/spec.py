"""The policy circuit over the Gram matrix of a batch: `norm`.

Rows are numbered 0..capacity: row 0 is the provers' mask row, rows 1..m the owners, the rest empty slots.
The committed block holds K_ij = <row_i, row_j> for i <= j, row-major, then one random blinder. Constraints:

1. rho_0 = rho, rho_(i+1) = rho_i^2: distinct pairs (i, j) meet distinct powers of rho;
2. T = sum_i rho_i^2 K_ii + 2 sum_(i<j) rho_i rho_j K_ij;
3. for each owner 62 boolean bits with sum 2^e bit_e = BOUND - K_ii;
4. the blinder occurs.

Every private wire is linear in (K, blinder, bits) with coefficients known to all, so the same `assignment`
runs on values and on Shamir shares. An empty slot has K = 0 and the bits of BOUND, which are public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

import native
from circuits.errors import AssignmentError, CircuitError
from circuits.gadgets import equal, inner_product, occurs, range_check, repeated_squares
from circuits.r1cs import Circuit, ConstraintSystem, IndexArray, LinearCombination, Variable
from circuits.statement import SLACK_BITS
from native import FrArray

MAX_CAPACITY = 120
"""Beyond it the error of combining rows by rho^(2^i), 2^(capacity + 2) / r, would exceed 2^-128."""


@dataclass(frozen=True, eq=False)
class PolicyCircuit:
    """A policy circuit for up to `capacity` owners."""

    name: str
    capacity: int
    circuit: Circuit

    @property
    def gram_size(self) -> int:
        """Entries of the Gram block without the blinder."""
        return triangle(self.capacity + 1)

    def committed_block(self, gram: FrArray, blinder: int, owners: int) -> FrArray:
        """The committed block from the Gram entries of rows 0..owners, (triangle(owners+1), 4), or shares of
        it.

        Returns shape (gram_size + 1, 4): entries of empty slots are zero, the blinder comes last.

        Raises:
            AssignmentError: `owners` or the number of entries does not fit the circuit.
        """
        self._check_owners(owners)
        if gram.shape != (triangle(owners + 1), 4):
            raise AssignmentError(f"{owners} owners have {triangle(owners + 1)} Gram entries, got {gram.shape}")
        block = native.zeros(self.gram_size + 1)
        block[_embedding(self.capacity, owners)] = gram
        block[-1] = native.from_ints([blinder])[0]
        return block

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

    def assignment(self, public: tuple[int, ...], block: FrArray, bits: FrArray) -> FrArray:
        """The full wire vector from `public_inputs`, `committed_block` and `slack_bits` (or shares of them).

        Linear in (block, bits) with public coefficients; see `Circuit.assign`.
        """
        return self.circuit.assign(public, block, bits)

    def _check_owners(self, owners: int) -> None:
        if not 1 <= owners <= self.capacity:
            raise AssignmentError(f"{owners} owners do not fit a circuit of capacity {self.capacity}")


def triangle(rows: int) -> int:
    """Number of pairs i <= j over `rows` rows."""
    return rows * (rows + 1) // 2


@cache
def norm(capacity: int) -> PolicyCircuit:
    """Every owner's squared norm is at most BOUND.

    Raises:
        CircuitError: the capacity is outside 1..120.
    """
    if not 1 <= capacity <= MAX_CAPACITY:
        raise CircuitError(f"capacity {capacity} is outside 1..{MAX_CAPACITY}")
    cs = ConstraintSystem()
    rho, squared_norm, bound = cs.public_inputs(3)
    *gram_wires, blinder = cs.committed_block(triangle(capacity + 1) + 1)
    gram = _Gram(gram_wires, capacity + 1)
    _enforce_quadratic_form(cs, gram, rho, squared_norm)
    for owner in range(1, capacity + 1):
        range_check(cs, bound - gram[owner, owner], cs.shared_inputs(SLACK_BITS))
    occurs(cs, blinder)
    return PolicyCircuit("norm", capacity, cs.compile())


POLICIES: dict[str, Callable[[int], PolicyCircuit]] = {"norm": norm}


def policy(name: str, capacity: int) -> PolicyCircuit:
    """The policy of that name.

    Raises:
        CircuitError: no policy has the name.
    """
    try:
        return POLICIES[name](capacity)
    except KeyError:
        raise CircuitError(f"no policy is called {name!r}; choose one of {', '.join(POLICIES)}") from None


class _Gram:
    """The symmetric matrix behind the flat upper triangle."""

    def __init__(self, wires: list[Variable], rows: int) -> None:
        self._wires = wires
        self.rows = rows

    def __getitem__(self, pair: tuple[int, int]) -> Variable:
        low, high = min(pair), max(pair)
        return self._wires[low * self.rows - low * (low - 1) // 2 + high - low]


def _enforce_quadratic_form(cs: ConstraintSystem, gram: _Gram, rho: Variable, value: Variable) -> None:
    weights = repeated_squares(cs, rho, gram.rows)
    by_row: list[LinearCombination] = []
    for i in range(gram.rows):
        columns = range(i, gram.rows)
        entries = [gram[i, j] * (1 if i == j else 2) for j in columns]
        by_row.append(inner_product(cs, entries, [weights[j] for j in columns]))
    equal(cs, inner_product(cs, by_row, weights), value)


@cache
def _embedding(capacity: int, owners: int) -> IndexArray:
    """Positions in the capacity-sized triangle of the entries of the triangle over rows 0..owners."""
    rows = np.arange(owners + 1)
    i, j = (index.ravel() for index in np.meshgrid(rows, rows, indexing="ij"))
    i, j = i[i <= j], j[i <= j]
    return i * (capacity + 1) - i * (i - 1) // 2 + j - i
