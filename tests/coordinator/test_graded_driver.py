"""A graded round from its references to accepted batches: real provers, a market, a coordinator turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from circuits import payload
from circuits.policies import registry
from circuits.policies.graded import REFERENCE
from circuits.terms import Windows
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Step
from commons.protocol.status import SubmissionState
from coordinator.events import BatchProven, CohortBegun, HeaderAccepted, OrderDrawn
from coordinator.gradedgathering import GradedGathering
from coordinator.gradedplan import Limits
from coordinator.journal import Journal
from coordinator.next_action import Gather
from coordinator.roundstate import WEIGHTLESS, ProvenBatch
from provers.party import Acceptance
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import MemoryLog, hand_in
from tests.coordinator.test_driver import EVERYBODY, World
from tests.simulation.world.network import InOrder
from tests.support.gradednetwork import GradedNetwork, along, graded_with
from tests.support.network import OwnerPlan

GOOD, BAD = OwnerPlan(along(1000, 5)), OwnerPlan(2 * along(1000, 5))
OWNERS = (900, 500, 900, -300, 900, 500)


@pytest.fixture(autouse=True)
def _known_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it will be once the family is registered."""
    monkeypatch.setitem(registry._known, REFERENCE.name, REFERENCE)


class Round(World):
    """A coordinator of a graded round, with room for four owners in a batch."""

    def __init__(self, directory: Path, copies: Sequence[OwnerPlan], *, round_age: float = 30.0) -> None:
        self.graded: GradedNetwork = graded_with(OWNERS, copies=copies, windows=Windows(60, 600))
        super().__init__(directory, InOrder(), network=self.graded, round_age=round_age)
        self.copies = [header.digest(self.graded.context) for header in self.graded.references]
        for digest, header in zip(self.copies, self.graded.references, strict=True):
            self.journal.record(HeaderAccepted(digest, header, tuple(EVERYBODY)))
        self.owners = self.enter(range(len(OWNERS)))
        for memory in self.graded.memories:
            memory.over = False

    def end_submissions(self) -> None:
        super().end_submissions()
        self.provers_see_the_end()

    def provers_see_the_end(self) -> None:
        for memory in self.graded.memories:
            memory.over = True

    def go_on(self, turns: int = 12) -> None:
        for _ in range(turns):
            self.turn(after=3.0)
            for batch in self.batches:
                self.show_accepted(batch)
            self.market.be_at(int(self.market.chain.clock.now) + 13)

    def show_accepted(self, batch: ProvenBatch) -> None:
        """Let provers' nodes show a batch that the market has accepted."""
        statement = self.bundle(batch).statement
        indices = tuple(header.owner_index for header in statement.owners)
        for memory in self.graded.memories:
            proof = self.bundle(batch).proof
            memory.acceptances[batch.batch_id] = Acceptance(indices, proof.commitment_sum)
            memory.challenges[batch.batch_id] = 0

    @property
    def batches(self) -> list[ProvenBatch]:
        return list(state_of(self.journal).batches_of((self.task, 0)))

    def bundle(self, batch: ProvenBatch) -> AuditBundle:
        return AuditBundle.decode(self.coordinator.results.get(batch.bundle_digest))

    def cohorts(self) -> list[tuple[bytes, ...]]:
        return [event.submissions for event in self.log.of(CohortBegun)]

    def states(self, submissions: Sequence[bytes]) -> list[SubmissionState]:
        return [self.status(submission).state for submission in submissions]

    def check_sum(self, batch: ProvenBatch) -> None:
        """What was released is the sum by the weights that follow from the numbers."""
        released = payload.decode(self.coordinator.results.get(batch.payload_digest or b""), self.graded.dimension)
        rows = [self.graded.plans[self.owners.index(s)].gradient for s in batch.submissions]
        expected = np.sum([w * row for w, row in zip(batch.weights, rows, strict=True)], axis=0)
        assert np.array_equal(released.values, expected)


def test_round_is_graded_in_two_batches_after_its_submissions_are_over(tmp_path: Path) -> None:
    world = Round(tmp_path, (GOOD, GOOD, GOOD))
    world.turn()
    assert not world.steps(), "all seats are taken, and still somebody could hand in another submission"
    world.end_submissions()
    world.go_on()
    first, second = world.batches
    assert sorted([*first.submissions, *second.submissions]) == sorted(world.owners)
    assert [len(batch.submissions) for batch in (first, second)] == [3, 3]
    assert world.states(world.owners) == [SubmissionState.ACCEPTED] * 6
    assert [cohort[0] for cohort in world.cohorts()] == world.copies[:2]
    assert world.round.unspent == (world.copies[2],)
    assert len(world.log.of(OrderDrawn)) == 1
    world.check_sum(first)
    world.check_sum(second)


def test_round_is_graded_as_soon_as_a_block_shows_that_its_submissions_are_over(tmp_path: Path) -> None:
    """And not only when the coordinator looks at the round again anyway, which is later."""
    world = Round(tmp_path, (GOOD, GOOD, GOOD), round_age=3600.0)
    world.turn()
    world.end_submissions()
    world.turn(after=0.3)
    world.turn(after=0.3)
    assert world.steps()


def test_cohort_with_a_bad_copy_ends_and_the_others_take_the_next_one(tmp_path: Path) -> None:
    world = Round(tmp_path, (BAD, GOOD))
    world.end_submissions()
    world.go_on()
    lost, graded = world.cohorts()
    assert (lost[0], graded[0]) == tuple(world.copies)
    assert world.states(world.copies) == [SubmissionState.REJECTED, SubmissionState.PROVEN]
    assert world.states(lost[1:]) == [SubmissionState.EXPIRED] * 3
    assert all("copy of the model owner's reference" in world.status(s).reason for s in lost[1:])
    assert world.states(graded[1:]) == [SubmissionState.ACCEPTED] * 3
    (batch,) = world.batches
    assert set(batch.submissions) == set(graded[1:])
    assert not world.round.excluded


def test_owners_for_whom_there_is_no_copy_are_told(tmp_path: Path) -> None:
    world = Round(tmp_path, (GOOD,))
    world.end_submissions()
    world.go_on(6)
    (batch,) = world.batches
    assert len(batch.submissions) == 4
    left = sorted(set(world.owners) - set(batch.submissions))
    assert world.states(left) == [SubmissionState.PENDING] * 2
    assert "copies of the reference" in world.round.trouble
    world.go_on(60)
    assert world.states(left) == [SubmissionState.EXPIRED] * 2


def test_numbers_are_opened_for_nobody_before_the_provers_nodes_are_that_far(tmp_path: Path) -> None:
    """The coordinator's node is ahead; provers that refuse to lock are asked again, and nobody is blamed."""
    world = Round(tmp_path, (GOOD, GOOD))
    World.end_submissions(world)
    world.go_on(2)
    assert Step.OPEN not in world.steps()
    assert world.round.locked is not None
    world.provers_see_the_end()
    world.go_on()
    assert world.states(world.owners) == [SubmissionState.ACCEPTED] * 6
    assert not world.round.excluded
    assert len(world.log.of(BatchProven)) == 2


def test_order_is_kept_after_a_restart_and_drawn_anew_for_who_comes(tmp_path: Path) -> None:
    world = Round(tmp_path, (GOOD, GOOD))
    key, limits, ready = (world.task, 0), Limits(3, 1, 4, 2), frozenset(EVERYBODY)
    some = Gather(world.owners[:5], last=True)
    drawn: list[list[bytes]] = []

    def backwards(submissions: list[bytes]) -> None:
        drawn.append(list(submissions))
        submissions.reverse()

    chosen = GradedGathering(world.market, world.journal, backwards).following(key, some, limits, ready)
    log = MemoryLog()
    log.records = list(world.log.records)
    after = GradedGathering(world.market, again := Journal(log), backwards)
    assert after.following(key, some, limits, ready) == chosen
    assert drawn == [list(world.owners[:5])]
    assert state_of(again).rounds[key].order == tuple(reversed(world.owners[:5]))
    after.following(key, Gather(world.owners, last=True), limits, ready)
    assert len(drawn) == 2
    assert set(drawn[1]) == set(world.owners)


def test_who_was_taken_back_waits_and_the_others_are_graded(tmp_path: Path) -> None:
    """A reorganisation has given an owner's index to another: provers refuse all of a cohort with it."""
    world = Round(tmp_path, (GOOD, GOOD))
    gathering = GradedGathering(world.market, world.journal, lambda _: None)
    stranger = world.graded.headers[0].owner_index
    world.market.chain.owners[stranger] = bytes(19) + b"\x99"
    chosen = gathering.following(
        (world.task, 0), Gather(world.owners, last=True), Limits(3, 1, 8, 2), frozenset(EVERYBODY)
    )
    assert chosen == (world.copies[0], *world.owners[1:])


def test_batch_that_somebody_else_handed_in_spends_its_copy_and_tells_its_owners(tmp_path: Path) -> None:
    """Another run of this coordinator has proven it; its log was lost since, and the market has the batch."""
    world = Round(tmp_path, (GOOD, GOOD))
    world.end_submissions()
    everybody, world.graded.headers = world.graded.headers, world.graded.headers[:4]
    done = world.graded.run().completed
    world.graded.headers = everybody
    hand_in(world.market, done)
    for line in world.lines:
        line.kept[done.batch_id] = done.bundle
    world.market.chain.mine()
    world.turn(after=3.0)
    batch = state_of(world.journal).batches[done.batch_id]
    assert batch.values == done.statement.graded.values  # type: ignore[union-attr]
    (others,) = world.cohorts()
    assert others[0] == world.copies[1], "the copy of that batch is not used a second time"
    assert [world.status(s).reason for s in batch.submissions] == ["" if w else WEIGHTLESS for w in batch.weights]
    assert 0 in batch.weights


@pytest.mark.parametrize("copies", [1, 2])
def test_cohort_is_given_up_for_others_only_if_there_is_a_copy_for_them(tmp_path: Path, copies: int) -> None:
    """Two provers have lost their shares, so a cohort is stuck while others wait."""
    world = Round(tmp_path, (GOOD,) * copies)
    world.end_submissions()
    for memory in world.graded.memories[:2]:
        memory.payloads.clear()
    world.go_on(4)
    assert (world.round.given_up > 0) == (copies > 1)
    assert (world.cohorts()[0] == world.round.cohort) == (copies == 1)
