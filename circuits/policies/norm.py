"""The policy `norm`: for each owner 62 boolean bits with sum 2^e bit_e = BOUND - K_ii.

The constraints that it shares with all policies are in `spec`.
"""

from __future__ import annotations

from circuits.gadgets import range_check
from circuits.policies.spec import PolicySpec, PolicyWires
from circuits.r1cs import ConstraintSystem


def bound_norms(cs: ConstraintSystem, wires: PolicyWires) -> None:
    """Every owner's squared norm is at most BOUND; policies that say more begin with it."""
    for owner in wires.owners:
        range_check(cs, wires.public.bound - wires.gram[owner, owner], wires.slack[owner])


NORM = PolicySpec("norm", "Every owner's squared norm is at most BOUND.", bound_norms)
