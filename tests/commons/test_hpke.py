"""Sealing: only the addressed key opens a message, only under its label; and HPKE is RFC 9180's."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from circuits.errors import InvalidInputError, WireError
from commons.sharing import sealing

LABEL = sealing.PartLabel(b"\x01" * 32, b"\x02" * 32, 1, 0, 3)
PART = sealing.Part(b"\x03" * 32, b"what is its own")


def test_a_part_comes_back() -> None:
    secret = sealing.generate()
    for part, label in ((PART, LABEL), (replace(PART, key=b""), replace(LABEL, body=None, chunks=0))):
        assert sealing.open_part(secret, sealing.seal_part(sealing.public_key(secret), part, label), label) == part
    assert PART.own.hex() not in repr(PART)


def test_nothing_opens_under_another_label_or_key() -> None:
    secret = sealing.generate()
    sealed = sealing.seal_part(sealing.public_key(secret), PART, LABEL)
    others = [
        replace(LABEL, domain=bytes(32)), replace(LABEL, submission=bytes(32)), replace(LABEL, prover=2),
        replace(LABEL, body=1), replace(LABEL, body=None), replace(LABEL, chunks=2),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(WireError, match="does not open"):
            sealing.open_part(secret, sealed, other)
    with pytest.raises(WireError):
        sealing.open_part(sealing.generate(), sealed, LABEL)
    for broken in (b"", sealed[:-1], sealed[:31], bytes(32) + sealed[32:], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(WireError):
            sealing.open_part(secret, broken, LABEL)


def test_a_part_without_anything_of_its_own_is_none() -> None:
    secret = sealing.generate()
    sealed = sealing.seal_part(sealing.public_key(secret), replace(PART, own=b""), LABEL)
    with pytest.raises(WireError, match="too short"):
        sealing.open_part(secret, sealed, LABEL)


def test_bad_public_keys_are_refused() -> None:
    for key in (b"", b"\x01" * 31, bytes(32)):
        with pytest.raises(InvalidInputError, match="no X25519 public key"):
            sealing.seal(key, b"x", b"")


def _extract(salt: bytes, label: bytes, ikm: bytes, suite: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def _expand(prk: bytes, label: bytes, info: bytes, length: int, suite: bytes) -> bytes:
    message = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, message + b"\x01", hashlib.sha256)[:length]


def test_the_suite_is_rfc_9180_base_mode() -> None:
    """Opens a sealed message with the RFC's key schedule written out."""
    secret = sealing.generate()
    public = sealing.public_key(secret)
    sealed = sealing.seal(public, b"plaintext", b"info")
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    shared = X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem = b"KEM\x00\x20"
    prk = _extract(b"", b"eae_prk", shared, kem)
    secret_key = _expand(prk, b"shared_secret", encapsulated + public, 32, kem)
    suite = b"HPKE\x00\x20\x00\x01\x00\x03"
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"", suite) + _extract(b"", b"info_hash", b"info", suite)
    schedule = _extract(secret_key, b"secret", b"", suite)
    key = _expand(schedule, b"key", context, 32, suite)
    nonce = _expand(schedule, b"base_nonce", context, 12, suite)
    assert ChaCha20Poly1305(key).decrypt(nonce, ciphertext, b"") == b"plaintext"
