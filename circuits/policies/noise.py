"""The part of a circuit that shows opened numbers: v_i = F <row_i, row_1> + n_i for the owners' rows 2..m.

Row 1 is the reference.  The noise n_i of rows 2..capacity lies in the committed block, between the Gram triangle and
the blinder, so it is fixed before eta is drawn, which combines the numbers.  Empty slots have K = 0, n = 0 and v = 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import native
from circuits.errors import AssignmentError
from circuits.gadgets import equal, range_check
from circuits.grading import NOISE_BITS
from circuits.r1cs import ConstraintSystem, LinearCombination, Variable
from native import FrArray

REFERENCE_ROW = 1
"""Row of the reference; the owners' rows follow."""


def noise_slots(capacity: int) -> int:
    """Rows that have noise in a circuit for `capacity` rows: all but the reference."""
    return capacity - REFERENCE_ROW


def enforce_noise(cs: ConstraintSystem, noise: Sequence[Variable]) -> None:
    """0 <= n_i < 2^40, by 40 private bits each."""
    for value in noise:
        range_check(cs, value, cs.shared_inputs(NOISE_BITS))


def enforce_values(
    cs: ConstraintSystem, products: Sequence[Variable], noise: Sequence[Variable], scale: Variable, eta: Variable,
    values: Variable,
) -> None:  # fmt: skip
    """values = sum_(i>=1) eta^i (scale w_i + n_i) over the owners' slots.

    By Horner from the last slot, so that one factor of each product is public and all is linear in (w, n).

    Args:
        products: w_i, the inner products of the owners' rows with the reference.
    """
    combined = LinearCombination.constant(0)
    for product, drawn in zip(reversed(products), reversed(noise), strict=True):
        combined = cs.product(cs.product(product, scale) + drawn + combined, eta)
    equal(cs, combined, values)


def noise_inputs(bits: FrArray, rows: int, capacity: int) -> FrArray:
    """The private bits of all slots, ((capacity - 1) * 40, 4), from those of rows 2..`rows`, or shares of them.

    Raises:
        AssignmentError: the number of bits is not that of so many rows.
    """
    slots = noise_slots(rows)
    if bits.shape != (slots * NOISE_BITS, 4):
        raise AssignmentError(f"{slots} owners have {slots * NOISE_BITS} bits of noise, got {bits.shape}")
    return np.concatenate((bits, native.zeros((capacity - rows) * NOISE_BITS)))
