"""One of three nodes lies about an account's transactions: nothing is paid twice, forgotten or sent too far ahead."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from web3.exceptions import ContractLogicError
from web3.types import RPCResponse

from circuits.errors import ChainError, ContractError
from commons.chain.nodetrouble import NodeTroubleError
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.transactions import Sender
from commons.chain.transport import Node
from commons.runtime.urls import SecretUrl
from tests.support.poolnode import CONTRACT, KEY, PoolNode, Terminal

BRIEF = Patience(poll=0.001, resend=0.02, give_up=0.3, doubt=0.02)
STANDING = 2
Lie = Callable[[str, Any, Any], Any]
"""What a node says, by the method, its parameters and what is so."""


def _truth(method: str, params: Any, so: Any) -> Any:
    return so


@dataclass
class Door:
    """A node of several: it has the chain that all have, and says of it what it likes."""

    chain: PoolNode
    url: SecretUrl
    says: Lie = _truth

    def ask(self, method: Any, params: Any, look: float | None = None) -> RPCResponse:
        answer = self.chain.make_request(method, params)
        if "result" not in answer:
            return answer
        return cast(RPCResponse, {**answer, "result": self.says(method, params, answer["result"])})


@dataclass
class Net(Terminal):
    """Who types commands asks three nodes, of which the first is believed by who asks one alone."""

    doors: list[Door] = field(default_factory=list)

    def sender(self, outbox: Outbox | None, **kind: Any) -> Sender:
        rpc = Rpc(",".join(door.url.reveal() for door in self.doors), ErrorTable(()))
        rpc._nodes._nodes = cast("tuple[Node, ...]", tuple(self.doors))
        return Sender(rpc, self.key, self.patience, outbox=outbox, **kind)

    @property
    def remembered(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", json.loads(self.path.read_bytes())["entries"])


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Net:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    node = PoolNode()
    doors = [Door(node, SecretUrl(f"http://{name}")) for name in "abc"]
    return Net(node, tmp_path / "outbox.json", BRIEF, KEY, doors)


def hiding(method: str, params: Any, so: Any) -> Any:
    """Nobody has ever heard of a transaction, and its nonce is another's."""
    return None if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") else so


def test_a_node_that_hides_what_was_mined_has_nothing_paid_twice(net: Net) -> None:
    net.doors[0].says = hiding
    for _ in range(2):
        with pytest.raises(ChainError, match="pays once"):
            net.fund(7)
    assert net.node.paid == 7
    net.doors[0].says = _truth
    assert net.fund(7)[0].earlier
    assert net.node.paid == 7


def test_a_node_that_says_of_a_nonce_that_it_is_used_has_no_transaction_wait_beyond_it(net: Net) -> None:
    """Who has the bytes of the first could have it mined behind the second."""

    def far(method: str, params: Any, so: Any) -> Any:
        return "0x40" if method == "eth_getTransactionCount" else so

    net.doors[0].says = far
    with pytest.raises(ChainError, match="nonce 64"):
        net.fund(7)
    assert not net.node.pool and not net.node.mined and not net.path.exists()
    net.doors[0].says = _truth
    net.fund(7)
    assert net.node.paid == 7


def test_a_node_that_says_that_a_transaction_failed_has_it_not_forgotten(net: Net) -> None:
    def failed(method: str, params: Any, so: Any) -> Any:
        return {**so, "status": "0x0"} if method == "eth_getTransactionReceipt" and so else so

    net.doors[0].says = failed
    with pytest.raises(ChainError, match="pays once"):
        net.fund(7)
    assert len(net.remembered) == 1
    net.doors[0].says = _truth
    assert net.fund(7)[0].earlier
    assert net.node.paid == 7


def test_a_node_that_says_of_what_is_under_way_that_it_is_deep_has_it_not_forgotten(net: Net) -> None:
    """A coordinator would send it again under the next nonce."""

    def deep(method: str, params: Any, so: Any) -> Any:
        return hex(int(so, 16) + 1) if method == "eth_getTransactionCount" and params[1].startswith("0x") else so

    net.node.mines = False
    for _ in range(2):
        with Outbox(net.path, standing=STANDING) as outbox, pytest.raises(ChainError, match="not mined within"):
            net.sender(outbox).send(CONTRACT, b"batch", gas=10**6)
        net.doors[0].says = deep
    assert len(net.remembered) == 1
    (only,) = net.remembered
    assert only["nonce"] == 0 and len(only["hashes"]) > 1, "it goes on with what it had sent"


def away(method: str, params: Any, so: Any) -> Any:
    raise NodeTroubleError("it is away")


def stuck(method: str, params: Any, so: Any) -> Any:
    """A node that has had no block for long."""
    return "0x0" if method == "eth_getTransactionCount" else so


@pytest.mark.parametrize("others", [(away, away), (away, stuck), (stuck,)])
def test_nodes_of_which_too_few_contradict_keep_nothing_from_being_sent(net: Net, others: tuple[Lie, ...]) -> None:
    """A batch has to be handed in before a deadline; only what is forgotten waits for nodes."""
    for door, says in zip(net.doors[1:], others, strict=False):
        door.says = says
    del net.doors[1 + len(others) :]
    net.patience = replace(BRIEF, give_up=60.0)
    net.fund(7, 8)
    assert net.node.paid == 15


@pytest.mark.parametrize("late", [1, 2])
def test_nodes_that_lag_hold_nothing_up(net: Net, late: int) -> None:
    """They know of what was mined some questions later than the first."""
    asked = [0]

    def lagging(method: str, params: Any, so: Any) -> Any:
        if method != "eth_getTransactionCount":
            return so
        asked[0] += 1
        return hex(max(int(so, 16) - 1, 0)) if asked[0] % 4 else so

    for door in net.doors[1 : 1 + late]:
        door.says = lagging
    net.patience = replace(BRIEF, give_up=60.0)
    net.fund(1, 2, 3)
    assert net.node.paid == 6


def test_a_node_that_says_that_a_contract_takes_what_most_refuse_has_nobody_pay_for_its_refusal(net: Net) -> None:
    """A server would send it again and again, and each costs gas."""
    for door in net.doors[1:]:
        door.says = refusing
    net.patience = replace(BRIEF, give_up=60.0)
    with Outbox(net.path, standing=STANDING) as outbox:
        with pytest.raises(ContractError, match="refused"):
            net.sender(outbox).send(CONTRACT, b"fees", gas=10**6)
        assert not net.node.mined and not net.path.exists()


def refusing(method: str, params: Any, so: Any) -> Any:
    if method == "eth_call":
        raise ContractLogicError("execution reverted", data="0x")
    return so


def test_what_most_nodes_take_only_some_blocks_later_is_waited_for(net: Net) -> None:
    left = [2] * 3

    def lagging(method: str, params: Any, so: Any) -> Any:
        if method == "eth_call" and left and left.pop():
            return refusing(method, params, so)
        return so

    for door in net.doors[1:]:
        door.says = lagging
    net.patience = replace(BRIEF, doubt=60.0, give_up=60.0)
    with Outbox(net.path, standing=STANDING) as outbox:
        net.sender(outbox).send(CONTRACT, b"fees", gas=10**6)
    assert len(net.node.mined) == 1 and not left


def test_a_node_that_says_of_blocks_that_they_are_small_has_nothing_run_out_of_gas(net: Net) -> None:
    def small(method: str, params: Any, so: Any) -> Any:
        return {**so, "gasLimit": hex(30_000)} if method == "eth_getBlockByNumber" else so

    net.doors[0].says = small
    net.patience = replace(BRIEF, give_up=60.0)
    with Outbox(net.path, standing=STANDING) as outbox:
        net.sender(outbox).send(CONTRACT, b"batch", gas=10**6)
    assert [sent["gas"] for _, sent in net.node.mined] == [10**6]
