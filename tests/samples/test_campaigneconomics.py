"""Terms against beliefs: the design's example, each inequality broken by itself, and terms that are suggested."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.samples.campaigneconomics import Arbiter, Beliefs, SampleTerms, inequalities, require_sound
from commons.samples.termsuggestions import suggest_terms

UNIT = 10**18


def units(text: str) -> int:
    """An amount in the smallest unit."""
    return int(Fraction(text) * UNIT)


BELIEFS = Beliefs(
    cost=Fraction(units("0.01")), gain=Fraction(units("0.5")), checked=Fraction("0.3"), tolerated=Fraction("0.02"),
    error=Fraction("0.05"), challenged=Fraction("0.1"), common=Fraction("0.9"), work=Fraction(units("0.3")),
    guessed=Fraction("0.1"),
)  # fmt: skip
EXAMPLE = SampleTerms(
    reward=units("1"), deposit=units("4"), stake=units("2"), correction=units("0.5"), fee=units("0.4"), burnt=5000,
    arbiter=Arbiter.JURY, jurors=5, juror_stake=units("3"),
)  # fmt: skip
"""Of the design."""


def test_the_designs_example_holds_with_the_designs_numbers() -> None:
    sides = {each.name: (each.left / UNIT, each.right / UNIT) for each in require_sound(EXAMPLE, BELIEFS)}
    wanted = {
        "fee": ("4", "0.4"), "self-challenge": ("1.8", "0.5"), "compensation": ("2", "1.4"), "appeal": ("2", "1.28"),
        "bribes": ("9", "7.5"), "cheating": ("1.08", "1.05"), "insurance": ("2", "1.5"), "contesting": ("0.4", "0.355"),
        "guessing": ("0.342", "0.1"), "serving": ("0.08", "0.01"),
        "honesty": ("0.7", "0.025"), "false-challenge": ("1.9", "0.115"), "jurors": ("0.308", "0.01"),
    }  # fmt: skip
    checking = sides.pop("checking")
    assert checking == (Fraction("2.3"), Fraction("0.01") / (Fraction("0.02") * Fraction("0.95")))
    assert sides == {name: (Fraction(left), Fraction(right)) for name, (left, right) in wanted.items()}


BREAKS: dict[str, tuple[dict[str, Any], dict[str, Fraction]]] = {
    "fee": ({"deposit": units("0.4")}, {}),
    "self-challenge": ({"correction": units("1.8") + 1}, {}),
    "compensation": ({"stake": units("1.4") - 1}, {}),
    "appeal": ({"stake": units("1.28") - 1}, {}),
    "bribes": ({"juror_stake": units("2.5")}, {}),
    "cheating": ({"deposit": units("3.9")}, {}),
    "insurance": ({"stake": units("1.5") - 1}, {}),
    "contesting": ({}, {"error": Fraction("0.4") / Fraction("7.1")}),
    "guessing": ({}, {"guessed": Fraction("0.38") / Fraction("1.38")}),
    "serving": ({}, {"cost": Fraction(units("0.08")) + 1}),
    "honesty": ({}, {"work": Fraction(units("0.975"))}),
    "checking": ({}, {"tolerated": Fraction("0.01") / (Fraction("2.3") * Fraction("0.95")) - Fraction(1, 10**9)}),
    "false-challenge": ({}, {"error": Fraction("2") / Fraction("4.3")}),
    "jurors": ({}, {"common": Fraction("0.997")}),
}
"""Of each inequality, what breaks it by the least; others may break with it."""


@pytest.mark.parametrize("name", BREAKS)
def test_each_inequality_breaks_at_its_bound(name: str) -> None:
    terms, beliefs = replace(EXAMPLE, **BREAKS[name][0]), replace(BELIEFS, **BREAKS[name][1])
    assert name in {each.name for each in inequalities(terms, beliefs) if not each.holds}
    with pytest.raises(InvalidInputError, match=f"{name}: "):
        require_sound(terms, beliefs)


def test_every_inequality_is_broken_by_a_test() -> None:
    assert {each.name for each in inequalities(EXAMPLE, BELIEFS)} == set(BREAKS)


def test_what_is_accepted_by_name_may_be_broken_but_not_what_the_contract_checks() -> None:
    careless = replace(BELIEFS, checked=Fraction("0.28"))
    with pytest.raises(InvalidInputError, match="cheating: "):
        require_sound(EXAMPLE, careless)
    assert not all(each.holds for each in require_sound(EXAMPLE, careless, ["cheating"]))
    for name in ("self-challenge", "nonsense"):
        with pytest.raises(InvalidInputError, match=f"may be accepted is called {name}"):
            require_sound(EXAMPLE, careless, ["cheating", name])


def test_an_owner_as_arbiter_has_no_jurors_and_pays_the_correction_alone() -> None:
    terms = replace(EXAMPLE, arbiter=Arbiter.OWNER, jurors=0, juror_stake=0)
    parts: tuple[dict[str, Any], ...] = ({"jurors": 5}, {"juror_stake": 1})
    for part in parts:
        with pytest.raises(InvalidInputError, match="no jurors"):
            replace(terms, **part)
    names = {each.name for each in inequalities(terms, BELIEFS)}
    assert names == set(BREAKS) - {"jurors", "serving", "bribes", "appeal"}
    assert terms.winnings == terms.correction
    with pytest.raises(InvalidInputError, match="checking: "):
        require_sound(replace(terms, correction=units("0.5")), BELIEFS)


def test_suggested_terms_are_close_to_the_designs() -> None:
    found = suggest_terms(units("1"), BELIEFS, margin=Fraction(0))
    require_sound(found, BELIEFS)
    assert units("3.5") < found.deposit - found.fee <= units("3.5") + 1
    assert units("0.3") <= found.fee <= EXAMPLE.fee
    assert found.stake <= EXAMPLE.stake
    assert found.deposit <= EXAMPLE.deposit
    assert found.juror_stake <= EXAMPLE.juror_stake


SHARES = st.fractions(Fraction(1, 100), Fraction(95, 100), max_denominator=1000)
AMOUNTS = st.fractions(0, 10**24, max_denominator=100)


@settings(deadline=None)
@given(
    st.integers(1, 10**24), AMOUNTS, AMOUNTS, SHARES, SHARES, st.fractions(0, Fraction(15, 100), max_denominator=1000),
    SHARES, SHARES, st.sampled_from((3, 5, 7, 15)), st.sampled_from(Arbiter), st.integers(1, 9999),
)  # fmt: skip
def test_what_is_suggested_is_sound(
    reward: int, cost: Fraction, gain: Fraction, checked: Fraction, tolerated: Fraction, error: Fraction,
    common: Fraction, guessed: Fraction, jurors: int, arbiter: Arbiter, burnt: int,
) -> None:  # fmt: skip
    beliefs = Beliefs(cost, gain, checked, tolerated, error, Fraction(0), common, Fraction(reward, 2), guessed)
    terms = suggest_terms(reward, beliefs, jurors, arbiter, burnt)
    assert all(each.holds for each in inequalities(terms, beliefs))


def test_an_arbiter_that_errs_too_often_allows_no_terms() -> None:
    with pytest.raises(InvalidInputError, match="errs less"):
        suggest_terms(units("1"), replace(BELIEFS, error=Fraction("0.4")))


def test_a_reward_below_the_work_allows_no_terms() -> None:
    with pytest.raises(InvalidInputError, match="honesty: "):
        suggest_terms(units("1"), replace(BELIEFS, work=Fraction(units("1"))))


@pytest.mark.parametrize("part", [{"checked": Fraction(0)}, {"tolerated": Fraction(0)}, {"error": Fraction(1)},
                                  {"common": Fraction(1)}, {"challenged": Fraction(-1, 2)}, {"cost": Fraction(-1)},
                                  {"gain": Fraction(2**128)}])  # fmt: skip
def test_beliefs_out_of_range_are_refused(part: dict[str, Fraction]) -> None:
    with pytest.raises(InvalidInputError, match="the belief"):
        replace(BELIEFS, **part)


@pytest.mark.parametrize("part", [{"jurors": 4}, {"jurors": 1}, {"jurors": 17}, {"burnt": 10001}, {"deposit": -1},
                                  {"reward": 2**128}])  # fmt: skip
def test_terms_out_of_range_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        replace(EXAMPLE, **part)
