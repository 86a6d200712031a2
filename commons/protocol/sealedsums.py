"""Shares of a private sum, sealed to the key of whoever may read it.

A task with a key for sums has its provers seal their shares to it.  A sealed share is an HPKE message (32 bytes of key,
sealed) and the share under that key, in pieces of ChaCha20-Poly1305 (RFC 8439): the cipher takes no message of 2 GiB.
Market, task, round, batch, prover and the key for sums are bound by the HPKE message's ``info`` and by the associated
data of every piece, with its place, so a share opens as what it is or not at all.  Section 12 of docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words
from circuits.statement import Context
from commons.sharing.scalars import from_little_endian
from commons.sharing.sealing import seal, unseal
from native import FrArray

KEY_BYTES = 32
_SUM = b"gradroll/v1/sum-share"
_FIELD = (1 << 255) - 19
"""Coordinates of Curve25519 lie below it (RFC 7748)."""
_SCALAR, _TAG, _ENCAPSULATED = 32, 16, 32
_HEAD = _ENCAPSULATED + KEY_BYTES + _TAG
_PIECE = 1 << 24
"""Plaintext bytes of every piece but the last."""
_PROBE = X25519PrivateKey.from_private_bytes(bytes(range(1, 1 + KEY_BYTES)))
"""A key that everybody knows: with a point of small order it gives what every key gives."""


@dataclass(frozen=True, slots=True)
class SumLabel:
    """Ties a sealed share to one prover's share of one batch's sum.

    Attributes:
        domain: the market's EIP-712 domain separator, 32 bytes.
        batch_id: 32 bytes.
        key: public key for sums of the task, 32 bytes.
    """

    domain: bytes
    task_id: int
    round: int
    batch_id: bytes
    prover: int
    key: bytes

    @classmethod
    def of(cls, context: Context, batch_id: bytes, prover: int, key: bytes) -> SumLabel:
        """The label in a batch's context."""
        return cls(context.market.domain, context.task_id, context.round, batch_id, prover, key)

    @property
    def info(self) -> bytes:
        """What the share is sealed under."""
        return _SUM + words(self.domain, self.task_id, self.round, self.batch_id, self.prover, self.key)


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


def sealed_bytes(scalars: int) -> int:
    """Length of a sealed share of so many scalars."""
    return _HEAD + _SCALAR * scalars + _TAG * _pieces(_SCALAR * scalars)


def seal_sum(share: FrArray, label: SumLabel) -> bytes:
    """Seal a share, FrArray (n, 4), to the label's key.  The same share gives other bytes each time.

    Raises:
        InvalidInputError: as ``require_sum_key``.
    """
    require_sum_key(label.key)
    key, info = ChaCha20Poly1305.generate_key(), label.info
    cipher, plain = ChaCha20Poly1305(key), np.ascontiguousarray(share, "<u8").data.cast("B")
    pieces = (
        cipher.encrypt(_nonce(i), plain[at : at + _PIECE], data)
        for i, (at, data) in enumerate(_places(len(plain), _PIECE, info))
    )
    return b"".join((seal(label.key, key, info), *pieces))


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
    info, view = label.info, memoryview(sealed)
    try:
        key = unseal(secret, sealed[:_HEAD], info, "the share")
        cipher, whole = ChaCha20Poly1305(key), view[_HEAD:]
        pieces = [
            cipher.decrypt(_nonce(i), whole[at : at + _PIECE + _TAG], data)
            for i, (at, data) in enumerate(_places(len(whole), _PIECE + _TAG, info))
        ]
    except (WireError, InvalidTag, ValueError) as error:
        raise WireError(
            "the share does not open: it was sealed to another key than the task's, for another batch, or was changed"
        ) from error
    return from_little_endian(b"".join(pieces), "a sealed share")


def _pieces(plain: int) -> int:
    return -(-plain // _PIECE)


def _places(length: int, step: int, info: bytes) -> Iterator[tuple[int, bytes]]:
    """Where each piece begins, and its associated data: the label, its number and how many there are."""
    count = -(-length // step)
    return ((i * step, info + words(i, count)) for i in range(count))


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")
