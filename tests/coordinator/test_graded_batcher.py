"""What is on record of a graded cohort before provers lock it, and what a restart at each step makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from commons.protocol.messages import Step, StepRequest
from commons.protocol.status import SubmissionState
from coordinator.giving_up import Trouble
from coordinator.roundstate import WEIGHTLESS
from tests.coordinator.fleets import NetworkFleet, state_of
from tests.coordinator.test_batcher import EVERYBODY, World, unproven
from tests.support.faults import silent
from tests.support.gradedlies import bump, graded_lie
from tests.support.gradednetwork import GradedNetwork, along, graded_with
from tests.support.network import OwnerPlan

OWNERS = (900, 500, 900, -900)
STEPS = [
    Step.COIN, Step.PROJECT, Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.LOCK, Step.OPEN, Step.PROVE,
    Step.ATTEST,
]  # fmt: skip


class CrashError(Exception):
    """The coordinator's process ends here."""


def network() -> GradedNetwork:
    return graded_with(OWNERS)


@cache
def expected() -> tuple[int, ...]:
    """The numbers when nothing goes wrong."""
    graded = network().run().completed.statement.graded
    assert graded is not None
    return graded.values


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, network())
    yield made
    made.journal.close()


def numbers(world: World) -> tuple[int, ...]:
    (batch,) = state_of(world.journal).batches.values()
    graded = world.bundle().statement.graded
    assert graded is not None
    assert batch.values == graded.values
    assert batch.weights == graded.grades.weights
    return batch.values


def crashing(world: World, at: Step) -> NetworkFleet:
    def before(requests: Mapping[int, StepRequest]) -> None:
        if next(iter(requests.values())).step is at:
            raise CrashError

    return NetworkFleet(world.network, before=before)


def test_batch_is_stored_with_numbers_and_weights_and_owners_are_told(world: World) -> None:
    assert world.prove(NetworkFleet(world.network)) is None
    assert numbers(world) == expected()
    (batch,) = state_of(world.journal).batches.values()
    reference, *owners = world.network.cohort.digests
    assert batch.submissions == tuple(owners)
    assert batch.weights[3] == 0
    told = [state_of(world.journal).submissions[s].status for s in owners]
    assert {s.state for s in told} == {SubmissionState.PROVEN}
    assert told[3].reason == WEIGHTLESS
    assert state_of(world.journal).submissions[reference].status.state is SubmissionState.PROVEN
    assert not world.round.unspent


def test_set_is_on_record_before_a_prover_is_asked_to_lock_it(world: World) -> None:
    seen: dict[Step, tuple[bytes, ...] | None] = {}

    def before(requests: Mapping[int, StepRequest]) -> None:
        seen[next(iter(requests.values())).step] = world.round.locked

    world.prove(NetworkFleet(world.network, before=before))
    after = STEPS[STEPS.index(Step.LOCK) :]
    assert {step for step, locked in seen.items() if locked == world.network.cohort.digests} == set(after)
    assert {step for step, locked in seen.items() if locked is None} == set(STEPS) - set(after)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_restart_at_any_step_ends_in_the_same_numbers(world: World, step: Step, asked: bool) -> None:
    """The coordinator dies before a step's requests leave it, or when they are answered; provers start anew, too."""
    if asked:
        lost = NetworkFleet(world.network, faults={p: [silent(step)] for p in EVERYBODY})
        assert world.prove(lost) is not None
    else:
        with pytest.raises(CrashError):
            world.prove(crashing(world, step))
    world.restart()
    assert world.round.cohort == world.network.cohort.digests
    assert (world.round.locked is not None) == (STEPS.index(step) >= STEPS.index(Step.LOCK))
    assert world.prove(NetworkFleet(world.network), again=True, locked=world.round.locked) is None
    assert numbers(world) == expected()


@pytest.mark.parametrize("down", sorted(EVERYBODY))
def test_set_that_was_opened_is_finished_by_whoever_is_left(world: World, down: int) -> None:
    world.prove(NetworkFleet(world.network, faults={p: [silent(Step.PROVE)] for p in EVERYBODY}))
    world.restart()
    fleet = NetworkFleet(world.network, down={down})
    assert world.prove(fleet, again=True, locked=world.round.locked) is None
    assert numbers(world) == expected()


def test_provers_that_are_not_ready_to_lock_are_time(world: World) -> None:
    for memory in world.network.memories:
        memory.over = False
    unproven(world.prove(NetworkFleet(world.network)), Trouble.AWAY)
    assert not world.round.excluded
    assert all(named.reason.startswith("absent: ") for named in world.round.named)
    for memory in world.network.memories:
        memory.over = True
    assert world.prove(NetworkFleet(world.network), again=True, locked=world.round.locked) is None
    assert numbers(world) == expected()


def test_bad_reference_loses_the_cohort_and_blames_no_owner(tmp_path: Path) -> None:
    world = World(tmp_path, graded_with(OWNERS, copies=(OwnerPlan(2 * along(1000, 5)),)))
    assert "copy of the model owner's reference" in unproven(world.prove(NetworkFleet(world.network)), Trouble.LOST)
    reference, *owners = world.network.cohort.digests
    submissions = state_of(world.journal).submissions
    assert submissions[reference].status.state is SubmissionState.REJECTED
    assert submissions[reference].status.reason.startswith("validity: ")
    assert {submissions[s].status.state for s in owners} == {SubmissionState.PROVING}
    world.journal.close()


def test_reference_that_may_be_good_does_not_lose_the_cohort(world: World) -> None:
    lying = {1: [graded_lie(Step.PROJECT, "shares", bump(3))]}
    unproven(world.prove(NetworkFleet(world.network, faults=lying, down={3})), Trouble.AWAY)
    assert {e.status.state for e in state_of(world.journal).submissions.values()} == {SubmissionState.PROVING}
    assert world.prove(NetworkFleet(world.network, faults=lying), again=True) is None
    assert numbers(world) == expected()


def test_locked_set_is_not_lost_by_a_liar_among_few(world: World) -> None:
    """With just a quorum nobody can name it; the set is the only one its owners can be in, so it is tried on."""
    world.prove(NetworkFleet(world.network, faults={p: [silent(Step.OPEN)] for p in EVERYBODY}))
    for name, step, change in (("residuals", Step.VALIDATE, bump(1)), ("shares", Step.PROJECT, bump(200))):
        lying = NetworkFleet(world.network, faults={1: [graded_lie(step, name, change)]}, down={3})
        outcome = world.prove(lying, again=True, locked=world.round.locked)
        unproven(outcome, Trouble.AWAY)
        states = {e.status.state for e in state_of(world.journal).submissions.values()}
        assert states == {SubmissionState.PROVING}
    assert world.prove(NetworkFleet(world.network), again=True, locked=world.round.locked) is None
    assert numbers(world) == expected()
