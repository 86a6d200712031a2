"""Sealing to one prover: HPKE (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305, base mode.

A sealed message is the encapsulated key (32 bytes) and the ciphertext (plaintext + 16 bytes).  What it is for
stands in the key schedule's ``info``, so it opens only under the label it was sealed with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_SHARE, _KEYS = b"gradroll/v1/share", b"gradroll/v1/keys"
OVERHEAD = 32 + 16
PIECE = (1 << 16) - OVERHEAD
"""Plaintext bytes of one sealed chunk, so that a chunk has 64 KiB: small enough for a slow link to move one in time,
large enough that its own ephemeral key costs little beside the encryption."""


@dataclass(frozen=True, slots=True)
class ShareLabel:
    """Ties sealed chunks to one share of one owner in one round; a chunk's index and count complete it.

    Attributes:
        domain: the market's EIP-712 domain separator.
    """

    domain: bytes
    task_id: int
    round: int
    owner: bytes
    prover: int
    chunks: int

    def info(self, index: int) -> bytes:
        """Label of one chunk."""
        return _SHARE + words(self.domain, self.task_id, self.round, self.owner, self.prover, index, self.chunks)


def generate() -> bytes:
    """A new private key: 32 raw bytes from the operating system."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_key(private_key: bytes) -> bytes:
    """The raw public key (32 bytes) that the registry contract publishes."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def seal(public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Seal bytes to a raw public key under a label.  Raises InvalidInputError for a key that is none."""
    try:
        return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info=info)
    except ValueError as error:
        raise InvalidInputError(f"0x{public.hex()} is no X25519 public key: {error}") from error


def unseal(private_key: bytes, sealed: bytes, info: bytes, what: str) -> bytes:
    """Open sealed bytes.  Raises WireError when they were sealed to another key or under another label."""
    try:
        return _SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private_key), info=info)
    except (InvalidTag, ValueError) as error:
        raise WireError(f"{what} does not open with this prover's key; seal it to the registered key") from error


def chunk_count(payload_bytes: int) -> int:
    """Chunks into which a share payload is sealed."""
    return -(-payload_bytes // PIECE)


def seal_share(public: bytes, payload: bytes, label: ShareLabel) -> Iterator[bytes]:
    """Seal a share payload chunk by chunk."""
    view = memoryview(payload)
    for index in range(label.chunks):
        yield seal(public, bytes(view[index * PIECE : (index + 1) * PIECE]), label.info(index))


def open_chunk(private_key: bytes, sealed: bytes, label: ShareLabel, index: int) -> bytes:
    """Open one chunk of a share payload."""
    return unseal(private_key, sealed, label.info(index), f"chunk {index} of the share")


def keys_info(committee: bytes, dealer: int, recipient: int) -> bytes:
    """Label of a dealer's package of shared keys; ``committee`` is the reference's digest."""
    return _KEYS + words(committee, dealer, recipient)
