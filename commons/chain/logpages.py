"""Logs, in as many pages as a node wants: every provider limits `eth_getLogs` by another rule and in other words.

So no words are looked at: what is refused is asked for in halves, and the size that worked is kept, and tried a little
larger each time.  All pages of a question are of one node and of one chain: when blocks were replaced meanwhile, it is
asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from web3 import Web3
from web3.exceptions import BlockNotFound, Web3RPCError
from web3.types import FilterParams, LogReceipt

from circuits.errors import ChainError
from commons.chain.nodes import Nodes
from commons.chain.nodetrouble import NodeTroubleError
from commons.runtime.foreigntext import printable

_log = logging.getLogger(__name__)
_TIMES = 5
"""How often a question is asked while blocks are being replaced."""
_SLOW = 3
"""Refusals in a row for lack of time, after which a node is given up: each takes as long as `chain.timeout`."""
_MOST_PAGES = 1 << 16
_ROOM = 1 << 28
"""Bytes for all events of a question, each with `_OVERHEAD` bytes beside its data."""
_OVERHEAD = 256
_SAID = 200
"""Characters that are shown of what a node says."""


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    hash: bytes


class _TooMuchError(Exception):
    """A node refuses a page; ``slow``: for lack of time."""

    def __init__(self, said: str, *, slow: bool) -> None:
        super().__init__(said)
        self.slow = slow


class LogPages:
    """The logs that nodes show.  Thread-safe."""

    def __init__(self, web3: Web3, nodes: Nodes) -> None:
        self._web3, self._nodes = web3, nodes
        self._sizes: dict[int, int] = {}

    def read(self, wanted: Mapping[str, Any], first: int, last: int | None) -> list[LogReceipt]:
        """Logs of a contract from a block on, oldest first.

        Args:
            wanted: address and topics, as the node is asked.
            last: the last block; None for the latest.

        Raises:
            NodeTroubleError: no node shows them, not even those of one block.
            ChainError: blocks are replaced faster than they can be read.
        """
        return self._nodes.on_one(lambda node: self._from(node, wanted, first, last))

    def _from(self, node: int, wanted: Mapping[str, Any], first: int, last: int | None) -> list[LogReceipt]:
        if last is not None:
            self._nodes.require_block(node, last)
        upto = "latest" if last is None else last
        if node not in self._sizes:
            try:
                return self._page(wanted, first, upto)
            except _TooMuchError as refusal:
                _log.info("event=logs-in-pages node=%s reason=%r", self._nodes.shown, str(refusal))
        for _ in range(_TIMES):
            head = self._block(upto)
            found = None if head is None else self._in_pages(node, wanted, first, head)
            if found is not None:
                return found
        raise ChainError("blocks are replaced faster than their events can be read; try again later")

    def _in_pages(self, node: int, wanted: Mapping[str, Any], first: int, head: _Block) -> list[LogReceipt] | None:
        """All logs up to a block; None when that was replaced meanwhile."""
        found: list[LogReceipt] = []
        at, slow, room = first, 0, _ROOM
        for _ in range(_MOST_PAGES):
            if at > head.number:
                return found if self._block(head.number) == head else None
            size = min(self._sizes.setdefault(node, max((head.number - at + 1) // 2, 1)), head.number - at + 1)
            try:
                page = self._page(wanted, at, at + size - 1)
            except _TooMuchError as refusal:
                slow = slow + 1 if refusal.slow else 0
                if size == 1 or slow == _SLOW:
                    raise self._refused(size, refusal) from None
                self._sizes[node] = size // 2
                continue
            found += page
            if size > head.number - first:  # one answer is of one chain
                return found
            room -= sum(_OVERHEAD + len(log["data"]) for log in page)
            if room < 0:
                raise NodeTroubleError(
                    f"the node at {self._nodes.shown} shows over {_ROOM >> 20} MiB of events for one question; set "
                    "chain.from_block to the block of the market's deployment, or use another node"
                )
            at, slow = at + size, 0
            if size == self._sizes[node]:  # a last page that is short says nothing
                self._sizes[node] = size + max(size // 8, 1)
        raise NodeTroubleError(
            f"the node at {self._nodes.shown} would need over {_MOST_PAGES} questions to show the events from block "
            f"{first} on; set chain.from_block to the block of the market's deployment, or use another node"
        )

    def _page(self, wanted: Mapping[str, Any], first: int, last: int | str) -> list[LogReceipt]:
        question = cast(FilterParams, {**wanted, "fromBlock": first, "toBlock": last})
        try:
            return list(self._web3.eth.get_logs(question))
        except Web3RPCError as error:
            said = printable(self._nodes.hidden_in(str(error.rpc_response or error)), _SAID)
            raise _TooMuchError(said, slow=False) from None
        except NodeTroubleError as trouble:
            if not trouble.too_much:
                raise
            raise _TooMuchError(str(trouble), slow=True) from None

    def _refused(self, size: int, refusal: _TooMuchError) -> NodeTroubleError:
        blocks = "a single block" if size == 1 else f"{size} blocks"
        return NodeTroubleError(
            f"the node at {self._nodes.shown} does not show the events of {blocks} ({refusal}); raise its limits of "
            "eth_getLogs, or use another node"
        )

    def _block(self, which: int | str) -> _Block | None:
        try:
            block: Mapping[str, Any] = self._web3.eth.get_block(cast(Any, which))
        except BlockNotFound:
            return None
        return _Block(int(block["number"]), bytes(block["hash"]))
