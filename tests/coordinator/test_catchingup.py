"""What a coordinator learns from the chain and the provers of rounds that its log has lost, or never had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coordinator.catchingup
from circuits.errors import ChainError, UnavailableError, UnknownError
from commons.chain.depth import BlockHead
from commons.chain.facts import AcceptedBatch, RecordedBatch, RoundRecord
from commons.protocol.status import SubmissionState
from commons.settings.values import Depth
from coordinator.events import BatchProven, BatchSettled, HeaderAccepted, RoundsForgotten, SumOpened
from coordinator.postings import STRANGERS
from coordinator.turns import MARGIN
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import Market, hand_in, proven
from tests.coordinator.test_driver import DAY, EVERYBODY, PATIENCE, World
from tests.coordinator.test_takeovers import attested
from tests.simulation.world.network import InOrder
from tests.simulation.world.nodes import INFINITY


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A coordinator with an empty log, and a round in which the market has accepted a batch of the first two owners."""
    made = World(tmp_path, InOrder(), round_age=0)
    attested(made, proven()[0], *EVERYBODY)
    hand_in(made.market, proven()[0])
    made.network.accept(proven()[0])
    return made


def turn(world: World, after: float = 0.0) -> None:
    world.clock.sleep(after)
    world.coordinator.catching_up.turn()
    world.coordinator.driver.turn()


def test_batches_that_were_accepted_after_the_backup_are_taken_over_and_their_owners_told(world: World) -> None:
    for _ in range(3):
        turn(world)
    done, members = proven()[0], [world.network.submission(owner) for owner in range(2)]
    assert [event.submission for event in world.log.of(HeaderAccepted)] == members
    assert [event.batch_id for event in world.log.of(BatchProven)] == [done.batch_id]
    assert world.log.of(BatchSettled) == [BatchSettled(done.batch_id, True, "")]
    assert [world.status(submission).state for submission in members] == [SubmissionState.ACCEPTED] * 2
    assert len(world.log.of(SumOpened)) == 1
    assert len(world.market.chain.batches(0)) == 1, "nothing is handed in twice"


def test_a_round_whose_provers_are_silent_is_asked_for_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.take_down(*EVERYBODY)
    turn(world)
    assert "event=catching-up-trouble task=0x0000000000000007 round=0 code=unavailable" in caplog.text
    assert not state_of(world.journal).rounds
    for line in world.lines:
        line.down = False
    turn(world, after=31.0)
    assert len(world.log.of(BatchProven)) == 1


def test_a_round_of_another_coordinator_is_taken_over_when_this_one_is_named(world: World) -> None:
    chain = world.market.chain
    chain.coordinator = b"\x99" * 20
    turn(world)
    assert not world.log.records
    chain.coordinator = world.network.coordinator
    turn(world, after=601.0)
    assert len(world.log.of(BatchProven)) == 1


@pytest.mark.parametrize("late", [False, True])
def test_what_nobody_asks_for_any_more_is_left_alone(world: World, late: bool) -> None:
    chain = world.market.chain
    longest = max(PATIENCE * DAY, 5 * chain.terms.windows.availability // 2)
    world.market.be_at(chain.opened[0].settle + longest + late)
    turn(world)
    assert len(world.log.of(BatchProven)) == (not late)


def test_a_round_that_is_forgotten_does_not_come_back(world: World) -> None:
    world.journal.forget({world.task: 0})
    turn(world)
    assert not world.log.of(BatchProven)


def test_a_batch_that_is_not_deep_enough_is_not_looked_for(tmp_path: Path) -> None:
    """It may be taken back, and so may its round."""
    world = World(tmp_path, InOrder(), round_age=0, depth=6)
    attested(world, proven()[0], *EVERYBODY)
    hand_in(world.market, proven()[0])
    turn(world)
    assert not world.log.records
    for _ in range(5):
        world.market.chain.mine()
    turn(world, after=601.0)
    assert len(world.log.of(BatchProven)) == 1


def test_a_batch_that_the_driver_takes_over_meanwhile_is_in_the_log_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner's header brings the round into the log while provers are being asked."""
    line = world.lines[0]
    asked = line.audit_bundle

    def interrupted(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(line, "audit_bundle", asked)
        world.enter([2])
        world.turn()
        return asked(*arguments, **named)

    monkeypatch.setattr(line, "audit_bundle", interrupted)
    turn(world)
    assert len(world.log.of(BatchProven)) == 1
    assert state_of(world.journal).rounds[world.task, 0].batches == [proven()[0].batch_id]


def test_without_room_for_its_results_a_batch_is_not_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be fetched again at each look."""
    asked: list[int] = []
    for line in world.lines:
        monkeypatch.setattr(line, "audit_bundle", lambda *_, **__: asked.append(1))
    monkeypatch.setattr(world.coordinator.results, "_quota", type(world.coordinator.results._quota)(1, "x", "y"))
    turn(world)
    assert not asked
    assert not world.log.records


def with_crowd(world: World, monkeypatch: pytest.MonkeyPatch, crowd: set[tuple[int, int]], block: int = 0) -> None:
    """The market has these rounds as well, whose batches were accepted in a block."""
    between = world.market.accepted_between

    def crowded(first: int, last: int) -> Any:
        return between(first, last) | (crowd if first <= block <= last else set())

    monkeypatch.setattr(world.market, "accepted_between", crowded)


def test_tasks_of_strangers_hold_up_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of tasks in the log come first; of the others some at a time, each in its turn."""
    crowd = {(task, 1) for task in range(100, 100 + 2 * STRANGERS)}
    with_crowd(world, monkeypatch, crowd)
    looked: list[Any] = []

    def look_at(key: tuple[int, int], strangers: set[int]) -> bool:
        looked.append(key)
        strangers.add(key[0])
        return False

    monkeypatch.setattr(world.coordinator.catching_up, "_look_at", look_at)
    world.enter([2], number=3)
    turn(world)
    assert looked[0] == (world.task, 0)
    assert len(looked) == STRANGERS
    turn(world, after=601.0)
    turn(world, after=601.0)
    assert set(looked) == crowd | {(world.task, 0)}


def test_a_task_that_names_this_coordinator_comes_before_those_that_do_not_and_later_rounds_before_earlier_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_crowd(world, monkeypatch, {(1, number) for number in range(STRANGERS)} | {(world.task, 5)})
    looked: list[Any] = []

    def look_at(key: tuple[int, int], _: set[int]) -> bool:
        looked.append(key)
        return True

    monkeypatch.setattr(world.coordinator.catching_up, "_look_at", look_at)
    turn(world)
    assert looked[:3] == [(world.task, 5), (world.task, 0), (1, STRANGERS - 1)]


def test_known_tasks_that_name_another_coordinator_are_as_strangers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They came into the log with a header each, and then named another one."""
    with_crowd(world, monkeypatch, {(task, 1) for task in range(100, 100 + 2 * STRANGERS)})
    catching_up = world.coordinator.catching_up
    monkeypatch.setattr(catching_up, "_names_us", lambda task: task == world.task)
    monkeypatch.setattr(catching_up, "_is_over", lambda _: False)
    for task in range(100, 100 + 2 * STRANGERS):
        world.journal.record(RoundsForgotten(task, 0, (), ()))
    turn(world)
    assert len(world.log.of(BatchProven)) == 1


def test_a_task_is_left_alone_for_a_look_after_its_first_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One header makes a stranger's task known; its provers may hang for `step_timeout` at each round."""
    world.enter([2], number=3)
    with_crowd(world, monkeypatch, {(world.task, number) for number in range(10, 500)})
    asked: list[Any] = []

    def hang(key: tuple[int, int], _: set[int]) -> bool:
        asked.append(key)
        raise UnavailableError("provers hang")

    monkeypatch.setattr(world.coordinator.catching_up, "_look_at", hang)
    for count in (1, 2, 3):
        turn(world, after=31.0)
        assert len(asked) == count
    assert len(set(asked)) == 3, "another one each time"


def test_a_look_ends_although_each_of_many_tasks_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name this coordinator; who comes behind them has his turn at the next look."""
    with_crowd(world, monkeypatch, {(task, 1) for task in range(100, 150)})
    monkeypatch.setattr(world.coordinator.catching_up, "_names_us", lambda _: True)
    asked: list[Any] = []

    def hang(key: tuple[int, int], _: set[int]) -> bool:
        asked.append(key)
        world.clock.sleep(120.0)
        raise UnavailableError("provers hang")

    monkeypatch.setattr(world.coordinator.catching_up, "_look_at", hang)
    turn(world)
    assert len(asked) == 6
    for _ in range(9):
        turn(world, after=31.0)
    assert len(set(asked)) == 51


def test_rounds_that_are_over_use_no_slot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = {(task, 1) for task in range(100, 100 + 2 * STRANGERS)}
    with_crowd(world, monkeypatch, crowd)
    turn(world)  # nodes know no such tasks: they are as rounds that a reorganisation took back
    assert not world.coordinator.catching_up._left
    assert len(world.log.of(BatchProven)) == 1


def test_a_market_that_is_too_large_for_one_question_is_gone_through_in_pieces_of_which_none_is_read_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = world.market.chain
    for _ in range(300):
        chain.mine()
    between, read = world.market.accepted_between, list[tuple[int, int]]()

    def limited(first: int, last: int) -> Any:
        if last - first >= 20:
            raise ChainError("over 256 MiB of events for one question")
        read.append((first, last))
        return between(first, last)

    monkeypatch.setattr(world.market, "accepted_between", limited)
    for _ in range(40):
        turn(world, after=31.0)
        if world.coordinator.catching_up._combing.is_through:
            break
    assert len(world.log.of(BatchProven)) == 1
    older = [block for first, last in read for block in range(first, last + 1) if block < chain.head.number - 64]
    assert len(older) == len(set(older))


@pytest.mark.parametrize("replaced", [MARGIN + 20, MARGIN // 2])
def test_what_a_reorganisation_puts_into_blocks_that_were_read_is_found_however_deep_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, replaced: int
) -> None:
    """Some of the last are read each time; when one went deeper, all are, once."""
    world = World(tmp_path, InOrder(), round_age=0)
    attested(world, proven()[0], *EVERYBODY)
    world.network.accept(proven()[0])
    chain = world.market.chain
    chain.opened[0] = chain.opened[0]._replace(settle=chain.opened[0].settle + DAY)
    for _ in range(MARGIN + 30):
        chain.mine()
    turn(world)
    assert world.coordinator.catching_up._combing.is_through
    del chain.blocks[-replaced:]
    hand_in(world.market, proven()[0])
    for _ in range(replaced + MARGIN):
        chain.mine()
    for _ in range(3):
        turn(world, after=601.0)
    assert len(world.log.of(BatchProven)) == 1
    assert caplog.text.count("event=deep-blocks-replaced") == (replaced > MARGIN)


def test_what_is_remembered_is_bounded_and_what_made_room_is_found_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator.catchingup, "MOST", 8)
    chain = world.market.chain
    chain.coordinator = b"\x99" * 20
    with_crowd(world, monkeypatch, {(world.task, 0)}, block=chain.head.number)
    catching_up = world.coordinator.catching_up
    catching_up._left = {(world.task, 0): None, **{(1, number): None for number in range(8)}}
    monkeypatch.setattr(catching_up, "_is_over", lambda _: False)
    turn(world)
    assert len(catching_up._left) < 9
    chain.coordinator = world.network.coordinator
    catching_up._left.clear()
    for _ in range(2):
        turn(world, after=2.0 * DAY)
    assert len(world.log.of(BatchProven)) == 1


class Lying(Market):
    """Three nodes, of which the first one says that it is long past everything, or knows nothing, or has no events, or
    hides batches or makes them up."""

    lie = ""

    @property
    def _tells(self) -> str:
        return self.lie if self._node in (None, 0) else ""

    def now(self) -> int:
        return super().now() + 10**9 * (self._tells == "late")

    def block(self, depth: Depth) -> BlockHead:
        found = super().block(depth)
        if self._tells == "late":
            return BlockHead(found.number, found.timestamp + 10**9, found.hash)
        if self._tells == "far":
            return BlockHead(found.number + 10**6, found.timestamp, found.hash)
        return found

    def round(self, task_id: int, number: int) -> RoundRecord:
        if self._tells == "unknown":
            raise UnknownError("the chain knows no such round")
        return super().round(task_id, number)

    def accepted_between(self, first: int, last: int) -> frozenset[tuple[int, int]]:
        if self._tells in ("far", "empty"):
            return frozenset()
        return super().accepted_between(first, last)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        return () if self._tells == "hides" else super().accepted(task_id, number)

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        found = super().accepted_ids(task_id, number, last)
        return {"hides": frozenset(), "makes-up": found | {b"\x66" * 32}}.get(self._tells, found)

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        if self._tells == "makes-up":
            return RecordedBatch(0, batch_id, INFINITY, ())
        return None if self._tells == "hides" else super().recorded(task_id, number, batch_id, depth)


@pytest.mark.parametrize("lie", ["late", "unknown", "far", "empty", "hides", "makes-up"])
def test_the_word_of_one_node_ends_nothing(tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said of a round, of time or of blocks is forgotten when it is gone."""
    monkeypatch.setattr("tests.coordinator.test_driver.Market", Lying)
    world = World(tmp_path, InOrder(), round_age=0)
    attested(world, proven()[0], *EVERYBODY)
    market = world.market
    assert isinstance(market, Lying)
    hand_in(market, proven()[0])
    world.network.accept(proven()[0])
    market.count = 3
    for said in (lie, ""):
        for _ in range(MARGIN + 6):  # what is nearer is read again
            market.chain.mine()
        market.lie = said
        world.clock.sleep(601.0)
        world.coordinator.catching_up.turn()
    assert len(world.log.of(BatchProven)) == 1


def test_who_is_to_stop_takes_no_further_round_over(world: World) -> None:
    """Another coordinator waits to lead."""
    world.stopping.set()
    turn(world)
    assert not world.log.records
    world.stopping.clear()
    turn(world, after=601.0)
    assert len(world.log.of(BatchProven)) == 1
