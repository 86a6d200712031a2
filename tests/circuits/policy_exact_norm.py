"""The policy of docs/how-to-write-a-policy.md, as a package beside gradroll would have it: one file, nothing else.

For gradients of signs (signSGD): with entries of -1 and 1 every squared norm is the dimension, so a task with that
BOUND takes no gradient that was scaled down to be paid for next to nothing.
"""

from __future__ import annotations

from circuits.policies.registry import register
from circuits.policies.spec import OwnerWires, PolicySpec
from circuits.r1cs import ConstraintSystem


def exact_norm(cs: ConstraintSystem, owner: OwnerWires) -> None:
    """K_ii (BOUND - K_ii) = 0: the squared norm is BOUND, or 0 as in an empty slot."""
    cs.enforce(owner.norm, owner.bound - owner.norm, 0)


EXACT_NORM = PolicySpec(
    "exact-norm", "Every owner's squared norm is exactly BOUND, or its gradient is zero.", exact_norm
)
register(EXACT_NORM)
