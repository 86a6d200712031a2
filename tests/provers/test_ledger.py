"""The ledger's rules: nothing that protects a gradient is used twice, and that survives a restart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from circuits.errors import RuleViolationError, StorageError
from circuits.statement import Context
from circuits.terms import MarketId
from provers.party.ledger import (
    AttemptStarted,
    CohortJoined,
    Combined,
    Entry,
    LedgerState,
    Locked,
    Member,
    Released,
    Selection,
    from_record,
    from_text,
    owner_key,
    round_key,
    to_record,
    to_text,
)
from tests.support.parts import with_parts

A, B, C = (bytes([i]) * 32 for i in range(1, 4))


def member(owner: bytes, commitment: bytes = b"\x10" * 32, submission: bytes = b"\x20" * 32) -> Member:
    return Member(owner, commitment, submission)


def joined(cohort: bytes, *members: Member) -> CohortJoined:
    return CohortJoined(cohort, members)


def selection(*members: Member) -> Selection:
    return Selection.plain(members)


def after(*entries: Entry) -> LedgerState:
    state = LedgerState()
    for entry in entries:
        state.apply(from_record(json.loads(json.dumps(to_record(entry)))))
    return state


def test_a_commitment_joins_one_cohort_only() -> None:
    state = after(joined(A, member(B), member(C)))
    state.check(joined(A, member(B), member(C)))
    with pytest.raises(RuleViolationError, match="another cohort"):
        state.check(joined(C, member(B)))


def test_another_dealing_of_a_commitment_joins_no_other_cohort_and_not_the_same_one() -> None:
    """Two sign matrices over one set of masks would give the gradient away."""
    state = after(joined(A, member(B)))
    with pytest.raises(RuleViolationError, match="another cohort"):
        state.check(joined(C, member(B, submission=b"\x21" * 32)))
    with pytest.raises(RuleViolationError, match="another dealing of it"):
        state.check(joined(A, member(B, submission=b"\x21" * 32)))


def test_a_later_submission_retires_the_earlier_ones() -> None:
    first, second = member(B), member(B, b"\x11" * 32, b"\x21" * 32)
    state = after(joined(A, first), joined(C, second))
    state.require_live((B,), (second.submission,))
    with pytest.raises(RuleViolationError, match="retired"):
        state.require_live((B,), (first.submission,))
    with pytest.raises(RuleViolationError, match="retired"):
        state.check(joined(A, first))
    with pytest.raises(RuleViolationError, match="retired"):
        state.check(Locked(selection(first)))


def test_owners_of_two_rounds_tasks_or_deployments_are_told_apart() -> None:
    context = Context(MarketId(1, bytes(20), A), 0, A, 0, B, C, 1, 1)
    others = [
        replace(context, task_id=1),
        replace(context, round=1),
        replace(context, market=replace(context.market, deployment=B)),
    ]
    assert len({owner_key(c, bytes(20)) for c in (context, *others)} | {owner_key(context, b"\x01" * 20)}) == 5
    assert len({round_key(c) for c in (context, *others)}) == 4


@pytest.mark.parametrize("change", [{"terms_hash": B}, {"model_digest": A}, {"policy_key_hash": A}, {"bound": 2}])
def test_a_node_that_shows_other_terms_of_a_round_does_not_make_it_another_round(change: dict[str, object]) -> None:
    context = Context(MarketId(1, bytes(20), A), 0, A, 0, B, C, 1, 1)
    other = with_parts(context, **change)
    assert owner_key(context, bytes(20)) == owner_key(other, bytes(20))
    assert round_key(context) == round_key(other)


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


@pytest.mark.parametrize("kind", [Locked, Released])
def test_an_owner_is_locked_to_one_set_and_in_one_sum(kind: type[Locked] | type[Released]) -> None:
    a, b, c = member(A), member(B), member(C)
    state = after(joined(A, a, b, c), kind(selection(a, b)))
    state.check(Locked(selection(a, b)))
    for other in ((a,), (a, b, c), (b, c)):
        with pytest.raises(RuleViolationError, match="another set"):
            state.check(Locked(selection(*other)))
    state.check(Locked(selection(c)))


def test_a_released_owner_is_in_no_other_sum() -> None:
    a, b, c = member(A), member(B), member(C)
    state = after(joined(A, a, b, c), Released(selection(a, b)))
    with pytest.raises(RuleViolationError, match="in the sum of another set"):
        state.check(Released(selection(b, c)))
    state.check(Released(selection(a, b)))


def test_other_weights_are_another_set() -> None:
    a, b = member(A), member(B)
    state = after(joined(A, a, b), Locked(selection(a, b)))
    with pytest.raises(RuleViolationError, match="another set"):
        state.check(Locked(replace(selection(a, b), weights=(1, 2))))


def test_a_lock_does_not_stop_the_release_of_what_a_quorum_certified() -> None:
    """This prover signed a set that then failed; the others certified another."""
    a, b, c = member(A), member(B), member(C)
    state = after(joined(A, a, b, c), Locked(selection(a, b)))
    state.apply(Released(selection(b, c)))
    with pytest.raises(RuleViolationError, match="in the sum of another set"):
        state.check(Locked(selection(a, b)))


@pytest.mark.parametrize("kind", [Locked, Released])
def test_a_locked_owner_submits_again_in_the_next_round_only(kind: type[Locked] | type[Released]) -> None:
    a = member(A)
    state = after(joined(A, a), kind(selection(a)))
    state.check(joined(A, a))
    with pytest.raises(RuleViolationError, match="locked to another submission"):
        state.check(joined(B, member(A, b"\x11" * 32, b"\x21" * 32)))


def test_selections_are_told_apart() -> None:
    a, b = member(A), member(B)
    made = [selection(a, b), selection(b, a), selection(a), replace(selection(a, b), weights=(1, 2))]
    made.append(selection(a, member(B, submission=b"\x21" * 32)))
    assert len({s.digest for s in made}) == len(made)


def test_a_refused_entry_changes_nothing() -> None:
    a, b, c = member(A), member(B), member(C)
    state = after(joined(A, a, b, c), Locked(selection(a, b)))
    with pytest.raises(RuleViolationError):
        state.apply(Locked(selection(b, c)))
    state.check(Locked(selection(c)))


@pytest.mark.parametrize(
    "record",
    [
        {}, {"kind": "combined"}, {"kind": "x"}, {"kind": "combined", "proposal": "zz"},
        {"kind": "locked", "selection": {"owners": []}},
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(StorageError, match="a record that is none"):
        from_record(record)


def test_a_text_that_is_not_as_it_was_written_is_refused() -> None:
    """Heads cover the text; another spelling of the same entry would give another head."""
    text = to_text(AttemptStarted(A, 2, B))
    assert from_text(text) == AttemptStarted(A, 2, B)
    for other in (text + " ", text.replace(", ", ","), text.replace('"attempt": 2', '"attempt": 1, "attempt": 2')):
        assert json.loads(other) == json.loads(text)
        with pytest.raises(StorageError, match="not as it was written"):
            from_text(other)
    with pytest.raises(StorageError, match="not JSON"):
        from_text(text[:-1])
