"""The published aggregate: sums of quantised gradients, and the opening of their commitment.

Layout (version 1): version byte, width b in bytes, dimension as 4 bytes, d signed b-byte integers, the blinder's sum as
32 bytes, then 128 sums of masks, signed, of 16 bytes each.  All big-endian.  Exactly one encoding for each aggregate.

Sums of masks are signed because only projections are checked, not masks: a dishonest owner's mask may be a little below
zero, and must not make an encodable sum impossible.  A batch that passed has every sum within 2^118 (256 owners).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import native
from circuits.errors import WireError
from circuits.statement import ROWS, TAIL
from circuits.terms import MAX_DIMENSION
from native import FrArray

VERSION = 1
_PREFIX = 6
_TAIL_BYTES = 32 + 16 * ROWS
_HALF = 1 << 127
_SIGN = np.array([1 << 63, 0], np.uint64)
"""The sign bit of a 128-bit integer, high word first: flipping it turns an offset of 2^127 into two's complement."""
MAX_INLINE = 16 * 1024
"""Largest payload that may ride in a transaction, bytes."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A batch's aggregate.

    Attributes:
        values: int64[d], the coordinate-wise sums of quantised gradients.
        tail: FrArray (129, 4): the sums of blinders and masks that open the commitment.
    """

    values: npt.NDArray[np.int64]
    tail: FrArray


def _width(values: npt.NDArray[np.int64]) -> int:
    """The least number of bytes that holds every value in two's complement."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    return max((max(high, -low - 1).bit_length() + 8) // 8, 1)


def largest_payload(dimension: int) -> int:
    """Most bytes of the aggregate of a model of so many coordinates."""
    return _PREFIX + 8 * dimension + _TAIL_BYTES


def encode(aggregate: Aggregate) -> bytes:
    """Serialise an aggregate.  Raises ValueError when a mask sum is no signed integer of 128 bits."""
    values, tail = aggregate.values, aggregate.tail
    shifted = native.add(np.ascontiguousarray(tail[1:]), native.from_ints([_HALF] * ROWS))
    if np.any(shifted[:, 2:]):
        raise ValueError("a sum of masks is no signed integer of 128 bits")
    width = _width(values)
    body = values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]
    masks = np.ascontiguousarray(shifted[:, 1::-1] ^ _SIGN).astype(">u8")
    return (
        bytes((VERSION, width))
        + len(values).to_bytes(4, "big")
        + body.tobytes()
        + native.to_ints(tail[:1])[0].to_bytes(32, "big")
        + masks.tobytes()
    )


def decode(payload: bytes, dimension: int) -> Aggregate:
    """Parse a payload for a model of ``dimension`` coordinates.

    Raises:
        WireError: unknown version, wrong length, other dimension, or an encoding that is not the shortest.
    """
    if len(payload) < _PREFIX or payload[0] != VERSION:
        raise WireError("the aggregate's payload is not of version 1")
    width, size = payload[1], int.from_bytes(payload[2:_PREFIX], "big")
    if size != dimension or not 0 < size <= MAX_DIMENSION or not 1 <= width <= 8:
        raise WireError(f"the payload holds {size} coordinates of {width} bytes; the model has {dimension}")
    if len(payload) != _PREFIX + size * width + _TAIL_BYTES:
        raise WireError("the payload's length does not match its header")
    raw = np.frombuffer(payload, np.uint8, size * width, _PREFIX).reshape(size, width)
    wide = np.empty((size, 8), np.uint8)
    wide[:, 8 - width :] = raw
    wide[:, : 8 - width] = np.where(raw[:, :1] >= 128, 255, 0)
    values = wide.reshape(-1).view(">i8").astype(np.int64)
    if _width(values) != width:
        raise WireError("the payload is not in its shortest form")
    return Aggregate(values, _decode_tail(payload[-_TAIL_BYTES:]))


def _decode_tail(raw: bytes) -> FrArray:
    tail = np.zeros((TAIL, 4), np.uint64)
    blinder = int.from_bytes(raw[:32], "big")
    if blinder >= native.R:
        raise WireError("the payload's blinder is no canonical field element")
    tail[0] = native.from_ints([blinder])[0]
    shifted = native.zeros(ROWS)
    shifted[:, 1::-1] = np.frombuffer(raw, ">u8", 2 * ROWS, 32).reshape(ROWS, 2) ^ _SIGN
    tail[1:] = native.sub(shifted, native.from_ints([_HALF] * ROWS))
    return tail
