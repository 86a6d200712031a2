"""What one turn of the driver does with each round, and how long it leaves a round in trouble alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

import pytest

import coordinator.cohorts
from circuits.errors import ChainError, CircuitError, ContractError, KeyMismatchError, UnknownError
from commons.protocol.messages import Step
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from commons.storage.eventlog import EventLog
from coordinator.coordinator import Coordinator, Equipment
from coordinator.events import (
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    HeaderAccepted,
    ProverBlamed,
    RoundClosed,
    SumOpened,
)
from coordinator.journal import Journal
from coordinator.machine import Completed
from coordinator.roundstate import Round
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import (
    MORE_OWNERS,
    Market,
    MemoryLog,
    PartyLine,
    proven,
)
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import START, NodeClock
from tests.simulation.world.network import InOrder
from tests.simulation.world.nodes import Account
from tests.support.faults import silent
from tests.support.network import Network, network_with
from tests.support.parameters import DevelopmentParameters

P = ParamSpec("P")
T = TypeVar("T")
DAY = 86_400
PATIENCE = 30
EVERYBODY = range(4)


class Holding(Executor):
    """Does what it was given when it is told to."""

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self.held.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future

    def work(self) -> None:
        held, self.held = self.held, []
        for one in held:
            one()


class World:
    """A coordinator of a task with one round, a committee of real parties, and a market."""

    def __init__(
        self,
        directory: Path,
        rounds: Executor,
        *,
        round_age: float = 30.0,
        skew: int = 0,
        depth: int = 1,
        log: EventLog | None = None,
        network: Network | None = None,
    ) -> None:
        self.network: Network = network_with(MORE_OWNERS) if network is None else network
        self.market = Market(chain_of(self.network))
        self.clock = NodeClock(self.market.chain.clock)
        self.lines = [PartyLine(self.network, self.market, p) for p in EVERYBODY]
        self.log = MemoryLog()
        self.stopping = threading.Event()
        self.task = self.network.terms.task_id
        settings = CoordinatorSettings(
            listen="h:1", log="sqlite:///unused", account=directory, state=directory, poll_interval=1.0,
            confirmations=depth, longest_pause=5.0, round_age=round_age, release_patience=PATIENCE, step_timeout=1.0,
            clock_skew=skew,
        )  # fmt: skip
        equipment = Equipment(
            settings, SigningKey.from_secret(self.network.coordinator_key), Account(self.market),
            Journal(self.log if log is None else log), directory,
            DevelopmentParameters(self.network.setup), self.connect, self.clock, rounds, InOrder(), InOrder(),
            InOrder(), InOrder(), self.stopping,
        )  # fmt: skip
        self.coordinator = Coordinator(equipment)
        self.journal = self.coordinator.journal

    def connect(self, endpoint: str) -> PartyLine:
        return self.lines[int(endpoint.removeprefix("prover-").partition(":")[0])]

    def turn(self, after: float = 0.0) -> None:
        self.clock.sleep(after)
        self.coordinator.driver.turn()

    def enter(self, owners: Iterable[int], number: int = 0) -> tuple[bytes, ...]:
        """Headers of owners come in; of another round they are copies that nobody can prove."""
        digests = []
        for owner in owners:
            digest = self.network.submission(owner) if number == 0 else bytes([number, owner]) * 16
            self.journal.record(
                HeaderAccepted(digest, replace(self.network.headers[owner], round=number), tuple(EVERYBODY))
            )
            digests.append(digest)
        return tuple(digests)

    def prove(self, done: Completed, owners: Iterable[int]) -> None:
        """The batch was proven some time ago."""
        bundle = self.coordinator.results.put(done.bundle.encode(), done.bundle.statement.context.task_id)
        self.journal.record(BatchProven(self.task, 0, done.batch_id, self.enter(owners), bundle))

    def accept(self, done: Completed, owners: Iterable[int], *, final: bool) -> None:
        """It was, and the market has it; ``final``: deep enough for the provers."""
        self.prove(done, owners)
        self.journal.record(BatchSettled(done.batch_id, True, ""))
        if final:
            self.network.accept(done)

    def end_submissions(self) -> None:
        self.market.be_at(START + self.network.terms.windows.submit + 1)

    def status(self, submission: bytes) -> SubmissionStatus:
        found = state_of(self.journal).status_of(submission)
        assert found is not None
        return found

    def take_down(self, *provers: int) -> None:
        for prover in provers:
            self.lines[prover].down = True

    @property
    def round(self) -> Round:
        return state_of(self.journal).rounds[self.task, 0]

    @property
    def looks(self) -> int:
        """How often the coordinator has looked at its first prover."""
        return self.lines[0].looks

    def steps(self) -> set[Step]:
        return {step for line in self.lines for step in line.steps}

    def attempts(self, seconds: int) -> list[float]:
        """When the round of which the node tells nothing is worked on, turning every half second."""
        found = []
        for half in range(2 * seconds):
            before = self.market.asked["round"]
            self.turn()
            found += [half / 2] * (self.market.asked["round"] - before)
            self.clock.sleep(0.5)
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, InOrder())


@pytest.fixture
def rounds() -> Holding:
    return Holding()


@pytest.fixture
def held(tmp_path: Path, rounds: Holding) -> World:
    return World(tmp_path, rounds)


def test_without_open_rounds_the_chain_is_not_asked(world: World) -> None:
    world.market.down = 1
    world.turn()
    world.enter([0])
    world.journal.record(RoundClosed(world.task, 0, ""))
    world.turn()
    assert world.market.down == 1


def test_while_the_node_is_down_no_round_is_begun_and_the_process_log_says_so(
    held: World, rounds: Holding, caplog: pytest.LogCaptureFixture
) -> None:
    held.enter([0])
    held.market.down = 1
    held.turn()
    assert not rounds.held
    assert "chain-trouble reason='the node cannot be reached'" in caplog.text
    held.turn()
    assert len(rounds.held) == 1


def test_owners_learn_that_the_tasks_bound_does_not_suit_its_policy_before_a_prover_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unserved:
        def require_bound(self, bound: int) -> None:
            raise CircuitError(f"not under {bound}")

    monkeypatch.setattr(coordinator.cohorts, "compiled", lambda name, capacity: Unserved())
    world.enter(range(MORE_OWNERS))
    world.end_submissions()
    world.turn()
    assert world.round.trouble == f"not under {world.network.terms.bound}"
    assert not world.steps()


def test_a_round_that_is_being_worked_on_is_not_begun_a_second_time(held: World, rounds: Holding) -> None:
    held.enter([0])
    held.turn()
    held.turn(after=1000.0)
    assert len(rounds.held) == 1
    held.market.chain.open_round()
    held.enter([0], number=1)
    held.turn()
    assert len(rounds.held) == 2, "the other round does not wait for it"
    rounds.work()
    held.turn()
    assert len(rounds.held) == 2


def test_pauses_of_a_round_in_trouble_double_up_to_the_longest(world: World) -> None:
    world.enter([0])
    world.market.raises[0] = ChainError("the node is confused")
    assert world.attempts(20) == [0, 1, 3, 7, 12, 17]


def test_progress_ends_the_pauses(tmp_path: Path) -> None:
    world = World(tmp_path, InOrder(), round_age=0)
    world.enter([0])
    world.market.raises[0] = ChainError("the node is confused")
    assert world.attempts(6) == [0, 1, 3]
    del world.market.raises[0]
    world.turn(after=10.0)
    world.market.raises[0] = ChainError("confused again")
    world.clock.sleep(0.5)
    assert world.attempts(6) == [0, 1, 3]


def test_a_round_in_trouble_holds_up_no_other(world: World) -> None:
    world.market.chain.open_round()
    world.enter([0])
    world.enter([0], number=1)
    world.market.raises[0] = ChainError("the node is confused")
    world.market.be_at(world.market.chain.opened[1].settle + 1)
    world.turn()
    assert world.log.of(RoundClosed) == [RoundClosed(world.task, 1, "too few owners: 1 of the 2 that a batch needs")]


def test_trouble_is_noted_once_for_owners_to_see(world: World) -> None:
    world.enter([0, 1])
    world.end_submissions()
    world.take_down(*EVERYBODY)
    for _ in range(3):
        world.turn(after=10.0)
    assert world.looks == 3
    (noted,) = world.log.of(CohortFailed)
    assert "missing: provers [0, 1, 2, 3]" in noted.reason
    assert world.round.trouble == noted.reason
    world.market.raises[0] = CircuitError("this circuit takes no such round")
    for _ in range(2):
        world.turn(after=100.0)
    assert [event.reason for event in world.log.of(CohortFailed)] == [noted.reason, "this circuit takes no such round"]


def test_a_node_that_is_down_is_not_noted_as_the_rounds_trouble(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.enter([0, 1])
    world.market.raises[0] = ChainError("the node is confused")
    for _ in range(3):
        world.turn(after=10.0)
    assert world.market.asked["round"] == 3
    assert not world.log.of(CohortFailed)
    assert "round-trouble task=0x0000000000000007 round=0 code=chain reason='the node is confused'" in caplog.text


def test_an_unforeseen_exception_is_logged_and_stops_neither_other_rounds_nor_the_next_try(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.market.chain.open_round()
    world.enter([0])
    world.enter([0], number=1)
    world.market.raises[0] = ZeroDivisionError("nobody thought of this")
    world.market.be_at(world.market.chain.opened[1].settle + 1)
    world.turn()
    assert "round-error task=0x0000000000000007 round=0" in caplog.text
    assert "nobody thought of this" in caplog.text
    assert world.log.of(RoundClosed) == [RoundClosed(world.task, 1, "too few owners: 1 of the 2 that a batch needs")]
    assert not world.log.of(CohortFailed)
    asked = world.market.asked["round"]
    world.turn()
    assert world.market.asked["round"] == asked, "it waits"
    world.market.raises.clear()
    world.turn(after=1.0)
    assert world.market.asked["round"] > asked


def test_owners_do_not_see_what_the_trouble_says_of_the_coordinators_machine(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.enter([0, 1])
    world.market.raises[0] = KeyMismatchError("there is no verifying key in /srv/gradroll/keys")
    for _ in range(2):
        world.turn(after=100.0)
    assert [event.reason for event in world.log.of(CohortFailed)] == [world.round.trouble]
    assert "a problem of its own" in world.round.trouble
    assert "/srv" not in world.round.trouble
    assert "/srv/gradroll/keys" in caplog.text


def test_a_round_whose_trouble_cannot_be_noted_waits_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk is a trouble that cannot be written down; without a pause it would be met again in every turn."""
    world.enter([0, 1])
    world.end_submissions()
    world.take_down(*EVERYBODY)
    world.log.full = True
    world.turn()
    world.turn()
    assert world.looks == 1
    assert "trouble-not-noted task=0x0000000000000007 round=0 reason='the disk is full'" in caplog.text
    world.log.full = False
    world.turn(after=1.0)
    assert len(world.log.of(CohortFailed)) == 1


def test_stopping_leaves_no_trace_and_the_cohort_is_taken_up_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    cohort = world.enter([0, 1])
    world.end_submissions()
    world.stopping.set()
    world.turn()
    world.turn()
    assert world.looks == 2, "no pause: after a restart there would be none either"
    assert not world.log.of(CohortFailed)
    assert not world.steps()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    world.stopping.clear()
    world.turn()
    assert world.log.of(CohortBegun) == [CohortBegun(world.task, 0, cohort)]
    assert [event.submissions for event in world.log.of(BatchProven)] == [cohort]


def test_a_round_goes_from_headers_to_its_end_one_action_a_turn(world: World) -> None:
    members = world.enter([0, 1])
    world.turn()
    assert len(world.log.records) == 2, "the submit window is open"
    world.end_submissions()
    world.turn(after=30.0)
    (batch,) = world.log.of(BatchProven)
    world.turn()
    assert world.log.of(BatchSettled) == [BatchSettled(batch.batch_id, True, "")]
    world.turn()
    assert not world.log.of(SumOpened), "it is not final for the provers"
    world.network.accept(proven()[0])
    world.turn(after=1.0)
    assert [event.batch_id for event in world.log.of(SumOpened)] == [batch.batch_id]
    world.market.be_at(world.market.chain.opened[0].settle + 1)
    world.turn(after=30.0)
    assert world.log.records[-1]["kind"] == "round-closed"
    assert {world.status(s).state for s in members} == {SubmissionState.ACCEPTED}


def test_a_look_at_the_round_serves_until_it_is_too_old(world: World) -> None:
    world.enter([0])
    world.turn()
    world.turn(after=30.0)
    assert world.market.asked["round"] == 1
    world.turn(after=0.5)
    assert world.market.asked["round"] == 2
    world.turn(after=30.0)
    assert world.market.asked["round"] == 2


def test_after_settling_the_round_is_looked_at_again(world: World) -> None:
    """The batch that was accepted takes room from the next."""
    world.prove(proven()[0], [0, 1])
    world.turn()
    assert world.log.of(BatchSettled) == [BatchSettled(proven()[0].batch_id, True, "")]
    assert world.market.asked["round"] == 1
    world.turn()
    assert world.market.asked["round"] == 2


def test_a_look_from_before_a_settlement_that_failed_is_not_used_again(world: World) -> None:
    """The transaction may be mined all the same."""
    world.enter([2])
    world.turn()
    world.prove(proven()[0], [0, 1])
    world.market.raises[0] = ChainError("the node is confused")
    world.turn()
    assert (world.market.asked["recorded"], world.market.asked["round"]) == (1, 1)
    world.market.raises.clear()
    world.turn(after=1.0)
    assert world.log.of(BatchSettled) == [BatchSettled(proven()[0].batch_id, True, "")]
    assert world.market.asked["round"] == 2


@pytest.mark.parametrize("late", [False, True])
def test_patience_with_provers_that_release_nothing_ends(world: World, late: bool) -> None:
    world.accept(proven()[0], [0, 1], final=False)
    world.market.be_at(world.market.chain.opened[0][1] + PATIENCE * DAY + late)
    world.turn()
    assert world.steps() == (set() if late else {Step.RELEASE})
    assert bool(world.log.of(RoundClosed)) is late
    assert not world.log.of(SumOpened)


def test_a_prover_that_provably_lied_is_not_asked_again_in_its_round(world: World) -> None:
    world.journal.record(ProverBlamed(world.task, 0, 1, "MASK", "a wrong share", True))
    world.journal.record(ProverBlamed(world.task, 0, 2, "MASK", "absent: no answer", False))
    world.enter([0, 1])
    world.end_submissions()
    for line in world.lines:
        line.faults = {line.prover: [silent(Step.COIN)]}
    world.turn()
    assert [bool(line.steps) for line in world.lines] == [True, False, True, True]


def test_sums_of_accepted_batches_do_not_wait_for_a_cohort_whose_provers_are_away(world: World) -> None:
    done = proven()[0]
    world.accept(done, [0, 1], final=True)
    cohort = world.enter([4, 5])
    world.journal.record(CohortBegun(world.task, 0, cohort))
    world.take_down(2, 3)
    world.turn()
    assert [event.batch_id for event in world.log.of(SumOpened)] == [done.batch_id]
    assert "needs 3 provers that hold all its shares" in world.round.trouble
    assert world.round.cohort == cohort
    looks = world.looks
    world.turn()
    assert world.looks == looks, "the cohort is still in trouble"


def test_sums_of_accepted_batches_do_not_wait_for_a_cohort_that_failed_again(world: World) -> None:
    done = proven()[0]
    world.accept(done, [0, 1], final=True)
    cohort = world.enter([4, 5])
    world.journal.record(CohortBegun(world.task, 0, cohort))
    for line in world.lines:
        line.faults = {line.prover: [silent(Step.COIN)]}
    world.turn()
    assert Step.COIN in world.steps()
    assert [event.batch_id for event in world.log.of(SumOpened)] == [done.batch_id]
    assert "too few provers" in world.round.trouble
    looks = world.looks
    world.turn()
    assert world.looks == looks, "the cohort is still in trouble"


@pytest.mark.parametrize("away", [True, False])
def test_a_sum_that_cannot_be_had_meanwhile_does_not_hide_the_cohorts_trouble(
    world: World, away: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world.accept(proven()[0], [0, 1], final=False)
    world.journal.record(CohortBegun(world.task, 0, world.enter([4, 5])))
    if away:
        world.take_down(2, 3)
    for line in world.lines:
        line.faults = {line.prover: [silent(Step.COIN)]}
    world.turn()
    assert Step.RELEASE in world.steps()
    expected = "needs 3 provers that hold all its shares" if away else "too few provers"
    assert expected in world.round.trouble
    assert len(world.log.of(CohortFailed)) == 1
    assert "needs the shares of 2 provers" in caplog.text


def test_one_sum_that_cannot_be_had_does_not_hold_up_the_others(world: World) -> None:
    first, second = proven()
    world.accept(first, [0, 1], final=False)
    world.accept(second, [2, 3], final=True)
    world.turn()
    assert [event.batch_id for event in world.log.of(SumOpened)] == [second.batch_id]
    assert "needs the shares of 2 provers" in world.round.trouble
    world.network.accept(first)
    world.turn(after=1.0)
    assert [event.batch_id for event in world.log.of(SumOpened)] == [second.batch_id, first.batch_id]


def expired(world: World, submissions: Iterable[bytes]) -> set[str]:
    """Why they have expired."""
    statuses = [world.status(submission) for submission in submissions]
    assert {status.state for status in statuses} == {SubmissionState.EXPIRED}
    return {status.reason for status in statuses}


def test_a_cohort_that_cannot_be_proven_by_those_who_are_there_ends_at_once_and_others_go_on(world: World) -> None:
    """Two provers have lost its shares, and nobody is away who might have them."""
    cohort = world.enter([0, 1])
    world.journal.record(CohortBegun(world.task, 0, cohort))
    for prover in (0, 1):
        for submission in cohort:
            del world.network.memories[prover].payloads[submission]
    others = world.enter([2, 3])
    world.turn()
    (reason,) = expired(world, cohort)
    assert reason.startswith("too few provers: 2 of 4 are left")
    assert reason.endswith("; submit again in this round")
    assert world.round.trouble == reason
    world.end_submissions()
    world.turn(after=30.0)
    assert [event.submissions for event in world.log.of(BatchProven)] == [others]


def test_when_submissions_are_over_a_cohort_is_tried_to_the_end_unless_others_wait(world: World) -> None:
    cohort = world.enter([0, 1])
    world.journal.record(CohortBegun(world.task, 0, cohort))
    for prover in (0, 1):
        for submission in cohort:
            del world.network.memories[prover].payloads[submission]
    world.end_submissions()
    for _ in range(3):
        world.turn(after=10.0)
    assert world.round.cohort == cohort
    assert len(world.log.of(CohortFailed)) == 1, "the same failure again is no news"
    others = world.enter([2, 3])
    world.turn(after=10.0)
    assert expired(world, cohort) == {world.round.trouble}
    assert world.round.trouble.endswith("; submit to the next round")
    world.turn()
    assert [event.submissions for event in world.log.of(BatchProven)] == [others]


def test_a_cohort_whose_provers_are_away_has_half_of_the_window(world: World) -> None:
    """Three of four hold it, and one of them is away, for longer than a restart takes."""
    cohort = world.enter([0, 1])
    for submission in cohort:
        state_of(world.journal).submissions[submission].receipts = (0, 1, 2)
    world.journal.record(CohortBegun(world.task, 0, cohort))
    world.take_down(2)
    deadline = START + world.network.terms.windows.submit
    while world.market.now() <= deadline and world.round.cohort is not None:
        world.market.chain.mine()
        world.turn(after=5.0)
    first, last = world.log.of(CohortFailed)
    assert deadline - last.at <= last.at - first.at < deadline - first.at
    assert expired(world, cohort) == {
        "the batch needs 3 provers that hold all its shares, 2 answer: [0, 1]; submit again in this round"
    }


def test_while_no_quorum_answers_no_cohort_is_given_up(world: World) -> None:
    cohort = world.enter([0, 1])
    world.journal.record(CohortBegun(world.task, 0, cohort))
    world.enter([2, 3])
    world.take_down(2, 3)
    world.market.be_at(START + world.network.terms.windows.submit - 1)
    for _ in range(3):
        world.turn(after=10.0)
    assert world.round.cohort == cohort


def test_a_round_says_what_it_waits_for(world: World) -> None:
    world.enter([0])
    assert world.coordinator.task_status(world.task).rounds[0].waits == ""
    world.turn()
    waits = world.coordinator.task_status(world.task).rounds[0].waits
    assert waits.startswith("1 of 64 submissions are in; the submit window is open until ")
    world.end_submissions()
    world.turn(after=30.0)
    assert world.coordinator.task_status(world.task).rounds[0].waits.startswith("too few owners: 1 of the 2")
    world.enter([1])
    world.turn(after=30.0)
    assert world.coordinator.task_status(world.task).rounds[0].waits == ""


def test_a_verifier_that_answers_no_more_keeps_no_round_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a contract of the task's model owner, who may be anybody; each of its rounds would be tried for ever."""
    world.enter(range(1))
    world.market.be_at(START + world.network.terms.windows.submit + world.network.terms.windows.settle + 1)

    def refuse(task_id: int) -> NoReturn:
        raise ContractError("the contract refused without a reason")

    monkeypatch.setattr(world.market, "policy", refuse)
    world.turn()
    assert world.log.of(RoundClosed)


def _vanish(world: World) -> None:
    world.market.raises[0] = UnknownError("round 0 was not opened")


def test_a_round_whose_opening_was_taken_back_waits_and_goes_on_once_it_is_opened_again(world: World) -> None:
    submissions = world.enter(range(2))
    _vanish(world)
    windows = world.network.terms.windows
    world.turn()
    world.market.be_at(START + windows.submit + windows.settle)
    world.turn(after=30.0)
    assert all(world.status(each).state is SubmissionState.PENDING for each in submissions)
    waits = world.coordinator.task_status(world.task).rounds[0].waits
    assert waits == "the chain has taken the opening of this round back, and nobody has opened it again"
    assert not world.log.of(CohortFailed), "it is not the trouble of a cohort"
    world.market.raises.clear()
    world.market.be_at(START + windows.submit + windows.settle + 30)
    world.turn(after=30.0)
    [closed] = world.log.of(RoundClosed)
    assert "opening" not in closed.reason, "the round was there again, and its time is up"


def test_a_round_that_nobody_opens_again_ends_when_it_would_have(tmp_path: Path) -> None:
    world = World(tmp_path, InOrder(), depth=2)
    submissions = world.enter(range(2))
    _vanish(world)
    world.turn()
    windows = world.network.terms.windows
    world.market.be_at(START + windows.submit + windows.settle + 1)
    world.turn(after=30.0)
    assert not world.log.of(RoundClosed), "that block is not deep enough"
    world.market.be_at(START + windows.submit + windows.settle + 20)
    world.turn(after=30.0)
    assert all("taken the opening" in world.status(each).reason for each in submissions)
    assert all(world.status(each).state is SubmissionState.EXPIRED for each in submissions)


def test_a_node_that_comes_up_to_the_present_does_not_end_rounds_that_it_has_not_come_to(world: World) -> None:
    """Its blocks are of before the round was opened, and hours go by in them while it catches up."""
    submissions = world.enter(range(2))
    windows = world.network.terms.windows
    world.clock.skew = 2 * (windows.submit + windows.settle)  # this machine's, which is right
    _vanish(world)
    world.turn()
    for behind in (1, 2, 3):
        world.market.be_at(START + windows.submit + windows.settle + 35 * behind)
        looks = world.market.asked["round"]
        world.turn(after=30.0)
        assert world.market.asked["round"] > looks
    assert not world.log.of(RoundClosed)
    assert all(world.status(each).state is SubmissionState.PENDING for each in submissions)


def test_a_task_that_was_taken_back_keeps_its_round_for_as_long_as_sums_are_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.enter(range(2))

    def unknown(task_id: int) -> NoReturn:
        raise UnknownError("there is no such task")

    monkeypatch.setattr(world.market, "terms", unknown)
    _vanish(world)
    world.turn()
    world.market.be_at(START + PATIENCE * DAY - 60)
    world.turn(after=30.0)
    assert not world.log.of(RoundClosed)
    for later in (60, 120, 180):
        world.market.be_at(START + PATIENCE * DAY + later)
        world.turn(after=30.0)
    assert world.log.of(RoundClosed)


def test_what_else_is_unknown_is_the_rounds_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.enter(range(2))

    def unknown(task_id: int) -> NoReturn:
        raise UnknownError("there is no such committee")

    monkeypatch.setattr(world.market, "coordinator", unknown)
    world.turn()
    (noted,) = world.log.of(CohortFailed)
    assert noted.reason == "there is no such committee"


def test_a_time_that_is_far_ahead_for_a_moment_does_not_keep_a_vanished_round_for_good(world: World) -> None:
    """A clock that was set wrong, or one answer of one node."""
    world.enter(range(2))
    windows = world.network.terms.windows
    world.clock.skew = 50 * 365 * DAY
    _vanish(world)
    world.turn()
    world.clock.skew = 0
    world.turn(after=30.0)
    world.market.be_at(START + windows.submit + windows.settle + 120)
    world.turn(after=30.0)
    assert world.log.of(RoundClosed)


def test_a_vanished_round_whose_end_could_not_be_written_down_waits_no_second_time(world: World) -> None:
    world.enter(range(2))
    windows = world.network.terms.windows
    _vanish(world)
    world.turn()
    world.market.be_at(START + windows.submit + windows.settle + 30)
    world.log.full = True
    world.turn(after=30.0)
    world.log.full = False
    for _ in range(2):
        world.turn(after=30.0)
        world.market.chain.mine()
    assert world.log.of(RoundClosed)
    assert not world.coordinator.driver._vanished._since
