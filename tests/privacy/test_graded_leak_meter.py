"""The leak meter on graded attempts: a number an owner and the weighted sum are what leaks, and each attack is found.

Every attack is played twice: with the rule that stops it, and with that rule taken out, where the meter must jump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

import native
from circuits.policies.graded import REFERENCE
from circuits.statement import BatchStatement, Committee
from commons.protocol import noisebits
from commons.protocol.messages import Message, Step
from commons.protocol.relay import take
from commons.sharing.prss import PrssKeys, Purpose
from native import FrArray, R
from provers.party import locking, noising, releasing
from provers.party.ledger import CohortJoined, Combined, Entry, GradedLocked, LedgerState, Selection
from provers.party.memory import Party, Validated
from provers.party.steps import members_of
from tests.privacy.leakmeter.adversary import GRADED_ATTEMPT, TRUTH, Coordinator, Lie
from tests.privacy.leakmeter.allowed import bared, excess, number_rows, sum_rows
from tests.privacy.leakmeter.linear import span
from tests.privacy.leakmeter.schedules import Coverage, Plan, Trial, check_sealed, enumerate_stops, random_schedule
from tests.privacy.leakmeter.stage import Shape, Stage
from tests.privacy.leakmeter.toy import DIMENSION, NOISE_BITS, SLACK_BITS, toy
from tests.privacy.leakmeter.world import World
from tests.support.tiers import deepened

ALL, EVERY_ROW = (0, 1, 2), (0, 1, 2, 3)
THREE, FOUR = Shape(copies=1), Shape(4, 1, copies=1)
SEVEN = Shape(7, 2, frozenset({0, 4}), copies=1)
OWN_PRODUCT, NUMBER = Lie(base=1, entry=5), Lie(base=1, entry=6)
LONGER_ROOTS, ROOTS_APART = Lie(stretch=3), Lie(apart=1)
Attack = Callable[[Coordinator], None]


def measured(shape: Shape, attack: Attack, of: Callable[[World], int] | None = None) -> int:
    """What leaks beyond what may, after an attack on fresh provers and owners."""
    with toy(REFERENCE) as made:
        adversary = Coordinator(World(Stage(made, shape)))
        attack(adversary)
        return excess(adversary.world, adversary.world.accepted) if of is None else of(adversary.world)


def begin(
    adversary: Coordinator, kept: Sequence[int] = EVERY_ROW, lie: Lie = TRUTH, active: Sequence[int] | None = None
) -> bytes:
    """An attempt, by all provers if none are named, in a cohort of all owners."""
    cohort = adversary.open_cohort(range(adversary.world.stage.shape.owners))
    return adversary.propose(cohort, kept, range(adversary.world.stage.shape.size) if active is None else active, lie)


def run(adversary: Coordinator, session: bytes, until: Step = Step.RELEASE) -> None:
    """Ask everybody for every step of an attempt, as far as they answer."""
    for step in GRADED_ATTEMPT[: GRADED_ATTEMPT.index(until) + 1]:
        adversary.ask_all(session, step)


def unchecked(*rules: type[Entry]) -> Callable[[LedgerState, Entry], None]:
    """A ledger's check that lets entries of some kinds pass."""
    check = LedgerState.check
    return lambda self, entry: None if isinstance(entry, rules) else check(self, entry)


# --- nothing but numbers and the weighted sum ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [THREE, FOUR, SEVEN, replace(FOUR, corrupt=frozenset())], ids=["3-1", "4-1", "7-2", "4-1, nobody corrupt"]
)
def test_an_honest_graded_batch_leaks_its_numbers_its_weighted_sum_and_four_tests(shape: Shape) -> None:
    """Residuals of four rows; with the combined row B and Z; the owners' numbers; the proof's remainder."""
    known = {
        Step.VALIDATE: 4, Step.CONFIRM: 4, Step.COMBINE: 6, Step.LOCK: 6, Step.OPEN: 9, Step.PROVE: 10, Step.ATTEST: 10,
    }  # fmt: skip
    with toy(REFERENCE) as made:
        adversary = Coordinator(World(Stage(made, shape)))
        world, session = adversary.world, begin(adversary)
        for step in GRADED_ATTEMPT[:-1]:
            assert adversary.ask_all(session, step)
            assert len(world.leak()) == known.get(step, 0)
            assert excess(world, ()) == 0
        assert adversary.ask_all(session, Step.RELEASE)
        assert (world.accepted, world.weights) == ((ALL,), {ALL: (3, 0, 3)})
        assert (excess(world, ()), excess(world, world.accepted), bared(world)) == (DIMENSION, 0, 0)
        found = span(world.leak())
        assert all(found.contains(row) for row in number_rows(world, session))
        assert all(found.contains(row) for row in sum_rows(world.stage, ALL, (3, 0, 3)))
        assert not any(found.contains(row) for row in sum_rows(world.stage, ALL))


def test_a_reference_of_the_adversary_reads_one_number_of_each_owner() -> None:
    shape = replace(FOUR, bad_reference=True)

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary))
        assert adversary.world.accepted == (ALL,)

    assert measured(shape, attack) == 0
    assert measured(shape, attack, bared) == 0


ONE_ATTEMPT = [
    (THREE, TRUTH, 28), (THREE, OWN_PRODUCT, 12), (THREE, NUMBER, 12), (THREE, LONGER_ROOTS, 12),
    (THREE, ROOTS_APART, 4), (FOUR, TRUTH, 60),
]  # fmt: skip
"""Committees, lies, and how many sets of messages the adversary can end with at least."""


@pytest.mark.parametrize(
    ("shape", "lie", "least"), deepened(ONE_ATTEMPT, fast=[ONE_ATTEMPT[0], ONE_ATTEMPT[2], ONE_ATTEMPT[4]])
)
def test_every_stop_of_one_graded_attempt(shape: Shape, lie: Lie, least: int) -> None:
    coverage = Coverage()

    def end(adversary: Coordinator, schedule: str) -> None:
        coverage.note(adversary)
        check_sealed(adversary, schedule)

    with toy(REFERENCE) as made:
        adversary = Coordinator(World(Stage(made, shape)))
        enumerate_stops(adversary, adversary.open_cohort(ALL), [Trial(EVERY_ROW, lie)], end)
    assert len(coverage.subsets) >= least


@pytest.mark.parametrize("shape", deepened([FOUR, SEVEN], fast=[FOUR]), ids=["4-1", "7-2"])
def test_graded_schedules_at_random(shape: Shape) -> None:
    for seed in range(4):
        with toy(REFERENCE) as made:
            check_sealed(random_schedule(Stage(made, shape), Plan(moves=60), seed), f"{shape}, seed {seed}")


# --- the attacks, with and without the rule that stops them ---------------------------------------------------


def test_roots_that_two_provers_see_apart_lay_the_bits_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 2t + 1 provers anything opens at degree 2t, and no broadcast hash covers PROJECT."""

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary, lie=ROOTS_APART))

    assert measured(THREE, attack) == 0
    monkeypatch.setattr(noising, "require_same_squares", lambda *_: None)
    assert measured(THREE, attack) >= NOISE_BITS * len(ALL)


def open_alone(adversary: Coordinator) -> None:
    """Two sets that meet; of each, one honest prover is bound to it and asked for numbers, and the other is not."""
    for kept, active in (((0, 1, 2), (0, 1, 2)), ((0, 1, 3), (0, 1, 3))):
        session = begin(adversary, kept, active=active)
        run(adversary, session, Step.COMBINE)
        for step in (Step.LOCK, Step.OPEN):
            for prover in (0, active[-1]):
                adversary.ask(session, step, prover)


def test_numbers_need_all_provers_of_an_attempt_bound_to_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_those_that_are(
        committee: Committee,
        relayed: Sequence[Message],
        session: bytes,
        step: Step,
        senders: Sequence[int],
        read: Any,
    ) -> Mapping[int, Any]:
        there = {m.sender for m in relayed} if step is Step.LOCK else senders
        return take(committee, relayed, session, step, there, read)

    assert measured(FOUR, open_alone) == 0
    monkeypatch.setattr(locking, "take", of_those_that_are)
    assert measured(FOUR, open_alone) == 3


def test_combined_bits_under_two_challenges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provers get an old memory back, but not an old ledger: M + lambda R for two lambda, and with it every bit."""

    def attack(adversary: Coordinator) -> None:
        world, session = adversary.world, begin(adversary)
        run(adversary, session, Step.MASK)
        memory = dict(world.parties)
        run(adversary, session, Step.COMBINE)
        world.parties = memory
        adversary.lies[session] = Lie(base=1, entry=1)
        for step in (Step.VALIDATE, Step.CONFIRM, Step.COMBINE):
            adversary.ask_all(session, step)

    assert measured(THREE, attack) == 0
    monkeypatch.setattr(LedgerState, "check", unchecked(Combined))
    assert measured(THREE, attack) >= (NOISE_BITS + SLACK_BITS) * len(ALL)


def stretch_what_the_check_misses(adversary: Coordinator) -> None:
    """Roots open three times as long, so what is taken for bits is none; with lambda known, products hide that."""
    session = begin(adversary, lie=LONGER_ROOTS)
    run(adversary, session, Step.VALIDATE)
    state = adversary.world.parties[1].attempts[session]
    assert isinstance(state, Validated)
    assert state.masked.noise is not None
    psi = noisebits.check_challenge(state.masked.seed, session, state.masked.noise.squares)
    powers = [pow(psi, len(EVERY_ROW) * SLACK_BITS + k, R) for k in range(NOISE_BITS * len(ALL))]
    by = -sum(powers) * (pow(9, -1, R) - 1) * pow(4, -1, R) % R
    guessed = noisebits.combination_challenge(bytes(32), bytes(32))
    half = -by * guessed * pow(2, -1, R) % R
    adversary.lies[session] = replace(LONGER_ROOTS, products=(0, half, by))
    for step in (Step.CONFIRM, Step.COMBINE, Step.LOCK, Step.OPEN):
        adversary.ask_all(session, step)


def test_products_are_fixed_before_they_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(THREE, stretch_what_the_check_misses) == 0
    monkeypatch.setattr(noisebits, "combination_challenge", lambda *_: 12345)
    assert measured(THREE, stretch_what_the_check_misses) == len(ALL)


def two_sets(adversary: Coordinator) -> None:
    """Numbers of two owners, then those of all three."""
    for kept in ((0, 1, 2), EVERY_ROW):
        run(adversary, begin(adversary, kept), Step.OPEN)


def two_references(adversary: Coordinator) -> None:
    """Owners hand in a second time, and are graded against the second copy of the reference."""
    for submissions, copy in ((ALL, 0), ((3, 4, 5), 1)):
        cohort = adversary.open_cohort(submissions, copy=copy)
        run(adversary, adversary.propose(cohort, EVERY_ROW, range(4)), Step.OPEN)


@pytest.mark.parametrize(
    ("shape", "attack", "rules", "numbers"),
    [
        (FOUR, two_sets, (GradedLocked,), 1),
        (replace(FOUR, copies=2, drawn_again=ALL), two_references, (GradedLocked, CohortJoined), 3),
    ],
    ids=["two sets", "two references"],
)
def test_an_owner_is_in_one_set_of_a_round(
    monkeypatch: pytest.MonkeyPatch, shape: Shape, attack: Attack, rules: tuple[type[Entry], ...], numbers: int
) -> None:
    """A second submission may not even join a cohort once its owner is bound."""
    assert measured(shape, attack) == 0
    monkeypatch.setattr(LedgerState, "check", unchecked(*rules))
    assert measured(shape, attack) == numbers


def two_cohorts(adversary: Coordinator) -> None:
    """Two owners are graded in one cohort and two in another."""
    for owners, copy in (((0, 1), 0), ((2, 3), 1)):
        cohort = adversary.open_cohort(owners, copy=copy)
        run(adversary, adversary.propose(cohort, (0, 1, 2), range(4)), Step.OPEN)


def test_noise_is_the_cohorts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two owners with the same noise: the difference of their numbers is one of gradients alone."""
    shape = replace(FOUR, owners=4, copies=2)

    def anywhere(party: Party, cohort: Any) -> FrArray:
        count = NOISE_BITS * len(cohort.owners)
        return party.keys.random(bytes(32), Purpose.NOISE, count).reshape(-1, NOISE_BITS, 4)

    assert (measured(shape, two_cohorts), measured(shape, two_cohorts, bared)) == (0, 0)
    monkeypatch.setattr(noising, "_randoms", anywhere)
    assert measured(shape, two_cohorts, bared) == 2


def test_a_sum_has_the_weights_that_were_attested(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(statement: BatchStatement) -> Selection:
        return Selection.plain(members_of(statement.context, statement.owners))

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary))

    assert measured(FOUR, attack) == 0
    monkeypatch.setattr(releasing, "selection_of", plain)
    assert measured(FOUR, attack) == DIMENSION


@pytest.mark.parametrize(
    ("purpose", "until"),
    [(Purpose.SQUARE_ZERO, Step.MASK), (Purpose.CHECK_PRODUCT_ZERO, Step.VALIDATE)],
    ids=lambda value: value.name,
)
@pytest.mark.parametrize("shape", [THREE, FOUR], ids=["3-1", "4-1"])
def test_shares_of_degree_2t_of_graded_steps_carry_a_share_of_zero(
    monkeypatch: pytest.MonkeyPatch, shape: Shape, purpose: Purpose, until: Step
) -> None:
    zero = PrssKeys.zero

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary), until)

    def bare(self: PrssKeys, session: bytes, wanted: Purpose, count: int) -> FrArray:
        return native.zeros(count) if wanted is purpose else zero(self, session, wanted, count)

    assert measured(shape, attack) == 0
    monkeypatch.setattr(PrssKeys, "zero", bare)
    assert measured(shape, attack) >= 1


@pytest.mark.parametrize(
    ("purpose", "until", "least"),
    [
        (Purpose.CHECK_PRODUCT_MASK, Step.VALIDATE, 1),
        (Purpose.CHECK_MASK, Step.COMBINE, (NOISE_BITS + SLACK_BITS) * len(ALL)),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_what_the_check_of_the_bits_opens_is_masked(
    monkeypatch: pytest.MonkeyPatch, purpose: Purpose, until: Step, least: int
) -> None:
    random = PrssKeys.random

    def attack(adversary: Coordinator) -> None:
        run(adversary, begin(adversary), until)

    def bare(self: PrssKeys, session: bytes, wanted: Purpose, count: int) -> FrArray:
        return native.zeros(count) if wanted is purpose else random(self, session, wanted, count)

    assert measured(FOUR, attack) == 0
    monkeypatch.setattr(PrssKeys, "random", bare)
    assert measured(FOUR, attack) >= least
