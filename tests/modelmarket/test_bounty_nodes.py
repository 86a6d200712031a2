"""Bounties as several nodes show them, one of which lies; and chains on which none may be opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from circuits.errors import ChainError, ClosedError, NotReadyError
from commons.chain.abicoding import selector
from commons.chain.modelfacts import BountyStage
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.entrant import Entrant
from tests.modelmarket.bountyarena import FIRST, OWNER, WINDOW, Arena, bounty_arena
from tests.support.lyingnode import Lie, LyingNode, anothers_blocks, honest

_BOUNTY = "0x" + selector("bountyOf(bytes32)").hex()


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with bounty_arena(tmp_path_factory.mktemp("bounty-nodes")) as made:
        yield made


def head(*, blocks: int = 0, seconds: int = 0) -> Lie:
    """A lie about the last block."""

    def lie(method: str, params: Any, said: Any) -> Any:
        if method != "eth_getBlockByNumber" or params[0] != "latest":
            return said
        number, time = int(said["number"], 16) + blocks, int(said["timestamp"], 16) + seconds
        return {**said, "number": hex(number), "timestamp": hex(time)}

    return lie


def stage(shown: BountyStage) -> Lie:
    """A lie about how far a bounty is."""

    def lie(method: str, params: Any, said: Any) -> Any:
        if method != "eth_call" or not params[0].get("data", "").startswith(_BOUNTY):
            return said
        return said[: 2 + 64] + shown.to_bytes(32).hex() + said[2 + 128 :]

    return lie


LIES = {
    "the-head-is-low": head(blocks=-5),
    "the-clock-is-late": head(seconds=-(10**6)),
    "the-clock-is-ahead": head(seconds=10**6),
    "it-is-cancelled": stage(BountyStage.CANCELLED),
    "it-is-drawn": stage(BountyStage.PROVING),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_one_node_that_lies_holds_up_no_draw(arena: Arena, lie: Lie) -> None:
    """Attack: the owner's first node has it miss the window of a draw, and pay everybody."""
    stage_, models, bounty = arena.stage, arena.stage.models, arena.entering()
    with LyingNode(stage_.url, lie) as liar, LyingNode(stage_.url, honest) as other:
        nodes = f"{liar.url},{other.url},{stage_.url}"
        owner = BountyOwner(stage_.writer(OWNER, url=nodes), stage_.parameters(), arena.owner._state, 2)
        entrant = Entrant(stage_.writer(FIRST, url=nodes), stage_.parameters(), arena.entrants[0]._state, 1)
        stage_.pass_time(WINDOW + 1)
        with pytest.raises(NotReadyError, match="decides the draw"):
            entrant.pin(bounty)
        assert models.bounty(bounty).stage is BountyStage.CLOSED
        stage_.pass_time(1, 4)
        with pytest.raises(NotReadyError, match="seed is shown only then"):
            owner.draw(bounty)
        assert any(models.bounty(bounty).anchor_hash)
        stage_.pass_time(1, 2)
        owner.draw(bounty)
        assert models.bounty(bounty).stage is BountyStage.TESTS_DRAWN
        stage_.pass_time(WINDOW + 1)
        owner.settle(bounty)
        assert models.bounty(bounty).stage is BountyStage.WITHHELD
    assert liar.asked


def test_when_most_nodes_have_the_window_over_it_is(arena: Arena) -> None:
    bounty, url = arena.opened(), arena.stage.url
    arena.stage.pass_time(1, 4)
    ahead = head(seconds=10**6)
    with LyingNode(url, ahead) as first, LyingNode(url, ahead) as second:
        nodes = f"{first.url},{url},{second.url}"
        owner = BountyOwner(arena.stage.writer(OWNER, url=nodes), arena.stage.parameters(), arena.owner._state, 2)
        with pytest.raises(ClosedError, match="window for the draw"):
            owner.draw(bounty)


def test_where_contracts_see_another_chains_blocks_nothing_is_paid(arena: Arena) -> None:
    bounty, stage_ = arena.opened(), arena.stage
    before = stage_.balance(OWNER), stage_.balance(FIRST), len(stage_.models.bounties())
    with LyingNode(stage_.url, anothers_blocks) as node:
        owner = BountyOwner(stage_.writer(OWNER, url=node.url), stage_.parameters(), arena.owner._state, 2)
        entrant = Entrant(stage_.writer(FIRST, url=node.url), stage_.parameters(), arena.entrants[0]._state, 1)
        writer = stage_.writer(FIRST, url=node.url)
        stage_.pass_time(1, 4)
        for act in (
            lambda: arena.open_by(owner, 10**6), lambda: owner.draw(bounty), lambda: entrant.pin(bounty),
            lambda: writer.enter(bounty, bytes(32)),
        ):  # fmt: skip
            with pytest.raises(ChainError, match=r"block\.number is another chain's"):
                act()
        assert before == (stage_.balance(OWNER), stage_.balance(FIRST), len(stage_.models.bounties()))
    arena.open_by(arena.owner, 10**6)


def test_one_node_of_three_that_says_so_stops_nothing(arena: Arena) -> None:
    stage_ = arena.stage
    with LyingNode(stage_.url, anothers_blocks) as liar, LyingNode(stage_.url, honest) as other:
        nodes = f"{liar.url},{other.url},{stage_.url}"
        owner = BountyOwner(stage_.writer(OWNER, url=nodes), stage_.parameters(), arena.owner._state, 2)
        assert stage_.models.bounty(arena.open_by(owner, 10**6 + 1)).owner == owner.address
