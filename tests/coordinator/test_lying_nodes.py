"""What ends for good does so on the word of most nodes, for as long as it must last, and not on one reading of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import UnknownError
from circuits.terms import TaskTerms
from commons.chain.facts import RoundRecord
from commons.protocol.status import SubmissionState
from coordinator.batcher import Unproven
from coordinator.events import CohortBegun, CohortFailed, FeesEnded, RoundClosed
from coordinator.giving_up import Trouble
from coordinator.next_action import Prove, RoundFacts
from tests.coordinator.markets import Market, proven
from tests.coordinator.test_driver import World
from tests.simulation.world.network import InOrder

DEPTH, ALWAYS = 3, 10**6


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A coordinator with three nodes, and a chain that is deep enough."""
    made = World(tmp_path, InOrder(), depth=DEPTH, round_age=0.0)
    made.market.count = 3
    mine(made, 5)
    return made


def mine(world: World, blocks: int) -> None:
    for _ in range(blocks):
        world.market.chain.mine()


def test_a_round_that_one_node_says_is_over_goes_on(world: World) -> None:
    (waiting,) = world.enter([0])
    world.market.lying = ALWAYS
    for _ in range(4):
        world.turn(after=10.0)
        mine(world, 1)
    assert not world.log.of(RoundClosed)
    assert world.status(waiting).state is SubmissionState.PENDING
    assert "do not agree yet that the round is over" in world.coordinator.watch.waits((world.task, 0))


@pytest.mark.parametrize("count", [2, 3])
def test_one_that_is_over_is_closed_as_soon_as_most_nodes_say_so(world: World, count: int) -> None:
    world.market.count, world.market.hanging = count, True
    (waiting,) = world.enter([0])
    world.market.be_at(world.market.chain.opened[0].settle + 1)
    mine(world, DEPTH)
    world.turn()
    assert bool(world.log.of(RoundClosed)) is (count == 3)
    world.market.hanging = False
    world.turn(after=10.0)
    assert world.status(waiting).state is SubmissionState.EXPIRED


def vanish(world: World, monkeypatch: pytest.MonkeyPatch, nodes: set[int | None]) -> None:
    """Some nodes show the round no more; without a number, the one that is asked alone."""
    shown = world.market.round

    def gone(task_id: int, number: int) -> RoundRecord:
        if world.market._node in nodes:
            raise UnknownError("round 0 was not opened")
        return shown(task_id, number)

    monkeypatch.setattr(world.market, "round", gone)


def pass_by(world: World, times: float) -> None:
    """So many times as long as a round has."""
    windows = world.network.terms.windows
    world.clock.sleep(times * (windows.submit + windows.settle))
    mine(world, DEPTH + 1)


def test_a_node_that_shows_a_vanished_round_now_and_then_does_not_keep_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (waiting,) = world.enter([0])
    nodes: set[int | None] = {None, 0, 1, 2}
    vanish(world, monkeypatch, nodes)
    for _ in range(4):
        nodes.add(None)
        world.turn(after=30.0)
        pass_by(world, 0.4)
        nodes.discard(None)
        world.turn(after=30.0)
        pass_by(world, 0.2)
    nodes.add(None)
    world.turn(after=30.0)
    assert world.status(waiting).state is SubmissionState.EXPIRED


def test_a_round_that_one_node_misses_is_missed_by_most_only_from_when_they_miss_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others show it all the while; its model owner has as much time to open it again as anybody's."""
    (waiting,) = world.enter([0])
    nodes: set[int | None] = {None, 0}
    vanish(world, monkeypatch, nodes)
    world.turn()
    pass_by(world, 0.9)
    world.turn(after=30.0)
    nodes |= {1, 2}
    world.turn(after=30.0)
    pass_by(world, 0.5)
    world.turn(after=30.0)
    assert world.status(waiting).state is SubmissionState.PENDING
    pass_by(world, 1)
    world.turn(after=30.0)
    assert world.status(waiting).state is SubmissionState.EXPIRED


def test_one_node_that_knows_no_task_does_not_shorten_a_vanished_rounds_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a task that is gone as well it is as long as sums are asked for, which may be no time at all."""
    driver = world.coordinator.driver
    monkeypatch.setattr(driver._vanished, "_settings", driver._settings.model_copy(update={"release_patience": 0}))
    (waiting,) = world.enter([0])
    vanish(world, monkeypatch, {None, 0, 1, 2})
    known = world.market.terms

    def terms(task_id: int) -> TaskTerms:
        if world.market._node in (None, 0):
            raise UnknownError("there is no such task")
        return known(task_id)

    monkeypatch.setattr(world.market, "terms", terms)
    for _ in range(3):
        world.turn(after=30.0)
        mine(world, DEPTH + 1)
    assert world.status(waiting).state is SubmissionState.PENDING


@pytest.fixture
def facts(world: World) -> RoundFacts:
    """Of a round with a cohort under way, and much time left."""
    chain = world.market.chain
    chain.opened[0] = chain.opened[0]._replace(
        submit=chain.opened[0].submit + 5000, settle=chain.opened[0].settle + 9000
    )
    members = world.enter([0, 1])
    world.journal.record(CohortBegun(world.task, 0, members))
    return world.coordinator.driver._read((world.task, 0), world.market.now())


def fails(world: World, facts: RoundFacts, trouble: Trouble = Trouble.STUCK) -> bool:
    """Whether the failure of the cohort ends it."""
    cohorts = world.coordinator.driver._cohorts
    return cohorts.ends((world.task, 0), world.network.terms, facts, Unproven("a prover refused", trouble))


def test_a_cohort_ends_only_when_its_trouble_has_lasted(world: World, facts: RoundFacts) -> None:
    """A prover whose node lags, or is on a branch that is given up, knows no such round, and refuses."""
    for _ in range(DEPTH - 1):
        assert not fails(world, facts)
        mine(world, 1)
    assert fails(world, facts)
    assert [event.final for event in world.log.of(CohortFailed)] == [False, True]


def test_what_passes_in_between_begins_anew(world: World, facts: RoundFacts) -> None:
    assert not fails(world, facts)
    mine(world, DEPTH)
    assert not fails(world, facts, Trouble.NO_QUORUM)
    assert not fails(world, facts)
    world.market.chain.reorganise(DEPTH)
    mine(world, DEPTH)
    assert not fails(world, facts), "its block was replaced"


def test_one_in_which_too_few_owners_are_left_ends_at_once(world: World, facts: RoundFacts) -> None:
    assert fails(world, facts, Trouble.LOST)


def test_times_of_one_node_end_no_cohort(world: World, facts: RoundFacts) -> None:
    """By its time there is none left for those that are away."""
    late = replace(facts, submit_deadline=facts.now, settle_deadline=facts.now)
    for _ in range(2 * DEPTH):
        assert not fails(world, late, Trouble.AWAY)
        mine(world, 1)
    world.market.count = 1
    assert not fails(world, late, Trouble.AWAY)


def test_a_node_that_shows_another_round_makes_no_prover_refuse_a_cohort(
    world: World, facts: RoundFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would refuse it by their own nodes, and nobody could help."""
    chain = world.market.chain
    members = world.round.cohort
    assert members is not None
    monkeypatch.setattr(chain, "model_digest", b"\x66" * 32)
    cohorts = world.coordinator.driver._cohorts
    unproven = cohorts.prove((world.task, 0), world.network.terms, Prove(members), facts)
    assert isinstance(unproven, Unproven)
    assert unproven.trouble is Trouble.NO_QUORUM
    assert not world.steps()


def test_fees_are_left_alone_only_when_most_nodes_show_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = proven()[0]
    world.accept(done, [0, 1], final=True)
    world.journal.record(RoundClosed(world.task, 0, ""))
    turns = world.coordinator.fee_turns
    monkeypatch.setattr(turns, "_left", lambda key: {} if world.market._node in (None, 0) else {0: "held"})
    turns._end((world.task, 0), {})
    assert not world.log.of(FeesEnded)
    monkeypatch.setattr(turns, "_left", lambda key: {})
    turns._end((world.task, 0), {})
    assert world.log.of(FeesEnded)


def test_a_node_that_lies_about_a_rounds_end_lies_in_the_model_too(world: World) -> None:
    """What the tests above rest on."""
    world.market.lying = 1000
    told: RoundRecord = Market.round(world.market, world.task, 0)
    assert told.closed
    world.market._node = 1
    assert not Market.round(world.market, world.task, 0).closed
