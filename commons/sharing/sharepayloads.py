"""The payload that carries one prover's share of a gradient.

Byte 0 tells the form: 0 is followed by a 32-byte seed (the share is the seed's expansion), 1 by the share's
scalars, 32 bytes little-endian each, 2 by seeds and a correction (`commons.sharing.replicated`).  Owners use 2 for
committees that are small enough, otherwise 0 for t provers and 1 for the others.  SHA-256 of the payload is the digest
in the owner's signed header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

import native
from circuits.errors import WireError
from circuits.hashing import keccak
from circuits.statement import Committee, Membership, share_length
from commons.sharing import replicated
from commons.sharing.replicated import BLOCK, SEED_BYTES, IntegerShare
from commons.sharing.scalars import from_little_endian
from native import G1, FrArray

SEED_FORM, DENSE_FORM, INTEGER_FORM = 0, 1, 2


def payload_sizes(form: int, dimension: int, committee: Committee) -> tuple[int, ...]:
    """Bytes that a payload of one form may have; none for a form that the committee does not take."""
    if form == SEED_FORM:
        return (1 + SEED_BYTES,)
    if form == DENSE_FORM:
        return (1 + scalar_bytes(dimension),)
    if form == INTEGER_FORM and replicated.fits(committee):
        return tuple(1 + size for size in replicated.payload_sizes(dimension, committee))
    return ()


def all_payload_sizes(dimension: int, committee: Committee) -> tuple[int, ...]:
    """Bytes that a payload may have, whatever its form."""
    forms = (SEED_FORM, DENSE_FORM, INTEGER_FORM)
    return tuple(size for form in forms for size in payload_sizes(form, dimension, committee))


def largest_payload(dimension: int) -> int:
    """Most bytes of a payload of any form, for any committee."""
    return 1 + max(SEED_BYTES, scalar_bytes(dimension), replicated.largest_payload(dimension))


def scalar_bytes(dimension: int) -> int:
    """Bytes of a whole share as scalars."""
    return 32 * share_length(dimension)


def own_bytes(form: int, committee: Committee) -> int:
    """Bytes at the beginning of a payload of one form that are its prover's own; a body makes up the rest, if any."""
    if form == INTEGER_FORM:
        return 1 + replicated.head_bytes(committee)
    return 1 if form == DENSE_FORM else 1 + SEED_BYTES


def body_sizes(form: int, dimension: int, committee: Committee) -> tuple[int, ...]:
    """Bytes that the body may have that completes a payload of one form; 0 for a payload without."""
    own = own_bytes(form, committee)
    return tuple(size - own for size in payload_sizes(form, dimension, committee))


def check_form(form: int, size: int, dimension: int, committee: Committee) -> None:
    """Raise WireError unless a payload with this first byte and length can be a share of such a model."""
    wanted = payload_sizes(form, dimension, committee)
    if not wanted:
        raise WireError(
            f"a share payload for this committee begins with 0 (seed), 1 (scalars) or 2 (integers, for at most "
            f"{replicated.MAX_SETS} sets of provers), not with {form}"
        )
    if size not in wanted:
        sizes = " or ".join(map(str, wanted))
        raise WireError(f"a share of form {form} for {dimension} coordinates has {sizes} bytes, not {size}")


def encode_seed(seed: bytes) -> bytes:
    """Payload of a share that is the expansion of a 32-byte seed."""
    if len(seed) != SEED_BYTES:
        raise WireError(f"a share's seed has {SEED_BYTES} bytes, not {len(seed)}")
    return bytes((SEED_FORM,)) + seed


def encode_dense(vector: FrArray) -> bytes:
    """Payload of a share given by its scalars, FrArray (share_length, 4)."""
    return bytes((DENSE_FORM,)) + np.ascontiguousarray(vector, dtype="<u8").tobytes()


def share_blocks(form: int, body: memoryview, dimension: int, holder: Membership) -> Iterator[FrArray]:
    """The share in a payload of a checked form, FrArray (share_length(dimension), 4), in consecutive pieces.

    Args:
        body: the payload without its first byte.

    Raises:
        WireError: a scalar that is not below r, or provers without correction that do not ascend.
    """
    if form == INTEGER_FORM:
        yield from IntegerShare(holder, dimension, body).blocks()
        return
    total = share_length(dimension)
    for start in range(0, total, BLOCK):
        size = min(BLOCK, total - start)
        if form == SEED_FORM:
            yield native.expand(bytes(body), size, start)
        else:
            yield from_little_endian(bytes(body[32 * start : 32 * (start + size)]), "a share")


def decode_payload(payload: bytes, dimension: int, holder: Membership) -> FrArray:
    """The share in a payload: FrArray (share_length(dimension), 4).

    Args:
        holder: the prover that the payload is for.

    Raises:
        WireError: unknown form, wrong length, or a scalar that is not below r.
    """
    form = payload[0] if payload else -1
    check_form(form, len(payload), dimension, holder.committee)
    return np.concatenate(list(share_blocks(form, memoryview(payload)[1:], dimension, holder)))


def payload_digest(payload: bytes) -> bytes:
    """SHA-256 of a payload, as it stands in the header."""
    return hashlib.sha256(payload).digest()


def exempt_provers(commitment: G1, committee: Committee) -> tuple[int, ...]:
    """The t provers that receive seeds and nothing else, ascending; they rotate with the commitment."""
    first = int.from_bytes(keccak(commitment), "big") % committee.size
    return tuple(p for p in range(committee.size) if (p - first) % committee.size < committee.threshold)
