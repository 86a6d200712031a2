"""Rounds that others have a hand in: relays, another coordinator, the market's guardian, owners that come late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.status import SubmissionState
from coordinator.events import BatchProven, BatchSettled, CohortBegun, CohortFailed, RoundClosed, SetLocking, SumOpened
from coordinator.machine import Completed
from coordinator.resultroom import room_for
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import Market, PartyLine, hand_in, proven
from tests.coordinator.test_driver import EVERYBODY, World
from tests.simulation.world.network import InOrder


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, InOrder(), round_age=0)


def attested(world: World, done: Completed, *provers: int) -> None:
    """These provers have the batch, each with its own attestation; a coordinator's log has nothing of it."""
    own = dict(done.bundle.certificate.attestations)
    for prover in provers:
        world.lines[prover].kept[done.batch_id] = done.bundle.attested_by([(prover, own[prover])])


def states(world: World, submissions: tuple[bytes, ...]) -> list[SubmissionState]:
    return [world.status(submission).state for submission in submissions]


# --- relays ---------------------------------------------------------------------------------------------------


def test_what_a_relay_had_accepted_while_the_coordinator_was_away_is_taken_over_and_its_sum_opened(
    world: World,
) -> None:
    """It had asked for attestations and died; without this its owners would wait for a batch that is accepted."""
    members, done = world.enter([0, 1]), proven()[0]
    world.journal.record(CohortBegun(world.task, 0, members), SetLocking(world.task, 0, members))
    attested(world, done, 0, 1, 2)
    hand_in(world.market, done)
    world.network.accept(done)
    world.turn()
    assert world.log.of(BatchProven) == [
        BatchProven(world.task, 0, done.batch_id, members, world.log.of(BatchProven)[0].bundle_digest)
    ]
    assert states(world, members) == [SubmissionState.ACCEPTED] * 2
    assert world.round.cohort is None
    assert len(world.log.of(SumOpened)) == 1
    assert not world.log.of(CohortFailed)


def test_without_provers_to_give_it_the_batch_is_asked_for_again_and_nothing_else_waits(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    members, done = world.enter([0, 1]), proven()[0]
    others = world.enter([2, 3])
    attested(world, done, 0, 1)
    hand_in(world.market, done)
    world.network.accept(done)
    world.journal.record(CohortBegun(world.task, 0, others))
    world.turn()
    assert "batch-not-adopted task=0x0000000000000007 round=0" in caplog.text
    assert [event.submissions for event in world.log.of(BatchProven)] == [others]
    attested(world, done, 2)
    world.turn(after=100.0)
    assert states(world, members) == [SubmissionState.ACCEPTED] * 2


def test_a_batch_is_taken_over_when_there_is_room_for_it_and_its_sum(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked for what could not be kept: whoever names this coordinator in a task fills no disk of its."""
    members, done = world.enter([0, 1]), proven()[0]
    attested(world, done, *EVERYBODY)
    hand_in(world.market, done)
    world.network.accept(done)
    quota, asked = world.coordinator.results._quota, list[bytes]()
    give = PartyLine.certificate

    def counted(line: PartyLine, batch: bytes, timeout: float | None = None) -> Certificate:
        asked.append(batch)
        return give(line, batch, timeout)

    monkeypatch.setattr(PartyLine, "certificate", counted)
    held = quota._most - room_for(world.network.dimension, len(members)) + 1
    quota.add(world.task + 1, held)  # a stranger's
    world.turn()
    assert "room for sums and bundles is used up" in caplog.text
    assert not world.log.of(BatchProven)
    assert not asked
    quota.add(world.task + 1, -held)
    world.turn(after=100.0)
    assert states(world, members) == [SubmissionState.ACCEPTED] * 2
    assert len(world.log.of(SumOpened)) == 1
    assert set(asked) == {done.batch_id}


def false_bundles() -> list[AuditBundle]:
    """Another batch's; and with values that no signature binds."""
    done, other = (one.bundle for one in proven())
    swapped = (done.projections[0], *done.projections[:0:-1])
    return [other, replace(done, row=other.row), replace(done, projections=swapped)]


@pytest.mark.parametrize("nth", range(3))
def test_a_prover_that_gives_a_false_batch_is_passed_over(world: World, nth: int) -> None:
    """Its readers would take this coordinator for the liar."""
    members, (done, other) = world.enter([0, 1]), proven()
    attested(world, done, *EVERYBODY)
    world.lines[0].false = false_bundles()[nth]
    world.lines[1].kept[done.batch_id] = other.bundle
    hand_in(world.market, done)
    world.turn()
    assert states(world, members) == [SubmissionState.ACCEPTED] * 2
    (batch,) = state_of(world.journal).batches.values()
    kept = AuditBundle.decode(world.coordinator.results.get(batch.bundle_digest))
    assert kept.encode_opened() == done.bundle.encode_opened()


def test_an_owner_that_was_accepted_in_anothers_batch_waits_here_no_more(world: World) -> None:
    """It had handed another submission in here; a cohort with it would be attested by nobody."""
    second = world.network.submit_again(0, world.network.plans[0])
    from coordinator.events import HeaderAccepted  # noqa: PLC0415

    digest = second.digest(world.network.context)
    world.journal.record(HeaderAccepted(digest, second, tuple(EVERYBODY)))
    attested(world, proven()[0], *EVERYBODY)
    hand_in(world.market, proven()[0])
    world.turn()
    assert world.status(digest).state is SubmissionState.EXPIRED
    assert "another submission of its owner is in a signed batch" in world.status(digest).reason


def test_a_set_that_was_proven_again_and_relayed_before_is_accepted_once(world: World) -> None:
    """Its second batch is refused by the market; its owners are paid for the first, and that is what they are told."""
    members, done = world.enter([0, 1]), proven()[0]
    world.network.headers = world.network.headers[:2]
    again = world.network.run(first_attempt=5).completed
    bundle = world.coordinator.results.put(again.bundle.encode(), again.bundle.statement.context.task_id)
    world.journal.record(BatchProven(world.task, 0, again.batch_id, members, bundle))
    attested(world, done, *EVERYBODY)
    hand_in(world.market, done)
    for _ in range(4):
        world.turn(after=100.0)
    settled = {event.batch_id: event.accepted for event in world.log.of(BatchSettled)}
    assert settled == {done.batch_id: True, again.batch_id: False}
    assert states(world, members) == [SubmissionState.ACCEPTED] * 2
    assert [world.status(submission).batch_id for submission in members] == [done.batch_id] * 2


def test_a_round_is_not_closed_over_a_batch_that_was_relayed_at_the_last_moment(world: World) -> None:
    world.prove(proven()[0], [0, 1])
    chain = world.market.chain
    world.market.be_at(chain.opened[0].settle - 20)
    hand_in(world.market, proven()[0])
    world.network.accept(proven()[0])
    world.market.be_at(chain.opened[0].settle + 20)
    for _ in range(3):
        world.turn(after=100.0)
    assert world.log.of(BatchSettled) == [BatchSettled(proven()[0].batch_id, True, "")]
    assert len(world.log.of(SumOpened)) == 1
    assert len(world.log.of(RoundClosed)) == 1


# --- another coordinator --------------------------------------------------------------------------------------


def replaced(market: Market, coordinator: bytes) -> None:
    """The model owner names another coordinator, as no batch came by half of the settle window."""
    market.be_at(market.chain.halfway(0) + 1)
    market.chain.set_coordinator(coordinator)


def test_a_coordinator_that_was_replaced_asks_no_prover_for_anything_and_says_so(world: World) -> None:
    world.enter([0, 1])
    replaced(world.market, b"\x99" * 20)
    for _ in range(3):
        world.turn(after=100.0)
    assert not world.steps()
    assert not world.log.of(CohortFailed)
    waits = world.coordinator.task_status(world.task).rounds[0].waits
    assert waits == "the model owner has named another coordinator; hand the gradient in there"


def test_named_again_it_goes_on_where_it_stood(world: World) -> None:
    members = world.enter([0, 1])
    replaced(world.market, b"\x99" * 20)
    world.turn()
    world.market.chain.set_coordinator(world.network.coordinator)
    world.turn(after=100.0)
    assert [event.submissions for event in world.log.of(BatchProven)] == [members]


def test_what_it_had_proven_it_still_hands_in(world: World) -> None:
    """Its owners are locked to the set, whoever is coordinator."""
    world.prove(proven()[0], [0, 1])
    replaced(world.market, b"\x99" * 20)
    world.turn()
    assert world.log.of(BatchSettled) == [BatchSettled(proven()[0].batch_id, True, "")]


# --- a pause of the market ------------------------------------------------------------------------------------


def test_a_pause_closes_no_round_and_batches_are_sent_when_it_is_over(tmp_path: Path) -> None:
    world = World(tmp_path, InOrder(), round_age=3600)
    chain = world.market.chain
    world.enter([2])
    world.market.be_at(chain.opened[0].submit + 30)
    world.turn()
    chain.pause()
    world.market.be_at(chain.opened[0].settle + 500)
    world.turn(after=100.0)
    assert not world.log.of(RoundClosed), "the deadline has moved, whatever an earlier look said"
    world.prove(proven()[0], [0, 1])
    world.turn()
    assert not world.log.of(BatchSettled)
    assert "has paused the acceptance" in world.coordinator.task_status(world.task).rounds[0].waits
    chain.resume()
    world.turn(after=10.0)
    assert world.log.of(BatchSettled) == [BatchSettled(proven()[0].batch_id, True, "")]


# --- stragglers -----------------------------------------------------------------------------------------------


def test_stragglers_are_waited_for_once(tmp_path: Path) -> None:
    """However many trickle in, one after the other, those that are there do not wait longer."""
    world = World(tmp_path, InOrder(), skew=30)
    first = world.enter([0, 1])
    world.end_submissions()
    world.turn()
    assert not world.steps()
    waits = world.coordinator.task_status(world.task).rounds[0].waits
    assert waits.endswith("submissions have ended, and the last ones are waited for")
    second = world.enter([2])
    world.turn(after=20.0)
    assert not world.steps()
    world.turn(after=10.0)
    assert [event.submissions for event in world.log.of(BatchProven)] == [(*first, *second)]
    assert state_of(world.journal).pending((world.task, 0)) == []
