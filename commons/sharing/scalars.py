"""Field elements that somebody else encoded."""

from __future__ import annotations

import numpy as np

import native
from circuits.errors import WireError
from native import FrArray

_SCALAR = 32


def canonical(vector: FrArray, what: str) -> FrArray:
    """The vector itself.  Raises WireError when ``what`` holds an element that is not below r."""
    try:
        native.check(vector)
    except ValueError as error:
        raise WireError(f"{what} holds a scalar that is not below the field's order: {error}") from error
    return vector


def from_little_endian(raw: bytes, what: str) -> FrArray:
    """Elements of 32 little-endian bytes each, FrArray (n, 4).

    Raises WireError for one that is not below r, or is cut off.
    """
    if len(raw) % _SCALAR:
        raise WireError(f"{what} has {len(raw)} bytes, which are no scalars of {_SCALAR} each")
    return canonical(np.frombuffer(raw, "<u8").astype(np.uint64, copy=False).reshape(-1, 4), what)
