"""Graded rounds in the simulated world: coordinator, provers and market, with everything going wrong.

Beside what holds in every world (`invariants`) every number is looked at as soon as honest provers have sent enough to
know it (`gradedworld.Numbers`): no owner has two in a round, and none is opened before a quorum is bound to its set.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

import native
from commons.protocol.bundle import AuditBundle
from commons.protocol.gradedbodies import OpenBody
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.rules import require_row
from commons.protocol.status import SubmissionState
from tests.simulation.playing import play
from tests.simulation.world.gradedworld import GradedWorld, Numbers, numbers_agree
from tests.simulation.world.invariants import always, in_the_end
from tests.simulation.world.schedule import GRADED_STEPS, NETWORK, TURN, Death, Lie, Schedule, Strike, drawn_graded
from tests.simulation.world.world import TROUBLED, World
from tests.support.gradedlies import graded_lies
from tests.support.gradednetwork import graded_with
from tests.support.network import Network
from tests.support.tiers import deepened, many

COPIES = 3
QUIET = Schedule(1, 4, copies=COPIES)
DEADLINE = 9
"""Turn from which on numbers are opened: some blocks after the last submission."""


def test_without_trouble_everybody_is_graded_and_paid() -> None:
    events, states = play(QUIET)
    assert events == {}
    assert states[:COPIES].count(SubmissionState.PROVEN) == 1
    assert states[COPIES:] == [SubmissionState.ACCEPTED] * 4


def test_numbers_are_opened_once_nobody_hands_anything_in_and_weights_are_the_markets() -> None:
    with GradedWorld(QUIET) as world:
        world.run(always)
        in_the_end(world)
        numbers_agree(world)
        ((batch_id, batch),) = world.chain.batches(0)
        assert world.numbers.opened.keys() == {(0, index) for index in range(4)}
        assert batch.statement.graded is not None
        assert sorted(set(batch.statement.weights)) == [0, 1]
        for prover in filter(None, world.provers):
            kept = AuditBundle.decode(prover.store.audit_bundle(batch_id))
            require_row(kept, world.setup.commitment)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_wrong_comes_out_of_graded_rounds(seed: int) -> None:
    play(drawn_graded(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, many(full=16, deep=200)))
def test_nothing_wrong_comes_out_of_graded_rounds_of_more_seeds(seed: int) -> None:
    play(drawn_graded(seed))


@pytest.mark.parametrize("step", deepened(list(GRADED_STEPS), fast=[Step.LOCK, Step.OPEN]), ids=lambda step: step.name)
@pytest.mark.parametrize("turns", [0, 5], ids=["comes back", "stays away"])
def test_prover_that_dies_at_a_graded_step(step: Step, turns: int) -> None:
    events, states = play(Schedule(1, 4, copies=COPIES, deaths=(Death(2, step, turns),)))
    assert events[f"died-at-{step.name}"] == 1
    assert states[COPIES:] == [SubmissionState.ACCEPTED] * 4


@pytest.mark.parametrize("step", deepened([Step.LOCK, Step.OPEN, Step.PROVE, Step.ATTEST], fast=[Step.LOCK]))
def test_batch_is_accepted_while_a_prover_is_gone_for_good(step: Step) -> None:
    accepted: list[int] = []

    def check(world: World) -> None:
        always(world)
        if world.chain.batches(0):
            accepted.append(world.turn)

    with GradedWorld(Schedule(1, 4, copies=COPIES, deaths=(Death(2, step, 1000),))) as world:
        world.run(check)
        in_the_end(world)
        assert world.events[f"died-at-{step.name}"] == 1
        assert accepted[0] < TROUBLED, "it was accepted only when the prover came back"


@pytest.mark.parametrize("step", deepened([Step.LOCK, Step.OPEN, Step.PROVE, Step.ATTEST], fast=[Step.OPEN]))
def test_locked_set_is_finished_when_two_provers_were_lost_and_come_back(step: Step) -> None:
    """With one lost beyond what the quorum can spare the set waits; the same one is proven, with the same numbers."""
    deaths = (Death(1, step, 4), Death(2, step, 6))
    events, states = play(Schedule(1, 4, copies=COPIES, deaths=deaths))
    assert events[f"died-at-{step.name}"] == len(deaths)
    assert states[COPIES:] == [SubmissionState.ACCEPTED] * 4


Said = list[tuple[int, StepRequest, StepReply]]


def said_in_a_round() -> Said:
    """What four provers are asked and answer in one graded batch."""
    said: Said = []

    def noted(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        said.append((prover, request, reply))
        return reply

    graded_with((900, 500, 900, -300)).run({prover: [noted] for prover in range(4)})
    return said


def watched(said: Said) -> Numbers:
    numbers = Numbers(3, frozenset({0}))
    for each in said:
        numbers.watch(*each)
    return numbers


def again(said: Said, by: int) -> Said:
    """Another attempt of the same set, in which numbers are larger by so much."""
    out: Said = []
    for prover, request, reply in said:
        if request.step is Step.OPEN:
            values = OpenBody.decode(reply.message.body, 4).values
            moved = native.add(values, native.from_ints([by] * len(values)))
            reply = replace(reply, message=replace(reply.message, body=OpenBody(moved).encode()))  # noqa: PLW2901
        out.append((prover, replace(request, session=bytes(32)), reply))
    return out


def test_a_second_number_and_one_that_is_opened_too_early_are_noticed() -> None:
    said = said_in_a_round()
    attempt = [each for each in said if each[1].step not in (Step.COIN, Step.PROJECT)]
    known = watched([*said, *again(attempt, 0)])
    assert len(known.opened) == 4
    with pytest.raises(AssertionError, match="two numbers"):
        watched([*said, *again(attempt, 1)])
    late = next(at for at, (prover, request, _) in enumerate(said) if (prover, request.step) == (2, Step.LOCK))
    with pytest.raises(AssertionError, match="before its provers are bound"):
        watched(said[:late] + said[late + 1 :])


NAMED = {
    "the coordinator restarts in every turn": Schedule(
        1, 4, tuple(Strike(TURN, at, "restart-coordinator") for at in range(14)), copies=COPIES
    ),
    "a reply is lost at every tenth message": Schedule(
        1, 4, tuple(Strike(NETWORK, at, "lose-reply") for at in range(0, 250, 10)), copies=COPIES
    ),
    "every message comes twice": Schedule(
        1, 4, tuple(Strike(NETWORK, at, "twice") for at in range(250)), copies=COPIES
    ),
    "the acceptance is taken back while its sum is asked for": Schedule(
        1, 4, tuple(Strike(TURN, at, "reorganise", 5) for at in range(DEADLINE, 14)), copies=COPIES
    ),
    "blocks are lost after the numbers are known": Schedule(
        1, 4, tuple(Strike(TURN, at, "lose-blocks", 5) for at in range(DEADLINE, 14)), copies=COPIES
    ),
    "a prover's clock is far ahead": Schedule(1, 4, (Strike(TURN, 0, "clock", 3601),), copies=COPIES),
    "the coordinator dies after provers do": Schedule(
        1, 4, tuple(Strike(TURN, at, "restart-coordinator") for at in range(DEADLINE, 14)), copies=COPIES,
        deaths=(Death(0, Step.LOCK, 2), Death(3, Step.OPEN, 2), Death(1, Step.ATTEST)),
    ),
}  # fmt: skip
"""What is easily thought wrong."""


@pytest.mark.parametrize("name", deepened(list(NAMED), fast=["the coordinator dies after provers do"]))
def test_named_graded_schedules(name: str) -> None:
    play(NAMED[name])


@pytest.mark.parametrize("name", deepened(sorted(graded_lies()), fast=["number"]))
def test_lying_prover_in_a_graded_round(name: str) -> None:
    _, states = play(Schedule(1, 4, lies=(Lie(1, name),), copies=COPIES))
    assert states[COPIES:] == [SubmissionState.ACCEPTED] * 4
