"""What became of a transaction: where it was mined, what it created, what it told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from circuits.hashing import keccak


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a mined transaction."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


def created_address(creator: bytes, nonce: int) -> bytes:
    """Address of the contract that an account creates under a nonce (Yellow Paper, section 7): no node is asked."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    coded = number if len(number) == 1 and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    return keccak(bytes([0xC0 + 21 + len(coded), 0x94]) + creator + coded)[12:]


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that was mined and succeeded.

    Attributes:
        contract: address of the contract that it created; what a node says of it, where ``Sender`` has not computed it.
        earlier: whether an earlier run of the command, which was interrupted, sent it.
    """

    transaction: bytes
    block: int
    gas_used: int
    contract: bytes | None
    logs: tuple[Log, ...] = field(repr=False)
    earlier: bool = False

    @classmethod
    def of(cls, receipt: Mapping[str, Any]) -> Mined:
        """What a receipt says."""
        created = receipt.get("contractAddress")
        return cls(
            bytes(receipt["transactionHash"]), int(receipt["blockNumber"]), int(receipt["gasUsed"]),
            to_canonical_address(created) if created else None,
            tuple(
                Log(to_canonical_address(log["address"]), tuple(map(bytes, log["topics"])), bytes(log["data"]))
                for log in receipt["logs"]
            ),
        )  # fmt: skip

    @property
    def created(self) -> bytes:
        """Address of the contract that it created.  Raises ChainError when it created none."""
        if self.contract is None:
            raise ChainError(f"transaction 0x{self.transaction.hex()} created no contract")
        return self.contract
