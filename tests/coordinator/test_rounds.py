"""The fold of events, what it makes of restarts, and what is done next with a round."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import native
from circuits.errors import StorageError
from circuits.statement import SubmissionHeader, TaskTerms
from coordinator.eventlog import EventLog
from coordinator.events import (
    AttemptUsed,
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    ProverBlamed,
    RoundClosed,
    TransactionSent,
    from_record,
    to_record,
)
from coordinator.journal import Journal
from coordinator.planning import Close, Prove, RoundFacts, Settle, Wait, group_size, next_action
from coordinator.records import SubmissionState
from coordinator.rounds import CoordinatorState

KEY = (5, 1)
TERMS = TaskTerms(
    1, b"\x01" * 20, 5, 0, b"\x02" * 20, b"\x03" * 20, 10, 16, 1 << 40, 2, 4, 3, 10, 60, 600, False, False
)
OPEN = RoundFacts(now=100, submit_deadline=150, settle_deadline=500, accepted=0, finalized=False)


def entered(index: int) -> HeaderAccepted:
    header = SubmissionHeader(
        *KEY, bytes([index + 1]) * 20, index, native.g1_generator, (b"\x04" * 32,) * 4, b"\x05" * 65, b"\x06" * 65
    )
    return HeaderAccepted(bytes([index]) * 32, header, (0, 1, 3))


def sid(index: int) -> bytes:
    return bytes([index]) * 32


def state_of(*events: Event) -> CoordinatorState:
    state = CoordinatorState()
    for event in events:
        state.apply(from_record(to_record(event)))
    return state


PROVEN = BatchProven(*KEY, b"\xaa" * 32, (sid(0), sid(1)), b"\xbb" * 32, b"\xcc" * 32)
STORY: tuple[Event, ...] = (
    entered(0), entered(1), entered(2), HeaderRefused(5, "closed"), CohortBegun(*KEY, (sid(0), sid(1), sid(2))),
    AttemptUsed(*KEY, 1), OwnerDropped(sid(2), "validity: norm above the bound"),
    ProverBlamed(*KEY, 2, "MASK", "a wrong share: it does not fit", True), AttemptUsed(*KEY, 2), PROVEN,
    TransactionSent(b"\xaa" * 32, b"\xdd" * 32), BatchSettled(b"\xaa" * 32, True, ""), RoundClosed(*KEY),
)  # fmt: skip


@pytest.mark.parametrize("event", [*STORY, CohortFailed(*KEY, "deadbeef")], ids=lambda e: e.kind)
def test_events_survive_the_log(event: Event) -> None:
    assert from_record(to_record(event)) == event


def test_unknown_events_are_refused() -> None:
    for record in ({"kind": "nonsense"}, {}, {"kind": "attempt-used"}, {"kind": "attempt-used", "task_id": "zz"}):
        with pytest.raises(StorageError):
            from_record(record)


def test_a_story_ends_as_it_should() -> None:
    state = state_of(*STORY)
    states = [state.submissions[sid(i)].status for i in range(3)]
    assert [s.state for s in states] == [SubmissionState.ACCEPTED] * 2 + [SubmissionState.REJECTED]
    assert states[0].batch_id == b"\xaa" * 32
    status = state.task_status(5)
    assert status.rejections == {"closed": 1, "validity": 1}
    one = status.rounds[0]
    assert (one.attempts, one.rejected, one.pending) == (2, 1, 0)
    assert one.batches[0].transaction == b"\xdd" * 32
    assert [(n.prover, n.step) for n in one.named] == [(2, "MASK")]
    assert state.open_rounds() == []


class Memory(EventLog):
    def __init__(self) -> None:
        self.records: list[dict[str, object]] = []
        self.broken = False

    def append(self, records):  # type: ignore[no-untyped-def]
        if self.broken:
            raise StorageError("full")
        self.records += map(dict, records)

    def read(self):  # type: ignore[no-untyped-def]
        return iter(self.records)

    def close(self) -> None:
        pass


@given(st.integers(0, len(STORY)))
def test_a_restart_anywhere_changes_nothing(cut: int) -> None:
    log = Memory()
    Journal(log).record(*STORY[:cut])
    again = Journal(log)
    again.record(*STORY[cut:])
    whole = state_of(*STORY)
    assert again.state.task_status(5) == whole.task_status(5)
    assert {s: e.status for s, e in again.state.submissions.items()} == {
        s: e.status for s, e in whole.submissions.items()
    }


def test_what_cannot_be_logged_has_not_happened() -> None:
    log = Memory()
    journal = Journal(log)
    log.broken = True
    with pytest.raises(StorageError):
        journal.record(entered(0))
    assert journal.state.submissions == {}


def action(state: CoordinatorState, capacity: int = 16, **facts: object) -> object:
    return next_action(state, KEY, replace(OPEN, **facts), TERMS, capacity)  # type: ignore[arg-type]


def test_a_round_waits_until_it_is_full_or_late() -> None:
    two = state_of(entered(1), entered(0))
    assert isinstance(action(two), Wait)
    assert action(two, now=151) == Prove((sid(0), sid(1)), again=False)
    four = state_of(*map(entered, range(4)))
    assert action(four) == Prove(tuple(map(sid, range(4))), again=False)
    assert isinstance(action(state_of(entered(0)), now=151), Wait)


def test_the_first_in_line_are_taken_when_there_are_too_many() -> None:
    five = state_of(*map(entered, (4, 3, 2, 1, 0)))
    assert action(five) == Prove((sid(1), sid(2), sid(3), sid(4)), again=False)
    assert action(five, accepted=2) == Prove((sid(3), sid(4)), again=False)
    assert isinstance(action(five, accepted=3), Close)


def test_a_fixed_cohort_is_tried_again_and_batches_are_settled_first() -> None:
    begun = (entered(0), entered(1), entered(2), CohortBegun(*KEY, (sid(0), sid(1))))
    assert action(state_of(*begun)) == Prove((sid(0), sid(1)), again=True)
    failed = state_of(*begun, CohortFailed(*KEY, "too few provers"))
    assert action(failed) == Prove((sid(0), sid(1)), again=True)
    proven = state_of(*begun, PROVEN)
    assert action(proven) == Settle((b"\xaa" * 32,))
    assert isinstance(action(proven, now=501), Close)
    assert isinstance(action(proven, finalized=True), Close)


def test_what_the_chain_refuses_is_told() -> None:
    state = state_of(entered(0), entered(1), PROVEN, BatchSettled(b"\xaa" * 32, False, "RoundClosed"))
    assert state.submissions[sid(0)].status.reason == "chain: RoundClosed"
    assert state.task_status(5).rounds[0].trouble == "RoundClosed"


def test_what_is_left_when_a_round_closes_has_expired() -> None:
    state = state_of(entered(0), entered(1), CohortBegun(*KEY, (sid(0),)), CohortFailed(*KEY, "why"), RoundClosed(*KEY))
    assert {state.submissions[sid(i)].status.state for i in (0, 1)} == {SubmissionState.EXPIRED}
    assert "why" in state.submissions[sid(0)].status.reason


@given(st.integers(2, 256), st.integers(2, 64), st.integers(2, 64))
def test_groups_fit_and_are_not_too_small(waiting: int, capacity: int, least: int) -> None:
    if least > min(capacity, waiting):
        return
    size = group_size(waiting, capacity, least)
    assert least <= size <= capacity
    rest = waiting - size
    if capacity >= 2 * least and rest:
        assert rest >= least
