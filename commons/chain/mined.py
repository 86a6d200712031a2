"""What became of a transaction: where it was mined, what it created, what it told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_canonical_address

from circuits.errors import ChainError


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a mined transaction."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that was mined and succeeded.

    Attributes:
        contract: address of the contract that it created.
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
