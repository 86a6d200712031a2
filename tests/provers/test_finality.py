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
