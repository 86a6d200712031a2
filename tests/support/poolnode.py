"""A node with a pool, to which commands are typed that may be killed at any question."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from circuits.hashing import keccak
from commons.chain.mined import Mined
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.transactions import Sender
from commons.storage.accounts import Signer, SigningKey

KEY = SigningKey.from_secret(b"\x07" * 32)
CONTRACT, STRANGER = b"\xaa" * 20, keccak(b"a stranger's transaction")
GAS, ETHER = 10**9, 10**18
PATIENCE = Patience(poll=0.001, resend=0.3, doubt=0.3)


class Killed(BaseException):
    """The process ends at once: nothing of it runs any more, and nobody may catch this."""


def refusal(message: str) -> RPCResponse:
    return cast(RPCResponse, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}})


@dataclass
class PoolNode(BaseProvider):
    """A node with a pool: of an account's transactions with one nonce, it mines the dearest that it was shown.

    Each is mined in a block of its own, if it pays that block's base fee.
    """

    chain_id: int = 5
    mines: bool = True
    balance: int = 10 * ETHER
    status: int = 1
    pool: dict[int, tuple[bytes, dict[str, Any]]] = field(default_factory=dict)
    mined: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    kill_at: str = ""
    hides_receipts: int = 0
    syncing: bool = False
    on_raw: Callable[[], None] | None = None
    on_asked: Callable[[], None] | None = None
    base_fee: int = GAS
    empty_blocks: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def mine(self) -> None:
        while self.pool.get(len(self.mined), (b"", {"maxFeePerGas": 0}))[1]["maxFeePerGas"] >= self.base_fee:
            self.mined.append(self.pool.pop(len(self.mined)))

    def take_back(self, count: int = 1, *, keeps: bool = True) -> None:
        """A reorganisation: the last transactions go back to the pool, or are lost."""
        for _ in range(count):
            last = self.mined.pop()
            if keeps:
                self.pool[len(self.mined)] = last

    @property
    def head(self) -> int:
        return len(self.mined) + self.empty_blocks

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        self.asked.append(method)
        if self.on_asked is not None:
            self.on_asked()
        if method == self.kill_at:
            raise Killed
        if method == "eth_sendRawTransaction":
            return self._take(bytes.fromhex(params[0][2:]))
        return cast(RPCResponse, {"jsonrpc": "2.0", "id": 1, "result": self._answer(method, params)})

    def _answer(self, method: str, params: Any) -> Any:
        if method == "eth_getTransactionReceipt":
            return self._receipt(bytes.fromhex(params[0][2:]))
        if method == "eth_getTransactionByHash":
            return {"gas": hex(10**6)} if self._has(bytes.fromhex(params[0][2:])) else None
        if method == "eth_getTransactionCount":
            return hex(self._count(params[1]))
        if method == "eth_getBlockByNumber":
            return self._block(self.head if params[0] == "latest" else int(params[0], 16))
        return {
            "eth_chainId": hex(self.chain_id),
            "eth_getBalance": hex(self.balance),
            "eth_estimateGas": hex(100_000),
            "eth_call": "0x",
            "eth_syncing": {"currentBlock": "0x1", "highestBlock": "0x9"} if self.syncing else False,
        }[method]

    def _count(self, block: str) -> int:
        if block == "pending":
            return next(nonce for nonce in itertools.count(len(self.mined)) if nonce not in self.pool)
        return len(self.mined) if block == "latest" else min(int(block, 16), len(self.mined))

    def _block(self, number: int) -> dict[str, Any]:
        return {
            "number": hex(number), "timestamp": "0x1", "gasLimit": hex(30_000_000), "hash": "0x" + "07" * 32,
            "baseFeePerGas": hex(self.base_fee),
        }  # fmt: skip

    def _has(self, sent: bytes) -> bool:
        return sent in dict(self.mined) or sent in dict(self.pool.values())

    def _take(self, raw: bytes) -> RPCResponse:
        if self.on_raw is not None:
            self.on_raw()
        transaction, sent = TypedTransaction.from_bytes(HexBytes(raw)).as_dict(), keccak(raw)
        nonce, fee = transaction["nonce"], transaction["maxFeePerGas"]
        waiting = self.pool.get(nonce)
        trouble = None
        if nonce < len(self.mined):
            trouble = "nonce too low"
        elif waiting is not None and fee * 10 < waiting[1]["maxFeePerGas"] * 11:
            trouble = "replacement transaction underpriced"
        if trouble:
            return refusal(trouble)
        self.pool[nonce] = (sent, transaction)
        if self.mines:
            self.mine()
        return cast(RPCResponse, {"jsonrpc": "2.0", "id": 1, "result": "0x" + sent.hex()})

    def _receipt(self, sent: bytes) -> dict[str, Any] | None:
        if sent not in dict(self.mined):
            return None
        if self.hides_receipts > 0:
            self.hides_receipts -= 1
            return None
        return {
            "transactionHash": "0x" + sent.hex(), "blockNumber": hex(self._block_of(sent)),
            "gasUsed": "0x5208", "status": hex(self.status),
            "contractAddress": None, "logs": [],
        }  # fmt: skip

    def _block_of(self, sent: bytes) -> int:
        return [mined for mined, _ in self.mined].index(sent) + 1

    def by_stranger(self, fee: int = GAS) -> None:
        """Another program of the account sends a transaction."""
        self.pool[len(self.mined) + len(self.pool)] = (STRANGER, {"maxFeePerGas": fee, "value": 0})

    @property
    def paid(self) -> int:
        return sum(int(transaction["value"]) for _, transaction in self.mined)


@dataclass
class Terminal:
    """Somebody types commands: each is a process of its own, with a node and an outbox."""

    node: PoolNode
    path: Path
    patience: Patience = PATIENCE
    key: Signer = KEY

    def sender(self, outbox: Outbox | None, **kind: Any) -> Sender:
        rpc = Rpc("http://node", ErrorTable(()))
        rpc.web3.provider = self.node
        return Sender(rpc, self.key, self.patience, outbox=outbox, **kind)

    def fund(self, *amounts: int) -> list[Mined]:
        """`gradroll task fund`, with as many transactions as there are amounts."""
        with Outbox(self.path) as outbox:
            sender = self.sender(outbox)
            done = [sender.send(CONTRACT, b"fund", gas=10**6, value=amount) for amount in amounts]
            outbox.clear()
        return done

    def killed(self, *amounts: int, at: str) -> None:
        """The same, but the process dies when it asks the node that."""
        self.node.kill_at = at
        with pytest.raises(Killed):
            self.fund(*amounts)
        self.node.kill_at = ""
