"""A batch that the chain takes back after it counted as final is handed in again, and told, while its round is open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import ChainError, GradrollError, UnavailableError
from commons.chain.depth import BlockHead
from commons.chain.facts import RecordedBatch, RoundRecord
from commons.chain.nodeagreement import NoAgreementError
from commons.settings.values import Depth
from coordinator.events import BatchSettled
from coordinator.reinstating import Reinstating
from coordinator.roundstate import RoundKey
from tests.coordinator.fleets import blobs_in
from tests.coordinator.markets import Market, hand_in, proven
from tests.coordinator.test_settlement import Payer, World
from tests.simulation.world.clock import NodeClock
from tests.simulation.world.network import InOrder

DEPTH, INTERVAL = 3, 10.0


class Watched:
    """A coordinator with a batch that was accepted and is deep."""

    def __init__(self, directory: Path) -> None:
        self.world = World(directory)
        opened = self.world.market.chain.opened
        opened[0] = opened[0]._replace(settle=opened[0].settle + 86_400)
        self.world.restart(DEPTH)
        self.world.settle()
        self.world.mine(DEPTH)
        self.world.settle()
        assert self.world.batch.accepted
        self.told = 0
        self.adopted: list[RoundKey] = []
        self.trouble: list[GradrollError] = []
        self.restart()

    def restart(self) -> None:
        clock = NodeClock(self.world.market.chain.clock)
        self.reinstating = Reinstating(
            self.world.payer, self.world.journal, blobs_in(self.world.directory), clock, InOrder(), depth=DEPTH,
            interval=INTERVAL, taken_back=self._count, adopt=self._adopt,
        )  # fmt: skip

    def _count(self) -> None:
        self.told += 1

    def _adopt(self, key: RoundKey) -> None:
        self.adopted.append(key)
        if self.trouble:
            raise self.trouble.pop()

    def look(self) -> None:
        self.world.mine(1)  # blocks are 12 s apart
        self.reinstating.turn()

    def lose(self) -> None:
        """The chain takes back all that the coordinator took for final, and no pool has it any more."""
        chain = self.world.market.chain
        first = next(block.number for block in chain.blocks if block.accepted)
        chain.reorganise(chain.head.number - first + 1, forgetful=True)
        assert self.world.accepted() == 0


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_what_the_chain_has_costs_one_question_and_nothing_is_sent(watched: Watched) -> None:
    sent = watched.world.payer.asked
    watched.world.market.asked.clear()
    for _ in range(3):
        watched.look()
    assert watched.world.payer.asked == sent
    assert (watched.told, watched.world.market.asked["recorded"]) == (0, 0)
    assert watched.world.market.asked["round"] == 3
    assert watched.world.market.asked["accepted_ids"] == 1, "while blocks stand, what is in them does"


def test_it_is_handed_in_again_and_told_once(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.lose()
    watched.look()
    assert watched.world.accepted() == 1
    for _ in range(3):
        watched.look()
    assert watched.told == 1
    assert caplog.text.count("event=deep-reorganisation") == 1
    assert f"batch=0x{watched.world.done.batch_id.hex()}" in caplog.text
    assert watched.world.log.of(BatchSettled) == [BatchSettled(watched.world.done.batch_id, True, "")], (
        "what was recorded stays so"
    )


def test_another_batch_in_its_place_hides_nothing(watched: Watched) -> None:
    """As many are there as before.  Both are wanted: the one that is gone, and the one that the log lacks."""
    watched.look()
    watched.lose()
    hand_in(watched.world.market, proven()[1])
    assert watched.world.market.round(*watched.world.batch.round_key).batches == 1
    watched.look()
    assert (watched.told, watched.world.accepted()) == (1, 2)
    assert watched.adopted == [watched.world.batch.round_key]


@pytest.mark.parametrize(
    ("trouble", "times"), [(NoAgreementError("nodes tell different things"), 2), (UnavailableError("hang"), 1)]
)
def test_another_batch_is_asked_for_until_nodes_agree_what_it_is(
    watched: Watched, trouble: GradrollError, times: int
) -> None:
    """By then the one that was gone is back.  Provers that do not give it are the driver's to ask again."""
    watched.trouble.append(trouble)
    watched.lose()
    for _ in range(4):
        watched.look()
    assert watched.adopted == [watched.world.batch.round_key] * times


def test_it_is_looked_for_although_its_round_was_in_order_before_and_blocks_were_replaced_meanwhile(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reorganisation comes between the questions of one look."""
    market = watched.world.market
    watched.look()
    asked, hashes = market.block_hash, list[int]()

    def lost(number: int) -> bytes | None:
        hashes.append(number)
        if len(hashes) == 2:
            watched.lose()
        return asked(number)

    monkeypatch.setattr(market, "block_hash", lost)
    watched.look()
    watched.look()
    assert (watched.told, watched.world.accepted()) == (1, 1)


def test_a_second_time_is_told_as_well(watched: Watched) -> None:
    for count in (1, 2):
        watched.lose()
        watched.look()
        watched.look()
        assert (watched.told, watched.world.accepted()) == (count, 1)


class Hiding(Market):
    """Three nodes, of which the first one hides all batches."""

    def round(self, task_id: int, number: int) -> RoundRecord:
        found = super().round(task_id, number)
        return replace(found, batches=0) if self._node in (None, 0) else found

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        return None if self._node in (None, 0) else super().recorded(task_id, number, batch_id, depth)

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        return frozenset() if self._node in (None, 0) else super().accepted_ids(task_id, number, last)


def test_one_node_that_hides_it_brings_about_nothing(watched: Watched) -> None:
    watched.world.payer = Payer(Hiding(watched.world.market.chain, count=3))
    watched.restart()
    watched.look()
    assert (watched.told, watched.world.payer.asked) == (0, 0)
    watched.lose()
    watched.look()
    assert (watched.told, watched.world.payer.asked) == (1, 1)


class Covering(Market):
    """Three nodes, of which the first one shows what was there when its lies began.

    Attributes:
        covers: they have begun.
    """

    covers = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.blocks, self.shown = list(self.chain.blocks), self.chain.batches(0)

    @property
    def _covers(self) -> bool:
        return self.covers and self._node in (None, 0)

    def round(self, task_id: int, number: int) -> RoundRecord:
        found = super().round(task_id, number)
        return replace(found, batches=len(self.shown)) if self._covers else found

    def block(self, depth: Depth) -> BlockHead:
        found = super().block(depth)
        first = self.blocks[0]
        return BlockHead(first.number, first.time, first.hash) if self._covers else found

    def block_hash(self, number: int) -> bytes | None:
        if self._covers:
            return next((block.hash for block in self.blocks if block.number == number), None)
        return super().block_hash(number)

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        if self._covers:
            return frozenset(batch_id for batch_id, _ in self.shown)
        return super().accepted_ids(task_id, number, last)


@pytest.mark.parametrize("honest", [0, 2])
def test_one_node_that_shows_it_still_hides_nothing(watched: Watched, honest: int) -> None:
    """It also says that its chain is short, as if blocks that could be replaced did not count: from the beginning, or
    when its true word has been relied on for some looks."""
    market = Covering(watched.world.market.chain, count=3)
    watched.world.payer = Payer(market)
    watched.restart()
    market.covers = False
    for _ in range(honest):
        watched.look()
    market.covers = True
    watched.look()
    assert watched.told == 0
    watched.lose()
    watched.look()
    assert (watched.told, watched.world.accepted()) == (1, 1)


def test_a_node_in_trouble_and_a_refusal_are_tried_again(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.lose()
    watched.world.market.chain.pause()
    watched.look()
    assert "event=reinstating-trouble" in caplog.text
    watched.world.market.raises[0] = ChainError("the node is down")
    watched.look()
    watched.world.market.raises.clear()
    watched.world.market.chain.resume()
    watched.look()
    assert (watched.told, watched.world.accepted()) == (1, 1)


def test_once_its_round_is_over_for_good_nobody_asks_any_more(watched: Watched) -> None:
    market = watched.world.market
    market.be_at(market.round(*watched.world.batch.round_key).settle_deadline + 1)
    watched.look()
    watched.look()
    market.asked.clear()
    watched.lose()
    watched.look()
    assert (market.asked["round"], watched.told) == (0, 0)


def test_a_batch_that_was_never_final_is_not_its_business(tmp_path: Path) -> None:
    world = World(tmp_path)
    hand_in(world.market, proven()[1])
    told: list[int] = []
    clock = NodeClock(world.market.chain.clock)
    Reinstating(
        world.payer, world.journal, blobs_in(tmp_path), clock, InOrder(), depth=DEPTH, interval=INTERVAL,
        taken_back=lambda: told.append(1), adopt=lambda _: told.append(2),
    ).turn()  # fmt: skip
    assert (told, world.payer.asked) == ([], 0)
