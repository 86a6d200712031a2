"""How much of the store for results a batch takes."""

from __future__ import annotations

from circuits.payload import largest_payload
from circuits.statement import TAIL

_SCALAR = 32
"""Bytes of a scalar in a bundle."""


def room_for(dimension: int, rows: int) -> int:
    """Bytes of a batch's bundle, but for headers and signatures, and of its sum.

    Args:
        rows: owners, and the reference against which they are graded, if they are.
    """
    return _SCALAR * (dimension + TAIL * (rows + 2)) + largest_payload(dimension)
