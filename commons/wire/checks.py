"""Checks of single fields that come from the wire."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import pairwise

import native
from circuits.errors import WireError
from native import G1

CHUNK = 1 << 16
"""Bytes in each chunk of a stream but the last one: a link of 2 kB/s moves one in half a minute."""
MAX_GRPC_MESSAGE = 6 << 20
"""Most bytes in one gRPC message: a body of 4 MiB, or a cohort of 256 headers for 32 provers, and room."""
MAX_ACCOUNT_SIGNATURE = 1 << 12
"""Bytes of what a contract takes for a signature; those of passkeys and of several signers have some hundred."""
ADDRESS, DIGEST, SIGNATURE, G1_BYTES = 20, 32, 65, 64


def sized(raw: bytes, size: int, what: str) -> bytes:
    """Raise WireError unless ``raw`` has exactly ``size`` bytes."""
    if len(raw) != size:
        raise WireError(f"{what} has {len(raw)} bytes, it must have {size}")
    return raw


def address(raw: bytes, what: str) -> bytes:
    """A 20-byte address that is not zero."""
    if not any(sized(raw, ADDRESS, what)):
        raise WireError(f"{what} is the zero address")
    return raw


def digest(raw: bytes, what: str) -> bytes:
    """A 32-byte digest."""
    return sized(raw, DIGEST, what)


def signature(raw: bytes, what: str) -> bytes:
    """A 65-byte signature; whose it is, the caller checks."""
    return sized(raw, SIGNATURE, what)


def account_signature(raw: bytes, what: str) -> bytes:
    """A signature of an account: 65 bytes, or 1 to 4,096 where a contract says what it takes (ERC-1271)."""
    bounded(len(raw), 1, MAX_ACCOUNT_SIGNATURE, f"length of {what}")
    return raw


def g1(raw: bytes, what: str) -> G1:
    """A point on the curve, in the encoding of EIP-196."""
    sized(raw, G1_BYTES, what)
    try:
        native.g1_check(G1(raw))
    except ValueError as error:
        raise WireError(f"{what} is no point of G1: {error}") from error
    return G1(raw)


def bounded(value: int, low: int, high: int, what: str) -> int:
    """An integer in ``[low, high]``."""
    if not low <= value <= high:
        raise WireError(f"{what} is {value}, it must lie in [{low}, {high}]")
    return value


def counted(items: Sized, low: int, high: int, what: str) -> None:
    """Raise WireError unless there are between ``low`` and ``high`` items."""
    if not low <= len(items) <= high:
        raise WireError(f"{what}: {len(items)} given, there must be {low} to {high}")


def ascending(values: Sequence[int], limit: int, what: str) -> tuple[int, ...]:
    """Strictly ascending indices below ``limit``."""
    if any(a >= b for a, b in pairwise(values)) or (values and values[-1] >= limit):
        raise WireError(f"{what} must be strictly ascending and below {limit}")
    return tuple(values)
