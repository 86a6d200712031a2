"""What a view says of its nodes and of the chain itself, whatever contracts are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eth_utils.address import to_checksum_address

from circuits.errors import ContractError
from commons.chain.rpc import Rpc

T = TypeVar("T")
_MAGIC = bytes.fromhex("1626ba7e").ljust(32, b"\0")
"""What a contract answers for a signature that it takes (ERC-1271), as a word."""


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

    def takes_signature(self, account: bytes, digest: bytes, signature: bytes) -> bool:
        """Whether a contract says that a signature is its own (ERC-1271), as ``AccountSignatures.sol`` asks it.

        Args:
            account: 20-byte address of the contract.
            digest: 32 bytes.
            signature: whatever the contract takes.
        """
        try:
            told = self.rpc.answer(account, "isValidSignature(bytes32,bytes)", [digest, signature])
        except ContractError:
            return False
        return told[:32] == _MAGIC
