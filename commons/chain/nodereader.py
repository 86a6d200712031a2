"""What a view says of its nodes and of the chain itself, whatever contracts are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eth_utils.address import to_checksum_address

from commons.chain.rpc import Rpc

T = TypeVar("T")


class NodeReader:
    """The chain through one node or several.

    Attributes:
        rpc: the nodes.
    """

    rpc: Rpc

    def most(self, ask: Callable[[], T | None]) -> T | None:
        """What most nodes say, each asked all of it; None where most do not say it.  Raises as ``Nodes.most``."""
        return self.rpc.most(ask)

    def block_hash(self, number: int) -> bytes | None:
        """Hash of the block with a number; None where there is none."""
        return self.rpc.block_hash(number)

    def balance(self, account: bytes) -> int:
        """Wei of an account."""
        return int(self.rpc.guarded(lambda: self.rpc.web3.eth.get_balance(to_checksum_address(account))))

    def gas_price(self) -> int:
        """Wei that a unit of gas costs at present."""
        return int(self.rpc.guarded(lambda: self.rpc.web3.eth.gas_price))
