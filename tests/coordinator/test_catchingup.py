"""What a coordinator learns from the chain and the provers of rounds that its log has lost, or never had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commons.protocol.status import SubmissionState
from coordinator.events import BatchProven, BatchSettled, HeaderAccepted, SumOpened
from coordinator.postings import STRANGERS
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import hand_in, proven
from tests.coordinator.test_driver import DAY, EVERYBODY, PATIENCE, World
from tests.coordinator.test_takeovers import attested
from tests.simulation.world.network import InOrder


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


def test_tasks_of_strangers_hold_up_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of tasks in the log come first; of the others some at a time, each in its turn."""
    crowd = {(1, number) for number in range(2 * STRANGERS)}
    since = world.market.accepted_since

    def crowded(block: int, depth: Any) -> Any:
        found, last = since(block, depth)
        return found | crowd, last

    monkeypatch.setattr(world.market, "accepted_since", crowded)
    looked: list[Any] = []
    monkeypatch.setattr(world.coordinator.catching_up, "_look_at", looked.append)
    world.enter([2], number=3)
    turn(world)
    assert looked[0] == (world.task, 0)
    turn(world, after=601.0)
    assert set(looked) == crowd | {(world.task, 0)}


def test_who_is_to_stop_takes_no_further_round_over(world: World) -> None:
    """Another coordinator waits to lead."""
    world.stopping.set()
    turn(world)
    assert not world.log.records
    world.stopping.clear()
    turn(world, after=601.0)
    assert len(world.log.of(BatchProven)) == 1
