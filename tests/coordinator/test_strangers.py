"""Strangers bring many owners and choose when they come and who holds their shares, but not who is with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.gathering import Drawn, Needs, draw, draw_early, group_size, reserve

RUNS = 200
LEAST = 3


@dataclass(frozen=True)
class Round:
    """Owners of a round, honest ones and a stranger's, by who holds their shares.

    Attributes:
        provers: size of the committee: 4 or 7.
        honest: owners whose shares all provers hold.
        strangers: the stranger's, whose shares they all hold.
        few: kinds of the stranger's others: the provers that lack them, and how many there are.
        refused: honest ones whose shares the last prover has refused.
    """

    provers: int
    honest: int
    strangers: int = 0
    few: tuple[tuple[tuple[int, ...], int], ...] = ()
    refused: int = 0
    capacity: int = 8

    @property
    def everybody(self) -> frozenset[int]:
        return frozenset(range(self.provers))

    @property
    def needs(self) -> Needs:
        threshold = (self.provers - 1) // 3
        return Needs(2 * threshold + 1, threshold, self.capacity, LEAST)

    @property
    def held(self) -> dict[bytes, frozenset[int]]:
        """Submissions, the stranger's first."""
        kinds = [("s", (), self.strangers), *(("s", lacking, count) for lacking, count in self.few)]
        kinds += [("h", (), self.honest), ("h", (self.provers - 1,), self.refused)]
        return {
            f"{who}{lacking}{nth}".encode(): self.everybody - set(lacking)
            for who, lacking, count in kinds
            for nth in range(count)
        }

    @property
    def share(self) -> float:
        """The stranger's part of the round."""
        return sum(map(is_strange, self.held)) / len(self.held)

    def draw(self, seed: int) -> Drawn:
        return draw(self.held, self.everybody, self.needs, Random(seed).shuffle, cautious=False)

    def at_random(self, seed: int) -> Iterable[tuple[bytes, ...]]:
        """Batches as even as can be of all of them, whoever holds their shares."""
        order = list(self.held)
        Random(seed).shuffle(order)
        while len(order) >= LEAST:
            size = group_size(len(order), self.capacity, LEAST)
            yield tuple(order[:size])
            order = order[size:]


def is_strange(submission: bytes) -> bool:
    return submission.startswith(b"s")


def all_of(drawn: Drawn) -> list[tuple[bytes, ...]]:
    return [*drawn.groups, *drawn.mixed]


def alone(groups: Iterable[tuple[bytes, ...]]) -> int:
    """Batches with one honest owner, whose gradient the stranger has."""
    return sum(sum(not is_strange(s) for s in group) == 1 for group in groups)


def seen(groups: Iterable[tuple[bytes, ...]]) -> list[float]:
    """For each honest owner, the stranger's part of its batch."""
    parts = [(len(group), sum(map(is_strange, group))) for group in groups]
    return [strange / size for size, strange in parts for _ in range(size - strange)]


EACH_OF_4 = [(prover,) for prover in range(4)]
EACH_OF_7, PAIRS_OF_7 = [(prover,) for prover in range(7)], list(combinations(range(7), 2))


def kinds(lacking: Iterable[tuple[int, ...]], count: int) -> tuple[tuple[tuple[int, ...], int], ...]:
    return tuple((one, count) for one in lacking)


ATTACKS = {
    "as few as lack for a batch": Round(4, 48, few=(((3,), LEAST - 1),)),
    "as few of each kind": Round(4, 48, few=kinds(EACH_OF_4, LEAST - 1)),
    "with company of their own": Round(4, 48, 12, kinds(EACH_OF_4, 1)),
    "with much of it": Round(4, 48, 24, kinds(EACH_OF_4, 5)),
    "many of one kind": Round(4, 48, few=(((3,), 40),)),
    "around an owner that a prover refuses": Round(4, 47, 7, (((3,), 10),), refused=1),
    "around an owner that a prover takes alone": Round(4, 1, 7, refused=40),
    "around half that a prover takes": Round(4, 20, 7, refused=20),
    "in large batches": Round(4, 100, 20, kinds(EACH_OF_4, 1), capacity=64),
    "in large batches, many of one kind": Round(4, 100, 10, (((3,), 60),), capacity=64),
    "seven provers": Round(7, 48, few=kinds(PAIRS_OF_7[:1], LEAST - 1)),
    "seven provers, each kind": Round(7, 48, 12, kinds(EACH_OF_7, 1)),
    "seven provers, each pair": Round(7, 48, 12, kinds(PAIRS_OF_7, 1)),
    "seven provers, around an owner that is refused": Round(7, 47, 7, (((6,), 10), ((5, 6), 4)), refused=1),
}
OF_AN_ATTACK = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())


@OF_AN_ATTACK
def test_no_owner_is_alone_among_strangers_more_often_than_at_random(attack: Round) -> None:
    drawn = sum(alone(all_of(attack.draw(seed))) for seed in range(RUNS))
    assert drawn <= sum(alone(attack.at_random(seed)) for seed in range(RUNS)) + RUNS // 200


@OF_AN_ATTACK
def test_strangers_are_no_more_of_an_owners_batch_than_of_the_round(attack: Round) -> None:
    """On average over honest owners and draws; without the stranger's that are in no batch they are fewer."""
    parts = [part for seed in range(RUNS) for part in seen(all_of(attack.draw(seed)))]
    assert sum(parts) / len(parts) <= attack.share


@OF_AN_ATTACK
def test_honest_owners_get_in_unless_the_stranger_brings_more_kinds_than_there_is_company_for(attack: Round) -> None:
    for seed in range(20):
        left = [s for s in attack.draw(seed).apart if not is_strange(s)]
        assert not left or len(attack.few) > 1


@given(st.data())
def test_all_have_a_minimum_of_owners_beside_them_that_were_drawn_by_lot(data: st.DataObject) -> None:
    """Whatever the stranger's kinds are, as long as there is company: of the main part in each batch."""
    least = data.draw(st.integers(2, 4))
    needs = Needs(3, 1, data.draw(st.integers(2 * least, 16)), least)
    counts = [data.draw(st.integers(0, 30)) for _ in EACH_OF_4]
    attack = Round(4, 300, few=tuple(zip(EACH_OF_4, counts, strict=True)))
    found = draw(attack.held, attack.everybody, needs, Random(sum(counts)).shuffle, cautious=False)
    assert found.apart == ()
    for group in all_of(found):
        assert sum(not is_strange(submission) for submission in group) >= least


@given(st.permutations(range(24)), st.integers(0, 9), st.booleans())
def test_neither_names_nor_arrival_say_who_is_with_whom(arrival: list[int], seed: int, cautious: bool) -> None:
    """Only the lot does, and who holds whose shares: owners with the same holders are all alike."""
    attack = Round(4, 12, 5, kinds(EACH_OF_4[2:], 3), refused=1)
    names = list(attack.held)
    renamed = {names[nth]: attack.held[name] for nth, name in zip(arrival, names, strict=True)}
    order = list(attack.held)
    Random(seed).shuffle(order)

    def into(listed: list[bytes]) -> Callable[[list[Any]], None]:
        """Puts submissions in an order; of others, as they are found."""
        return lambda found: found.sort(key=lambda s: listed.index(s) if s in listed else -1)

    place = dict(zip(names, (names[nth] for nth in arrival), strict=True))
    one = draw(attack.held, attack.everybody, attack.needs, into(order), cautious=cautious)
    other = draw(renamed, attack.everybody, attack.needs, into([place[s] for s in order]), cautious=cautious)
    assert all_of(other) == [tuple(place[s] for s in group) for group in all_of(one)]


def test_owners_of_the_main_part_are_with_strangers_as_often_as_with_others() -> None:
    """So one of the stranger's is in a batch of the main part as often as its numbers say."""
    attack = Round(4, 30, 10, kinds(EACH_OF_4, 1))
    met = 0.0
    for seed in range(RUNS):
        (group,) = (group for group in all_of(attack.draw(seed)) if b"h()0" in group)
        main = [s for s in group if attack.held[s] == attack.everybody and s != b"h()0"]
        met += sum(map(is_strange, main)) / len(main)
    assert met / RUNS == pytest.approx(10 / 39, abs=0.03)


Arrivals = Callable[[int, int], Iterable[bytes]]
"""By how many honest owners and strangers there are: in which order they come."""


def strangers_first(honest: int, strange: int) -> Iterable[bytes]:
    yield from (b"s%d" % nth for nth in range(strange))
    yield from (b"h%d" % nth for nth in range(honest))


def strangers_when_one_has_come(honest: int, strange: int) -> Iterable[bytes]:
    yield b"h0"
    yield from (b"s%d" % nth for nth in range(strange))
    yield from (b"h%d" % nth for nth in range(1, honest))


def strangers_last(honest: int, strange: int) -> Iterable[bytes]:
    yield from (b"h%d" % nth for nth in range(honest))
    yield from (b"s%d" % nth for nth in range(strange))


def strangers_in_turn(honest: int, strange: int) -> Iterable[bytes]:
    """A few after each honest owner that comes, as long as there are any."""
    for nth in range(max(honest, strange)):
        yield from [b"h%d" % nth] * (nth < honest)
        yield from [b"s%d" % nth] * (nth < strange)


def early(arrivals: Iterable[bytes], seats: int, seed: int) -> list[tuple[bytes, ...]]:
    """Batches that are drawn while they come, and then of all that are left."""
    everybody, needs, random = frozenset(range(4)), Needs(3, 1, 8, LEAST), Random(seed)
    waiting: dict[bytes, frozenset[int]] = {}
    batches = []
    for submission in arrivals:
        waiting[submission] = everybody
        chosen = draw_early(waiting, everybody, needs, reserve(seats, LEAST), random.shuffle)
        if chosen:
            batches.append(chosen)
            waiting = {s: provers for s, provers in waiting.items() if s not in chosen}
    return [*batches, *all_of(draw(waiting, everybody, needs, random.shuffle, cautious=False))]


@pytest.mark.parametrize("honest", [15, 60, 80])
@pytest.mark.parametrize("come", [strangers_first, strangers_when_one_has_come, strangers_last, strangers_in_turn])
def test_whenever_strangers_come_they_are_at_most_twice_what_they_are_of_the_seats(come: Arrivals, honest: int) -> None:
    """Attack: they fill up what waits as soon as an honest owner is there.  Where fewer owners come than half the
    seats, nothing is drawn before the end.
    """
    seats, strange = 100, 20
    batches = [early(come(honest, strange), seats, seed) for seed in range(RUNS)]
    parts = [part for groups in batches for part in seen(groups)]
    assert sum(parts) / len(parts) <= strange / (honest + strange) + 0.01
    first = [sum(map(is_strange, groups[0])) / len(groups[0]) for groups in batches]
    assert sum(first) / RUNS <= max(2 * strange / seats, strange / (honest + strange)) + 0.02
    at_random = sum(alone(Round(4, honest, strange).at_random(seed)) for seed in range(RUNS))
    assert sum(map(alone, batches)) <= at_random + RUNS // 20
