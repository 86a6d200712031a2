"""Logs through nodes that limit them, each in its own way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account

from circuits.errors import ChainError
from commons.chain import logpages
from commons.chain.contractevents import Events
from commons.chain.devchain import CHAIN_ID, DevChain
from commons.chain.rpc import ErrorTable, Rpc
from tests.support.httpnode import Answer, HttpNode, StandIn

pytestmark = pytest.mark.usefixtures("no_waits")

EVENT = b"\xee" * 32
# PUSH32 EVENT PUSH1 0 PUSH1 0 LOG1: a contract whose creation, and every call, tells the event once
LOGGING = bytes.fromhex("7f" + EVENT.hex() + "60006000a1")
RETURNING = bytes.fromhex("6027600c60003960276000f3") + LOGGING
REFUSALS: dict[str, Answer] = {
    "infura": {"error": {"code": -32005, "message": "query returned more than 10000 results. Try with this range"}},
    "alchemy": {"error": {"code": -32602, "message": "Log response size exceeded. You can make eth_getLogs requests"}},
    "invalid": {"error": {"code": -32600, "message": "eth_getLogs is limited to a 10,000 range"}},
    "bsc": {"error": {"code": -32000, "message": "exceed maximum block range: 5000"}},
    "ankr": {"error": {"code": -32062, "message": "block range is too wide"}},
    "geth": {"error": {"code": -32002, "message": "request timed out"}},
    "with HTTP 400": {"status": 400, "error": {"code": -32600, "message": "up to a 500 block range"}},
    "quicknode": 413,
    "gateway": 504,
}


class Market:
    """A contract that told its event in some blocks, and a node that limits what it shows."""

    def __init__(self) -> None:
        self.dev = DevChain()
        self.contract = self._sent(None, RETURNING)
        self.blocks = [self._told() for _ in range(12)]
        self.node = StandIn(self.dev)
        self.rpc = Rpc(self.node.url, ErrorTable(()))

    def _told(self) -> int:
        self.dev._tester.mine_blocks(3)
        self._sent(self.contract, b"")
        return self._head()

    def _head(self) -> int:
        return int(self.dev.answer("eth_getBlockByNumber", ["latest", False])["result"]["number"], 16)

    def _sent(self, to: str | None, data: bytes) -> str:
        key = self.dev.accounts[0]
        nonce = self.dev.answer("eth_getTransactionCount", ["0x" + key.address.hex(), "latest"])["result"]
        transaction: dict[str, Any] = {"value": 0, "gas": 200_000, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 1,
                                       "nonce": nonce, "chainId": CHAIN_ID, "data": "0x" + data.hex()}  # fmt: skip
        if to:
            transaction["to"] = to
        raw = Account.sign_transaction(transaction, key.secret_bytes()).raw_transaction
        sent = self.dev.answer("eth_sendRawTransaction", ["0x" + raw.hex()])["result"]
        return str(self.dev.answer("eth_getTransactionReceipt", [sent])["result"]["contractAddress"] or to)

    def found(self, first: int = 0, last: int | None = None) -> list[int]:
        """Blocks of the events, as the node shows them."""
        logs = self.rpc.logs(bytes.fromhex(self.contract[2:]), [EVENT], first, last)
        return [int(log["blockNumber"]) for log in logs]


@pytest.fixture
def market() -> Iterator[Market]:
    made = Market()
    yield made
    made.node.close()


def test_a_node_without_limits_is_asked_once(market: Market) -> None:
    assert market.found() == market.blocks
    assert [method for method, _ in market.node.asked] == ["eth_getLogs"]


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("limit", ["range", "results"])
def test_all_logs_are_found_in_order_whatever_the_limit_and_its_words(
    market: Market, refusal: Answer, limit: str
) -> None:
    market.node.refusal = refusal
    setattr(market.node, limit, 9 if limit == "range" else 2)
    assert market.found() == market.blocks
    assert market.found(market.blocks[3]) == market.blocks[3:]
    assert market.found(0, market.blocks[5]) == market.blocks[:6]


def test_the_size_that_worked_is_remembered_and_grows_again(market: Market) -> None:
    market.node.range = 3
    market.found()
    size = market.rpc._pages._sizes[0]
    assert 1 <= size <= 4
    before = market.node.count("eth_getLogs")
    market.found(market.blocks[-1])
    assert market.node.count("eth_getLogs") == before + 1, "no question that is known to be refused"
    market.node.range = 1 << 62
    for _ in range(20):
        market.found()
    assert market.rpc._pages._sizes[0] > len(market.blocks) * 3
    before = market.node.count("eth_getLogs")
    market.found()
    assert market.node.count("eth_getLogs") == before + 1


def test_a_single_block_that_is_refused_is_named_with_the_cure(market: Market) -> None:
    market.node.range = 0
    with pytest.raises(ChainError, match=r"does not show the events of a single block .*10000 results.*another node"):
        market.found()
    assert market.node.count("eth_getLogs") < 12, "by halves, not one by one"


def test_a_node_that_is_busy_is_not_asked_for_less(market: Market) -> None:
    market.node.range = 0
    market.node.refusal = {"error": {"code": -32005, "message": "daily request count exceeded, request rate limited"}}
    with pytest.raises(ChainError, match="asked too often"):
        market.found()
    assert market.node.count("eth_getLogs") == 1


def test_one_that_is_slow_is_given_up_after_some_tries(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.node.range, market.node.refusal = 0, 408
    market.rpc.head()
    market.dev._tester.mine_blocks(100)
    with pytest.raises(ChainError, match="does not show the events of"):
        market.found()
    assert market.node.count("eth_getLogs") == 1 + logpages._SLOW


def test_pages_are_of_one_chain(market: Market) -> None:
    """Blocks are replaced after the last page: what comes out is what one chain has."""
    market.node.range = 20
    honest = market.node.answer
    replaced: list[Answer] = []

    def reorganised(method: str, params: Any) -> Answer:
        said = honest(method, params)
        last = params[0]["toBlock"] if method == "eth_getLogs" else "latest"
        if last != "latest" and int(last, 16) >= late[-1] and said != market.node.refusal and not replaced:
            replaced.append(said)
            market.dev._tester.revert_to_snapshot(snapshot)
            market.dev.advance(1000)
            market.dev._tester.mine_blocks(20)
        return said

    snapshot = market.dev._tester.take_snapshot()
    late = [market._told() for _ in range(3)]
    assert market.found() == market.blocks + late
    market.node.answer = reorganised
    assert market.found() == market.blocks
    assert replaced


def test_blocks_that_are_replaced_all_the_time_are_told(market: Market) -> None:
    market.node.range = 20
    honest, heads = market.node.answer, itertools.count()

    def restless(method: str, params: Any) -> Answer:
        said = honest(method, params)
        if method == "eth_getBlockByNumber":
            return {"result": {**said["result"], "hash": "0x" + f"{next(heads):064x}"}}  # type: ignore[index,call-overload]
        return said

    market.node.answer = restless
    with pytest.raises(ChainError, match="blocks are replaced faster"):
        market.found()


def test_events_without_end_are_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head of 2^63 - 1 and a node that shows a block at a time: the questions are counted."""
    monkeypatch.setattr(logpages, "_MOST_PAGES", 500)
    block = {"number": hex(2**63 - 1), "hash": "0x" + "b1" * 32, "timestamp": "0x1", "gasLimit": "0x1"}

    def liar(method: str, params: Any) -> Answer:
        if method == "eth_getBlockByNumber":
            return {"result": block}
        wanted = params[0]
        few = wanted["toBlock"] != "latest" and int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) < 5
        return {"result": []} if few else REFUSALS["bsc"]

    node = HttpNode(liar)
    with pytest.raises(ChainError, match=r"would need over 500 questions .* set chain.from_block"):
        Rpc(node.url, ErrorTable(())).logs(b"\1" * 20, [EVENT], 0)
    node.close()


def test_nor_are_events_of_any_size(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logpages, "_ROOM", 1000)
    market.node.range = 20
    with pytest.raises(ChainError, match="MiB of events for one question"):
        market.found()


def test_an_acceptance_counts_in_a_block_that_its_node_has_and_in_no_other(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reorganisation a node's index of logs may show what its chain does not have any more."""
    (*_, log) = market.rpc.logs(bytes.fromhex(market.contract[2:]), [EVENT], 0)
    shown: list[Any] = [log]
    monkeypatch.setattr(Events, "find", lambda *_, last: [one for one in shown if one["blockNumber"] <= last])
    events = Events(market.rpc, bytes(20), lambda: None, 0)

    def recorded(depth: int) -> Any:
        return events.first(lambda log: log["blockNumber"], "BatchAccepted()", depth=depth)

    assert recorded(1) == log["blockNumber"]
    assert recorded(2) is None, "it is in the last block"
    shown[0] = {**log, "blockHash": b"\x05" * 32}
    with pytest.raises(ChainError, match="an event of a block that is not part of its chain"):
        recorded(1)
