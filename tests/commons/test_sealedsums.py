"""Sealing shares of private sums: what opens, what does not, and to which keys nothing is sealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import native
from circuits.errors import InvalidInputError, WireError
from commons.protocol import sealedsums, sumlabels
from commons.protocol.sealedsums import open_sum, require_sum_key, seal_sum
from commons.protocol.sumlabels import HEAD_BYTES, SumLabel, sealed_bytes
from commons.sharing.sealing import generate, public_key, seal

SECRET = bytes(range(32))
LABEL = SumLabel(b"\x01" * 32, 7, 3, b"\x02" * 32, 1, public_key(SECRET))
SCALARS = 70
SHARE = native.expand(b"\x03" * 32, SCALARS)
SMALL_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)
"""All points of small order of curve and twist in their canonical encoding (https://cr.yp.to/ecdh.html)."""


def test_a_share_opens_with_the_secret_and_is_another_ciphertext_each_time() -> None:
    one, other = seal_sum(SHARE, LABEL), seal_sum(SHARE, LABEL)
    assert one != other
    assert one[32:HEAD_BYTES] != other[32:HEAD_BYTES]
    for sealed in (one, other):
        assert len(sealed) == sealed_bytes(SCALARS)
        assert np.array_equal(open_sum(SECRET, sealed, LABEL, SCALARS), SHARE)


@pytest.mark.parametrize("change", [
    {"domain": b"\x09" * 32}, {"task_id": 8}, {"round": 4}, {"batch_id": b"\x08" * 32}, {"prover": 2},
])  # fmt: skip
def test_a_share_does_not_open_as_one_of_another_batch_or_prover(change: dict[str, object]) -> None:
    with pytest.raises(WireError, match="does not open"):
        open_sum(SECRET, seal_sum(SHARE, LABEL), replace(LABEL, **change), SCALARS)  # type: ignore[arg-type]


def test_another_secret_opens_nothing_whatever_the_label_says() -> None:
    stranger = generate()
    sealed = seal_sum(SHARE, LABEL)
    for label in (LABEL, replace(LABEL, key=public_key(stranger))):
        with pytest.raises(WireError, match="does not open"):
            open_sum(stranger, sealed, label, SCALARS)
    to_stranger = seal_sum(SHARE, replace(LABEL, key=public_key(stranger)))
    with pytest.raises(WireError, match="does not open"):
        open_sum(SECRET, to_stranger, LABEL, SCALARS)


@pytest.mark.parametrize("place", [0, 31, 32, HEAD_BYTES - 1, HEAD_BYTES, -17, -1])
def test_a_changed_byte_anywhere_is_noticed(place: int) -> None:
    changed = bytearray(seal_sum(SHARE, LABEL))
    changed[place] ^= 1
    with pytest.raises(WireError, match="does not open"):
        open_sum(SECRET, bytes(changed), LABEL, SCALARS)


@pytest.mark.parametrize("cut", [lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"", lambda s: s[HEAD_BYTES:]])
def test_another_length_is_refused_before_anything_is_opened(cut: Callable[[bytes], bytes]) -> None:
    with pytest.raises(WireError, match="has 2336 bytes"):
        open_sum(SECRET, cut(seal_sum(SHARE, LABEL)), LABEL, SCALARS)


def test_what_is_no_scalar_is_refused() -> None:
    """A sealer can put anything into its own envelope."""
    junk = np.full((SCALARS, 4), 2**64 - 1, np.uint64)
    with pytest.raises(WireError, match="not below the field's order"):
        open_sum(SECRET, seal_sum(junk, LABEL), LABEL, SCALARS)


def test_pieces_keep_their_place_and_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealedsums, sumlabels):
        monkeypatch.setattr(module, "PIECE", 32 * 20)
    size, sealed = 32 * 20 + 16, seal_sum(SHARE, LABEL)
    assert len(sealed) == sealed_bytes(SCALARS) == HEAD_BYTES + 32 * SCALARS + 4 * 16
    assert np.array_equal(open_sum(SECRET, sealed, LABEL, SCALARS), SHARE)
    head, body = sealed[:HEAD_BYTES], sealed[HEAD_BYTES:]
    swapped = head + body[size : 2 * size] + body[:size] + body[2 * size :]
    with pytest.raises(WireError, match="does not open"):
        open_sum(SECRET, swapped, LABEL, SCALARS)
    with pytest.raises(WireError, match="does not open"):  # a prefix of whole pieces is no shorter share
        open_sum(SECRET, sealed[: HEAD_BYTES + 3 * size], LABEL, 60)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_nothing_is_sealed_to_a_key_of_small_order(point: str) -> None:
    """Whoever sees the ciphertext would have the key: the agreement is zero for every secret (RFC 7748, 6.1)."""
    key = bytes.fromhex(point)
    with pytest.raises(InvalidInputError, match="small order"):
        require_sum_key(key)
    with pytest.raises(InvalidInputError, match="small order"):
        seal_sum(SHARE, replace(LABEL, key=key))
    with pytest.raises(InvalidInputError):
        seal(key, b"text", b"label")


@pytest.mark.parametrize("other", ["edff", "eeff", "ffff"])
def test_nothing_is_sealed_to_a_second_encoding_of_a_key(other: str) -> None:
    """Its owner computes the first one, under which nothing would open."""
    high = bytes.fromhex(other) + b"\xff" * 29 + b"\x7f"
    masked = LABEL.key[:31] + bytes((LABEL.key[31] | 0x80,))
    for key in (high, masked, LABEL.key[:31], LABEL.key + b"\0"):
        with pytest.raises(InvalidInputError, match="is no key for sums"):
            require_sum_key(key)


def test_nothing_is_sealed_under_a_key_that_is_refused() -> None:
    masked = LABEL.key[:31] + bytes((LABEL.key[31] | 0x80,))
    with pytest.raises(InvalidInputError, match="is no key for sums"):
        seal_sum(SHARE, replace(LABEL, key=masked))


def test_usual_keys_are_taken() -> None:
    for _ in range(20):
        require_sum_key(public_key(generate()))
