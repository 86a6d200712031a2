"""The ledger's rules: nothing that protects a gradient is used twice, and that survives a restart."""

from __future__ import annotations

import json

import pytest

from circuits.errors import RuleViolationError, StorageError
from provers.ledger import (
    Aggregated,
    AttemptStarted,
    CohortJoined,
    Combined,
    ContributionsOpened,
    Entry,
    LedgerState,
    from_record,
    to_record,
)

A, B, C = (bytes([i]) * 32 for i in range(1, 4))


def after(*entries: Entry) -> LedgerState:
    state = LedgerState()
    for entry in entries:
        state.apply(from_record(json.loads(json.dumps(to_record(entry)))))
    return state


def test_a_submission_joins_one_cohort_only() -> None:
    state = after(CohortJoined(A, (B, C)))
    state.check(CohortJoined(A, (B, C)))
    with pytest.raises(RuleViolationError, match="another cohort"):
        state.check(CohortJoined(C, (B,)))


@pytest.mark.parametrize("attempt", [1, 2])
def test_an_attempt_number_is_used_up(attempt: int) -> None:
    state = after(AttemptStarted(A, 2, B))
    with pytest.raises(RuleViolationError, match="take one above 2"):
        state.check(AttemptStarted(A, attempt, C))
    state.check(AttemptStarted(A, 3, C))
    state.check(AttemptStarted(B, 1, C))


def test_a_mask_is_combined_once() -> None:
    with pytest.raises(RuleViolationError, match="mask is spent"):
        after(Combined(A)).check(Combined(A))


@pytest.mark.parametrize("first", [ContributionsOpened, Aggregated])
@pytest.mark.parametrize("second", [ContributionsOpened, Aggregated])
def test_sets_that_meet_in_part_are_refused(first: type, second: type) -> None:
    state = after(first((A, B)))
    state.check(second((B, A)))
    for other in ((A,), (A, B, C), (B, C)):
        with pytest.raises(RuleViolationError, match="another set"):
            state.check(second(other))
    state.check(second((C,)))


def test_a_refused_entry_changes_nothing() -> None:
    state = after(Aggregated((A, B)))
    with pytest.raises(RuleViolationError):
        state.apply(Aggregated((B, C)))
    state.check(Aggregated((C,)))


@pytest.mark.parametrize("record", [{}, {"kind": "combined"}, {"kind": "x"}, {"kind": "combined", "proposal": "zz"}])
def test_a_record_that_is_none_is_refused(record: dict[str, str]) -> None:
    with pytest.raises(StorageError, match="a record that is none"):
        from_record(record)
