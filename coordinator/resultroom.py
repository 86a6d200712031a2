"""How much of the store for results a batch takes."""

from __future__ import annotations

from circuits.payload import largest_payload
from circuits.statement import TAIL
from commons.protocol.sealedreplies import largest_list

_SCALAR = 32
"""Bytes of a scalar in a bundle."""


def room_for(dimension: int, rows: int, sealed: int = 0) -> int:
    """Bytes of a batch's bundle, but for headers and signatures, and of its sum.

    Args:
        rows: owners, and the reference against which they are graded, if they are.
        sealed: provers whose sealed shares are kept in place of the sum, where that is private.
    """
    of_sum = largest_list(dimension + TAIL, sealed) if sealed else largest_payload(dimension)
    return _SCALAR * (dimension + TAIL * (rows + 2)) + of_sum
