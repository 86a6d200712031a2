"""Signed transactions against eth_account's."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.hashing import keccak
from coordinator.envelope import Item, Transaction, rlp
from provers.keystore import SigningKey


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=31, max_size=31), st.none() | st.binary(min_size=20, max_size=20), st.binary(max_size=300),
    st.integers(0, 300), st.integers(0, 10**20), st.integers(0, 10**12),
)  # fmt: skip
def test_they_are_those_of_eth_account(
    secret: bytes, to: bytes | None, data: bytes, nonce: int, value: int, fee: int
) -> None:
    key = SigningKey.from_secret(b"\x01" + secret)
    ours = Transaction(31337, nonce, fee, 2 * fee, 21_000, to, value, data)
    theirs = {
        "type": 2, "chainId": 31337, "nonce": nonce, "maxPriorityFeePerGas": fee, "maxFeePerGas": 2 * fee,
        "gas": 21_000, "value": value, "data": "0x" + data.hex(),
    } | ({} if to is None else {"to": to_checksum_address(to)})  # fmt: skip
    signed = Account.sign_transaction(theirs, key.secret_bytes())
    assert ours.sign(key) == bytes(signed.raw_transaction)
    assert keccak(ours.sign(key)) == bytes(signed.hash)


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (b"", "80"), (0, "80"), (15, "0f"), (127, "7f"), (128, "8180"), (1024, "820400"), (b"dog", "83646f67"),
        (b"\0", "00"), ([], "c0"), ([b"cat", b"dog"], "c88363617483646f67"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"a" * 55, "b7" + "61" * 55), (b"a" * 56, "b838" + "61" * 56), (b"a" * 256, "b90100" + "61" * 256),
        ([b"a" * 55], "f838b7" + "61" * 55),
    ],
)  # fmt: skip
def test_rlp(item: Item, encoded: str) -> None:
    assert rlp(item).hex() == encoded
