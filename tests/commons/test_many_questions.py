"""Many questions in one request: each has its own answer, or the node has failed, and it costs few requests."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address

from circuits.errors import ChainError, ClosedError, ContractError, UnknownError
from circuits.hashing import keccak
from commons.chain import decoding
from commons.chain.abicoding import ViewCall, selector
from commons.chain.eligibility import require_eligible
from commons.chain.facts import Participants
from commons.chain.nodetrouble import NodeTroubleError
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.transport import MOST_TOGETHER
from commons.chain.view import ChainView
from tests.support.httpnode import Answer, HttpNode

pytestmark = pytest.mark.usefixtures("no_waits")

MARKET, REGISTRY = b"\x0c" * 20, b"\x0d" * 20
SQUARE = "square(uint256)"
TASK, ROUND, OWNERS, OUTSIDE, LEFT = 7, 3, 256, 300, 11
ROUND_FIELDS = (b"\x01" * 32, 50, 100, 1, 2, 500, OWNERS, 0, 0, 2, 0, 0, False, False)


def squared(method: str, params: Any) -> Answer:
    """A contract that squares, and refuses 13."""
    if method == "eth_chainId":
        return {"result": "0x5"}
    if method == "eth_getBlockByNumber":
        return {"result": {"number": "0x5", "hash": "0x" + "b1" * 32, "timestamp": "0x9", "gasLimit": "0x1"}}
    (number,) = decode(["uint256"], bytes.fromhex(params[0]["data"][2:])[4:])
    if number == 13:
        return {"error": {"code": 3, "message": "execution reverted", "data": "0x" + selector("Unlucky()").hex()}}
    return {"result": "0x" + encode(["uint256"], [number**2]).hex()}


@dataclass
class Asker:
    """Who asks nodes, the first of which a test has lie."""

    nodes: list[HttpNode]

    def __post_init__(self) -> None:
        self.rpc = Rpc(",".join(node.secret_url for node in self.nodes), ErrorTable(("Unlucky()",)), timeout=5.0)

    def ask(self, *numbers: int) -> list[int]:
        found = self.rpc.call_each(MARKET, [ViewCall(SQUARE, [number], ["uint256"]) for number in numbers])
        return [int(one) for (one,) in found]


def asker(undo: ExitStack, count: int = 1) -> Asker:
    nodes = [HttpNode(squared) for _ in range(count)]
    for node in nodes:
        undo.callback(node.close)
    return Asker(nodes)


@pytest.mark.parametrize("count", [0, 1, 2, MOST_TOGETHER, MOST_TOGETHER + 1, 2 * MOST_TOGETHER])
def test_each_question_has_its_answer_in_few_requests_that_no_node_finds_too_long(undo: ExitStack, count: int) -> None:
    one = asker(undo)
    sizes: list[int] = []

    def noted(questions: list[Any], answers: list[Any]) -> Any:
        sizes.append(len(questions))
        return answers

    one.nodes[0].batch = noted
    wanted = [number + 100 for number in range(count)]
    assert one.ask(*wanted) == [number**2 for number in wanted]
    assert one.nodes[0].requests == -(-count // MOST_TOGETHER)
    assert max(sizes, default=0) <= MOST_TOGETHER
    assert one.ask(*wanted) == [int(one.rpc.call(MARKET, SQUARE, [n], ["uint256"])[0]) for n in wanted]


def test_answers_come_in_any_order(undo: ExitStack) -> None:
    one = asker(undo)
    one.nodes[0].batch = lambda _, answers: answers[::-1]
    assert one.ask(2, 3, 4) == [4, 9, 16]


RIGHT = {"jsonrpc": "2.0", "result": "0x" + "00" * 32}
LIES: dict[str, Any] = {
    "one left out": lambda asked, told: told[1:],
    "one doubled": lambda asked, told: [told[0], told[0], told[2]],
    "one too many": lambda asked, told: [*told, told[0]],
    "one of another question": lambda asked, told: [*told[:2], {**RIGHT, "id": asked[2]["id"] + 1}],
    "one without a number": lambda asked, told: [*told[:2], RIGHT],
    "one whose number is no number": lambda asked, told: [*told[:2], {**RIGHT, "id": [asked[2]["id"]]}],
    "one that is no object": lambda asked, told: [*told[:2], "0x"],
    "one with neither result nor error": lambda asked, told: [*told[:2], {"jsonrpc": "2.0", "id": asked[2]["id"]}],
    "one of another form": lambda asked, told: [*told[:2], {**told[2], "result": {"a": 1}}],
    "one that is too busy": lambda asked, told: [
        *told[:2], {"id": asked[2]["id"], "error": {"code": -32005, "message": "rate limit exceeded"}},
    ],
    "thousands": lambda asked, told: told * 5_000,
    "none": lambda asked, told: [],
    "only one": lambda asked, told: told[:1],
    "an answer for all": lambda asked, told: told[0],
    "an error for all that is none": lambda asked, told: {"error": "no"},
    "too busy for all": lambda asked, told: {"error": {"code": 429, "message": "too many requests"}},
    "text": lambda asked, told: "0x",
    "nothing": lambda asked, told: None,
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_node_that_answers_in_part_or_something_else_has_failed(
    undo: ExitStack, lie: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Alone it is an error that names it, without its password; beside another one, that one answers everything."""
    caplog.set_level(logging.WARNING)
    alone = asker(undo)
    alone.nodes[0].batch = LIES[lie]
    with pytest.raises(NodeTroubleError, match=f"the node at http://127.0.0.1:{alone.nodes[0].port} ") as caught:
        alone.ask(2, 3, 4)
    assert "hunter2" not in str(caught.value)
    assert "APIKEY" not in str(caught.value)
    both = asker(undo, 2)
    both.nodes[0].batch = LIES[lie]
    assert both.ask(2, 3, 4) == [4, 9, 16]
    assert both.nodes[1].count("eth_call") == 3, "no answer of the first counts"
    assert both.rpc.set_aside == (True, False)
    assert "event=node-set-aside number=0" in caplog.text


def test_a_contract_that_refuses_one_is_heard_only_where_all_others_are_answered(undo: ExitStack) -> None:
    one = asker(undo)
    with pytest.raises(ContractError, match="Unlucky"):
        one.ask(2, 13, 4)
    one.nodes[0].batch = lambda asked, told: [*told[:2], {**told[2], "result": "0x0"}]
    with pytest.raises(NodeTroubleError):
        one.ask(2, 13, 4)


def test_a_node_that_knows_no_answer_to_one_has_another_asked_and_is_not_set_aside(undo: ExitStack) -> None:
    both, missing = asker(undo, 2), {"code": -32000, "message": "missing trie node"}
    both.nodes[0].batch = lambda asked, told: [*told[:2], {"id": asked[2]["id"], "error": missing}]
    assert both.ask(2, 3, 4) == [4, 9, 16]
    assert both.rpc.set_aside == (False, False)
    both.nodes[1].batch = both.nodes[0].batch
    with pytest.raises(ChainError, match="answered: missing trie node"):
        both.ask(2, 3, 4)


REFUSALS: dict[str, Any] = {
    "an error": lambda _, told: {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}},
    "an error in a list": lambda asked, _: [
        {"jsonrpc": "2.0", "id": asked[0]["id"], "error": {"code": -32600, "message": "batch too large"}}
    ],
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_node_that_takes_no_batches_is_asked_one_by_one(undo: ExitStack, refusal: str) -> None:
    one = asker(undo)
    one.nodes[0].batch = REFUSALS[refusal]
    assert one.ask(2, 3, 4) == [4, 9, 16]
    assert one.nodes[0].requests == 4
    with pytest.raises(ContractError, match="Unlucky"):
        one.ask(2, 13)


def test_most_nodes_say_what_cannot_be_undone_also_of_many(undo: ExitStack) -> None:
    """Each is asked all; one that swaps answers, which nobody can see in them, is outvoted."""
    three = asker(undo, 3)

    def swapped(asked: list[Any], told: list[Any]) -> Any:
        return [{**told[0], "result": told[1]["result"]}, {**told[1], "result": told[0]["result"]}]

    three.nodes[0].batch = swapped
    assert three.ask(2, 3) == [9, 4]
    assert three.rpc.most(lambda: tuple(three.ask(2, 3))) == (4, 9)
    three.nodes[0].batch = lambda _, told: told[:1]
    assert three.rpc.most(lambda: tuple(three.ask(2, 3))) == (4, 9)


class MarketNode(HttpNode):
    """A node with a market: a round for owners below 256, of whom one left before it."""

    def __init__(self) -> None:
        self.taken = 0
        super().__init__(self._said)

    def _said(self, method: str, params: Any) -> Answer:
        if method == "eth_getCode":
            return {"result": "0x60"}
        if method != "eth_call":
            return squared(method, params)
        data = bytes.fromhex(params[0]["data"][2:])
        kinds, values = self._called(data)
        if not kinds:
            return {"error": {"code": 3, "message": "execution reverted", "data": "0x" + values[0].hex()}}
        return {"result": "0x" + encode(kinds, values).hex()}

    def _called(self, data: bytes) -> tuple[list[str], list[Any]]:
        def is_(signature: str) -> bool:
            return data[:4] == selector(signature)

        if is_("deployment()"):
            return ["bytes32"], [b"\x02" * 32]
        if is_("registry()"):
            return ["address"], [to_checksum_address(REGISTRY)]
        if is_("round(uint256,uint256)"):
            return [decoding.ROUND], [ROUND_FIELDS]
        if is_("consumed(uint256,uint256,uint256)"):
            (word,) = decode(["uint256"], data[-32:])
            return ["uint256"], [self.taken >> word * 256 & (1 << 256) - 1]
        assert is_("ownerAt(uint256,uint256)")
        (index,) = decode(["uint256"], data[-32:])
        if index == OUTSIDE:
            return [], [selector("OwnerUnknown(uint256,uint256)") + encode(["uint256"] * 2, [TASK, index])]
        signer = to_checksum_address(keccak(bytes([index % 256]))[12:])
        return [decoding.OWNER], [(signer, signer, 0, 0, index == LEFT, 2, 0, False, False)]


@pytest.fixture
def market(undo: ExitStack) -> MarketNode:
    node = MarketNode()
    undo.callback(node.close)
    return node


def test_whether_256_owners_have_a_part_is_asked_in_a_handful_of_requests(market: MarketNode) -> None:
    view = ChainView(market.url, MARKET)
    wanted = tuple(index for index in range(OWNERS) if index != LEFT)
    before = market.requests
    found = require_eligible(view, TASK, ROUND, wanted)
    assert market.requests - before == -(-(1 + len(wanted) + 1) // MOST_TOGETHER)
    assert found == Participants(
        view.round(TASK, ROUND), view.owner_records(TASK, wanted), view.consumed_among(TASK, ROUND, wanted)
    )
    before = market.requests
    assert require_eligible(view, TASK, ROUND, (5,)).owners == view.owner_records(TASK, (5,))
    assert market.requests - before == 2
    assert view.owner_records(TASK, wanted) == tuple(view.owner(TASK, index) for index in wanted)
    with pytest.raises(ClosedError, match=f"owner {LEFT} has a part in rounds from 0 on, and leaves"):
        require_eligible(view, TASK, ROUND, (*wanted, LEFT))
    with pytest.raises(UnknownError, match="OwnerUnknown"):
        require_eligible(view, TASK, ROUND, (*wanted, OUTSIDE))


def test_who_is_in_accepted_batches_is_read_from_the_words_that_hold_them(market: MarketNode) -> None:
    view = ChainView(market.url, MARKET)
    accepted = {0, 5, 255, 256, 511, 700}
    market.taken = sum(1 << index for index in accepted)
    before = market.requests
    assert view.consumed_among(TASK, ROUND, range(600)) == accepted - {700}
    assert market.requests - before == 1
    assert view.participants(TASK, ROUND, (0, 5, 254, 255, 256)).consumed == {0, 5, 255, 256}
    assert view.participants(TASK, ROUND, (1, 257)).consumed == frozenset()
    assert view.consumed_among(TASK, ROUND, ()) == frozenset()
    asked = (0, 1, 254, 255, 256, 257, 511, 512, 700)
    assert {index for index in asked if view.consumed(TASK, ROUND, index)} == accepted & set(asked)
