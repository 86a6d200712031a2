"""The circuit of a rounding proof: every entry of a committed row has 12 bits.

A model that was trained in rounds is derived from their sums by integer coefficients (`roundingproof`); what is sold is
that row divided by 2^12 and rounded. The difference e = derived - 2^12 q is committed to by C_E, which anybody computes
from the two, and is in [-2048, 2047] everywhere if and only if q is the row rounded.

Public inputs, behind the constant 1: alpha, y_E. Committed block: e (d), its tail (129), uses of the table (4,096), the
blinder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from circuits.accuracy.linkgadgets import link, look_up, power_plan
from circuits.errors import CircuitError
from circuits.gadgets import occurs
from circuits.r1cs import Circuit, ConstraintSystem
from circuits.statement import TAIL, domain_size

ROUNDING_BITS = 12
"""A row is divided by 2^12; its error is a signed integer of as many bits."""
TABLE, HALF = 1 << ROUNDING_BITS, 1 << ROUNDING_BITS - 1
MAX_ROUNDED = 1 << 17
"""Most entries of a row."""


@dataclass(frozen=True, eq=False)
class RoundingCircuit:
    """The circuit for rows of d entries, as keys name it."""

    dimension: int
    circuit: Circuit

    @property
    def name(self) -> str:
        return f"rounding-{self.dimension}"

    @property
    def capacity(self) -> int:
        return 1


@cache
def rounding_circuit(dimension: int) -> RoundingCircuit:
    """The circuit for rows of so many entries, compiled once a process.

    Raises:
        CircuitError: the dimension is out of range.
    """
    if not 1 <= dimension <= MAX_ROUNDED:
        raise CircuitError(f"rows of {dimension} entries are outside 1..{MAX_ROUNDED}")
    cs = ConstraintSystem()
    alpha, opened = cs.public_inputs(2)
    block = cs.committed_block(dimension + TAIL + TABLE + 1)
    error, tail = block[:dimension], block[dimension : dimension + TAIL]
    *uses, blinder = block[dimension + TAIL :]
    link(cs, error, tail, alpha, alpha, power_plan(domain_size(dimension), 1), opened)
    look_up(cs, [entry + HALF for entry in error], uses, alpha)
    occurs(cs, blinder)
    return RoundingCircuit(dimension, cs.compile())


def rounding_constraints(dimension: int) -> int:
    """Constraints of the circuit, by hand."""
    plan = power_plan(domain_size(dimension), 1)
    return 2 * dimension + TAIL + plan.squarings + 2 * plan.cubes + TABLE + 2


def rounding_named(name: str) -> RoundingCircuit:
    """The circuit of a key's policy name.

    Raises:
        CircuitError: no rounding circuit has the name.
    """
    if not re.fullmatch(r"rounding-[1-9][0-9]{0,5}", name):
        raise CircuitError(f"no rounding circuit is called {name!r}")
    return rounding_circuit(int(name.removeprefix("rounding-")))
