"""What is seen on a branch that is given up counts for nothing, however long ago it was seen."""

from __future__ import annotations

import pytest

from circuits.errors import ChainError
from commons.chain.depth import BlockHead
from commons.settings.values import Depth
from coordinator.lasting import Lasting
from tests.coordinator.markets import MORE_OWNERS
from tests.simulation.world.chain import ModelChain, chain_of
from tests.simulation.world.nodes import NodeView
from tests.support.network import network_with


@pytest.fixture
def chain() -> ModelChain:
    made = chain_of(network_with(MORE_OWNERS))
    mine(made, 5)
    return made


def mine(chain: ModelChain, blocks: int) -> None:
    for _ in range(blocks):
        chain.mine()


def test_the_latest_block_is_enough_where_it_is_final(chain: ModelChain) -> None:
    assert Lasting(NodeView(chain), 1).holds("this")


def test_it_holds_once_enough_blocks_vouch_for_the_first_one(chain: ModelChain) -> None:
    lasting = Lasting(NodeView(chain), 3)
    assert not lasting.holds("this")
    chain.mine()
    assert not lasting.holds("this")
    assert not lasting.holds("that")
    chain.mine()
    assert lasting.holds("this")
    assert not lasting.holds("that")


def test_what_was_forgotten_begins_anew(chain: ModelChain) -> None:
    lasting = Lasting(NodeView(chain), 2)
    assert not lasting.holds("this")
    lasting.forget("this")
    chain.mine()
    assert not lasting.holds("this")


def test_a_block_that_was_replaced_does_not_count(chain: ModelChain) -> None:
    lasting = Lasting(NodeView(chain), 3)
    assert not lasting.holds("this")
    chain.reorganise(1)
    mine(chain, 4)
    assert not lasting.holds("this")
    mine(chain, 2)
    assert lasting.holds("this")


def test_an_old_block_that_one_node_shows_as_the_latest_does_not_count(
    chain: ModelChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is deep enough at once."""
    mine(chain, 20)
    node, block = NodeView(chain, count=3), NodeView.block

    def old(self: NodeView, depth: Depth) -> BlockHead:
        return block(self, 15 if self._node in (None, 0) else depth)

    monkeypatch.setattr(NodeView, "block", old)
    lasting = Lasting(node, 3)
    assert not lasting.holds("this")
    mine(chain, 5)
    assert not lasting.holds("this")


def test_one_node_that_lies_or_hangs_changes_nothing(chain: ModelChain) -> None:
    node = NodeView(chain, count=3, hanging=True)
    lasting = Lasting(node, 3)
    assert not lasting.holds("this")
    mine(chain, 2)
    assert lasting.holds("this")


def test_a_node_that_is_down_says_nothing(chain: ModelChain) -> None:
    node = NodeView(chain)
    lasting = Lasting(node, 1)
    node.down = 1
    with pytest.raises(ChainError):
        lasting.holds("this")
    assert lasting.holds("this")
