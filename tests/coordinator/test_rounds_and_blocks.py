"""Rounds while the chain is not yet final, is taken back, or is shown by a node that lags."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits.errors import ChainError
from commons.protocol.status import SubmissionState
from coordinator.events import BatchProven, BatchSettled, RoundClosed
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import hand_in, proven
from tests.coordinator.test_driver import DAY, PATIENCE, World
from tests.coordinator.test_takeovers import attested
from tests.simulation.world.network import InOrder
from tests.support.network import MODEL_DIGEST

DEPTH = 3


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, InOrder(), round_age=0, depth=DEPTH)


def end_round(world: World) -> None:
    """Its settle deadline has passed, also at the depth that counts."""
    world.market.be_at(world.market.chain.opened[0].settle + 1)
    mine(world, DEPTH)


def mine(world: World, blocks: int) -> None:
    for _ in range(blocks):
        world.market.chain.mine()


def states(world: World, submissions: tuple[bytes, ...]) -> set[SubmissionState]:
    return {world.status(submission).state for submission in submissions}


def waits(world: World) -> str:
    return world.coordinator.task_status(world.task).rounds[0].waits


@pytest.mark.parametrize("at_once", [True, False])
def test_owners_see_that_the_chain_cannot_be_asked(world: World, at_once: bool) -> None:
    world.enter([0])
    if at_once:
        world.market.down = 1
    else:
        world.market.raises[0] = ChainError("it lacks a block")
    world.turn()
    assert waits(world) == "the chain cannot be asked at present; the coordinator tries again"
    world.market.raises.clear()
    world.turn(after=10.0)
    assert "the submit window is open" in waits(world)


def test_a_node_without_the_log_of_an_acceptance_does_not_end_its_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the round's end and how many batches it has; owners would be told that the batch came too late."""
    done = proven()[0]
    world.prove(done, [0, 1])
    hand_in(world.market, done)
    end_round(world)
    with monkeypatch.context() as lagging:
        lagging.setattr(world.market, "recorded", lambda *_: None)
        lagging.setattr(world.market, "accepted", lambda *_: ())
        world.turn()
    assert not world.log.of(RoundClosed)
    world.turn(after=1.0)
    assert world.log.of(BatchSettled) == [BatchSettled(done.batch_id, True, "")]


def test_a_node_that_lags_behind_a_rounds_end_does_not_end_it(world: World) -> None:
    done = proven()[0]
    world.prove(done, [0, 1])
    hand_in(world.market, done)
    end_round(world)
    for behind in (DEPTH + 2, DEPTH + 2, 0):
        world.market.behind = behind
        world.turn(after=10.0)
    assert states(world, state_of(world.journal).batches[done.batch_id].submissions) == {SubmissionState.ACCEPTED}


def test_a_batch_that_no_prover_gives_is_waited_for_after_the_rounds_end_with_the_patience_that_sums_have(
    world: World,
) -> None:
    """Its owners would be told that they came too late, and they are paid."""
    members, done = world.enter([0, 1]), proven()[0]
    attested(world, done, 0, 1)
    hand_in(world.market, done)
    end_round(world)
    world.turn()
    assert not world.log.of(RoundClosed)
    attested(world, done, 2)
    world.turn(after=100.0)
    assert states(world, members) == {SubmissionState.ACCEPTED}


def test_patience_with_a_batch_that_no_prover_gives_ends(world: World) -> None:
    world.enter([0, 1])
    hand_in(world.market, proven()[0])
    world.market.be_at(world.market.chain.opened[0].settle + PATIENCE * DAY + 1)
    mine(world, DEPTH)
    world.turn()
    assert len(world.log.of(RoundClosed)) == 1


def test_a_batch_that_the_market_refuses_for_now_holds_up_no_other(world: World) -> None:
    """A refusal is believed some minutes later; a round may have no longer than that."""
    done = proven()[0]
    world.prove(done, [0, 1])
    (index,) = [i for i, signer in world.market.chain.owners.items() if signer == world.network.headers[0].owner]
    world.market.chain.owners[index] = bytes(20)
    others = world.enter([2, 3])
    world.end_submissions()
    for _ in range(4):
        world.turn(after=10.0)
    assert others in [event.submissions for event in world.log.of(BatchProven)]
    assert states(world, others) == {SubmissionState.PROVEN}
    assert "refuses a batch for now" in waits(world)
    mine(world, DEPTH)
    world.turn(after=10.0)
    assert states(world, others) == {SubmissionState.ACCEPTED}


def test_a_bundle_that_is_damaged_holds_up_no_other_batch(world: World) -> None:
    first, second = proven()
    world.prove(first, [0, 1])
    world.prove(second, [2, 3])
    (digest,) = [b.bundle_digest for b in state_of(world.journal).batches.values() if b.batch_id == first.batch_id]
    world.coordinator.results._paths(digest)[0].unlink()
    world.turn()
    mine(world, DEPTH)
    world.turn(after=10.0)
    assert [event.batch_id for event in world.log.of(BatchSettled)] == [second.batch_id]


def test_a_round_that_waits_for_its_end_to_be_final_is_not_looked_at_at_every_turn(tmp_path: Path) -> None:
    world = World(tmp_path, InOrder(), round_age=30.0, depth=DEPTH)
    world.enter([0])
    world.market.be_at(world.market.chain.opened[0].settle + 1)
    for _ in range(10):
        world.turn(after=1.0)
    assert world.market.asked["round"] <= 2
    assert not world.log.of(RoundClosed)
    mine(world, DEPTH)
    world.turn(after=30.0)
    assert len(world.log.of(RoundClosed)) == 1


def test_an_owner_whose_registration_was_taken_back_holds_up_nobody(world: World) -> None:
    """Provers refuse a cohort with it, and the market a batch."""
    members = world.enter(range(4))
    (index,) = [i for i, signer in world.market.chain.owners.items() if signer == world.network.headers[0].owner]
    world.market.chain.owners[index] = bytes(20)
    world.end_submissions()
    for _ in range(3):
        world.turn(after=10.0)
    mine(world, DEPTH)
    world.turn(after=10.0)
    assert states(world, members[1:]) == {SubmissionState.ACCEPTED}
    assert states(world, members[:1]) == {SubmissionState.PENDING}


def test_submissions_for_another_model_than_the_rounds_hold_up_nobody(world: World) -> None:
    """The block in which it was opened was replaced, and now it is open for another model."""
    stale = world.enter(range(2), number=0)
    world.market.chain.model_digest = b"\x46" * 32
    world.end_submissions()
    for _ in range(2):
        world.turn(after=10.0)
    assert not world.log.of(BatchProven)
    assert world.round.cohort is None
    assert states(world, stale) == {SubmissionState.PENDING}
    world.market.chain.model_digest = MODEL_DIGEST
    world.turn(after=30.0)
    assert len(world.log.of(BatchProven)) == 1
