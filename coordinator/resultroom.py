"""How much of the store for results a batch takes."""

from __future__ import annotations

from circuits.payload import largest_payload
from circuits.statement import TAIL

_SCALAR = 32
"""Bytes of a scalar in a bundle."""


def room_for(dimension: int, owners: int) -> int:
    """Bytes of a batch's bundle, but for headers and signatures, and of its sum."""
    return _SCALAR * (dimension + TAIL * (owners + 2)) + largest_payload(dimension)
