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

LABEL = sealing.ShareLabel(b"\x01" * 32, 2, 3, b"\x02" * 20, 1, 3)


def test_a_share_comes_back_chunk_by_chunk() -> None:
    secret = sealing.generate()
    payload = bytes(range(256)) * 600
    label = replace(LABEL, chunks=sealing.chunk_count(len(payload)))
    sealed = list(sealing.seal_share(sealing.public_key(secret), payload, label))
    assert len(sealed) == label.chunks == 3
    assert max(map(len, sealed)) == 1 << 16
    assert b"".join(sealing.open_chunk(secret, s, label, i) for i, s in enumerate(sealed)) == payload


def test_nothing_opens_under_another_label_or_key() -> None:
    secret = sealing.generate()
    sealed = sealing.seal(sealing.public_key(secret), b"share", LABEL.info(0))
    assert sealing.open_chunk(secret, sealed, LABEL, 0) == b"share"
    others = [
        replace(LABEL, domain=bytes(32)), replace(LABEL, task_id=9), replace(LABEL, round=9),
        replace(LABEL, owner=bytes(20)), replace(LABEL, prover=2), replace(LABEL, chunks=2),
    ]  # fmt: skip
    for other in others:
        with pytest.raises(WireError, match="does not open"):
            sealing.open_chunk(secret, sealed, other, 0)
    with pytest.raises(WireError):
        sealing.open_chunk(secret, sealed, LABEL, 1)
    with pytest.raises(WireError):
        sealing.open_chunk(sealing.generate(), sealed, LABEL, 0)
    for broken in (b"", sealed[:-1], sealed[:31], bytes(32) + sealed[32:], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(WireError):
            sealing.open_chunk(secret, broken, LABEL, 0)


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
