"""The payload that carries one prover's share of a gradient, and the receipt for it.

Byte 0 tells the form: 0 is followed by a 32-byte seed (the share is the seed's expansion), 1 by the share's
scalars, 32 bytes little-endian each.  SHA-256 of the payload is the digest in the owner's signed header.
"""

from __future__ import annotations

import hashlib

import numpy as np

import native
from circuits.errors import WireError
from circuits.hashing import keccak, typed_digest
from circuits.statement import Committee, share_length
from native import G1, FrArray
from provers.signing import require_signer

SEED_FORM, DENSE_FORM = 0, 1
SEED_BYTES = 32
RECEIPT_TYPE = "Receipt(bytes32 submission)"


def payload_size(dimension: int, form: int) -> int:
    """Bytes of a payload of one form for a model of ``dimension`` coordinates."""
    return 1 + (SEED_BYTES if form == SEED_FORM else 32 * share_length(dimension))


def check_form(form: int, size: int, dimension: int) -> None:
    """Raise WireError unless a payload with this first byte and length can be a share of such a model."""
    if form not in (SEED_FORM, DENSE_FORM):
        raise WireError(f"a share payload begins with 0 (seed) or 1 (scalars), not with {form}")
    wanted = payload_size(dimension, form)
    if size != wanted:
        raise WireError(f"a share of form {form} for {dimension} coordinates has {wanted} bytes, not {size}")


def encode_seed(seed: bytes) -> bytes:
    """Payload of a share that is the expansion of a 32-byte seed."""
    if len(seed) != SEED_BYTES:
        raise WireError(f"a share's seed has {SEED_BYTES} bytes, not {len(seed)}")
    return bytes((SEED_FORM,)) + seed


def encode_dense(vector: FrArray) -> bytes:
    """Payload of a share given by its scalars, FrArray (share_length, 4)."""
    return bytes((DENSE_FORM,)) + np.ascontiguousarray(vector, dtype="<u8").tobytes()


def expand_seed(seed: bytes, dimension: int) -> FrArray:
    """The share that a seed stands for: FrArray (share_length(dimension), 4)."""
    return native.expand(seed, share_length(dimension))


def decode_payload(payload: bytes, dimension: int) -> FrArray:
    """The share in a payload: FrArray (share_length(dimension), 4).

    Raises:
        WireError: unknown form, wrong length, or a scalar that is not below r.
    """
    check_form(payload[0] if payload else -1, len(payload), dimension)
    if payload[0] == SEED_FORM:
        return expand_seed(payload[1:], dimension)
    vector: FrArray = np.frombuffer(payload[1:], "<u8").astype(np.uint64, copy=False).reshape(-1, 4)
    try:
        native.check(vector)
    except ValueError as error:
        raise WireError(f"a share holds a scalar that is not below the field's order: {error}") from error
    return vector


def payload_digest(payload: bytes) -> bytes:
    """SHA-256 of a payload, as it stands in the header."""
    return hashlib.sha256(payload).digest()


def seeded_provers(commitment: G1, committee: Committee) -> tuple[int, ...]:
    """The t provers that receive a seed instead of scalars; they rotate with the commitment."""
    first = int.from_bytes(keccak(commitment), "big") % committee.size
    return tuple(p for p in range(committee.size) if (p - first) % committee.size < committee.threshold)


def receipt_digest(chain_id: int, market: bytes, submission: bytes) -> bytes:
    """EIP-712 digest that a prover signs once a submission's share is on its disk."""
    return typed_digest(chain_id, market, RECEIPT_TYPE, (submission,))


def verify_receipt(chain_id: int, market: bytes, submission: bytes, signature: bytes, member: bytes) -> None:
    """Raise SignatureError unless the committee member at ``member`` signed the receipt."""
    require_signer(receipt_digest(chain_id, market, submission), signature, member, "the receipt")
