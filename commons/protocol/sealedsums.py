"""Sealing shares of private sums to a task's key, and opening them with its secret.

Market, task, round, batch, prover and the key for sums are bound by the HPKE message's ``info`` and by the associated
data of every piece, with its place, so a share opens as what it is or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words
from circuits.statement import TAIL, Context
from commons.protocol.sumlabels import HEAD_BYTES, KEY_BYTES, PIECE, TAG_BYTES, SumLabel, places, sealed_bytes
from commons.sharing.scalars import from_little_endian
from commons.sharing.sealing import public_key, seal, unseal
from native import FrArray

_FIELD = (1 << 255) - 19
"""Coordinates of Curve25519 lie below it (RFC 7748)."""
_SCALAR = 32
_PROBE = X25519PrivateKey.from_private_bytes(bytes(range(1, 1 + KEY_BYTES)))
"""A key that everybody knows: with a point of small order it gives what every key gives."""


def require_sum_key(public: bytes) -> None:
    """Refuse a key for sums that is no canonical X25519 public key, or of small order.

    With a point of small order every private key agrees on zero (RFC 7748, section 6.1), so anybody would open what is
    sealed to it.  Of two encodings of one key only the one below the field's order is what its owner computes.

    Raises:
        InvalidInputError: it is; nothing may be sealed to it.
    """
    if len(public) != KEY_BYTES or int.from_bytes(public, "little") >= _FIELD:
        raise InvalidInputError(
            f"0x{public.hex()} is no key for sums: 32 bytes of an X25519 public key, below 2^255-19"
        )
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise InvalidInputError(
            f"0x{public.hex()} is no key for sums: it is of small order, so anybody could open what is sealed to it"
        ) from error


def seal_sum(share: FrArray, label: SumLabel) -> bytes:
    """Seal a share, FrArray (n, 4), to the label's key.  The same share gives other bytes each time.

    Raises:
        InvalidInputError: as ``require_sum_key``.
    """
    require_sum_key(label.key)
    key = ChaCha20Poly1305.generate_key()
    return b"".join((seal(label.key, key, label.info), *sealed_pieces(share, key, label)))


def sealed_pieces(share: FrArray, key: bytes, label: SumLabel) -> Iterator[bytes]:
    """The share under a key that is used for nothing else, piece by piece."""
    cipher, plain, info = ChaCha20Poly1305(key), np.ascontiguousarray(share, "<u8").data.cast("B"), label.info
    count = len(tuple(places(len(plain))))
    return (cipher.encrypt(_nonce(i), plain[at : at + PIECE], _bound(info, i, count)) for i, at in places(len(plain)))


def open_sum(secret: bytes, sealed: bytes, label: SumLabel, scalars: int) -> FrArray:
    """Open a sealed share, FrArray (scalars, 4).

    Args:
        secret: private key of the label's.

    Raises:
        WireError: it has another length, was sealed to another key or under another label, was changed, or holds what
            is no share.
    """
    if len(sealed) != sealed_bytes(scalars):
        raise WireError(f"a sealed share of {scalars} scalars has {sealed_bytes(scalars)} bytes, not {len(sealed)}")
    info, found, whole = label.info, tuple(places(_SCALAR * scalars)), memoryview(sealed)[HEAD_BYTES:]
    try:
        cipher = ChaCha20Poly1305(unseal(secret, sealed[:HEAD_BYTES], info, "the share"))
        pieces = [
            cipher.decrypt(_nonce(i), _sealed_piece(whole, i, at), _bound(info, i, len(found))) for i, at in found
        ]
    except (WireError, InvalidTag, ValueError) as error:
        raise WireError(
            "the share does not open: it was sealed to another key than the task's, for another batch, or was changed"
        ) from error
    return from_little_endian(b"".join(pieces), "a sealed share")


def opener(secret: bytes, context: Context, batch_id: bytes) -> Callable[[int, bytes], FrArray]:
    """Opens the sealed shares of a batch's sum, each with its prover's index.  It raises as ``open_sum``."""
    key, scalars = public_key(secret), context.dimension + TAIL
    return lambda prover, sealed: open_sum(secret, sealed, SumLabel.of(context, batch_id, prover, key), scalars)


def _sealed_piece(whole: memoryview, index: int, at: int) -> memoryview:
    begin = at + index * TAG_BYTES
    return whole[begin : begin + PIECE + TAG_BYTES]


def _bound(info: bytes, index: int, count: int) -> bytes:
    """Associated data of a piece: the label, its number and how many there are."""
    return info + words(index, count)


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")
