"""The simulated rules of campaigns are the contracts': every balance is the same to the wei after every move."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from benchmarks.datamarket.campaignrules import BURNT, Campaign, Challenge, Ground, Target
from benchmarks.datamarket.juryrules import Ruling, Seat
from circuits.errors import GradrollError
from commons.samples.campaigneconomics import Arbiter
from tests.datamarket import rulecourses as courses
from tests.datamarket.datastage import DataStage
from tests.datamarket.randomcourse import play
from tests.datamarket.rulemirror import PEOPLE, START, RuleMirror, odd_terms
from tests.support import token as tokens
from tests.support.tiers import deepened, many

Course = Callable[[RuleMirror], None]
SAYS_ONE = bytes.fromhex("600160005260206000f3")
"""Code of a model that says 1 of every sample."""
COURSES: dict[Arbiter, tuple[Course, ...]] = {
    Arbiter.JURY: (
        courses.bundles_to_their_ends, courses.proofs_count, courses.half_a_review_decides, courses.conceded,
        courses.juries_decide, courses.appeals_decide,
    ),
    Arbiter.OWNER: (courses.conceded, courses.owner_decides),
    Arbiter.MODEL: (courses.conceded, courses.models_decide),
}  # fmt: skip


@pytest.fixture(scope="module")
def token(stage: DataStage) -> bytes:
    """One of which everybody has enough."""
    chain = stage.account(0).chain
    made = tokens.deploy(chain)
    for at in range(len(PEOPLE)):
        tokens.mint(chain, made, stage.account(at).address, START)
    return made


@pytest.fixture(scope="module")
def model(stage: DataStage) -> bytes:
    """A model that says 1 of every sample."""
    creation = bytes([0x60, len(SAYS_ONE), 0x80, 0x60, 0x0B, 0x60, 0, 0x39, 0x60, 0, 0xF3])
    return stage.account(0).chain._sender.send(None, creation + SAYS_ONE, gas=200_000).created


def mirror_of(stage: DataStage, arbiter: Arbiter, model: bytes, **changes: Any) -> RuleMirror:
    """A campaign on both."""
    named = {"model": model} if arbiter is Arbiter.MODEL else {}
    return RuleMirror(stage, odd_terms(stage, arbiter=arbiter, **named, **changes))


@pytest.mark.parametrize(
    ("arbiter", "course"),
    deepened(
        [(arbiter, course) for arbiter, listed in COURSES.items() for course in listed],
        [
            (Arbiter.JURY, courses.proofs_count),
            (Arbiter.OWNER, courses.conceded),
            (Arbiter.MODEL, courses.models_decide),
        ],
    ),
)
def test_every_end_of_a_sample_moves_the_same_money(
    stage: DataStage, model: bytes, arbiter: Arbiter, course: Course
) -> None:
    mirror = mirror_of(stage, arbiter, model)
    course(mirror)
    mirror.compare_log()


@pytest.mark.slow
def test_an_appeal_for_which_nobody_is_drawn_costs_nothing(stage: DataStage) -> None:
    terms = odd_terms(stage, juror_stake=4999)
    mirror = RuleMirror(stage, terms, slots=1)
    courses.nobody_is_drawn(mirror)
    mirror.compare_log()


CASES = [
    (arbiter, kind, seed)
    for seed in range(many(1, 12)) for arbiter in Arbiter for kind in ("ether", "token")
]  # fmt: skip


@pytest.mark.parametrize(("arbiter", "kind", "seed"), deepened(CASES, [(Arbiter.OWNER, "token", 0)]))
def test_random_courses_move_the_same_money(
    stage: DataStage, model: bytes, token: bytes, arbiter: Arbiter, kind: str, seed: int
) -> None:
    mirror = mirror_of(stage, arbiter, model, **({"token": token} if kind == "token" else {}))
    play(mirror, Random(f"{arbiter.value} {kind} {seed}"), steps=4)
    mirror.compare_log()


def _burn_nothing(self: Campaign, winner: str, fees: int) -> None:
    self._pay(winner, self.terms.deposit - fees)


def _burn_all_of_owner(self: Campaign, against: list[Challenge], fees: int, *, right: bool) -> None:
    self._pay(BURNT, self.terms.reward + self.terms.deposit - fees)
    self._pay(against[0].who, self.terms.correction)
    self._free_stakes(against)


def _first_proof(self: Campaign, target: Target) -> Challenge | None:
    against = self.bundles[target[0]].challenged[target[1]]
    return next((each for each in against if each.ground is not Ground.JUDGED), None)


def _forget_what_is_gone(self: Campaign, target: Target, original: Target | None) -> Ground:
    for each in self.bundles:
        each.gone.clear()
    return COPY_OF(self, target, original)


def _silence_is_kept(self: Ruling, seat: Seat) -> bool:
    return seat.vote is None or KEEPS(self, seat)


COPY_OF, KEEPS = Campaign.copy_of, Ruling._keeps
FAULTS: tuple[tuple[type, str, Any, Arbiter, Course], ...] = (
    (Campaign, "_divide", _burn_nothing, Arbiter.JURY, courses.conceded),
    (Campaign, "_punish", _burn_all_of_owner, Arbiter.OWNER, courses.conceded),
    (Campaign, "proof_of", _first_proof, Arbiter.JURY, courses.proofs_count),
    (Campaign, "copy_of", _forget_what_is_gone, Arbiter.JURY, courses.proofs_count),
    (Campaign, "_hid", lambda *_: False, Arbiter.JURY, courses.half_a_review_decides),
    (Campaign, "_divide_units", lambda *_: None, Arbiter.JURY, courses.juries_decide),
    (Ruling, "_keeps", _silence_is_kept, Arbiter.JURY, courses.juries_decide),
    (Ruling, "overturned", False, Arbiter.JURY, courses.appeals_decide),
)


@pytest.mark.parametrize(("where", "name", "wrong", "arbiter", "course"), deepened(FAULTS, FAULTS[1:2]))
def test_a_fault_in_the_rules_is_found(
    stage: DataStage, model: bytes, monkeypatch: pytest.MonkeyPatch,
    where: type, name: str, wrong: Any, arbiter: Arbiter, course: Course,
) -> None:  # fmt: skip
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises((AssertionError, GradrollError, pytest.fail.Exception)):
        course(mirror_of(stage, arbiter, model))
