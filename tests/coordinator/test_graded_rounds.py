"""What the coordinator keeps of graded rounds: copies of the reference, the drawn order, owners without a weight."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import native
from circuits.statement import REFERENCE_INDEX, SubmissionHeader
from circuits.terms import Grading
from commons.protocol.status import SubmissionState
from coordinator.compaction import Dropping
from coordinator.events import (
    BatchGraded,
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    HeaderAccepted,
    OrderDrawn,
    OwnerDropped,
    RoundClosed,
    SetLocking,
    from_record,
    to_record,
)
from coordinator.journal import VERSIONS, Journal
from coordinator.next_action import Gather, Prove, Settle, Wait, next_action
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import WEIGHTLESS, Round
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import MemoryLog
from tests.coordinator.test_rounds import BATCH, KEY, OPEN, SETTLED, TERMS, entered, folded, sid

GRADED = replace(TERMS, bound=1 << 34, grading=Grading(4, 4, b"\x09" * 32))
OVER = replace(OPEN, now=200, settled=160, seats=4, quiet=True)
MODEL_OWNER = b"\x77" * 20


def copy(number: int) -> HeaderAccepted:
    header = SubmissionHeader(
        *KEY,
        MODEL_OWNER,
        REFERENCE_INDEX + number,
        native.g1_generator,
        (b"\x04" * 32,) * 4,
        b"\x05" * 65,
        b"\x06" * 65,
    )
    return HeaderAccepted(cid(number), header, (0, 1, 2, 3))


def cid(number: int) -> bytes:
    return bytes([200 + number]) * 32


COHORT = (cid(0), sid(0), sid(1), sid(2))
GRADES = BatchGraded(BATCH, cid(0), (-5, 1 << 40, 3 << 40), (0, 1, 3), (0, 1, 1))
PROVEN = BatchProven(*KEY, BATCH, (sid(0), sid(1), sid(2)), b"\xcc" * 32)
STORY: tuple[Event, ...] = (
    copy(0), entered(0), entered(1), copy(1), entered(2), entered(3),
    OrderDrawn(*KEY, (sid(2), sid(0), sid(1), sid(3))), CohortBegun(*KEY, COHORT), SetLocking(*KEY, COHORT), PROVEN,
    GRADES, SETTLED,
)  # fmt: skip


def current(state: CoordinatorState) -> Round:
    return state.rounds[KEY]


def state_at(state: CoordinatorState, submission: bytes) -> SubmissionState:
    status = state.status_of(submission)
    assert status is not None
    return status.state


def action(state: CoordinatorState, **facts: object) -> object:
    return next_action(state, KEY, replace(OVER, **facts), GRADED, 4, release_patience=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("event", STORY, ids=lambda e: e.kind)
def test_events_survive_the_log(event: Event) -> None:
    assert from_record(to_record(event)) == event


def test_log_of_before_is_led_to_one_with_graded_rounds() -> None:
    assert VERSIONS.latest == 4
    record = to_record(entered(0))
    for step in VERSIONS.steps[2:]:
        record = dict(step(record))
    assert from_record(record) == entered(0)


@given(st.integers(0, len(STORY)))
def test_a_restart_anywhere_changes_nothing(cut: int) -> None:
    log = MemoryLog()
    Journal(log).record(*STORY[:cut])
    again = Journal(log)
    again.record(*STORY[cut:])
    whole = folded(*STORY)
    assert state_of(again).rounds == whole.rounds
    assert state_of(again).batches == whole.batches
    assert state_of(again).submissions == whole.submissions


def test_copies_are_nobodys_submissions() -> None:
    state = folded(*STORY[:6])
    assert state.pending(KEY) == [sid(0), sid(1), sid(2), sid(3)]
    assert current(state).unspent == (cid(0), cid(1))
    assert state.of_owner(KEY, MODEL_OWNER) is None
    assert current(state).counts[SubmissionState.PENDING] == 4
    assert state.headers()[KEY[0]] == 6
    assert state_at(state, cid(0)) is SubmissionState.PENDING


def test_copy_is_spent_with_its_cohort_and_stays_so() -> None:
    begun = folded(*STORY[:8])
    assert current(begun).unspent == (cid(1),)
    failed = folded(*STORY[:8], CohortFailed(*KEY, "no", True, 300))
    assert current(failed).unspent == (cid(1),)
    assert state_at(failed, cid(0)) is SubmissionState.EXPIRED
    assert failed.pending(KEY) == [sid(3)]


def test_owners_of_a_set_that_came_to_nothing_are_bound_and_the_model_owner_is_not() -> None:
    state = folded(*STORY[:9], CohortFailed(*KEY, "no", True, 300))
    assert current(state).bound == {entered(n).header.owner for n in range(3)}


def test_copy_that_is_bad_is_told_to_the_model_owner() -> None:
    state = folded(*STORY[:8], OwnerDropped(cid(0), "smallness: too large", True))
    assert state_at(state, cid(0)) is SubmissionState.REJECTED
    assert state.task_status(5).recent[0].owner == MODEL_OWNER
    assert current(state).counts[SubmissionState.REJECTED] == 0


def test_owners_without_a_weight_are_in_the_batch_and_told_so() -> None:
    for state, stands in ((folded(*STORY[:11]), SubmissionState.PROVEN), (folded(*STORY), SubmissionState.ACCEPTED)):
        told = [state.status_of(sid(n)) for n in range(3)]
        assert [(s.state, s.reason, s.batch_id) for s in told if s] == [
            (stands, WEIGHTLESS, BATCH), (stands, "", BATCH), (stands, "", BATCH),
        ]  # fmt: skip
        assert current(state).counts[stands] == 3
        assert state_at(state, cid(0)) is SubmissionState.PROVEN
    assert folded(*STORY).accepted(KEY) == 3
    assert folded(*STORY).batches[BATCH].values == GRADES.values


def test_batch_that_is_refused_refuses_its_owners_and_not_the_copy() -> None:
    state = folded(*STORY[:11], BatchSettled(BATCH, False, "ProofInvalid"))
    assert [state_at(state, sid(n)) for n in range(3)] == [SubmissionState.REJECTED] * 3
    assert state_at(state, cid(0)) is SubmissionState.PROVEN


def test_batch_that_another_coordinator_made_spends_its_copy() -> None:
    state = folded(*STORY[:6], PROVEN, GRADES)
    assert current(state).unspent == (cid(1),)


def test_closed_round_leaves_no_copy_waiting() -> None:
    state = folded(*STORY, RoundClosed(*KEY, ""))
    assert state_at(state, cid(1)) is SubmissionState.EXPIRED
    assert state_at(state, cid(0)) is SubmissionState.PROVEN
    assert state.headers()[KEY[0]] == 6


def test_forgotten_round_leaves_nothing_of_its_copies() -> None:
    state = folded(*STORY, RoundClosed(*KEY, ""))
    state.apply(state.forgetting(KEY[0], KEY[1]))
    assert not state.submissions
    assert not state.ended
    assert not state.batches
    drops = Dropping({KEY[0]: KEY[1]})
    assert all(drops(to_record(event)) for event in STORY)


def test_nothing_is_gathered_before_submissions_are_over_for_certain() -> None:
    state = folded(*STORY[:6])
    assert isinstance(action(state, now=100, settled=90), Wait), "the window is open, though all seats are taken"
    assert isinstance(action(state, settled=150), Wait), "the block with the deadline is not deep enough"
    assert isinstance(action(state, seats=5, quiet=False), Wait), "stragglers are waited for"
    assert action(state, quiet=False) == action(state), "but not when all seats are taken"
    assert action(state) == Gather((sid(0), sid(1), sid(2), sid(3)), last=True)


def test_cohort_that_is_begun_goes_on_and_a_proven_batch_is_handed_in() -> None:
    assert action(folded(*STORY[:9])) == Prove(COHORT)
    assert action(folded(*STORY[:11])) == Settle((BATCH,))
