"""The leak meter over many schedules of graded attempts: all of two by three provers, and random ones of more.

Each test prints what it covered and checks that it covered enough, as for plain attempts.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.policies.graded import REFERENCE
from commons.protocol.messages import Step
from tests.privacy.leakmeter.adversary import GRADED_ATTEMPT, PROBE, Coordinator, Lie
from tests.privacy.leakmeter.schedules import Coverage, Plan, Trial, check_sealed, enumerate_stops, random_schedule
from tests.privacy.leakmeter.stage import Shape, Stage
from tests.privacy.leakmeter.toy import toy
from tests.privacy.leakmeter.world import World
from tests.privacy.test_leak_meter_schedules import no_bits, off_the_polynomial, report
from tests.support.tiers import many

ALL, EVERY_ROW = (0, 1, 2), (0, 1, 2, 3)
THREE, FOUR = Shape(copies=1), Shape(4, 1, copies=1)
SEVEN = Shape(7, 2, frozenset({0, 4}), copies=1)
NUMBER, APART = Lie(base=1, entry=6), Lie(apart=1)
TRIALS = (
    (Trial(EVERY_ROW), Trial(EVERY_ROW)),
    (Trial(EVERY_ROW), Trial((0, 1, 2))),
    (Trial((0, 1, 2)), Trial(EVERY_ROW)),
    (Trial((0, 1, 2)), Trial((0, 1, 3))),
    (Trial(EVERY_ROW, NUMBER), Trial((0, 1, 2))),
    (Trial(EVERY_ROW), Trial((0, 1, 2), APART)),
)
"""Pairs of attempts, up to the numbering of the owners."""
COMMITTEES = {
    "4-1, three attempts": (FOUR, Plan(), 30),
    "4-1, the adversary's reference": (replace(FOUR, bad_reference=True), Plan(), 20),
    "4-1, two cohorts": (
        replace(FOUR, corrupt=frozenset({2}), owners=4, copies=2, drawn_again=(1,)), Plan(5, cohorts=2, moves=60), 30,
    ),
    "4-1, submissions in several cohorts": (
        replace(FOUR, drawn_again=(0, 2), copies=2), Plan(cohorts=3, overlap=True), 20,
    ),
    "4-1, old ledgers": (replace(FOUR, corrupt=frozenset(), rewound=(1,)), Plan(moves=60), 20),
    "4-1, a dealing off the polynomial": (replace(FOUR, bent=((2, off_the_polynomial),)), Plan(), 20),
    "4-1, no bits": (replace(FOUR, bent=((0, no_bits),)), Plan(), 20),
    "4-1, a reference without bits": (replace(FOUR, bad_reference=True, bend_reference=no_bits), Plan(), 20),
    "7-2, three attempts": (SEVEN, Plan(moves=60), 20),
}  # fmt: skip
"""Who takes part, how, and how often: a third of it in the full tier, twice as often in the deep one."""


@pytest.mark.slow
@pytest.mark.parametrize("trials", TRIALS, ids=range(len(TRIALS)))
def test_every_schedule_of_two_graded_attempts_by_three_provers(
    trials: tuple[Trial, Trial], capsys: pytest.CaptureFixture[str]
) -> None:
    coverage = Coverage()

    def end(adversary: Coordinator, schedule: str) -> None:
        coverage.note(adversary)
        check_sealed(adversary, schedule)

    with toy(REFERENCE) as made:
        adversary = Coordinator(World(Stage(made, THREE)))
        enumerate_stops(adversary, adversary.open_cohort(ALL), trials, end)
    report(capsys, f"graded, 3-1, {trials}", coverage)
    assert coverage.schedules >= 400
    assert all(coverage.steps[step] >= 100 for step in GRADED_ATTEMPT[:-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMITTEES)
def test_graded_schedules_at_random(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shape, plan, count = COMMITTEES[name]
    coverage = Coverage()
    for seed in range(many(full=count // 3, deep=2 * count)):
        with toy(REFERENCE) as made:
            adversary = random_schedule(Stage(made, shape), plan, seed)
            coverage.note(adversary)
            check_sealed(adversary, f"graded, {name}, seed {seed}")
    report(capsys, f"graded, {name}", coverage)
    assert len(coverage.subsets) >= count // 4
    assert {Step.COIN, Step.PROJECT, *PROBE} <= set(coverage.steps)
