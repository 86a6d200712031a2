"""Sealing to one prover: HPKE (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305, base mode.

A sealed message is the encapsulated key (32 bytes) and the ciphertext (plaintext + 16 bytes).  What it is for
stands in the key schedule's ``info``, so it opens only under the label it was sealed with.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words
from commons.sharing.sealedbodies import KEY_BYTES

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_PART, _KEYS = b"gradroll/v1/part", b"gradroll/v1/keys"
MAX_PART = 1 << 12
"""Most bytes of a sealed part: a key, and seeds of all sets that a prover of the largest committee is not in."""


@dataclass(frozen=True, slots=True)
class PartLabel:
    """Ties a sealed part to one prover's share of one submission.

    Attributes:
        domain: the market's EIP-712 domain separator.
        submission: digest of the owner's dealing, which names task, round and owner.
        body: number of the body that completes the share, None for none.
        chunks: of that body.
    """

    domain: bytes
    submission: bytes
    prover: int
    body: int | None
    chunks: int

    @property
    def info(self) -> bytes:
        """What the part is sealed under."""
        body = 0 if self.body is None else 1 + self.body
        return _PART + words(self.domain, self.submission, self.prover, body, self.chunks)


@dataclass(frozen=True, slots=True)
class Part:
    """What one prover gets sealed to it.

    Attributes:
        key: of its body, 32 bytes; empty where there is none.
        own: what of its share payload is its own; the body's plaintext follows behind.
    """

    key: bytes = field(repr=False)
    own: bytes = field(repr=False)


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


def seal_part(public: bytes, part: Part, label: PartLabel) -> bytes:
    """Seal a part to a prover's raw public key."""
    return seal(public, part.key + part.own, label.info)


def open_part(private_key: bytes, sealed: bytes, label: PartLabel) -> Part:
    """Open a part.  Raises WireError when it was sealed to another prover or under another label, or is too short."""
    raw = unseal(private_key, sealed, label.info, "the prover's part of the share")
    key_bytes = 0 if label.body is None else KEY_BYTES
    if len(raw) <= key_bytes:
        raise WireError("the prover's part of the share is too short to hold any")
    return Part(raw[:key_bytes], raw[key_bytes:])


def keys_info(committee: bytes, dealer: int, recipient: int) -> bytes:
    """Label of a dealer's package of shared keys; ``committee`` is the reference's digest."""
    return _KEYS + words(committee, dealer, recipient)
