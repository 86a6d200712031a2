"""Whether what was deep in the chain is still there, by nodes of which one lies, and another one is silent at times."""

from __future__ import annotations

import pytest

from circuits.errors import ChainError
from commons.chain.depth import BlockHead
from commons.settings.values import Depth
from coordinator.deepblocks import DeepMark, Found, agreed_height
from tests.coordinator.markets import Market
from tests.simulation.world.chain import chain_of
from tests.support.network import network_with

DEPTH, LONG = 3, 20


class Liar(Market):
    """Several nodes, of which the first one lies, and the last one may be silent.

    Attributes:
        shows: number of the block that it gives for the last one that is deep.
        hides: number of a block that it says it does not have.
        mute: the last node does not answer.
        split: each node has blocks of its own.
    """

    shows: int | None = None
    hides: int | None = None
    mute = False
    split = False

    def block(self, depth: Depth) -> BlockHead:
        self._answer()
        found = super().block(depth)
        if self.shows is not None and self._node in (None, 0):
            return BlockHead(self.shows, found.timestamp, found.hash)
        return found

    def block_hash(self, number: int) -> bytes | None:
        self._answer()
        if self.hides == number and self._node in (None, 0):
            return None
        found = super().block_hash(number)
        return bytes([self._node or 0]) + found[1:] if found and self.split else found

    def _answer(self) -> None:
        if self.mute and self._node == self.count - 1:
            raise ChainError("the node cannot be reached")

    def first(self) -> int:
        return self.chain.blocks[0].number

    def deep(self) -> int:
        """The last block that is deep enough."""
        return self.chain.head.number - DEPTH + 1

    def replace(self, number: int) -> None:
        """Another branch takes over from this block on, and is longer."""
        self.chain.reorganise(self.chain.head.number - number + 1)


@pytest.fixture
def nodes() -> Liar:
    made = Liar(chain_of(network_with(2)), count=3)
    for _ in range(LONG):
        made.chain.mine()
    return made


@pytest.fixture
def mark(nodes: Liar) -> DeepMark:
    made = DeepMark(nodes, DEPTH)
    assert made.look() is Found.UNKNOWN
    assert made.number == nodes.deep()
    return made


def test_a_deep_block_stays_in_its_place_while_the_chain_grows_or_replaces_later_ones(
    nodes: Liar, mark: DeepMark
) -> None:
    nodes.replace(nodes.deep() + 1)
    assert mark.look() is Found.THERE
    assert mark.number == nodes.deep()


def test_a_block_that_is_replaced_is_told_once_and_the_next_one_is_marked(nodes: Liar, mark: DeepMark) -> None:
    nodes.replace(nodes.deep())
    assert mark.look() is Found.REPLACED
    assert mark.number == nodes.deep()
    assert mark.look() is Found.THERE


def test_one_node_that_says_that_the_chain_is_short_does_not_take_the_mark_back(nodes: Liar, mark: DeepMark) -> None:
    """Blocks between the two would be vouched for by nobody."""
    nodes.shows = nodes.first()
    assert mark.look() is Found.THERE
    assert mark.number == nodes.deep()


def test_nor_does_it_while_another_one_is_silent(nodes: Liar, mark: DeepMark) -> None:
    nodes.shows, nodes.mute = nodes.first(), True
    assert agreed_height(nodes, DEPTH) == nodes.first()
    before = nodes.deep()
    assert mark.look() is Found.THERE
    assert mark.number == before
    nodes.replace(before - 1)
    assert mark.look() is Found.REPLACED


def test_nor_does_one_that_says_that_it_is_long(nodes: Liar, mark: DeepMark) -> None:
    nodes.shows = 10**9
    nodes.chain.mine()
    assert mark.look() is Found.THERE
    assert mark.number == nodes.deep()


def test_what_nodes_do_not_agree_on_vouches_for_nothing_until_they_do(nodes: Liar, mark: DeepMark) -> None:
    """As in the middle of a reorganisation, which is not covered by it."""
    nodes.split = True
    assert mark.look() is Found.UNKNOWN
    assert (mark.number, mark.height) == (None, None)
    nodes.split = False
    nodes.replace(nodes.deep())
    assert mark.look() is Found.REPLACED


def test_nor_does_a_look_that_meets_trouble_cover_it(nodes: Liar, mark: DeepMark) -> None:
    nodes.replace(nodes.deep())
    nodes.down = 10**6
    with pytest.raises(ChainError):
        mark.look()
    assert mark.number is None
    nodes.down = 0
    assert mark.look() is Found.REPLACED


def test_one_of_two_nodes_does_not_have_it_taken_for_replaced_nor_passed_over(nodes: Liar, mark: DeepMark) -> None:
    nodes.count, nodes.hides = 2, mark.number
    assert mark.look() is Found.UNKNOWN
    nodes.replace(nodes.deep())
    nodes.chain.mine()
    assert mark.look() is Found.UNKNOWN
    assert mark.number is None
    nodes.hides = None
    assert mark.look() is Found.REPLACED


def test_a_block_that_most_have_no_more_is_replaced(nodes: Liar, mark: DeepMark) -> None:
    del nodes.chain.blocks[-LONG // 2 :]
    assert mark.look() is Found.REPLACED
    assert mark.number == nodes.deep()


@pytest.mark.parametrize(("first", "found"), [(4, Found.REPLACED), (3, Found.THERE)])
def test_a_mark_may_be_some_blocks_in_front_of_the_last_one_that_is_deep(nodes: Liar, first: int, found: Found) -> None:
    behind = DeepMark(nodes, DEPTH, behind=4)
    behind.look()
    assert (behind.number, behind.height) == (nodes.deep() - 4, nodes.deep())
    nodes.replace(nodes.deep() - first)
    assert behind.look() is found


def test_on_a_chain_that_is_shorter_it_is_the_first_block(nodes: Liar) -> None:
    behind = DeepMark(nodes, DEPTH, behind=2 * LONG)
    behind.look()
    assert (behind.number, behind.height) == (0, nodes.deep())
