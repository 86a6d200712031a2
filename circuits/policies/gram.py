"""The Gram matrix K_ij = <row_i, row_j> of a batch as it lies everywhere: the upper triangle, row-major.

Rows are numbered 0..m: row 0 is the provers' mask row, rows 1..m the owners (of which the first is the reference where
batches are graded). A circuit has more slots than a batch has
owners; entries of empty slots are zero. The committed block of a circuit is its triangle, then noise where the circuit
has it (`noise`), then one random blinder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

import native
from circuits.errors import AssignmentError
from circuits.gadgets import equal, inner_product, repeated_squares
from circuits.policies.noise import noise_slots
from circuits.r1cs import ConstraintSystem, IndexArray, LinearCombination, Variable
from native import FrArray, R


def triangle(rows: int) -> int:
    """Number of pairs i <= j over `rows` rows."""
    return rows * (rows + 1) // 2


def pairs(rows: int) -> Iterator[tuple[int, int]]:
    """The pairs i <= j over `rows` rows, in the order of the triangle."""
    return ((i, j) for i in range(rows) for j in range(i, rows))


def position(i: int, j: int, rows: int) -> int:
    """Where K_ij = K_ji is in the triangle over `rows` rows; `pairs` has (min, max) there."""
    low, high = min(i, j), max(i, j)
    return low * rows - low * (low - 1) // 2 + high - low


def owner_norms(gram: FrArray, owners: int) -> FrArray:
    """The squared norms K_ii of rows 1..owners, (owners, 4), from the triangle over rows 0..owners, or shares of it."""
    return np.ascontiguousarray(gram[[position(i, i, owners + 1) for i in range(1, owners + 1)]])


def quadratic_weights(weights: Sequence[int]) -> FrArray:
    """Coefficients of the triangle in sum_ij w_i w_j K_ij, (triangle(len(weights)), 4)."""
    return native.from_ints([weights[i] * weights[j] * (1 if i == j else 2) % R for i, j in pairs(len(weights))])


def committed_block(gram: FrArray, blinder: int, rows: int, capacity: int, noise: FrArray | None = None) -> FrArray:
    """A circuit's committed block from the entries of rows 0..rows, (triangle(rows + 1), 4), or shares of them.

    Args:
        noise: n_2..n_rows, (rows - 1, 4), where the circuit has noise (`noise`).

    Returns shape (triangle(capacity + 1) + 1, 4), with noise capacity - 1 more: entries of empty slots are zero, the
    blinder comes last.

    Raises:
        AssignmentError: the number of entries, or of values of noise, is not that of so many rows.
    """
    if gram.shape != (triangle(rows + 1), 4):
        raise AssignmentError(f"{rows} rows have {triangle(rows + 1)} Gram entries, got {gram.shape}")
    size = triangle(capacity + 1)
    slots = 0 if noise is None else noise_slots(capacity)
    block = native.zeros(size + slots + 1)
    block[_embedding(capacity, rows)] = gram
    if noise is not None:
        if noise.shape != (noise_slots(rows), 4):
            raise AssignmentError(f"{noise_slots(rows)} owners have as many values of noise, got {noise.shape}")
        block[size : size + len(noise)] = noise
    block[-1] = native.from_ints([blinder])[0]
    return block


@cache
def _embedding(capacity: int, rows: int) -> IndexArray:
    """Positions in the circuit's triangle of the entries of the triangle over rows 0..rows."""
    return np.array([position(i, j, capacity + 1) for i, j in pairs(rows + 1)], dtype=np.intp)


class Gram:
    """The wires of the triangle, read as a symmetric matrix: `gram[i, j]`, 0 <= i, j < rows."""

    def __init__(self, wires: Sequence[Variable], rows: int) -> None:
        self._wires = wires
        self.rows = rows

    def __getitem__(self, pair: tuple[int, int]) -> Variable:
        i, j = pair
        return self._wires[position(i, j, self.rows)]


def enforce_quadratic_form(cs: ConstraintSystem, gram: Gram, rho: Variable, value: Variable) -> None:
    """value = sum_i rho_i^2 K_ii + 2 sum_(i<j) rho_i rho_j K_ij with rho_0 = rho, rho_(i+1) = rho_i^2.

    Distinct pairs (i, j) meet distinct powers of rho, which ties every K_ij to the commitments.
    """
    weights = repeated_squares(cs, rho, gram.rows)
    by_row: list[LinearCombination] = []
    for i in range(gram.rows):
        columns = range(i, gram.rows)
        entries = [gram[i, j] * (1 if i == j else 2) for j in columns]
        by_row.append(inner_product(cs, entries, [weights[j] for j in columns]))
    equal(cs, inner_product(cs, by_row, weights), value)
