"""The fold of events, what it makes of restarts, and what is done next with a round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import native
from circuits.errors import StorageError
from circuits.statement import SubmissionHeader
from circuits.terms import MarketId, TaskTerms, Windows
from commons.protocol.status import BatchStatus, Rejection, SubmissionState, SubmissionStatus
from commons.storage.eventlog import EventLog, Record
from commons.wire import coordination
from commons.wire.checks import MAX_GRPC_MESSAGE
from coordinator.events import (
    AttemptUsed,
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    GroupsDrawn,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    ProverBlamed,
    RoundClosed,
    SetLocking,
    SumOpened,
    SumPublished,
    TransactionSent,
    from_record,
    to_record,
)
from coordinator.journal import Journal
from coordinator.next_action import Close, Gather, Prove, Release, RoundFacts, Settle, Wait, next_action
from coordinator.rounds import LISTED, RECENT, CoordinatorState
from tests.coordinator.fleets import state_of
from tests.support.parts import with_parts

KEY = (5, 1)
MARKET = MarketId(1, b"\x01" * 20, b"\x07" * 32)
TERMS = TaskTerms(
    0, b"\x02" * 20, b"\x03" * 20, 10, 16, 1 << 40, 2, 4, 3, Windows(60, 600), market=MARKET, task_id=5,
    creator=b"\x08" * 20,
)  # fmt: skip
INLINE = replace(TERMS, inline_payload=True)
OPEN = RoundFacts(
    now=100,
    settled=90,
    submit_deadline=150,
    settle_deadline=500,
    seats=4,
    accepted=0,
    batches=0,
    closed=False,
    finalized=False,
    epoch=0,
    ours=True,
)


def entered(index: int) -> HeaderAccepted:
    header = SubmissionHeader(
        *KEY, bytes([index + 1]) * 20, index, native.g1_generator, (b"\x04" * 32,) * 4, b"\x05" * 65, b"\x06" * 65
    )
    return HeaderAccepted(bytes([index]) * 32, header, (0, 1, 3))


def sid(index: int) -> bytes:
    return bytes([index]) * 32


def folded(*events: Event) -> CoordinatorState:
    state = CoordinatorState()
    for event in events:
        state.apply(from_record(to_record(event)))
    return state


def told(state: CoordinatorState, *submissions: bytes) -> list[SubmissionStatus]:
    """What became of submissions."""
    found = [state.status_of(submission) for submission in submissions]
    return [status for status in found if status is not None]


BATCH = b"\xaa" * 32
PROVEN = BatchProven(*KEY, BATCH, (sid(0), sid(1)), b"\xcc" * 32)
SETTLED = BatchSettled(BATCH, True, "")
OPENED = SumOpened(BATCH, b"\xbb" * 32)
PUBLISHED = SumPublished(BATCH, b"\xee" * 32)
STORY: tuple[Event, ...] = (
    entered(0), entered(1), entered(2), HeaderRefused(5, "closed", sid(9), 0),
    GroupsDrawn(*KEY, ((sid(0), sid(1), sid(2)),), ((sid(4), sid(3)),), (sid(5),)),
    CohortBegun(*KEY, (sid(0), sid(1), sid(2))), AttemptUsed(*KEY, 1),
    OwnerDropped(sid(2), "validity: norm above the bound", True),
    ProverBlamed(*KEY, 2, "MASK", "a wrong share: it does not fit", True), AttemptUsed(*KEY, 2),
    SetLocking(*KEY, (sid(0), sid(1))), PROVEN, TransactionSent(BATCH, b"\xdd" * 32), SETTLED, OPENED, PUBLISHED,
    RoundClosed(*KEY, ""),
)  # fmt: skip


@pytest.mark.parametrize("event", [*STORY, CohortFailed(*KEY, "deadbeef", False, 100)], ids=lambda e: e.kind)
def test_events_survive_the_log(event: Event) -> None:
    assert from_record(to_record(event)) == event


def test_unknown_events_are_refused() -> None:
    for record in ({"kind": "nonsense"}, {}, {"kind": "attempt-used"}, {"kind": "attempt-used", "task_id": "zz"}):
        with pytest.raises(StorageError):
            from_record(record)


def test_a_story_ends_as_it_should() -> None:
    state = folded(*STORY)
    states = told(state, *map(sid, range(3)))
    assert [s.state for s in states] == [SubmissionState.ACCEPTED] * 2 + [SubmissionState.REJECTED]
    assert states[0].batch_id == b"\xaa" * 32
    status = state.task_status(5)
    assert status.rejections == {"closed": 1, "validity": 1}
    one = status.rounds[0]
    assert (one.attempts, one.rejected, one.pending) == (2, 1, 0)
    assert one.batches == (BatchStatus(BATCH, b"\xbb" * 32, 2, True, b"\xdd" * 32),)
    assert [(n.prover, n.step) for n in one.named] == [(2, "MASK")]
    assert state.open_rounds() == []


def test_a_prover_that_refuses_in_ever_other_words_makes_no_status_too_long_to_send() -> None:
    said = [ProverBlamed(5, 0, 2, "COIN", f"absent: {word}", False) for word in range(100)]
    state = folded(*STORY[:2], *said, ProverBlamed(5, 0, 2, "MASK", "share: it does not fit", True))
    named = state.task_status(5).rounds[0].named
    assert len(named) == 17
    assert named[-1].reason == "share: it does not fit"


class Memory(EventLog):
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.broken = False

    def append(self, records: Sequence[Record]) -> None:
        if self.broken:
            raise StorageError("full")
        self.records += map(dict, records)

    def compact(self, drops: Callable[[Record], bool], records: Sequence[Record]) -> None:
        kept = [record for record in self.records if not drops(record)]
        self.records = [*kept, *map(dict, records)]

    def read(self) -> Iterator[dict[str, Any]]:
        return iter(self.records)

    def close(self) -> None:
        pass


@given(st.integers(0, len(STORY)))
def test_a_restart_anywhere_changes_nothing(cut: int) -> None:
    log = Memory()
    Journal(log).record(*STORY[:cut])
    again = Journal(log)
    again.record(*STORY[cut:])
    whole = folded(*STORY)
    assert state_of(again).task_status(5) == whole.task_status(5)
    everything = tuple(map(sid, range(3)))
    assert told(state_of(again), *everything) == told(whole, *everything)


def test_what_cannot_be_logged_has_not_happened() -> None:
    log = Memory()
    journal = Journal(log)
    log.broken = True
    with pytest.raises(StorageError):
        journal.record(entered(0))
    assert state_of(journal).submissions == {}


def action(
    state: CoordinatorState, capacity: int = 16, terms: TaskTerms = TERMS, *, quiet: bool = True, **facts: object
) -> object:
    known = with_parts(OPEN, quiet=quiet, **facts)
    if "closed" not in facts:
        known = replace(known, closed=max(known.now, known.settled) > known.settle_deadline)
    return next_action(state, KEY, known, terms, capacity, release_patience=30 * 86_400)


def test_a_round_waits_until_it_is_full_or_late() -> None:
    two = folded(entered(1), entered(0))
    assert isinstance(action(two), Wait)
    assert action(two, now=151) == Gather((sid(1), sid(0)), last=True)
    four = folded(*map(entered, range(4)))
    assert action(four) == Gather(tuple(map(sid, range(4))), last=True)
    assert isinstance(action(folded(entered(0)), now=151), Wait)


def test_a_round_is_full_when_fewer_seats_are_left_than_a_batch_needs() -> None:
    two = folded(*map(entered, range(2)))
    assert action(two, accepted=2) == Gather((sid(0), sid(1)), last=True)
    assert isinstance(action(folded(*map(entered, range(2)), PROVEN, SETTLED, OPENED), seats=3, accepted=2), Close)


def test_what_a_reorganisation_may_take_back_closes_no_round() -> None:
    """Neither batches that fill it, nor the end of its time."""
    proven = folded(*map(entered, range(2)), PROVEN)
    waits = action(proven, seats=3, accepted=2, mined=frozenset({BATCH}))
    assert isinstance(waits, Wait)
    assert "no room for another batch: 2 of 3" in waits.reason
    assert "once it is final" in waits.reason
    assert action(proven, now=501, settled=500) == Wait(
        "the round's time is up; until that is final on the chain, nothing is decided"
    )


def test_a_batch_that_the_chain_took_back_keeps_its_seats() -> None:
    """It is handed in again: others that came first would have it refused, as there are too many."""
    state = folded(*map(entered, range(4)), PROVEN, SETTLED, OPENED)
    assert isinstance(action(state, seats=3, accepted=0, now=200), Close)
    assert action(state, seats=4, accepted=0, now=200) == Gather((sid(2), sid(3)), last=True)


def test_a_batch_that_a_block_has_is_not_handed_in_again_and_keeps_nobody_waiting() -> None:
    state = folded(*map(entered, range(4)), PROVEN)
    assert action(state) == Settle((BATCH,))
    assert action(state, accepted=2, mined=frozenset({BATCH})) == Gather((sid(2), sid(3)), last=True)


def test_whole_batches_are_made_before_submissions_end_when_half_the_seats_worth_of_others_wait() -> None:
    """A round with thousands of owners has hundreds of batches; all after its deadline would be too many.  Of fewer, a
    stranger that brings many early would be most.
    """
    nine = tuple(map(entered, range(9)))
    assert isinstance(action(folded(*nine), capacity=4, seats=12), Wait)
    ten = folded(*nine, entered(9))
    assert action(ten, capacity=4, seats=12) == Gather(tuple(map(sid, range(10))), last=False)
    assert isinstance(action(ten, capacity=4, seats=13), Wait)
    assert action(ten, capacity=4, seats=12, now=151) == Gather(tuple(map(sid, range(10))), last=True)


def test_what_was_drawn_is_begun_whoever_else_comes() -> None:
    """Submissions may still be coming, and some of those that filled the seats may have been rejected since."""
    groups = GroupsDrawn(*KEY, ((sid(0), sid(1)),), ((sid(2), sid(3)),), (sid(4),))
    state = folded(*map(entered, range(5)), groups)
    assert action(state, seats=100) == Gather(tuple(map(sid, range(5))), last=True)
    state = folded(*map(entered, range(5)), groups, *map(entered, range(5, 7)))
    current = state.rounds[KEY]
    assert current.drawn() == [(sid(0), sid(1)), (sid(2), sid(3))]
    assert current.undrawn() == [sid(5), sid(6)]
    state.apply(CohortBegun(*KEY, (sid(0), sid(1))))
    assert current.drawn() == [(sid(2), sid(3))]
    state.apply(CohortFailed(*KEY, "no answer", True, 100))
    assert current.cautious
    state.apply(GroupsDrawn(*KEY, (), (), (sid(2), sid(3))))
    assert (current.drawn(), current.undrawn(), current.cautious) == ([], [sid(5), sid(6)], False)
    assert isinstance(action(state, seats=100), Wait)


def test_after_the_deadline_stragglers_are_waited_for_but_not_by_whole_batches() -> None:
    """Clocks differ, and headers take time: a batch that is begun too soon leaves too few behind for another."""
    ten = folded(*map(entered, range(10)))
    waits = action(ten, seats=100, now=151, quiet=False)
    assert waits == Wait("10 of 100 submissions are in; submissions have ended, and the last ones are waited for")
    assert action(ten, seats=10, now=151, quiet=False) == Gather(tuple(map(sid, range(10))), last=True)
    assert action(ten, capacity=4, seats=12, now=151, quiet=False) == Gather(tuple(map(sid, range(10))), last=False)


def test_a_round_whose_task_has_another_coordinator_waits_but_settles_what_is_proven() -> None:
    """Provers answer to the other one; whoever sends a batch pays for it only once."""
    begun: tuple[Event, ...] = (*map(entered, range(4)), CohortBegun(*KEY, (sid(0), sid(1))))
    for state in (folded(*begun), folded(*begun, CohortFailed(*KEY, "over", True, 100))):
        waits = action(state, ours=False, now=151)
        assert isinstance(waits, Wait)
        assert "named another coordinator" in waits.reason
    assert action(folded(*begun, PROVEN), ours=False) == Settle((BATCH,))
    assert action(folded(*begun, PROVEN, SETTLED), ours=False) == Release((BATCH,))
    assert isinstance(action(folded(*begun), ours=False, now=501, settled=501), Close)


def test_a_fixed_cohort_is_tried_again_and_batches_are_settled_first() -> None:
    begun: tuple[Event, ...] = (entered(0), entered(1), entered(2), CohortBegun(*KEY, (sid(0), sid(1))))
    assert action(folded(*begun)) == Prove(
        (sid(0), sid(1)),
    )
    failed = folded(*begun, CohortFailed(*KEY, "too few provers", False, 100))
    assert action(failed) == Prove(
        (sid(0), sid(1)),
    )
    proven = folded(*begun, PROVEN)
    assert action(proven) == Settle((b"\xaa" * 32,))
    assert isinstance(action(proven, now=501, settled=501), Close)
    assert isinstance(action(proven, finalized=True, settled=501), Close)


def test_a_cohort_that_can_never_be_proven_ends_and_the_others_go_on() -> None:
    """Its provers bind the submissions to it, so to try again until the deadline would only keep the rest waiting."""
    begun: tuple[Event, ...] = (
        *map(entered, range(4)),
        CohortBegun(*KEY, (sid(0), sid(1))),
        OwnerDropped(sid(0), "its shares lie on no polynomial", True),
    )
    ended = folded(*begun, CohortFailed(*KEY, "too few owners", True, 100))
    assert action(ended, now=151) == Gather((sid(2), sid(3)), last=True)
    assert ended.rounds[KEY].given_up == 1
    assert ended.submissions[sid(0)].status.state is SubmissionState.REJECTED
    assert ended.submissions[sid(1)].status.state is SubmissionState.EXPIRED
    assert ended.submissions[sid(1)].status.reason == "too few owners"


def test_a_set_under_attestation_is_kept_until_its_cohort_is_proven() -> None:
    """A restart that tried a smaller set would be refused: provers that signed the larger one sign no other."""
    begun: tuple[Event, ...] = (*map(entered, range(3)), CohortBegun(*KEY, (sid(0), sid(1), sid(2))))
    locking: tuple[Event, ...] = (*begun, SetLocking(*KEY, (sid(0), sid(1))))
    assert folded(*begun).rounds[KEY].locked is None
    assert folded(*locking).rounds[KEY].locked == (sid(0), sid(1))
    assert folded(*locking, CohortFailed(*KEY, "why", False, 100), AttemptUsed(*KEY, 3)).rounds[KEY].locked == (
        sid(0),
        sid(1),
    )
    assert folded(*locking, PROVEN).rounds[KEY].locked is None
    assert folded(*locking, CohortBegun(*KEY, (sid(2),))).rounds[KEY].locked is None


def test_a_status_has_no_sum_before_the_provers_released_it() -> None:
    story: tuple[Event, ...] = (entered(0), entered(1), PROVEN, SETTLED)
    assert folded(*story).task_status(5).rounds[0].batches[0].payload_digest is None
    assert folded(*story, OPENED).task_status(5).rounds[0].batches[0].payload_digest == b"\xbb" * 32


def test_an_accepted_batchs_sum_is_collected_before_the_round_closes() -> None:
    story: tuple[Event, ...] = (entered(0), entered(1), PROVEN)
    assert action(folded(*story)) == Settle((BATCH,))
    accepted = folded(*story, SETTLED)
    assert action(accepted) == Release((BATCH,))
    for over in ({"now": 501}, {"finalized": True}, {"accepted": 4}):
        assert action(accepted, **over) == Release((BATCH,))
    opened = folded(*story, SETTLED, OPENED)
    assert isinstance(action(opened), Wait)
    assert isinstance(action(opened, now=501, settled=501), Close)


def test_a_round_with_a_batch_that_is_not_known_here_is_not_closed_while_there_is_patience() -> None:
    state, end = folded(entered(0), entered(1), PROVEN), OPEN.settle_deadline
    waits = action(state, now=end + 1, settled=end + 1, batches=1)
    assert isinstance(waits, Wait)
    assert "not known here" in waits.reason
    late = end + 30 * 86_400 + 1
    assert isinstance(action(state, now=late, settled=late, batches=1), Close)
    known = folded(entered(0), entered(1), PROVEN, SETTLED, OPENED)
    assert isinstance(action(known, now=end + 1, settled=end + 1, batches=1), Close)


def test_a_node_that_does_not_know_of_the_rounds_end_does_not_count_its_batches() -> None:
    state, end = folded(entered(0), entered(1), PROVEN), OPEN.settle_deadline
    assert isinstance(action(state, now=end + 1, settled=end + 1, closed=False), Wait)
    assert isinstance(action(state, now=end + 1, settled=end + 1, closed=True), Close)


def test_what_is_refused_for_now_keeps_no_cohort_waiting() -> None:
    state = folded(*map(entered, range(4)), PROVEN)
    assert action(state, now=151) == Settle((BATCH,))
    assert action(state, now=151, refused=frozenset({BATCH})) == Gather((sid(2), sid(3)), last=True)


def test_a_sum_is_published_only_where_the_task_wants_it() -> None:
    story: tuple[Event, ...] = (entered(0), entered(1), PROVEN, SETTLED, OPENED)
    assert isinstance(action(folded(*story), now=501, settled=501), Close)
    assert action(folded(*story), terms=INLINE, now=501, settled=501) == Release((BATCH,))
    assert isinstance(action(folded(*story, PUBLISHED), terms=INLINE, now=501, settled=501), Close)


def test_proving_and_settling_come_before_collecting_sums() -> None:
    """Sums can wait, deadlines cannot."""
    first: tuple[Event, ...] = (*map(entered, range(4)), CohortBegun(*KEY, (sid(0), sid(1))), PROVEN, SETTLED)
    assert action(folded(*first), accepted=2) == Gather((sid(2), sid(3)), last=True)
    other = BatchProven(*KEY, b"\xab" * 32, (sid(2), sid(3)), b"\xcd" * 32)
    assert action(folded(*first, other)) == Settle((b"\xab" * 32,))
    both = folded(*first, other, BatchSettled(b"\xab" * 32, True, ""))
    assert action(both, accepted=4) == Release((BATCH, b"\xab" * 32))


def test_a_refused_batch_has_no_sum() -> None:
    refused = folded(entered(0), entered(1), PROVEN, BatchSettled(BATCH, False, "RoundClosed"))
    assert isinstance(action(refused, now=501, settled=501), Close)


def test_patience_with_provers_that_release_nothing_ends() -> None:
    accepted = folded(entered(0), entered(1), PROVEN, SETTLED)
    last = OPEN.settle_deadline + 30 * 86_400
    assert action(accepted, now=last, settled=last) == Release((BATCH,))
    assert isinstance(action(accepted, now=last + 1, settled=last + 1), Close)


def test_what_the_chain_refuses_is_told() -> None:
    state = folded(entered(0), entered(1), PROVEN, BatchSettled(b"\xaa" * 32, False, "RoundClosed"))
    assert state.submissions[sid(0)].status.reason == "chain: RoundClosed"
    assert state.task_status(5).rounds[0].trouble == "RoundClosed"


def reasons(state: CoordinatorState) -> list[str]:
    statuses = told(state, sid(0), sid(1))
    assert {status.state for status in statuses} == {SubmissionState.EXPIRED}
    return [status.reason for status in statuses]


def test_what_is_left_when_a_round_closes_has_expired_and_is_told_the_true_reason() -> None:
    """None of them came too late."""
    begun: tuple[Event, ...] = (entered(0), entered(1), CohortBegun(*KEY, (sid(0),)))
    failed = folded(*begun, CohortFailed(*KEY, "2 of 4 provers answer", False, 100), RoundClosed(*KEY, "why not"))
    assert reasons(failed) == [
        "the round's time ended while its cohort could not be proven: 2 of 4 provers answer",
        "the round ended before a batch took it: why not",
    ]
    assert (
        reasons(folded(*begun, RoundClosed(*KEY, "")))[0] == "the round's time ended while its cohort was being proven"
    )
    proven = folded(entered(0), entered(1), PROVEN, RoundClosed(*KEY, ""))
    assert set(reasons(proven)) == {"the round's time ended before the chain had accepted its batch"}


def test_a_round_that_closes_says_why_no_batch_took_the_rest() -> None:
    assert action(folded(entered(0)), now=501, settled=501) == Close("too few owners: 1 of the 2 that a batch needs")
    full = action(folded(*map(entered, range(3)), PROVEN, SETTLED, OPENED), seats=3, accepted=2)
    assert full == Close("the round has no room for another batch: 2 of 3 gradients are in, and a batch needs 2")
    waiting: tuple[Event, ...] = (*map(entered, range(4)), CohortBegun(*KEY, (sid(0), sid(1))))
    assert action(folded(*waiting, CohortFailed(*KEY, "no keys", False, 100)), now=501, settled=501) == Close("no keys")


def test_a_round_that_waits_says_for_what() -> None:
    assert action(folded(entered(0))) == Wait(
        "1 of 4 submissions are in; the submit window is open until 1970-01-01 00:02:30 UTC"
    )
    assert action(folded(entered(0)), now=151) == Wait("too few owners: 1 of the 2 that a batch needs")


def test_an_owner_that_was_set_aside_is_not_rejected() -> None:
    state = folded(entered(0), entered(1), OwnerDropped(sid(0), "unattributed: nobody can say", False))
    assert state.submissions[sid(0)].status.state is SubmissionState.EXPIRED
    assert state.task_status(5).rejections == {"unattributed": 1}


def test_a_submission_is_dropped_once() -> None:
    """Its cohort may be tried again, and find the same again, or something else."""
    first = OwnerDropped(sid(0), "validity: norm above the bound", True)
    status = folded(entered(0), first, first, OwnerDropped(sid(0), "dealing: no polynomial", True)).task_status(5)
    assert status.rejections == {"validity": 1}
    assert status.recent == (Rejection(entered(0).header.owner, KEY[1], "validity: norm above the bound"),)


def test_the_latest_rejections_have_names_and_earlier_ones_are_counted() -> None:
    many = range(RECENT + 5)
    state = CoordinatorState()
    for nth in many:
        header = replace(entered(0).header, owner=nth.to_bytes(20, "big"))
        state.apply(HeaderAccepted(nth.to_bytes(32, "big"), header, (0, 1, 2)))
        state.apply(OwnerDropped(nth.to_bytes(32, "big"), "validity: norm above the bound", True))
    status = state.task_status(5)
    assert [int.from_bytes(one.owner, "big") for one in status.recent] == list(many)[5:]
    assert status.rejections == {"validity": len(many)}


def test_owners_of_a_batch_that_the_chain_refuses_are_named() -> None:
    state = folded(entered(0), entered(1), PROVEN, BatchSettled(BATCH, False, "RoundClosed"))
    assert [(one.owner, one.reason) for one in state.task_status(5).recent] == [
        (entered(i).header.owner, "chain: RoundClosed") for i in (0, 1)
    ]
    assert state.rounds[KEY].bound == {entered(i).header.owner for i in (0, 1)}


def test_a_cohort_fails_since_its_first_failure() -> None:
    begun: tuple[Event, ...] = (entered(0), entered(1), CohortFailed(*KEY, "no keys", False, 90))
    first = (*begun, CohortBegun(*KEY, (sid(0),)), CohortFailed(*KEY, "why", False, 100))
    again = folded(*first, CohortFailed(*KEY, "why not", False, 110)).rounds[KEY]
    assert (again.failures, again.failing_since, again.trouble) == (2, 100, "why not")
    ended = folded(*first, CohortFailed(*KEY, "over", True, 110)).rounds[KEY]
    assert (ended.failures, ended.failing_since, ended.trouble) == (0, 0, "over")
    assert folded(*first, PROVEN).rounds[KEY].failing_since == 0


def many(owners: int, first: int = 0) -> list[HeaderAccepted]:
    """Headers of so many owners."""
    header = entered(0).header
    return [
        HeaderAccepted(
            nth.to_bytes(32, "big"), replace(header, owner=nth.to_bytes(20, "big"), owner_index=nth), (0, 1, 2)
        )
        for nth in range(first, first + owners)
    ]


def test_what_is_known_of_a_round_is_kept_and_not_counted_anew() -> None:
    """Ten thousands of owners hand in; looking through all of them at each would take days."""
    state = CoordinatorState()
    for event in many(20_000):
        state.apply(event)
    assert len(state.pending(KEY)) == 20_000
    owner = (19_999).to_bytes(20, "big")
    for _ in range(20_000):
        assert state.of_owner(KEY, owner) is not None
        assert len(state.commitments_of(KEY, owner)) == 1
        assert state.task_status(5).rounds[0].pending == 20_000


def test_headers_of_a_closed_round_are_let_go_and_what_became_of_them_is_not() -> None:
    state = CoordinatorState()
    events = many(100)
    for event in events:
        state.apply(event)
    state.apply(RoundClosed(*KEY, "why"))
    assert list(state.submissions) == [events[-1].submission], "one tells which deployment's round it was"
    assert {status.state for status in told(state, *(e.submission for e in events))} == {SubmissionState.EXPIRED}
    assert len(told(state, *(e.submission for e in events))) == 100
    state.apply(events[0])
    assert len(state.submissions) == 1, "it does not come in again"


def test_a_status_stays_short_whatever_rounds_and_batches_there_are() -> None:
    state = CoordinatorState()
    for number in range(LISTED + 10):
        for nth in range(3):
            state.apply(BatchProven(5, number, bytes([nth]) + number.to_bytes(31, "big"), (), b"\xcc" * 32))
    rounds = state.task_status(5).rounds
    assert [one.round for one in rounds] == list(range(10, LISTED + 10))
    listed = sum(1 + len(one.batches) for one in rounds if one.batches)
    assert LISTED - 4 < listed <= LISTED
    assert len(rounds[-1].batches) == 3
    assert rounds[0].batches == ()


def test_the_longest_status_fits_into_a_message() -> None:
    """Provers word their refusals themselves; all of them together keep nobody from seeing how a task stands."""
    state = CoordinatorState()
    for number in range(LISTED):
        state.apply(CohortFailed(5, number, "x" * 10_000, False, 1))
        for prover in range(32):
            state.apply(ProverBlamed(5, number, prover, "COIN", f"absent: {prover}" + "y" * 10_000, False))
    sent = coordination.task_status_to_wire(state.task_status(5)).SerializeToString()
    assert len(sent) < MAX_GRPC_MESSAGE


def test_a_batch_of_an_earlier_cohort_that_somebody_else_handed_in_leaves_the_present_one_alone() -> None:
    relayed = BatchProven(*KEY, b"\xab" * 32, (sid(0), sid(1), sid(9)), b"\xcd" * 32)
    state = folded(
        *map(entered, range(4)), CohortBegun(*KEY, (sid(0), sid(1))), SetLocking(*KEY, (sid(0), sid(1))),
        CohortFailed(*KEY, "no answer", True, 100), CohortBegun(*KEY, (sid(2), sid(3))), relayed,
    )  # fmt: skip
    assert state.rounds[KEY].cohort == (sid(2), sid(3))
    assert [status.state for status in told(state, sid(2), sid(3))] == [SubmissionState.PROVING] * 2
