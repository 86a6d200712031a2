"""The key of a sealed row, and what of it the chain gets: k' = k - x and K' = K - xG for a salt x.

Buyer and seller share x, uniform in [1, r), off the chain. Revealing k' is how the seller is paid; whoever lacks x
learns nothing of k from it, since K - k'G = xG is all that others can make of it.
"""

from __future__ import annotations

import native
from circuits.errors import InvalidInputError
from native import G1, R


def key_point(k: int) -> G1:
    """K = kG. Raises InvalidInputError outside [1, r)."""
    return native.g1_mul(native.g1_generator, _nonzero(k, "the key"))


def salted_point(point: G1, salt: int) -> G1:
    """K' = K - xG, which the chain locks.

    Raises:
        InvalidInputError: x outside [1, r), or K' is infinity: draw another salt.
    """
    shifted = native.g1_linear_combination([point, native.g1_generator], [1, R - _nonzero(salt, "the salt")])
    if not any(shifted):
        raise InvalidInputError("the salt equals the key; draw another salt")
    return shifted


def salted_key(k: int, salt: int) -> int:
    """k' = k - x mod r, which the seller reveals. Raises InvalidInputError outside [1, r), or when it is zero."""
    return _nonzero((_nonzero(k, "the key") - _nonzero(salt, "the salt")) % R, "the salted key")


def unsalted_key(revealed: int, salt: int) -> int:
    """k = k' + x mod r, which opens the row. Raises InvalidInputError outside [1, r), or when it is zero."""
    return _nonzero((_nonzero(revealed, "the revealed key") + _nonzero(salt, "the salt")) % R, "the key")


def _nonzero(scalar: int, what: str) -> int:
    if not 0 < scalar < R:
        raise InvalidInputError(f"{what} is not in [1, r)")
    return scalar
