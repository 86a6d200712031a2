"""JSON-RPC to an Ethereum node: calls, logs and reverts, with the errors of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from circuits.errors import ChainError, ContractError
from circuits.hashing import keccak
from provers import jsonrpc
from provers.abi import AbiError, argument_types, decode, encode
from provers.jsonrpc import JsonRpc, RefusedError

_PLAIN_ERRORS = ("Error(string)", "Panic(uint256)")


def selector(signature: str) -> bytes:
    """First four bytes of a function's or error's signature hash."""
    return keccak(signature.encode("ascii"))[:4]


def call_data(signature: str, arguments: Sequence[Any]) -> bytes:
    """Selector and ABI-encoded arguments."""
    return selector(signature) + encode(argument_types(signature), arguments)


class ErrorTable:
    """Custom errors of the contracts by selector."""

    def __init__(self, signatures: Iterable[str]) -> None:
        self._known: dict[bytes, str] = {}
        self.learn((*_PLAIN_ERRORS, *signatures))

    def learn(self, signatures: Iterable[str]) -> None:
        """Add errors, written as ``Name(type,...)``."""
        self._known.update({selector(signature): signature for signature in signatures})

    def explain(self, data: bytes) -> ContractError:
        """The error that revert data stands for."""
        signature = self._known.get(data[:4])
        if signature is None:
            shown = f"with unknown data 0x{data[:68].hex()}" if data else "without a reason"
            return ContractError(f"the contract refused {shown}")
        name = signature.split("(", 1)[0]
        try:
            values = decode(argument_types(signature), data[4:])
        except AbiError:
            return ContractError(f"the contract refused: {name}", name)
        return ContractError(f"the contract refused: {name}({', '.join(map(_shown, values))})", name)


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class BlockHead:
    """Number, timestamp (seconds since 1970) and base fee (wei a gas) of a block."""

    number: int
    timestamp: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class Log:
    """An event."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Log:
        """From the node's form."""
        topics = tuple(map(jsonrpc.data, raw["topics"]))
        return cls(jsonrpc.data(raw["address"]), topics, jsonrpc.data(raw["data"]))


class Rpc:
    """One node, asked by many threads.  Every method raises ChainError when it cannot be reached."""

    def __init__(self, url: str, errors: ErrorTable, *, timeout: float = 30.0) -> None:
        self.url = url
        self.errors = errors
        self._node = JsonRpc(url, timeout)
        self._chain_id: int | None = None

    @property
    def chain_id(self) -> int:
        """The node's chain id."""
        if self._chain_id is None:
            self._chain_id = jsonrpc.quantity(self.ask("eth_chainId"))
        return self._chain_id

    def require_chain(self, expected: int) -> None:
        """Raise ChainError unless the node is on the expected chain."""
        if self.chain_id != expected:
            raise ChainError(
                f"the node at {self.url} is on chain {self.chain_id}, the configuration says {expected}; "
                "correct the address of the node or the chain id"
            )

    def ask(self, method: str, *params: Any) -> Any:
        """Any JSON-RPC method, in its own form.

        Raises:
            ContractError: a contract reverted.
            RefusedError, UnreachableError, ChainError: see ``JsonRpc.ask``.
        """
        try:
            return self._node.ask(method, *params)
        except RefusedError as error:
            if error.reverted:
                raise self.errors.explain(error.revert_data) from error
            raise

    def call(self, to: bytes, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        """Call a view function and decode what it returns.

        Raises:
            ContractError: the contract reverted.
            ChainError: no contract is there, or the node cannot be reached.
        """
        transaction = {"to": hexadecimal(to), "data": hexadecimal(call_data(signature, arguments))}
        raw = jsonrpc.data(self.ask("eth_call", transaction, "latest"))
        if not raw:
            raise ChainError(
                f"there is no such contract at {hexadecimal(to)} on chain {self.chain_id}; check the address"
            )
        try:
            return decode(returns, raw)
        except AbiError as error:
            name = signature.split("(", 1)[0]
            raise ChainError(
                f"the contract at {hexadecimal(to)} answers {name} in another form; is it ours?"
            ) from error

    def head(self) -> BlockHead:
        """The latest block."""
        block = self._record(self.ask("eth_getBlockByNumber", "latest", False))
        number, timestamp = (jsonrpc.quantity(block.get(name)) for name in ("number", "timestamp"))
        return BlockHead(number, timestamp, jsonrpc.quantity(block.get("baseFeePerGas", 0)))

    def receipt(self, transaction: bytes) -> Mapping[str, Any] | None:
        """The receipt of a transaction in the node's form; None when it is not mined."""
        found = self.ask("eth_getTransactionReceipt", hexadecimal(transaction))
        return None if found is None else self._record(found)

    def logs(self, address: bytes, topics: Sequence[bytes | None], from_block: int) -> list[Log]:
        """Logs of one contract from a block on, oldest first."""
        wanted = {
            "address": hexadecimal(address),
            "topics": [None if topic is None else hexadecimal(topic) for topic in topics],
            "fromBlock": hex(from_block),
            "toBlock": "latest",
        }
        return [Log.of(raw) for raw in self.ask("eth_getLogs", wanted)]

    def _record(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise ChainError(f"the node at {self.url} answered {value!r} where an object belongs")
        return value


def hexadecimal(raw: bytes) -> str:
    """Bytes as the node writes them."""
    return "0x" + raw.hex()
