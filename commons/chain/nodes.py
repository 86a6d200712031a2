"""Several nodes for one chain: which one answers, which is set aside, and when it is asked again.

The first of the list that works answers.  One that cannot be reached, answers with what is no answer, is behind the
others or on another chain is set aside, for longer each time, and looked at again.  What it costs to be wrong about a
node is a question more: when none works, those that were set aside are asked all the same, but for those of another
chain; each says which one it is on before it is asked anything else.  Where something rests on
the answer that cannot be taken back, most of them are asked (``most``), set aside or not; what it takes to decide
without one is in ``nodestanding``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from web3.exceptions import ContractLogicError
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from circuits.errors import GradrollError
from commons.chain.nodeagreement import Tally, needed
from commons.chain.nodestanding import Standing
from commons.chain.nodetrouble import (
    LacksBlockError,
    NodeTroubleError,
    NoResultError,
    OtherChainError,
    together,
    with_result,
)
from commons.chain.nodewords import KNOWN, says
from commons.chain.transport import Node
from commons.runtime import spans
from commons.runtime.pieces import progressed

T = TypeVar("T")
_log = logging.getLogger(__name__)
_SEND = "eth_sendRawTransaction"
_SAID_OTHERWISE = (_SEND, "eth_sendTransaction", "eth_getLogs")
"""Questions of which an error says something to who asks: a transaction is refused, logs are too many."""
_BLOCK = "eth_getBlockByNumber"
_WAITS_ALONE, _WAITS = 5, 1
"""How often a node that is busy is waited for: with others at hand, once."""
_AGE = 15.0
"""Seconds between looks at all nodes."""
_LOOK = 3.0
"""Seconds that a node has to answer to a look, or while it is set aside: somebody waits for it."""
_BEHIND = 8
"""Blocks that a node may lag: a minute and a half on Ethereum.  Blocks take some time to get around."""


class Nodes(BaseProvider):
    """The nodes of `chain.url`, as the library asks them.  Thread-safe.

    Args:
        urls: in the order in which they are preferred.
        timeout: seconds that a node has for one answer.
        absent_after: seconds without an answer after which one of two nodes is left out where both must agree.
        chain: number of the chain that is meant.  Where nobody says one, a single node is not asked for its own, and of
            several the first that answers defines it.
        monotonic: seconds, from a clock that never goes back.
    """

    global_ccip_read_enabled = False  # a contract would have us ask any server that it names (EIP-3668)

    def __init__(
        self,
        urls: Sequence[str],
        timeout: float,
        absent_after: float,
        chain: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._absent_after = absent_after
        waits = _WAITS_ALONE if len(urls) == 1 else _WAITS
        self._nodes = tuple(Node(url, timeout, waits) for url in urls)
        self._standings = tuple(Standing() for _ in urls)
        self._monotonic = monotonic
        self._looked: float | None = None
        self._chain = chain
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"Nodes({', '.join(node.url.shown for node in self._nodes)})"

    @property
    def shown(self) -> str:
        """The node that this thread asks, or would ask first, without secrets."""
        return self._nodes[next(self._order(), 0) if self._held is None else self._held].url.shown

    @property
    def _held(self) -> int | None:
        """The node that this thread asks all of a question."""
        return getattr(self._local, "number", None)

    @property
    def voter(self) -> int | None:
        """The node whose own word this thread asks for (``most``)."""
        return getattr(self._local, "voter", None)

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
        progressed()  # whoever asks many questions is not stuck; each has a limit of its own
        if method == _SEND:
            return self._sent(params)
        if method in _SAID_OTHERWISE or self._held is not None:
            return self.on_one(lambda number: self._asked(number, method, params))
        try:
            return self.on_one(lambda number: with_result(self._asked(number, method, params)))
        except NoResultError as error:
            return error.answer

    def ask_all(self, method: RPCEndpoint, each: Sequence[Any]) -> list[RPCResponse]:
        """Have one node answer questions of one method, each with parameters of its own, in one request.

        Raises:
            NodeTroubleError, ContractLogicError: as ``make_request``, each for any of the questions.
            NoResultError: no node has a result for each.
        """
        progressed()
        return self.on_one(lambda number: self._all_known(number, method, each))

    def on_one(self, ask: Callable[[int], T]) -> T:
        """Have one node answer all that is asked in here by this thread, by the first one that is no trouble.

        Args:
            ask: told the node's number; begun anew with another one when a node is the trouble.

        Raises:
            NodeTroubleError: all are.
        """
        if self._held is not None:
            return ask(self._held)
        self._look_around()
        troubles: list[NodeTroubleError] = [*self._elsewhere()]
        errors: list[NoResultError] = []
        for number in self._order():
            try:
                return self._of(number, ask)
            except NodeTroubleError as trouble:
                troubles.append(trouble)
            except NoResultError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        raise together(troubles)

    def most(self, ask: Callable[[], T | None]) -> T | None:
        """What most nodes say, each asked all of it: the rule is ``nodeagreement.needed``.

        Args:
            ask: None, or an error of the catalogue, is that the node does not say it.

        Returns:
            None where enough nodes answer, and most do not say it.

        Raises:
            NoAgreementError: too few nodes answer, or they tell different things.
            ChainError: the only one does not answer.
        """
        if self._held is not None or len(self._nodes) == 1:
            return self.on_one(lambda _: ask())
        self._look_around()
        count = len(self._nodes)
        tally: Tally[Any] = Tally(count, needed(count, 0))
        absent = 0
        for stranger in self._elsewhere():
            tally.be_silent(str(stranger))
        for number in self._order():
            if tally.is_decided:
                break
            absent += not self._votes(tally, number, ask) and self._is_absent(number)
        tally.needed = needed(count, absent)
        if tally.is_contested:
            _log.warning("event=nodes-disagree advice='look at each node of chain.url'")
        return tally.result()

    def _votes(self, tally: Tally[Any], number: int, ask: Callable[[], Any]) -> bool:
        """Have a node answer, also one that is set aside; False when it gives no answer."""
        self._local.hurry, self._local.voter = self._hurry(number), number
        try:
            tally.say(self._of(number, lambda _: ask()))
        except GradrollError as trouble:
            tally.be_silent(str(trouble))
            return False
        finally:
            self._local.hurry = self._local.voter = None
        return True

    def _is_absent(self, number: int) -> bool:
        with self._lock:
            return self._standings[number].is_absent(self._monotonic(), self._absent_after)

    def _hurry(self, number: int) -> float | None:
        """Seconds that a node has that is set aside while others work; None for as long as any."""
        aside = self.set_aside
        return _LOOK if aside[number] and not all(aside) else None

    def _of(self, number: int, ask: Callable[[int], T]) -> T:
        """Ask one node; its standing is kept.  Raises NodeTroubleError, and what ``ask`` raises."""
        self._local.number = number
        try:
            return ask(number)
        except LacksBlockError:
            raise
        except NodeTroubleError as trouble:
            self._failed(number, str(trouble))
            raise
        finally:
            self._local.number = None

    def _all_known(self, number: int, method: str, each: Sequence[Any]) -> list[RPCResponse]:
        seconds = getattr(self._local, "hurry", None)
        self._require_chain(number, seconds)
        answers = self._put(number, method, lambda node: node.ask_all(method, each, look=seconds))
        return [with_result(answer) for answer in answers]

    def require_block(self, number: int, block: int) -> None:
        """Make sure that a node has a block, so that it knows what is in it.  Raises NodeTroubleError."""
        if self._standings[number].head >= block:
            return
        self._asked(number, _BLOCK, ["latest", False])
        if self._standings[number].head < block:
            raise LacksBlockError(
                f"the node at {self._nodes[number].url.shown} does not have block {block} yet; wait for it, or use "
                "another node"
            )

    def _asked(self, number: int, method: str, params: Any, look: float | None = None) -> RPCResponse:
        """Ask one node, once it is known to be on the right chain.  Raises NodeTroubleError, ContractLogicError."""
        seconds = look or getattr(self._local, "hurry", None)
        if method != _SEND or len(self._nodes) == 1:  # several were looked at; it is signed for its chain
            self._require_chain(number, seconds)
        answer = self._put(number, method, lambda node: node.ask(method, params, look=seconds))
        if method == _BLOCK and answer.get("result"):
            self._saw(number, int(answer["result"]["number"], 16), latest=params[0] == "latest")
        return answer

    def _require_chain(self, number: int, seconds: float | None) -> None:
        """Make sure which chain a node is on: when it is new, looked at, or gave no answer before."""
        standing = self._standings[number]
        if self._chain is None and len(self._nodes) == 1:
            return
        found = standing.chain
        if found is None:
            answer = self._put(number, "eth_chainId", lambda node: node.ask("eth_chainId", [], look=seconds))
            said = answer.get("result")
            if not said:
                raise NodeTroubleError(f"the node at {self._nodes[number].url.shown} does not say what its chain is")
            found = standing.chain = int(said, 16)
        with self._lock:
            if self._chain is None:
                self._chain = found
        if found != self._chain:
            if len(self._nodes) == 1:
                standing.chain = None  # nobody looks at it again but who asks
            raise self._other_chain(number, found)

    def _other_chain(self, number: int, found: int) -> OtherChainError:
        return OtherChainError(self._nodes[number].url.shown, found, cast(int, self._chain))

    def _elsewhere(self) -> list[OtherChainError]:
        """Of each node that is left out as it is on another chain, that it is."""
        chains = [standing.chain for standing in self._standings]
        return [self._other_chain(n, found) for n, found in enumerate(chains) if found not in (None, self._chain)]

    def _put(self, number: int, method: str, ask: Callable[[Node], T]) -> T:
        try:
            with spans.part("chain", calls=True, method=method, node=number):
                answer = ask(self._nodes[number])
        except NodeTroubleError:
            self._gave_no_answer(number)
            raise
        except ContractLogicError:
            self._answered(number)
            raise
        self._answered(number)
        return answer

    def _answered(self, number: int) -> None:
        self._standings[number].silent = None

    def _gave_no_answer(self, number: int) -> None:
        with self._lock:
            self._standings[number].gave_no_answer(self._monotonic())

    def _saw(self, number: int, block: int, *, latest: bool) -> None:
        with self._lock:
            self._standings[number].saw(block, self._monotonic(), latest=latest)

    def _order(self) -> Iterator[int]:
        """Nodes that work, then those that were set aside; never one of another chain."""
        aside, chains = self.set_aside, [standing.chain for standing in self._standings]
        same = [number for number, found in enumerate(chains) if found in (None, self._chain)]
        return iter(sorted(same, key=lambda number: aside[number]))

    def _failed(self, number: int, reason: str) -> None:
        if len(self._nodes) == 1:
            return
        with self._lock:
            fresh = self._standings[number].set_aside(reason, self._monotonic())
        if fresh:
            _log.warning(
                "event=node-set-aside number=%d node=%s reason=%r", number, self._nodes[number].url.shown, reason
            )

    def _worked(self, number: int) -> None:
        with self._lock:
            back = self._standings[number].works(self._monotonic())
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
        due = [number for number, standing in enumerate(self._standings) if standing.is_due(self._monotonic())]
        there = [number for number in due if self._is_there(number)]
        heads = sorted(self._standings[number].head for number in there)
        if not heads:
            return
        # One that claims to be far ahead must not be believed alone: of two, the other must stand still besides.
        best, alone = (heads[-2], False) if len(heads) > 2 else (heads[-1], True)
        for number in there:
            standing = self._standings[number]
            behind = best - standing.head
            if behind > _BEHIND and (not alone or standing.stands_still(self._monotonic())):
                self._failed(number, f"it is {behind} blocks behind")
            else:
                self._worked(number)

    def _is_there(self, number: int) -> bool:
        """Whether a node answers, and is on the right chain."""
        self._standings[number].chain = None
        try:
            block = self._asked(number, _BLOCK, ["latest", False], _LOOK)
        except NodeTroubleError as trouble:
            self._failed(number, str(trouble))
            return False
        if not block.get("result"):
            self._failed(number, "it does not say what its latest block is")
        return bool(block.get("result"))

    def _sent(self, params: Any) -> RPCResponse:
        """Hand a transaction to all nodes but those that are silent: it is the same one, and mined once.

        Also to those that are set aside: which ones are is for no node to say, and one alone could keep it for itself.
        What counts is the answer of the one that took it; then, that one may have taken it; then, why none did.
        """
        self._look_around()
        answers: list[RPCResponse] = []
        troubles: list[NodeTroubleError] = [*self._elsewhere()]
        order = tuple(self._order())
        for number in [number for number in order if self._is_heard(number)] or order:
            try:
                answers.append(self._asked(number, _SEND, params, self._hurry(number)))
            except NodeTroubleError as trouble:
                self._failed(number, str(trouble))
                troubles.append(trouble)
        taken = [answer for answer in answers if "result" in answer or says(answer["error"]["message"], KNOWN)]
        if taken:
            return taken[0]
        if any(trouble.reached for trouble in troubles) or not answers:
            raise together(troubles)
        return answers[0]

    def _is_heard(self, number: int) -> bool:
        """Whether a node that is set aside and was silent answers again; what it never got leaves nobody in doubt."""
        standing = self._standings[number]
        return not standing.reason or standing.silent is None or self._is_there(number)
