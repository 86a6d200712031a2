"""Several nodes for one chain: which one answers, which is set aside, and when it is asked again.

The first of the list that works answers.  One that cannot be reached, answers with what is no answer, is behind the
others or on another chain is set aside, for longer each time, and looked at again.  What it costs to be wrong about a
node is a question more: when none works, those that were set aside are asked all the same.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from commons.chain.nodetrouble import NodeTroubleError
from commons.chain.nodewords import KNOWN, says
from commons.chain.transport import Node

T = TypeVar("T")
_log = logging.getLogger(__name__)
_SEND = "eth_sendRawTransaction"
_BLOCK = "eth_getBlockByNumber"
_WAITS_ALONE, _WAITS = 5, 1
"""How often a node that is busy is waited for: with others at hand, once."""
_AGE = 15.0
"""Seconds between looks at all nodes."""
_LOOK = 3.0
"""Seconds that a node has to answer to a look: somebody waits for it."""
_BEHIND = 8
"""Blocks that a node may lag: a minute and a half on Ethereum.  Blocks take some time to get around."""
_FIRST, _LONGEST = 2.0, 300.0
"""Seconds for which a node is set aside, twice as many each time that it fails again."""
_OTHER_CHAIN = "it is on another chain"


@dataclass(slots=True)
class _Standing:
    """What is known of a node.

    Attributes:
        reason: why it is set aside; none for one that works.
        until: the clock's time at which it is looked at again.
        failures: in a row.
        head: the latest block that it showed, -1 for none yet.
    """

    reason: str = ""
    until: float = 0.0
    failures: int = 0
    head: int = -1


class Nodes(BaseProvider):
    """The nodes of `chain.url`, as the library asks them.  Thread-safe.

    Args:
        urls: in the order in which they are preferred.
        timeout: seconds that a node has for one answer.
        monotonic: seconds, from a clock that never goes back.
    """

    global_ccip_read_enabled = False  # a contract would have us ask any server that it names (EIP-3668)

    def __init__(self, urls: Sequence[str], timeout: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        waits = _WAITS_ALONE if len(urls) == 1 else _WAITS
        self._nodes = tuple(Node(url, timeout, waits) for url in urls)
        self._standings = tuple(_Standing() for _ in urls)
        self._monotonic = monotonic
        self._looked: float | None = None
        self._chain: int | None = None
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"Nodes({', '.join(node.url.shown for node in self._nodes)})"

    @property
    def shown(self) -> str:
        """The node that this thread asks, or would ask first, without secrets."""
        held = getattr(self._local, "number", None)
        return self._nodes[next(self._order()) if held is None else held].url.shown

    def hidden_in(self, text: str) -> str:
        """What a node says, without what may be secret of any node's URL."""
        for node in self._nodes:
            text = node.url.hidden_in(text)
        return text

    @property
    def set_aside(self) -> tuple[bool, ...]:
        """Of each node, whether it is set aside at present."""
        with self._lock:
            return tuple(bool(standing.reason) for standing in self._standings)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask one node, or hand a transaction to all.  Raises NodeTroubleError, ContractLogicError."""
        if method == _SEND:
            return self._sent(params)
        return self.on_one(lambda number: self._asked(number, method, params))

    def on_one(self, ask: Callable[[int], T]) -> T:
        """Have one node answer all that is asked in here by this thread, by the first one that is no trouble.

        Args:
            ask: told the node's number; begun anew with another one when a node is the trouble.

        Raises:
            NodeTroubleError: all are.
        """
        held = getattr(self._local, "number", None)
        if held is not None:
            return ask(held)
        self._look_around()
        troubles = []
        for number in self._order():
            self._local.number = number
            try:
                answer = ask(number)
            except NodeTroubleError as trouble:
                troubles.append(trouble)
                self._failed(number, str(trouble))
            else:
                return answer
            finally:
                self._local.number = None
        raise _together(troubles)

    def require_block(self, number: int, block: int) -> None:
        """Make sure that a node has a block, so that it knows what is in it.  Raises NodeTroubleError."""
        if self._standings[number].head >= block:
            return
        self._asked(number, _BLOCK, ["latest", False])
        if self._standings[number].head < block:
            raise NodeTroubleError(
                f"the node at {self._nodes[number].url.shown} does not have block {block} yet; wait for it, or use "
                "another node"
            )

    def _asked(self, number: int, method: str, params: Any, look: float | None = None) -> RPCResponse:
        answer = self._nodes[number].ask(method, params, look=look)
        if method == _BLOCK and answer.get("result"):
            self._saw(number, int(answer["result"]["number"], 16), latest=params[0] == "latest")
        return answer

    def _saw(self, number: int, block: int, *, latest: bool) -> None:
        with self._lock:
            standing = self._standings[number]
            standing.head = block if latest else max(block, standing.head)

    def _order(self) -> Iterator[int]:
        """Nodes that work, then those that were set aside; never one of another chain, if there is any other."""
        with self._lock:
            reasons = [standing.reason for standing in self._standings]
        same = [n for n, reason in enumerate(reasons) if reason != _OTHER_CHAIN]
        return iter(sorted(same, key=lambda n: bool(reasons[n])))

    def _failed(self, number: int, reason: str) -> None:
        """Set a node aside; nothing is added while it is, as many threads find out at once."""
        standing, now = self._standings[number], self._monotonic()
        with self._lock:
            if len(self._nodes) == 1 or (standing.reason and now < standing.until):
                return
            fresh, standing.reason = not standing.reason, reason
            seconds = min(_FIRST * 2**standing.failures, _LONGEST) * random.uniform(0.5, 1.5)
            standing.until = now + seconds
            standing.failures = min(standing.failures + 1, 16)
        if fresh:
            _log.warning(
                "event=node-set-aside number=%d node=%s reason=%r", number, self._nodes[number].url.shown, reason
            )

    def _worked(self, number: int) -> None:
        standing = self._standings[number]
        with self._lock:
            back, standing.reason, standing.failures = bool(standing.reason), "", 0
        if back:
            _log.warning("event=node-back number=%d node=%s", number, self._nodes[number].url.shown)

    def _look_around(self) -> None:
        """Look at all nodes that are due, if that was not done for a while; the first time everybody waits for it."""
        if len(self._nodes) == 1 or not self._is_old() or not self._looking.acquire(blocking=self._looked is None):
            return
        try:
            if self._is_old():
                self._look()
                self._looked = self._monotonic()
        finally:
            self._looking.release()

    def _is_old(self) -> bool:
        return self._looked is None or self._monotonic() - self._looked > _AGE

    def _look(self) -> None:
        there = [number for number in range(len(self._nodes)) if self._is_due(number) and self._is_there(number)]
        heads = sorted(self._standings[number].head for number in there)
        if not heads:
            return
        # One that claims to be far ahead must not be believed alone, where there are others to ask.
        best = heads[-2] if len(heads) > 2 else heads[-1]
        for number in there:
            behind = best - self._standings[number].head
            if behind > _BEHIND:
                self._failed(number, f"it is {behind} blocks behind")
            else:
                self._worked(number)

    def _is_due(self, number: int) -> bool:
        standing = self._standings[number]
        return not standing.reason or standing.until <= self._monotonic()

    def _is_there(self, number: int) -> bool:
        """Whether a node answers, and is on the chain that the first one was on."""
        try:
            chain = self._asked(number, "eth_chainId", [], _LOOK)
            block = self._asked(number, _BLOCK, ["latest", False], _LOOK)
        except NodeTroubleError as trouble:
            self._failed(number, str(trouble))
            return False
        if not chain.get("result") or not block.get("result"):
            self._failed(number, "it does not say what its chain and its latest block are")
            return False
        found = int(chain["result"], 16)
        if self._chain is None:
            self._chain = found
        if found != self._chain:
            self._failed(number, _OTHER_CHAIN)
        return found == self._chain

    def _sent(self, params: Any) -> RPCResponse:
        """Hand a transaction to all nodes that work: it is the same one, and mined once.

        What counts is the answer of the one that took it; then, that one may have taken it; then, why none did.
        """
        self._look_around()
        answers, troubles = [], []
        working = [number for number in self._order() if not self._standings[number].reason]
        for number in working or self._order():
            try:
                answers.append(self._asked(number, _SEND, params))
            except NodeTroubleError as trouble:
                self._failed(number, str(trouble))
                troubles.append(trouble)
        taken = [answer for answer in answers if "result" in answer or says(answer["error"]["message"], KNOWN)]
        if taken:
            return taken[0]
        if any(trouble.reached for trouble in troubles) or not answers:
            raise _together(troubles)
        return answers[0]


def _together(troubles: Sequence[NodeTroubleError]) -> NodeTroubleError:
    if len(troubles) == 1:
        return troubles[0]
    return NodeTroubleError(
        f"none of {len(troubles)} nodes is of use: {'; '.join(map(str, troubles))}",
        too_much=any(trouble.too_much for trouble in troubles),
        reached=any(trouble.reached for trouble in troubles),
    )
