"""JSON-RPC to an Ethereum node: calls, logs and reverts, with the errors of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar, cast

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.exceptions import BlockNotFound, ContractLogicError, Web3Exception
from web3.types import LogReceipt, RPCEndpoint

from circuits.errors import ChainError, ContractError
from commons.chain.abicoding import ViewCall, argument_types, call_data, selector
from commons.chain.depth import BlockHead
from commons.chain.logpages import LogPages
from commons.chain.nodes import Nodes
from commons.chain.nodetrouble import with_result
from commons.chain.refusals import in_words
from commons.chain.transport import MOST_TOGETHER
from commons.runtime.foreigntext import printable
from commons.settings.values import Depth, Tag, split_nodes

T = TypeVar("T")
_PLAIN_ERRORS = ("Error(string)", "Panic(uint256)")
UNFORESEEN = (Web3Exception, DecodingError, LookupError, TypeError, AttributeError, ValueError, OverflowError)
"""What comes of an answer in another form than a node's."""
_CALL, _BLOCK = RPCEndpoint("eth_call"), RPCEndpoint("eth_getBlockByNumber")
_MAX_SHOWN = 300
"""Characters of what a node, or a contract through it, says."""


class ErrorTable:
    """Custom errors of the contracts by selector."""

    def __init__(self, signatures: Iterable[str]) -> None:
        self._known: dict[bytes, str] = {}
        self.learn((*_PLAIN_ERRORS, *signatures))

    def learn(self, signatures: Iterable[str]) -> None:
        """Add errors, written as ``Name(type,...)``."""
        self._known.update({selector(signature): signature for signature in signatures})

    def explain(self, data: bytes) -> ContractError:
        """The error that revert data stands for: cause and cure in words, and its name in brackets at the end."""
        signature = self._known.get(data[:4])
        if signature is None:
            shown = f"with unknown data 0x{data[:68].hex()}" if data else "without a reason"
            return ContractError(f"the contract refused {shown}; check its address, and that it is this release's")
        name = signature.split("(", 1)[0]
        try:
            said = in_words(signature, decode(argument_types(signature), data[4:]))
        except (DecodingError, ValueError, OverflowError):
            said = None
        shown = said or "the contract refused, and its reason cannot be read"
        return ContractError(f"{printable(shown, _MAX_SHOWN)} [{name}]", name)


class Rpc:
    """One node or several, asked by many threads.  Every method raises ChainError when none can be reached.

    Args:
        url: of a node; of several, with commas between them, as `chain.url` has it.
        absent_after: seconds without an answer after which one of two is left out where both must agree.
        chain: number of the chain that is meant; a node of another one is asked nothing else.
    """

    def __init__(
        self, url: str, errors: ErrorTable, *, timeout: float = 30.0, absent_after: float = 900.0,
        chain: int | None = None,
    ) -> None:  # fmt: skip
        self.errors = errors
        self._nodes = Nodes(split_nodes(url), timeout, absent_after, chain)
        self.web3 = Web3(self._nodes)
        # It asks for the chain id before every call; we compare it once, and transactions carry it signed.
        self.web3.middleware_onion.remove("validation")
        self._pages = LogPages(self.web3, self._nodes)
        self._chain_id = chain

    def __repr__(self) -> str:
        return f"Rpc({self._nodes!r})"

    @property
    def set_aside(self) -> tuple[bool, ...]:
        """Of each node, whether it is set aside at present."""
        return self._nodes.set_aside

    @property
    def chain_id(self) -> int:
        """Number of the chain: the one that is meant, else the one that a node says."""
        if self._chain_id is None:
            self._chain_id = self.guarded(lambda: int(self.web3.eth.chain_id))
        return self._chain_id

    def guarded(self, ask: Any) -> Any:
        """Run a question to the node, and what takes its answer apart, and translate what goes wrong.

        No message shows the node's URL as it was given: it may hold a password or a key, and servers send messages on.
        """
        try:
            return ask()
        except ContractLogicError as error:
            raise self.errors.explain(revert_data(error)) from error
        except ChainError:
            raise
        except (OSError, *UNFORESEEN) as error:
            raise ChainError(f"the node at {self._nodes.shown} answered: {self.said(error)}") from None

    def said(self, error: Exception) -> str:
        """What a node says in an error: little of it, and without its own address."""
        return printable(self._nodes.hidden_in(str(error) or type(error).__name__), _MAX_SHOWN)

    def on_one_node(self, ask: Callable[[int], T]) -> T:
        """Have one and the same node answer all that is asked in here, told its number; another where it is the
        trouble, from the beginning.  Raises ChainError when all are."""
        return self._nodes.on_one(ask)

    @property
    def voter(self) -> int | None:
        """Number of the node whose own word this thread asks for, as most are asked; None outside of ``most``."""
        return self._nodes.voter

    def most(self, ask: Callable[[], T | None]) -> T | None:
        """What most nodes say, each asked all of it; None where most do not say it.  Raises as ``Nodes.most``."""
        return self._nodes.most(ask)

    def answer(self, to: bytes, signature: str, arguments: Sequence[Any]) -> bytes:
        """Call a view function; the bytes that it returns, none where there is no contract.

        Raises:
            InvalidInputError: an argument that its type does not hold; nothing was asked.
            ContractError: the contract reverted.
            ChainError: the node cannot be reached.
        """
        return self._returned(to, [ViewCall(signature, arguments, ())])[0]

    def call(self, to: bytes, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        """Call a view function and decode what it returns.

        Raises:
            InvalidInputError: an argument that its type does not hold; nothing was asked.
            ContractError: the contract reverted.
            ChainError: no contract is there, or the node cannot be reached.
        """
        return self._decoded(to, signature, returns, self.answer(to, signature, arguments))

    def call_each(self, to: bytes, calls: Sequence[ViewCall]) -> list[tuple[Any, ...]]:
        """Call view functions of one contract, ``MOST_TOGETHER`` in one request; what they return.

        Raises:
            InvalidInputError, ContractError, ChainError: as ``call``, for any of them.
        """
        found = self._returned(to, calls)
        return [self._decoded(to, one.signature, one.returns, raw) for one, raw in zip(calls, found, strict=True)]

    def _returned(self, to: bytes, calls: Sequence[ViewCall]) -> list[bytes]:
        """The bytes that view functions return, not decoded."""
        asked, returned = [_asked(to, one) for one in calls], list[bytes]()
        for first in range(0, len(asked), MOST_TOGETHER):
            some = asked[first : first + MOST_TOGETHER]
            returned += self.guarded(
                lambda some=some: [bytes.fromhex(one["result"][2:]) for one in self._nodes.ask_all(_CALL, some)]
            )
        return returned

    def _decoded(self, to: bytes, signature: str, returns: Sequence[str], raw: bytes) -> tuple[Any, ...]:
        if not raw:
            raise ChainError(
                f"there is no such contract at {to_checksum_address(to)} on chain {self.chain_id}; check the address"
            )
        try:
            return decode(list(returns), raw)
        except (DecodingError, ValueError, OverflowError) as error:  # text that is no UTF-8 is a ValueError
            name = signature.split("(", 1)[0]
            raise ChainError(
                f"the contract at {to_checksum_address(to)} answers {name} in another form; is it ours?"
            ) from error

    def next_nonce(self, address: bytes, block: Literal["latest", "pending"] | int = "latest") -> int:
        """The first nonce of an account that nothing has used, up to a block.  Raises ChainError."""
        account = to_checksum_address(address)
        return int(self.guarded(lambda: self.web3.eth.get_transaction_count(account, block)))

    def head(self) -> BlockHead:
        """The latest block."""
        return self._block("latest")

    def block(self, depth: Depth) -> BlockHead:
        """The latest block that so many vouch for, itself among them; the first one of a chain that is shorter.

        Raises ChainError, also where the node has no block under a tag.
        """
        if isinstance(depth, str):
            return self._tagged(depth)
        head = self.head()
        return head if depth == 1 else self._block(max(head.number - depth + 1, 0))

    def _tagged(self, tag: Tag) -> BlockHead:
        try:
            return self._block(tag)
        except ChainError as error:
            raise ChainError(
                f'{error}; where the node knows no "{tag}" block, let confirmations be a number of blocks'
            ) from error

    def _block(self, which: int | Literal["latest"] | Tag) -> BlockHead:
        def ask() -> BlockHead:
            found = self._found(which)
            if found is None:
                raise BlockNotFound(f"there is no block {which}")
            return found

        return cast(BlockHead, self.guarded(ask))

    def block_hash(self, number: int) -> bytes | None:
        """Hash of the block with a number; None where the node has none."""
        found: BlockHead | None = self.guarded(lambda: self._found(number))
        return None if found is None else found.hash

    def _found(self, which: int | str) -> BlockHead | None:
        """A block.  web3 would take each apart into what nobody asks for: this is asked more often than all else."""
        asked = [hex(which) if isinstance(which, int) else which, False]
        block = with_result(cast(Nodes, self.web3.provider).make_request(_BLOCK, asked))["result"]
        if block is None:
            return None
        return BlockHead(int(block["number"], 16), int(block["timestamp"], 16), bytes.fromhex(block["hash"][2:]))

    def require_canonical(self, log: LogReceipt) -> None:
        """Raise ChainError for a log of a block that was replaced: a node's index of logs may lag behind its chain."""
        number, found = self.guarded(lambda: (int(log["blockNumber"]), bytes(log["blockHash"])))
        if self.block_hash(number) != found:
            raise ChainError(
                f"the node at {self._nodes.shown} shows an event of a block that is not part of its chain (number "
                f"{number}, 0x{found.hex()}); if that lasts, repair its index, or use another node"
            )

    def code(self, address: bytes) -> bytes:
        """The code of a contract; empty for an account without one."""
        return cast(bytes, self.guarded(lambda: bytes(self.web3.eth.get_code(to_checksum_address(address)))))

    def logs(
        self, address: bytes, topics: Sequence[bytes | None], from_block: int, to_block: int | None = None
    ) -> list[LogReceipt]:
        """Logs of one contract from a block on, oldest first; up to the latest block unless told otherwise."""
        wanted = {
            "address": to_checksum_address(address),
            "topics": [None if topic is None else "0x" + topic.hex() for topic in topics],
        }
        return cast(list[LogReceipt], self.guarded(lambda: self._pages.read(wanted, from_block, to_block)))


def revert_data(error: ContractLogicError) -> bytes:
    """The raw data of a revert; empty when the node gave none."""
    data = error.data
    if isinstance(data, dict):
        data = data.get("data", "")
    text = str(data or "")
    try:
        return bytes.fromhex(text[2:]) if text.startswith("0x") else b""
    except ValueError:
        return b""


def _asked(to: bytes, call: ViewCall) -> list[Any]:
    """Parameters of ``eth_call`` for a contract, as of the latest block."""
    return [{"to": "0x" + to.hex(), "data": "0x" + call_data(call.signature, call.arguments).hex()}, "latest"]
