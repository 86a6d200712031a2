"""The draw of a round's batches in the journal: it holds whatever comes later, and is made anew where it must be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import cast

import pytest

from circuits.errors import StorageError, UnknownError
from circuits.statement import Context
from commons.chain.ports import MarketReader
from coordinator.events import BatchProven, CohortBegun, CohortFailed, GroupsDrawn, HeaderAccepted, ShareDelivered
from coordinator.gathering import Needs
from coordinator.groups import Groups
from coordinator.journal import Journal
from coordinator.next_action import Gather
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import MemoryLog
from tests.vectors.v5.storage.stories import CONTEXT, ROUND, header, submission

EVERYBODY = frozenset(range(4))
NEEDS = Needs(quorum=3, threshold=1, capacity=8, least=3)


@dataclass
class Chain:
    """What the market says of owners.  ``gone``: indices that a reorganisation took back."""

    gone: set[int] = field(default_factory=set)

    def context(self, *_: int) -> Context:
        return CONTEXT

    def owner_at(self, _: int, index: int) -> bytes:
        if index in self.gone:
            raise UnknownError("there is none")
        return header(index).owner


class Stage:
    """One round's journal, and whoever draws from it."""

    def __init__(self) -> None:
        self.log, self.chain, self.random = MemoryLog(), Chain(), Random(1)
        self.start()

    def start(self) -> None:
        """The coordinator starts, with what its log has."""
        self.journal = Journal(self.log)
        self.groups = Groups(cast("MarketReader", self.chain), self.journal, self.random.shuffle)

    def enter(self, owners: Iterable[int], holders: Iterable[int] = EVERYBODY) -> list[bytes]:
        events = [HeaderAccepted(submission(owner), header(owner), tuple(sorted(holders))) for owner in owners]
        self.journal.record(*events)
        return [event.submission for event in events]

    def following(self, ready: frozenset[int] = EVERYBODY, *, last: bool = True, seats: int = 100) -> tuple[bytes, ...]:
        waiting = tuple(state_of(self.journal).pending(ROUND))
        return self.groups.following(ROUND, Gather(waiting, last), NEEDS, ready, seats)

    def begin(self, ready: frozenset[int] = EVERYBODY) -> tuple[bytes, ...]:
        """The next cohort is begun."""
        chosen = self.following(ready)
        if chosen:
            self.journal.record(CohortBegun(*ROUND, chosen))
        return chosen

    def prove(self, ready: frozenset[int] = EVERYBODY) -> tuple[bytes, ...]:
        """It is begun, and proven."""
        chosen = self.begin(ready)
        if chosen:
            self.journal.record(BatchProven(*ROUND, bytes(chosen[0]), chosen, bytes(32)))
        return chosen

    def fail(self) -> None:
        self.journal.record(CohortFailed(*ROUND, "no answer", True, 100))

    def prove_all(self) -> list[set[bytes]]:
        found = []
        while chosen := self.prove():
            found.append(set(chosen))
        return found


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_all_are_drawn_once_and_proven_in_the_order_of_their_places(stage: Stage) -> None:
    everybody = stage.enter(range(20))
    batches = stage.prove_all()
    assert sorted(map(len, batches)) == [6, 7, 7]
    assert set.union(*batches) == set(everybody)
    (drawn,) = stage.log.of(GroupsDrawn)
    assert [set(group) for group in drawn.groups] == batches
    assert drawn.mixed == ()
    assert all(
        list(event.submissions) == sorted(event.submissions, key=everybody.index) for event in stage.log.of(CohortBegun)
    )


@pytest.mark.parametrize("restarts", [False, True])
def test_who_comes_later_is_not_put_among_those_that_are_left(stage: Stage, restarts: bool) -> None:
    """Attack: strangers watch which batches were made before they hand in the rest, so as to be most of the others."""
    everybody = set(stage.enter(range(20)))
    first = set(stage.prove())
    late = set(stage.enter(range(20, 50)))
    if restarts:
        stage.start()
    others = stage.prove_all()
    assert [bool(batch & late) for batch in others] == [False] * 2 + [True] * 4
    assert all(not batch & everybody for batch in others[2:])
    assert set.union(first, *others) == everybody | late


def test_who_comes_later_has_those_that_are_as_late(stage: Stage) -> None:
    """Who they are nobody knows, as the trust model says."""
    stage.enter(range(8))
    stage.prove_all()
    late = stage.enter(range(8, 10))
    assert stage.following() == ()
    late += stage.enter([10])
    assert set(stage.prove()) == set(late)


def test_too_few_that_came_in_time_are_not_kept_from_later_ones(stage: Stage) -> None:
    few = stage.enter(range(2))
    assert stage.following() == ()
    assert set(stage.following()) == set()
    few += stage.enter([2])
    assert set(stage.prove()) == set(few)


def test_shares_that_come_later_change_nothing_of_the_draw(stage: Stage) -> None:
    """Attack: strangers keep a share from a prover until the batches of the others are nearly all made."""
    stage.enter(range(20))
    strangers = stage.enter(range(20, 24), EVERYBODY - {3})
    stage.prove()
    (drawn,) = stage.log.of(GroupsDrawn)
    stage.journal.record(*(ShareDelivered(one, 3) for one in strangers))
    assert [set(group) for group in (*drawn.groups[1:], *drawn.mixed)] == stage.prove_all()
    assert len(stage.log.of(GroupsDrawn)) == 1


def test_before_submissions_end_nothing_is_fixed_and_half_the_seats_are_kept(stage: Stage) -> None:
    stage.enter(range(17))
    assert stage.following(last=False, seats=20) == ()
    stage.enter([17])
    assert len(stage.following(last=False, seats=20)) == 8
    assert stage.following(last=False, seats=21) == ()
    assert stage.log.of(GroupsDrawn) == []


def test_groups_of_a_prover_that_is_away_wait_while_others_can_be_proven_and_are_then_drawn_anew(stage: Stage) -> None:
    """No prover and no owner that leaves provers out keeps those that were to be company."""
    company = set(stage.enter(range(20)))
    few = set(stage.enter([20, 21], EVERYBODY - {3}))
    stage.following()
    batches = [set(stage.prove(EVERYBODY - {0})) for _ in range(4)]
    assert set.union(*batches) == company
    assert len(stage.log.of(GroupsDrawn)) == 2
    assert stage.following(EVERYBODY - {0}) == ()
    assert set(state_of(stage.journal).pending(ROUND)) == few


def test_after_a_failure_nobody_has_company_any_more(stage: Stage) -> None:
    stage.enter(range(20))
    one, other = stage.enter([20], EVERYBODY - {3}), stage.enter([21], EVERYBODY - {0})
    while not {*one, *other} & set(stage.begin()):
        stage.journal.record(BatchProven(*ROUND, bytes(32), state_of(stage.journal).rounds[ROUND].cohort or (), b""))
    stage.fail()
    (batch,) = stage.prove_all()
    assert len(batch) == 5, "those that were to be company of the other one"
    assert not batch & {*one, *other}
    assert stage.log.of(GroupsDrawn)[-1].apart in {tuple(one), tuple(other)}


def test_who_was_left_without_company_is_not_put_among_those_that_come_later(stage: Stage) -> None:
    """Attack: a prover refuses an owner's share, and a cohort is stopped, so that the owner gets no company; then
    strangers come that keep their shares from the same prover.
    """
    stage.enter(range(20))
    (victim,) = stage.enter([20], EVERYBODY - {3})
    (corrupt,) = stage.enter([21], EVERYBODY - {0})
    while corrupt not in (chosen := stage.begin()):
        assert victim not in chosen, "with another seed, it has had company before"
        stage.journal.record(BatchProven(*ROUND, bytes(32), chosen, b""))
    stage.fail()
    stage.prove_all()
    stage.enter(range(22, 24), EVERYBODY - {3})
    assert stage.following() == ()


def test_who_is_taken_back_is_left_out_and_the_others_are_drawn_anew(stage: Stage) -> None:
    everybody = stage.enter(range(8))
    stage.chain.gone = {3}
    assert set(stage.prove()) == set(everybody) - {everybody[3]}
    assert stage.following() == ()
    stage.chain.gone = set()
    assert state_of(stage.journal).rounds[ROUND].undrawn() == [everybody[3]]


def test_who_has_signed_for_another_model_is_left_out(stage: Stage) -> None:
    """It was open for that model before a reorganisation."""
    others = stage.enter(range(5))
    stage.journal.record(HeaderAccepted(bytes(32), header(5), (0, 1, 2, 3)))
    assert set(stage.prove()) == set(others)


def test_after_a_failure_those_that_were_company_are_not_put_at_risk_with_more_others(stage: Stage) -> None:
    """Attack: strangers that keep shares from an honest prover outnumber what was drawn as their company, and a liar
    that holds theirs stops a cohort.
    """
    company = set(stage.enter(range(9)))
    stage.enter(range(9, 18), EVERYBODY - {0})
    while set(chosen := stage.begin()) <= company:
        stage.journal.record(BatchProven(*ROUND, bytes(32), chosen, b""))
    stage.fail()
    left = stage.prove_all()
    assert left
    assert set.union(*left) <= company


def test_groups_that_wait_for_a_prover_are_not_put_among_those_that_come_later(stage: Stage) -> None:
    early = set(stage.enter(range(8), EVERYBODY - {3}))
    stage.following()
    stage.enter(range(8, 12))
    assert len(stage.prove(EVERYBODY - {0})) == 4
    stage.enter(range(12, 20), EVERYBODY - {3})
    assert stage.following(EVERYBODY - {0}) == ()
    assert set(stage.prove()) == early


def test_a_draw_that_cannot_be_recorded_was_none(stage: Stage) -> None:
    stage.enter(range(8))
    stage.log.full = True
    with pytest.raises(StorageError):
        stage.following()
    stage.log.full = False
    assert len(stage.prove()) == 8
