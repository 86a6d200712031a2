"""A batch is final for a prover when every node that it asks says so, deep enough, and the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

import pytest

from circuits.errors import ChainError
from circuits.statement import Context
from circuits.terms import MarketId
from commons.chain.facts import RecordedBatch
from commons.chain.view import ChainView
from native import g1_generator, g1_neg
from provers.finality import Finality
from provers.party import Acceptance
from tests.coordinator.markets import MORE_OWNERS, Market, hand_in, proven
from tests.simulation.world.chain import chain_of
from tests.support.network import network_with

T = TypeVar("T")
CONTEXT = Context(MarketId(1, b"\x01" * 20, b"\x02" * 32), 3, b"\x03" * 32, 4, b"\x04" * 32, b"\x05" * 32, 1, 10)
BATCH = b"\xaa" * 32
RECORD = RecordedBatch(0, BATCH, g1_generator, (2, 5, 7))


@dataclass
class Node:
    """What one node shows: the record, and how many blocks vouch for it."""

    record: RecordedBatch = RECORD
    depth: int = 12
    down: bool = False
    asked: list[tuple[int, int, bytes]] = field(default_factory=list)

    def most(self, ask: Callable[[], T | None]) -> T | None:
        return ask()

    def recorded(self, task_id: int, number: int, batch_id: bytes, confirmations: int) -> RecordedBatch | None:
        self.asked.append((task_id, number, batch_id))
        if self.down:
            raise ChainError("the node cannot be reached")
        return self.record if self.depth >= confirmations else None


def finality(*nodes: Node, confirmations: int = 12) -> Finality:
    return Finality([cast(ChainView, node) for node in nodes], confirmations)


@pytest.mark.parametrize("count", [1, 2])
def test_what_all_nodes_show_deep_enough_is_final(count: int) -> None:
    nodes = [Node() for _ in range(count)]
    assert finality(*nodes).accepted(CONTEXT, BATCH) == Acceptance((2, 5, 7), g1_generator)
    assert all(node.asked == [(3, 4, BATCH)] for node in nodes)


def test_one_block_too_few_is_not_final() -> None:
    assert finality(Node(depth=11)).accepted(CONTEXT, BATCH) is None
    assert finality(Node(depth=11), confirmations=11).accepted(CONTEXT, BATCH) is not None


@pytest.mark.parametrize("late", [0, 1])
def test_a_node_that_does_not_have_it_deep_enough_delays(late: int) -> None:
    """A node that lies about depth, alone, brings about no release."""
    nodes = [Node(depth=0 if p == late else 100) for p in range(2)]
    assert finality(*nodes).accepted(CONTEXT, BATCH) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(RECORD, indices=(2, 5)),
        replace(RECORD, commitment=g1_neg(g1_generator)),
        replace(RECORD, batch_index=1),
    ],
)
def test_nodes_that_disagree_are_named_and_nothing_is_final(other: RecordedBatch) -> None:
    for nodes in ((Node(), Node(other)), (Node(other), Node())):
        with pytest.raises(ChainError, match="tell different things"):
            finality(*nodes).accepted(CONTEXT, BATCH)


@pytest.mark.parametrize("down", [0, 1])
def test_a_node_that_is_down_delays_too(down: int) -> None:
    nodes = [Node(down=p == down) for p in range(2)]
    with pytest.raises(ChainError, match="cannot be reached"):
        finality(*nodes).accepted(CONTEXT, BATCH)


@pytest.fixture
def market() -> Market:
    """A market with an accepted batch that is deep enough, seen through three nodes."""
    made = Market(chain_of(network_with(MORE_OWNERS)), count=3)
    hand_in(made, proven()[0])
    for _ in range(3):
        made.chain.mine()
    return made


def shown(market: Market, batch_id: bytes) -> Acceptance | None:
    return Finality([market], 3).accepted(market.context(market.chain.terms.task_id, 0), batch_id)


def test_one_node_of_three_that_says_accepted_brings_about_no_release(market: Market) -> None:
    market.lying = 1000
    assert shown(market, BATCH) is None


@pytest.mark.parametrize("fault", ["lying", "hanging"])
def test_one_of_three_that_lies_or_hangs_delays_none(market: Market, fault: str) -> None:
    done = proven()[0]
    setattr(market, fault, 1000)
    accepted = shown(market, done.batch_id)
    assert accepted is not None
    assert len(accepted.indices) == done.statement.size


def test_of_two_nodes_both_must_say_it(market: Market) -> None:
    market.count, market.lying = 2, 1000
    assert shown(market, BATCH) is None
    market.lying, market.hanging = 0, True
    with pytest.raises(ChainError, match="1 of 2 nodes answer"):
        shown(market, proven()[0].batch_id)
