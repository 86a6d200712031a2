"""The leak meter where sums are private: nothing of the sum leaks to all but its reader, and taking the rule out shows.

The adversary is the coordinator, up to t provers and whoever sees what they and the chain see; the model owner's secret
is apart.  A sealed share counts as hidden (HPKE), once it was looked at that it is sealed under its own label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from circuits.policies.graded import REFERENCE
from circuits.policies.norm import NORM
from circuits.terms import TaskTerms
from commons.protocol.messages import Step
from tests.privacy.leakmeter.adversary import ATTEMPT, GRADED_ATTEMPT, Coordinator
from tests.privacy.leakmeter.allowed import excess, sum_rows
from tests.privacy.leakmeter.linear import span
from tests.privacy.leakmeter.schedules import Plan, random_schedule
from tests.privacy.leakmeter.stage import Shape, Stage
from tests.privacy.leakmeter.toy import DIMENSION, Toy, toy
from tests.privacy.leakmeter.world import World

ALL = (0, 1, 2)
THREE, FOUR = Shape(private=True), Shape(4, 1, private=True)
SEVEN = Shape(7, 2, frozenset({0, 4}), private=True)
GRADED = replace(FOUR, copies=1)


@pytest.fixture(params=[THREE, FOUR, SEVEN, GRADED], ids=["3-1", "4-1", "7-2", "4-1, graded"])
def stage(request: pytest.FixtureRequest) -> Iterator[tuple[Toy, Shape]]:
    shape: Shape = request.param
    with toy(REFERENCE if shape.copies else NORM) as made:
        yield made, shape


def released(made: Toy, shape: Shape) -> World:
    """After an attempt by all provers, whose batch is accepted and released to whoever asks."""
    adversary = Coordinator(World(Stage(made, shape)))
    cohort = adversary.open_cohort(range(shape.owners))
    session = adversary.propose(cohort, range(shape.owners + shape.copies), range(shape.size))
    for step in GRADED_ATTEMPT if shape.copies else ATTEMPT:
        assert adversary.ask_all(session, step), step
    assert adversary.world.accepted == (ALL,)
    assert sum(step is Step.RELEASE for _, step, _ in adversary.world.asked) == len(shape.honest)
    return adversary.world


def test_a_private_sum_tells_the_coordinator_and_t_provers_nothing(stage: tuple[Toy, Shape]) -> None:
    """Not one dimension beyond what is known before the release, and no combination of coordinates of the sum."""
    world = released(*stage)
    assert excess(world, ()) == 0
    known = span(world.leak())
    assert not any(known.contains(row) for row in sum_rows(world.stage, ALL, world.weights[ALL]))


def test_who_has_the_secret_learns_the_sum_and_no_more(stage: tuple[Toy, Shape]) -> None:
    made, shape = stage
    world = released(made, replace(shape, reads=True))
    assert (excess(world, ()), excess(world, world.accepted)) == (DIMENSION, 0)
    known = span(world.leak())
    assert all(known.contains(row) for row in sum_rows(world.stage, ALL, world.weights[ALL]))


def test_without_sealing_the_meter_finds_the_sum(stage: tuple[Toy, Shape], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskTerms, "sums_private", property(lambda self: False))
    world = released(*stage)
    assert excess(world, ()) == DIMENSION


def test_schedules_at_random_tell_nothing_of_private_sums() -> None:
    sums = 0
    for seed in range(6):
        with toy() as made:
            adversary = random_schedule(Stage(made, FOUR), Plan(), seed)
            sums += len(adversary.world.accepted)
            assert excess(adversary.world, ()) == 0, f"seed {seed}"
    assert sums > 3
