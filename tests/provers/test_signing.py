"""Signatures against eth_keys', and what is refused."""

from __future__ import annotations

import pytest
from eth_keys.datatypes import PrivateKey, Signature
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import KeyFileError, SignatureError
from provers.keystore import SigningKey
from provers.signing import recover, sign_digest

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@settings(max_examples=60, deadline=None)
@given(st.integers(1, ORDER - 1), st.binary(min_size=32, max_size=32))
def test_they_are_those_of_eth_keys(secret: int, digest: bytes) -> None:
    theirs, key = PrivateKey(secret.to_bytes(32, "big")), SigningKey.from_secret(secret.to_bytes(32, "big"))
    signature = sign_digest(key.secret_bytes(), digest)
    raw = theirs.sign_msg_hash(digest).to_bytes()
    assert signature == raw[:64] + bytes((raw[64] + 27,))
    assert key.address == theirs.public_key.to_canonical_address() == recover(digest, signature)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=64, max_size=64), st.sampled_from([27, 28]), st.binary(min_size=32, max_size=32))
def test_any_bytes_recover_alike_or_are_refused(raw: bytes, v: int, digest: bytes) -> None:
    low = raw[:32] + bytes((raw[32] & 0x3F,)) + raw[33:]
    try:
        ours = recover(digest, low + bytes((v,)))
    except SignatureError:
        return
    plain = Signature(low + bytes((v - 27,)))
    assert plain.recover_public_key_from_msg_hash(digest).to_canonical_address() == ours


@pytest.mark.parametrize("signature", [bytes(65), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1b", b"\x01" * 64])
def test_what_is_no_signature(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        recover(bytes(32), signature)


@pytest.mark.parametrize("secret", [bytes(32), ORDER.to_bytes(32, "big"), b"\x01" * 31, b"\x01" * 33, b""])
def test_what_is_no_key(secret: bytes) -> None:
    with pytest.raises(KeyFileError):
        SigningKey.from_secret(secret)
