"""Seals: whether a share that is read from the disk is the one that was written to it.

A seal is GMAC (NIST SP 800-38D) under a key that is drawn for one file and lies in the database beside its tag.  What a
disk makes of a share, or somebody who writes to it without having read the database, passes for n blocks of 16 bytes
with a chance of (n + 1) / 2^128.  A prover reads each share whole at least twice a batch, so a seal must cost less than
the hash with which earlier releases sealed shares.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

_NONCE = bytes(12)
"""One serves: a key seals one file."""
_KEY = 16
_TAG = 16
_KIND = b"\x01"
"""A seal's first byte; what earlier releases kept is a byte shorter: a bare SHA-256."""
_PIECE = 1 << 20
"""Bytes that are read at a time: through a memory map all pages of all shares of a batch would be resident at once."""


class Sealer:
    """Makes the seal of one file from its pieces."""

    def __init__(self) -> None:
        self._key = os.urandom(_KEY)
        self._mac = Cipher(AES(self._key), GCM(_NONCE)).encryptor()

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        for first in range(0, len(piece), _PIECE):  # OpenSSL takes fewer than 2^31 bytes at once
            self._mac.authenticate_additional_data(piece[first : first + _PIECE])

    def seal(self) -> bytes:
        """The seal, when all pieces were taken."""
        self._mac.finalize()
        return _KIND + self._key + self._mac.tag


def fits(seal: bytes, content: BinaryIO) -> bool:
    """Whether a file's content is what was sealed, read to its end."""
    if len(seal) == hashlib.sha256().digest_size:
        return hmac.compare_digest(_sha256(content), seal)
    key, tag = seal[1 : 1 + _KEY], seal[1 + _KEY :]
    if seal[:1] != _KIND or len(tag) != _TAG:
        return False
    mac = Cipher(AES(key), GCM(_NONCE, tag)).decryptor()
    for piece in _pieces(content):
        mac.authenticate_additional_data(piece)
    try:
        mac.finalize()
    except InvalidTag:
        return False
    return True


def _sha256(content: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    for piece in _pieces(content):
        digest.update(piece)
    return digest.digest()


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    return iter(partial(content.read, _PIECE), b"")
