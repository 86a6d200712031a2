"""Who is graded together: even batches in the drawn order, a copy each; strangers do not choose who is with them."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.gradedplan import Held, Limits, cut, needs_order, next_graded

EVERYBODY = frozenset(range(4))
WITHOUT_0, WITHOUT_3 = EVERYBODY - {0}, EVERYBODY - {3}
LIMITS = Limits(quorum=3, threshold=1, most=8, least=3)
COPIES = tuple(f"copy{nth}".encode() for nth in range(16))


def held(**groups: tuple[int, frozenset[int]]) -> dict[bytes, frozenset[int]]:
    """Submissions by name: how many of each group, and who holds them."""
    return {f"{name}{nth}".encode(): provers for name, (count, provers) in groups.items() for nth in range(count)}


def kinds(chosen: tuple[bytes, ...]) -> dict[str, int]:
    return dict(Counter(submission.decode().rstrip("0123456789") for submission in chosen))


def shuffled(submissions: Held, seed: int) -> list[bytes]:
    return random.Random(seed).sample(list(submissions), len(submissions))


def sizes(count: int, batches: int, limits: Limits = LIMITS) -> list[int]:
    waiting = held(o=(count, EVERYBODY))
    return [len(group) for group in cut(list(waiting), waiting, EVERYBODY, limits, batches)]


def cohorts(
    waiting: Held, order: list[bytes], copies: tuple[bytes, ...] = COPIES, limits: Limits = LIMITS
) -> list[tuple[bytes, ...]]:
    """All cohorts of those that wait, one after the other; each takes a copy."""
    left, unspent, found = list(order), list(copies), []
    holders = {**waiting, **dict.fromkeys(copies, EVERYBODY)}
    while plan := next_graded(left, holders, unspent, EVERYBODY, limits):
        found.append(plan.owners)
        unspent.remove(plan.reference)
        left = [s for s in left if s not in plan.owners]
    return found


def test_batches_are_even_and_none_is_smaller_than_it_may_be() -> None:
    assert sizes(17, 16) == [6, 6, 5]
    assert sizes(8, 16) == [8]
    assert sizes(9, 16) == [5, 4]
    assert sizes(3, 16) == [3]
    assert sizes(2, 16) == []
    assert sizes(5, 16, Limits(3, 1, 3, 3)) == [3]


def test_there_are_no_more_batches_than_copies() -> None:
    assert sizes(40, 3) == [8, 8, 8]
    assert sizes(10, 1) == [8]
    waiting = held(o=(20, EVERYBODY))
    order = shuffled(waiting, 1)
    found = cohorts(waiting, order, COPIES[:2])
    assert [len(group) for group in found] == [8, 8]
    assert set(order) - {s for group in found for s in group} == set(order[-4:])


def test_order_decides_who_is_with_whom() -> None:
    waiting = held(o=(16, EVERYBODY))
    one, other = (cut(shuffled(waiting, seed), waiting, EVERYBODY, LIMITS, 16) for seed in (1, 2))
    assert {frozenset(group) for group in one} != {frozenset(group) for group in other}
    assert one == cut(shuffled(waiting, 1), waiting, EVERYBODY, LIMITS, 16)


def test_all_that_wait_are_drawn_for_anew_when_somebody_came() -> None:
    assert needs_order((), [b"a"])
    assert needs_order([b"a"], [b"a", b"b"])
    assert not needs_order([b"b", b"a"], [b"a"])
    assert not needs_order([b"a"], [])


def test_copy_that_too_few_provers_hold_is_left_and_the_widest_is_taken() -> None:
    waiting = held(o=(6, EVERYBODY))
    holders = {**waiting, b"a": frozenset({0, 1}), b"b": WITHOUT_0, b"c": EVERYBODY}
    plan = next_graded(list(waiting), holders, (b"a", b"b", b"c"), EVERYBODY, LIMITS)
    assert plan is not None
    assert plan.reference == b"c"
    plan = next_graded(list(waiting), holders, (b"a", b"b"), EVERYBODY, LIMITS)
    assert plan is not None
    assert plan.reference == b"b"
    assert next_graded(list(waiting), holders, (b"a",), EVERYBODY, LIMITS) is None
    assert next_graded(list(waiting), holders, (), EVERYBODY, LIMITS) is None


def test_owners_need_a_quorum_together_with_the_copy() -> None:
    """Three hold the copy and another three an owner: nobody could grade it."""
    waiting = held(o=(4, EVERYBODY), few=(1, WITHOUT_3))
    plan = next_graded(list(waiting), {**waiting, b"c": WITHOUT_0}, (b"c",), EVERYBODY, LIMITS)
    assert plan is not None
    assert kinds(plan.owners) == {"o": 4}


def test_a_prover_that_refuses_an_honest_owners_share_does_not_keep_it_out() -> None:
    found = cohorts(waiting := held(refused=(1, WITHOUT_0), full=(5, EVERYBODY)), list(waiting))
    assert [kinds(group) for group in found] == [{"refused": 1, "full": 5}]


def test_a_prover_that_was_away_keeps_nobody_out() -> None:
    waiting = held(o=(12, WITHOUT_0))
    assert [len(group) for group in cohorts(waiting, list(waiting))] == [6, 6]


def test_those_that_different_provers_hold_are_apart() -> None:
    waiting = held(one=(2, WITHOUT_3), other=(2, WITHOUT_0), full=(12, EVERYBODY))
    found = [kinds(group) for group in cohorts(waiting, shuffled(waiting, 3))]
    assert sorted(found, key=str) == [{"full": 6, "one": 2}, {"full": 6, "other": 2}]


def test_batch_with_the_most_provers_comes_first() -> None:
    waiting = held(few=(2, WITHOUT_3), full=(14, EVERYBODY))
    found = [kinds(group) for group in cohorts(waiting, shuffled(waiting, 3))]
    assert found == [{"full": 8}, {"full": 6, "few": 2}]


@pytest.mark.parametrize("strangers", [2, 4, 8])
def test_strangers_with_shares_in_few_hands_are_half_of_a_batch_at_most(strangers: int) -> None:
    """Attack: accounts keep a share from a prover, which refuses one owner's; the sum less theirs is its own."""
    waiting = held(strange=(strangers, WITHOUT_0), victim=(1, WITHOUT_0), full=(24, EVERYBODY))
    for seed in range(50):
        for group in cohorts(waiting, shuffled(waiting, seed)):
            found = kinds(group)
            few = found.get("strange", 0) + found.get("victim", 0)
            assert not few or 2 * few <= len(group) + 1


@pytest.mark.parametrize("everywhere", [True, False], ids=["in all hands", "in few hands"])
def test_share_of_strangers_in_an_owners_batch_is_at_most_half_or_their_share_of_the_round(everywhere: bool) -> None:
    waiting = held(strange=(8, EVERYBODY if everywhere else WITHOUT_0), full=(24, EVERYBODY))
    shares = []
    for seed in range(200):
        for group in cohorts(waiting, shuffled(waiting, seed)):
            found = kinds(group)
            shares += [found.get("strange", 0) / len(group)] * found.get("full", 0)
    mean = sum(shares) / len(shares)
    assert mean <= 8 / 32 + 0.02
    if not everywhere:
        assert max(shares) <= 0.5


@settings(max_examples=200)
@given(
    st.lists(st.sets(st.integers(0, 6), min_size=4).map(frozenset), max_size=40),
    st.integers(0, 16),
    st.integers(1, 12),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_every_batch_is_one_that_can_be_proven(
    holders: list[frozenset[int]], batches: int, most: int, least: int, order: random.Random
) -> None:
    limits, everybody = Limits(quorum=5, threshold=2, most=most, least=least), frozenset(range(7))
    waiting = {f"o{nth}".encode(): provers for nth, provers in enumerate(holders)}
    drawn = order.sample(list(waiting), len(waiting))
    groups = cut(drawn, waiting, everybody, limits, batches)
    assert len(groups) <= batches
    members = [s for group in groups for s in group]
    assert len(members) == len(set(members))
    assert set(members) <= set(waiting)
    for group in groups:
        assert least <= len(group) <= most
        assert len(frozenset.intersection(*(waiting[s] for s in group))) >= limits.quorum
    fit = sum(len(provers) >= limits.quorum for provers in holders)
    if all(provers == everybody for provers in holders) and batches and most >= least:
        assert len(members) == min(fit, len(groups) * most)
        assert bool(groups) == (fit >= least)
