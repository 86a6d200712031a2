"""The ledger's rules for graded sets: one set whose numbers are opened, and no sum over any other of its owners."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from circuits.errors import RuleViolationError, StorageError
from provers.party.ledger import (
    CohortJoined,
    Entry,
    GradedLocked,
    GradedSet,
    LedgerState,
    Locked,
    Member,
    Released,
    Selection,
    from_record,
    from_text,
    to_record,
    to_text,
)

R, A, B, C = (Member(bytes([i]) * 32, bytes([16 + i]) * 32, bytes([32 + i]) * 32) for i in range(4))
OTHER = replace(R, submission=b"\x30" * 32)
SET = GradedSet.of((R, A, B))
SUM = Selection.weighted((A, B), (3, 0))


def after(*entries: Entry) -> LedgerState:
    state = LedgerState()
    for entry in (CohortJoined(b"\x01" * 32, (R, A, B, C)), *entries):
        state.apply(from_record(json.loads(json.dumps(to_record(entry)))))
    return state


@pytest.mark.parametrize("known", [GradedLocked(SET), Locked(SUM), Released(SUM)])
def test_a_set_that_meets_another_is_not_graded(known: Entry) -> None:
    state = after(known)
    state.check(GradedLocked(SET))
    for rows in ((R, A), (R, A, B, C), (R, B, C), (R, A, C)):
        with pytest.raises(RuleViolationError, match="another set"):
            state.check(GradedLocked(GradedSet.of(rows)))
    assert state.graded.keys() <= {A.owner, B.owner}


def test_the_reference_is_part_of_a_graded_set() -> None:
    """Else the same owners' numbers would be opened against two references."""
    with pytest.raises(RuleViolationError, match="graded in another set"):
        after(GradedLocked(SET)).check(GradedLocked(GradedSet.of((OTHER, A, B))))


OTHERS = ((A,), (A, B, C), (B, C), (B, A))


def test_no_other_sum_of_owners_of_a_graded_set_is_signed() -> None:
    state = after(GradedLocked(SET))
    for weights in ((3, 0), (1, 1)):
        state.check(Locked(Selection.weighted((A, B), weights)))
    for other in (*OTHERS, (replace(A, submission=C.submission), B)):
        with pytest.raises(RuleViolationError):
            state.check(Locked(Selection.plain(other)))
    state.check(Locked(Selection.plain((C,))))


@pytest.mark.parametrize("other", OTHERS)
def test_a_certified_sum_is_released_whatever_was_locked_here_alone(other: tuple[Member, ...]) -> None:
    """A quorum was bound to the certified set, so none ever is to this one, which is not graded from then on."""
    state = after(GradedLocked(SET), Released(Selection.plain(other)))
    for refused in (GradedLocked(SET), Locked(SUM), Released(SUM)):
        with pytest.raises(RuleViolationError, match="another set"):
            state.check(refused)


@pytest.mark.parametrize("kind", [Locked, Released])
def test_a_sum_has_one_list_of_weights(kind: type[Locked] | type[Released]) -> None:
    state = after(GradedLocked(SET), kind(SUM))
    state.check(kind(SUM))
    with pytest.raises(RuleViolationError, match="another set"):
        state.check(kind(Selection.weighted((A, B), (0, 3))))


def test_only_live_submissions_are_graded() -> None:
    state = after(CohortJoined(b"\x02" * 32, (replace(A, commitment=b"\x50" * 32, submission=b"\x51" * 32),)))
    with pytest.raises(RuleViolationError, match="retired"):
        state.check(GradedLocked(SET))


def test_an_owner_of_a_graded_set_submits_again_in_the_next_round_only() -> None:
    state = after(GradedLocked(SET))
    assert state.bound_to(A.owner) == SET and state.bound_to(C.owner) is None
    later = replace(A, commitment=b"\x50" * 32, submission=b"\x51" * 32)
    with pytest.raises(RuleViolationError, match="locked to another submission"):
        state.check(CohortJoined(b"\x02" * 32, (later,)))


def test_sets_are_told_apart() -> None:
    others = [GradedSet.of(rows) for rows in ((OTHER, A, B), (R, B, A), (R, A), (R, A, C))]
    digests = {SET.digest, SUM.digest, *(other.digest for other in others)}
    assert len(digests) == len(others) + 2


def test_records_of_sets_without_grading_are_as_they_were() -> None:
    """Heads that were signed cover them."""
    text = to_text(Locked(Selection.plain((A,))))
    assert json.loads(text) == {
        "kind": "locked",
        "selection": {"owners": [A.owner.hex()], "submissions": [A.submission.hex()], "weights": [1]},
    }
    graded = to_text(GradedLocked(SET))
    assert from_text(graded) == GradedLocked(SET)
    with pytest.raises(StorageError):
        from_text(graded.replace('"reference": ', '"references": '))
