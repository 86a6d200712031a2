"""What is on record before provers are asked to attest, and what a restart makes of it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import native
from circuits.errors import FullError, RuleViolationError, StorageError, UnknownError
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Step, StepRequest
from commons.protocol.status import SubmissionState
from commons.runtime.clock import SystemClock
from commons.storage.blobs import Blobs
from coordinator.batcher import Batcher, Plan, Unproven
from coordinator.events import HeaderAccepted, OwnerDropped
from coordinator.giving_up import Trouble
from coordinator.handover import may_have_lost
from coordinator.journal import Journal
from coordinator.roundstate import Round
from coordinator.roundwatch import RoundWatch
from native import FrArray
from tests.coordinator.fleets import NetworkFleet, accusations_in, blobs_in, journal_in, state_of, watch_in
from tests.support.faults import REWRITES, lie, refusing, silent
from tests.support.network import Network, OwnerPlan, gradients, network_with

OWNERS = 3
EVERYBODY = frozenset(range(4))


class World:
    """A coordinator with a cohort to prove, and its committee."""

    def __init__(self, directory: Path, network: Network | None = None) -> None:
        self.directory = directory
        self.room: int | None = None
        self.uploads_are_here = False
        self.lost: dict[int, frozenset[bytes]] = {}
        self.network: Network = network_with(OWNERS) if network is None else network
        self.journal: Journal = journal_in(directory)
        self.key = (self.network.terms.task_id, 0)
        for digest, header in zip(self.network.cohort.digests, self.network.cohort.headers, strict=True):
            self.journal.record(HeaderAccepted(digest, header, (0, 1, 2, 3)))

    @property
    def round(self) -> Round:
        return state_of(self.journal).rounds[self.key]

    def restart(self) -> None:
        """Coordinator and provers forget what is not on disk."""
        self.journal.close()
        self.journal = journal_in(self.directory)
        for prover in EVERYBODY:
            self.network.restart(prover)

    def handed_again(self, prover: int, submissions: Collection[bytes]) -> bool:
        self.lost[prover] = frozenset(submissions)
        return self.uploads_are_here

    def prove(
        self,
        fleet: NetworkFleet,
        *,
        again: bool = False,
        locked: tuple[bytes, ...] | None = None,
        out: frozenset[bytes] = frozenset(),
    ) -> Unproven | None:
        self.blobs = blobs_in(self.directory) if self.room is None else with_room(self.directory, self.room)
        batcher = Batcher(
            self.journal,
            self.blobs,
            watch_in(self.directory),
            accusations_in(self.journal),
            RoundWatch(SystemClock()),
            step_timeout=1.0,
            stopping=threading.Event(),
            hand_again=self.handed_again,
        )
        submissions = self.network.cohort.digests
        receipts = {p: frozenset(submissions) for p in EVERYBODY}
        plan = Plan(self.key, submissions, again, locked, out, receipts, frozenset(), fleet.reachable())
        return batcher.prove(self.network.resources, fleet.fleet, self.network.context, plan)

    def bundle(self) -> AuditBundle:
        """The bundle of the one batch."""
        (batch,) = state_of(self.journal).batches.values()
        return AuditBundle.decode(blobs_in(self.directory).get(batch.bundle_digest))


def with_room(directory: Path, room: int) -> Blobs:
    return Blobs(directory / "results", max_bytes=room)


def unproven(outcome: Unproven | None, trouble: Trouble) -> str:
    """The reason why a cohort was not proven, which only this could cure."""
    assert outcome is not None
    assert outcome.trouble is trouble
    return outcome.reason


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.journal.close()


def test_a_proven_batch_is_stored_with_its_attestations(world: World) -> None:
    world.prove(NetworkFleet(world.network))
    (batch_id,) = state_of(world.journal).batches
    certificate = world.bundle().certificate
    assert certificate.batch_id == batch_id
    assert len(certificate.attestations) == 4
    assert (world.round.cohort, world.round.locked) == (None, None)


def test_the_set_is_on_record_before_a_prover_is_asked_to_attest_it(world: World) -> None:
    seen: list[tuple[Step, tuple[bytes, ...] | None]] = []

    def before(requests: Mapping[int, StepRequest]) -> None:
        seen.append((next(iter(requests.values())).step, world.round.locked))

    world.prove(NetworkFleet(world.network, before=before))
    locks = dict(seen)
    assert locks[Step.ATTEST] == world.network.cohort.digests
    assert all(locked is None for step, locked in locks.items() if step is not Step.ATTEST)


def test_a_batch_for_whose_results_there_is_no_room_is_not_begun(world: World) -> None:
    """Provers that have signed a set sign no other one, so room is looked for in front of the coin."""
    asked: list[Step] = []
    world.room = 1 << 10
    fleet = NetworkFleet(world.network, before=lambda requests: asked.append(next(iter(requests.values())).step))
    with pytest.raises(FullError, match="max_store_bytes"):
        world.prove(fleet)
    assert not asked
    assert world.round.cohort is None
    world.room = None
    assert world.prove(fleet) is None
    assert asked


def test_a_batch_that_was_begun_is_stored_though_others_have_taken_its_room(world: World) -> None:
    def before(requests: Mapping[int, StepRequest]) -> None:
        if next(iter(requests.values())).step is Step.ATTEST:
            world.blobs._quota.add(99, 1 << 30)

    assert world.prove(NetworkFleet(world.network, before=before)) is None
    assert world.bundle().statement.size == OWNERS
    with pytest.raises(FullError):
        world.blobs.put(b"something else", 5)


def test_a_set_that_provers_may_have_signed_is_proven_and_stored_whatever_room_there_is(world: World) -> None:
    world.prove(NetworkFleet(world.network, faults={p: [silent(Step.ATTEST)] for p in EVERYBODY}))
    world.restart()
    world.room = 1
    assert world.prove(NetworkFleet(world.network), again=True, locked=world.round.locked) is None
    assert world.bundle().statement.size == OWNERS


def test_a_set_whose_attestations_were_lost_is_proven_again_and_no_smaller_one(world: World) -> None:
    """Every prover has signed, no answer came back: after a restart, of both sides, the same set goes through."""
    lost = {p: [silent(Step.ATTEST)] for p in EVERYBODY}
    assert "too few provers" in unproven(world.prove(NetworkFleet(world.network, faults=lost)), Trouble.AWAY)
    assert not state_of(world.journal).batches
    assert all(memory.ledger.locks for memory in world.network.memories)
    world.restart()
    assert world.round.locked == world.network.cohort.digests
    world.prove(NetworkFleet(world.network), again=True, locked=world.round.locked)
    assert [h.digest(world.network.context) for h in world.bundle().statement.owners] == list(
        world.network.cohort.digests
    )


def test_a_prover_that_blames_an_owner_after_the_lock_does_not_shrink_the_set(world: World) -> None:
    """The set is what provers have signed; a later attempt, in which one of them lies, still is over all of it."""
    lost = {p: [silent(Step.ATTEST)] for p in EVERYBODY}
    world.prove(NetworkFleet(world.network, faults=lost))
    world.restart()
    garbage = {1: [lie(Step.VALIDATE, lambda body, owners: bytes(32) + body[32:])]}
    world.prove(NetworkFleet(world.network, faults=garbage), again=True, locked=world.round.locked)
    assert world.bundle().statement.size == OWNERS


def test_what_is_left_of_a_set_that_was_to_be_signed_is_lost(world: World) -> None:
    """An owner was dropped from it, then the coordinator died before it wrote down that the cohort had ended."""
    world.prove(NetworkFleet(world.network, faults={p: [silent(Step.ATTEST)] for p in EVERYBODY}))
    first = world.network.cohort.digests[0]
    world.journal.record(OwnerDropped(first, "its shares lie on no polynomial", True))
    world.restart()
    assert world.round.locked is not None
    outcome = world.prove(NetworkFleet(world.network), again=True, locked=world.round.locked, out=frozenset({first}))
    assert "provers had signed" in unproven(outcome, Trouble.LOST)


def test_a_fixed_cohort_of_too_few_is_lost(world: World) -> None:
    """As above, before anybody was asked to attest."""
    world.prove(NetworkFleet(world.network, faults={p: [silent(Step.VALIDATE)] for p in EVERYBODY}))
    assert world.round.locked is None
    dropped = world.network.cohort.digests[1:]
    world.journal.record(*(OwnerDropped(s, "its shares lie on no polynomial", True) for s in dropped))
    world.restart()
    assert world.round.cohort is not None
    outcome = world.prove(NetworkFleet(world.network), again=True, out=frozenset(dropped))
    assert "too few owners: 1 are left" in unproven(outcome, Trouble.LOST)


def test_an_owner_that_was_rejected_stays_out_when_its_cohort_is_tried_again(world: World) -> None:
    """Its owner may have handed in another since, which provers would refuse if this one were in a signed set."""
    world.prove(NetworkFleet(world.network, faults={p: [silent(Step.VALIDATE)] for p in EVERYBODY}))
    first, *rest = world.network.cohort.digests
    world.journal.record(OwnerDropped(first, "dealing: its shares do not lie on one polynomial", True))
    world.restart()
    assert world.prove(NetworkFleet(world.network), again=True, out=frozenset({first})) is None
    assert [h.digest(world.network.context) for h in world.bundle().statement.owners] == rest
    assert state_of(world.journal).submissions[first].status.state is SubmissionState.REJECTED


def test_a_fixed_cohort_needs_a_quorum_that_holds_it(world: World) -> None:
    lost = {p: [silent(Step.ATTEST)] for p in EVERYBODY}
    world.prove(NetworkFleet(world.network, faults=lost))
    outcome = world.prove(NetworkFleet(world.network, down={0, 1}), again=True, locked=world.round.locked)
    reason = unproven(outcome, Trouble.NO_QUORUM)
    assert "needs 3 provers that hold all its shares, 2 answer" in reason


def test_a_cohort_whose_shares_provers_have_lost_is_stuck_and_waits_for_nobody(world: World) -> None:
    """Everybody answers, and two of four refuse its coin for good."""
    for prover in (0, 1):
        world.network.memories[prover].payloads.clear()
    assert "too few provers" in unproven(world.prove(NetworkFleet(world.network)), Trouble.STUCK)


def test_a_cohort_whose_shares_provers_are_handed_again_waits_for_them(world: World) -> None:
    """Those that refuse the coin for want of a share are told of, with all that they gave receipts for."""
    world.uploads_are_here = True
    held = [dict(world.network.memories[prover].payloads) for prover in (0, 1)]
    for prover in (0, 1):
        world.network.memories[prover].payloads.clear()
    assert "too few provers" in unproven(world.prove(NetworkFleet(world.network)), Trouble.AWAY)
    assert world.lost == dict.fromkeys((0, 1), frozenset(world.network.cohort.digests))
    for prover in (0, 1):
        world.network.memories[prover].payloads.update(held[prover])
    assert world.prove(NetworkFleet(world.network), again=True) is None


def test_provers_that_refuse_by_a_rule_or_are_silent_are_handed_nothing(world: World) -> None:
    faults = {0: [refusing(Step.COIN)], 1: [silent(Step.COIN)], 2: [silent(Step.MASK)]}
    world.prove(NetworkFleet(world.network, faults=faults))
    assert not world.lost


def test_what_is_unknown_is_a_lost_share_where_shares_are_first_needed_and_no_session_elsewhere() -> None:
    assert {step for step in Step if may_have_lost(step, UnknownError.code)} == {Step.COIN, Step.RELEASE}
    assert all(may_have_lost(step, StorageError.code) for step in Step)
    assert not any(may_have_lost(step, RuleViolationError.code) for step in Step)


def test_a_liar_whom_nobody_left_can_name_is_time_away_from_being_named(world: World) -> None:
    """With the prover that is down it would be found."""
    garbage = {1: [lie(Step.COMBINE, lambda body, owners: bytes(64))]}
    fleet = NetworkFleet(world.network, faults=garbage, down={3})
    unproven(world.prove(fleet), Trouble.AWAY)


def test_an_owner_that_was_set_aside_may_submit_again_once_a_set_without_it_is_to_be_signed(tmp_path: Path) -> None:
    """One share of its dealing is off; with a prover away nobody can say whether the owner or a prover did that."""

    def bend(shares: list[FrArray]) -> None:
        shares[1][0] = native.add(shares[1][[0]], native.from_ints([9]))[0]

    plans = [OwnerPlan(gradient) for gradient in gradients(OWNERS, 5)]
    world = World(tmp_path, network_with([*plans[:-1], replace(plans[-1], bend=bend)]))
    assert world.prove(NetworkFleet(world.network, down={3})) is None
    *others, aside = (state_of(world.journal).submissions[s].status for s in world.network.cohort.digests)
    assert {status.state for status in others} == {SubmissionState.PROVEN}
    assert aside.state is SubmissionState.EXPIRED
    assert aside.reason.startswith("unattributed: ")
    assert aside.reason.endswith("; submit again while the round takes submissions")
    world.journal.close()


def test_before_that_another_try_of_its_cohort_may_still_clear_it(world: World) -> None:
    """A prover's share of an owner is off, and the one is away that would show whose fault it is."""
    misfit = lie(*REWRITES["projection-of-one-owner"])
    unproven(world.prove(NetworkFleet(world.network, faults={1: [misfit]}, down={3})), Trouble.AWAY)
    states = {entry.status.state for entry in state_of(world.journal).submissions.values()}
    assert states == {SubmissionState.PROVING}
    world.restart()
    assert world.prove(NetworkFleet(world.network, faults={1: [misfit]}), again=True) is None
    assert world.bundle().statement.size == OWNERS
