"""Machines whose clocks are hours off, or stand still, for a whole run: what deadlines rule is the chain's time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from commons.protocol.status import SubmissionState
from tests.simulation.world.clock import START, NodeClock
from tests.simulation.world.invariants import always, in_the_end, statuses
from tests.simulation.world.schedule import Schedule
from tests.simulation.world.world import World

HOURS = 6 * 3600


def ahead(clock: NodeClock, now: float) -> None:
    clock.skew = HOURS


def behind(clock: NodeClock, now: float) -> None:
    clock.skew = -HOURS


def still(clock: NodeClock, now: float) -> None:
    clock.skew = int(START - now)


def there_and_back(clock: NodeClock, now: float) -> None:
    """It jumps between two looks, hours at a time."""
    clock.skew = HOURS if clock.skew <= 0 else -HOURS


def played(wrong: Callable[[NodeClock, float], None], clock: Callable[[World], NodeClock]) -> set[int]:
    """Play a quiet round with one wrong clock, also once things have stopped going wrong; the members that attested."""
    with World(Schedule(1, 3)) as world:
        world.watch = lambda site: wrong(clock(world), world.clock.now)
        world.run(always)
        in_the_end(world)
        assert world.coordinator is not None
        with world.coordinator.journal.reading() as state:
            assert {status.state for status in statuses(state).values()} == {SubmissionState.ACCEPTED}
        ((_, batch),) = world.chain.batches(0)
        return {member for member, _ in batch.attestations}


@pytest.mark.parametrize(
    "wrong", [ahead, behind, *(pytest.param(one, marks=pytest.mark.slow) for one in (still, there_and_back))]
)
def test_a_prover_takes_part_in_a_round_whatever_its_clock_says(wrong: Callable[[NodeClock, float], None]) -> None:
    assert played(wrong, lambda world: world.clocks[0]) == {0, 1, 2, 3}


@pytest.mark.parametrize("wrong", [ahead, *(pytest.param(one, marks=pytest.mark.slow) for one in (behind, still))])
def test_so_it_does_whatever_the_coordinators_clock_says(wrong: Callable[[NodeClock, float], None]) -> None:
    assert played(wrong, lambda world: world.own_clock) == {0, 1, 2, 3}
