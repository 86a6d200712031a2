"""Signed EIP-1559 transactions, ready to be broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from circuits.hashing import keccak
from provers.keystore import SigningKey

Item = bytes | int | Sequence["Item"]
_TYPE = b"\x02"


@dataclass(frozen=True, slots=True)
class Transaction:
    """An EIP-1559 transaction without an access list.  Amounts are wei; ``to`` is None to create a contract."""

    chain_id: int
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas: int
    to: bytes | None
    value: int
    data: bytes = field(repr=False)

    def sign(self, key: SigningKey) -> bytes:
        """The signed transaction as a node takes it; its Keccak-256 is the transaction's hash."""
        body: list[Item] = [
            self.chain_id, self.nonce, self.max_priority_fee, self.max_fee, self.gas, self.to or b"", self.value,
            self.data, [],
        ]  # fmt: skip
        signature = key.sign(keccak(_TYPE + rlp(body)))
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
        return _TYPE + rlp([*body, signature[64] - 27, r, s])


def rlp(item: Item) -> bytes:
    """The RLP encoding of bytes, of an integer (no leading zeros), or of a list of them."""
    if isinstance(item, int):
        return rlp(item.to_bytes((item.bit_length() + 7) // 8, "big"))
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _headed(0x80, item)
    return _headed(0xC0, b"".join(map(rlp, item)))


def _headed(base: int, body: bytes) -> bytes:
    if len(body) < 56:
        return bytes((base + len(body),)) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((base + 55 + len(size),)) + size + body
