"""What norm bounds and numbers of owners a task can have."""

from __future__ import annotations

import math

from circuits.errors import InvalidInputError
from circuits.statement import MAX_BOUND


def quantised_bound(norm: float, fraction_bits: int) -> int:
    """BOUND of a task whose gradients have at most this L2 norm: floor((norm * 2^f)^2).

    Raises:
        InvalidInputError: the norm is not positive, or the bound leaves (0, 2^62).
    """
    if not math.isfinite(norm) or norm <= 0:
        raise InvalidInputError(f"a norm bound is a positive number, not {norm}; give the largest norm of a gradient")
    bound = math.floor(math.ldexp(norm, fraction_bits) ** 2) if norm < 2.0**64 else MAX_BOUND + 1
    if not 1 <= bound <= MAX_BOUND:
        raise InvalidInputError(
            f"norm {norm} with {fraction_bits} fraction bits gives a squared bound outside [1, "
            f"2^62); use other fraction bits"
        )
    return bound


def check_capacity(bound: int, owners: int) -> None:
    """Refuse terms under which a sum of gradients could leave 64 bits.

    Raises:
        InvalidInputError: BOUND and the number of owners are too large together.
    """
    if owners * (math.isqrt(bound) + 1) >= 1 << 63:
        raise InvalidInputError(f"{owners} gradients of squared norm {bound} can exceed 64 bits; lower the bound")
