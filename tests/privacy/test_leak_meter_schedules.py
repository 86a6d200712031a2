"""The leak meter over many schedules: all of two attempts by three provers, and random ones of larger committees.

Each test prints what it covered and checks that it covered enough: a change of the party after which schedules end
early must not pass as privacy.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

import native
from commons.protocol.messages import Step
from native import FrArray
from tests.privacy.leakmeter.adversary import ATTEMPT, PROBE, Coordinator, Lie
from tests.privacy.leakmeter.schedules import Coverage, Plan, Trial, check_sealed, enumerate_stops, random_schedule
from tests.privacy.leakmeter.stage import Shape, Stage
from tests.privacy.leakmeter.toy import toy
from tests.privacy.leakmeter.world import World
from tests.support.tiers import many

ALL = (0, 1, 2)
THREE, FOUR, SEVEN = Shape(), Shape(4, 1), Shape(7, 2, frozenset({0, 4}))
PRODUCT, NORM = Lie(base=1, entry=1), Lie(base=1, entry=4)
APART = Lie(spread=1, entry=4)
TRIALS = (
    (Trial(ALL), Trial(ALL)),
    (Trial(ALL), Trial((0, 1))),
    (Trial((0, 1)), Trial(ALL)),
    (Trial((0, 1)), Trial((0, 1))),
    (Trial((0, 1)), Trial((0, 2))),
    (Trial(ALL, PRODUCT), Trial((0, 1))),
    (Trial(ALL), Trial((0, 1), NORM)),
    (Trial(ALL, APART), Trial((0, 1))),
    (Trial(ALL), Trial((0, 1), APART)),
)
"""Pairs of attempts, up to the numbering of the owners."""


def off_the_polynomial(shares: list[FrArray]) -> None:
    """Another value for one prover."""
    shares[1] = native.add(shares[1], native.from_ints(range(1, len(shares[1]) + 1)))


def no_bits(shares: list[FrArray]) -> None:
    """A consistent dealing of other bits: every prover's share is moved alike."""
    for share in shares:
        share[:] = native.add(share, native.from_ints([0] * 5 + [3] * (len(share) - 5)))


COMMITTEES = {
    "4-1, three attempts": (FOUR, Plan(), 80),
    "4-1, two cohorts": (replace(FOUR, corrupt=frozenset({2}), owners=4, drawn_again=(1,)), Plan(4, cohorts=2), 80),
    "4-1, a second dealing": (replace(FOUR, dealt_again=(0,)), Plan(cohorts=2, overlap=True), 60),
    "4-1, submissions in several cohorts": (replace(FOUR, drawn_again=(0, 2)), Plan(cohorts=3, overlap=True), 60),
    "4-1, old ledgers": (replace(FOUR, corrupt=frozenset(), rewound=(1,)), Plan(moves=60), 40),
    "4-1, a dealing off the polynomial": (replace(FOUR, bent=((2, off_the_polynomial),)), Plan(), 60),
    "4-1, no bits": (replace(FOUR, bent=((0, no_bits),)), Plan(), 60),
    "4-1, bad disks": (replace(FOUR, corrupt=frozenset()), Plan(damage=1), 60),
    "7-2, three attempts": (SEVEN, Plan(), 60),
    "7-2, old ledgers": (replace(SEVEN, corrupt=frozenset({3}), rewound=(5,)), Plan(cohorts=2, moves=60), 30),
}
"""Who takes part, how, and how often: a third of it in the full tier, twice as often in the deep one."""


def report(capsys: pytest.CaptureFixture[str], name: str, coverage: Coverage) -> None:
    """Say what was covered, also where the test passes."""
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {coverage}\n")


@pytest.mark.slow
def test_every_schedule_of_two_attempts_by_three_provers(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = Coverage()

    def end(adversary: Coordinator, schedule: str) -> None:
        coverage.note(adversary)
        check_sealed(adversary, schedule)

    for trials in TRIALS:
        with toy() as made:
            adversary = Coordinator(World(Stage(made, THREE)))
            enumerate_stops(adversary, adversary.open_cohort(ALL), trials, end)
    report(capsys, "3-1, two attempts", coverage)
    assert coverage.schedules >= 8000
    assert len(coverage.subsets) >= 400
    assert all(coverage.steps[step] >= 1000 for step in ATTEMPT)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMITTEES)
def test_schedules_at_random(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shape, plan, count = COMMITTEES[name]
    coverage = Coverage()
    for seed in range(many(full=count // 3, deep=2 * count)):
        with toy() as made:
            adversary = random_schedule(Stage(made, shape), plan, seed)
            coverage.note(adversary)
            check_sealed(adversary, f"{name}, seed {seed}")
    report(capsys, name, coverage)
    assert len(coverage.subsets) >= count // 4
    assert {Step.COIN, Step.PROJECT, *ATTEMPT, *PROBE} <= set(coverage.steps)
