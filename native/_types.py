"""Types of the facade, and Python integers to the bytes that the kernel takes."""

from collections.abc import Iterable
from typing import NewType, TypeAlias

import numpy as np
import numpy.typing as npt

from native._errors import NonCanonicalError

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of the scalar field of BN254, a prime."""

FrArray: TypeAlias = npt.NDArray[np.uint64]
"""A vector over the scalar field: C-contiguous uint64 of shape (n, 4), each row the little-endian limbs of
a canonical residue (below R, not in Montgomery form)."""

G1 = NewType("G1", bytes)
"""A point of G1: 64 bytes, x then y big-endian (EIP-196); infinity is all zeros."""

G2 = NewType("G2", bytes)
"""A point of G2: 128 bytes, x_im, x_re, y_im, y_re big-endian (EIP-197); infinity is all zeros."""


def scalar_bytes(value: int) -> bytes:
    """32 little-endian bytes of an integer in [0, R). Raises NonCanonicalError outside."""
    if not 0 <= value < R:
        raise NonCanonicalError("the scalar is not in [0, r); reduce it modulo native.R first")
    return value.to_bytes(32, "little")


def scalars_bytes(values: Iterable[int]) -> bytes:
    """The encodings of several scalars, one after the other."""
    return b"".join(scalar_bytes(value) for value in values)


def scalar(data: bytes) -> int:
    """The integer behind 32 little-endian bytes."""
    return int.from_bytes(data, "little")


def scalars(data: bytes) -> list[int]:
    """The integers behind 32 little-endian bytes each."""
    return [scalar(data[i : i + 32]) for i in range(0, len(data), 32)]
