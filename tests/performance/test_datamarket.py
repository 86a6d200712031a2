"""The simulated data market: its rules keep money, and what its page says of the results is so."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from benchmarks import results
from benchmarks.datamarket import strategies
from benchmarks.datamarket.agentmarket import AgentMarket, Setting
from benchmarks.datamarket.campaignrules import (
    BURNT,
    ESCROW,
    HELD,
    Campaign,
    Ground,
    Ledger,
    Outcome,
    Windows,
)
from benchmarks.datamarket.contributors import Contributor, Copier, Flooder, Lazy, Malicious
from benchmarks.datamarket.experiments import EXPERIMENTS, run
from benchmarks.datamarket.juries import errs_of_juror
from benchmarks.datamarket.juryrules import Ruling, Seat, Verdict
from benchmarks.datamarket.reviewers import FalseChallenger, Reviewer
from benchmarks.datamarket.samplepools import DIGITS_TAU, POOLS, TEXT_TAU, Endless
from benchmarks.datamarket.strategies import BELIEFS, EXAMPLE, JURORS, STRATEGIES, UNIT
from circuits.errors import InvalidInputError
from tests.support.tiers import deepened

D, R, K, C, F = EXAMPLE.deposit, EXAMPLE.reward, EXAMPLE.correction, EXAMPLE.stake, EXAMPLE.fee
START = 100 * UNIT
SEATED = [each.name for each in JURORS[: EXAMPLE.jurors]]


@pytest.fixture(scope="module")
def kept() -> Mapping[str, Any]:
    found = results.load("datamarket")
    assert found is not None
    return found


def opened(count: int = 2) -> Campaign:
    """One bundle that was shown at step 1: challenges are made at 1 and 2, and opened at 3."""
    money = Ledger({"contributor": START, "first": START, "second": START, ESCROW: START})
    campaign = Campaign(EXAMPLE, Windows(), money)
    campaign.commit("contributor", count, 0)
    campaign.show(0, 1)
    return campaign


def decided(campaign: Campaign, verdict: Verdict | None) -> Outcome:
    jury = [Seat(name, verdict) for name in SEATED] if verdict is not None else []
    return campaign.settle_sample((0, 0), 5, lambda _: Ruling(first=jury))


def has(campaign: Campaign, **amounts: int) -> None:
    """Who has how much more than before."""
    for name, amount in amounts.items():
        assert campaign.money.of[name] - START == amount, name


def challenged(campaign: Campaign, ground: Ground = Ground.JUDGED) -> None:
    """Two challengers of one sample; the first opens last."""
    numbers = [campaign.challenge(who, 1) for who in ("first", "second")]
    for number in reversed(numbers):
        campaign.reveal(number, (0, 0), ground, 3, corrected=True)
    campaign.settle_bundle(0, 4)


def test_what_nobody_challenges_is_paid() -> None:
    campaign = opened()
    with pytest.raises(InvalidInputError, match="may still be challenged"):
        campaign.settle_bundle(0, 3)
    assert campaign.settle_bundle(0, 4) == 2
    has(campaign, contributor=2 * R)
    assert campaign.money.of[HELD] == 0
    with pytest.raises(InvalidInputError, match="is over"):
        campaign.settle_bundle(0, 4)


@pytest.mark.parametrize(
    ("verdict", "contributor", "first", "second", "burnt"),
    [
        (Verdict.GOOD, 2 * R + 2 * C - F, -C, -C, 0),
        (Verdict.BAD, R - D, (D - F) // 2, 0, (D - F) // 2),
        (Verdict.BAD_CORRECTED, R - D, (D - F) // 2 + K, 0, (D - F) // 2),
        (None, 2 * R, 0, 0, 0),
    ],
)
def test_a_verdict_moves_money(verdict: Verdict | None, contributor: int, first: int, second: int, burnt: int) -> None:
    campaign = opened()
    challenged(campaign)
    decided(campaign, verdict)
    has(campaign, contributor=contributor, first=first, second=second)
    assert sum(campaign.money.of[name] for name in SEATED) == (0 if verdict is None else F)
    assert campaign.money.of[BURNT] == burnt
    assert campaign.money.of[HELD] == 0


def test_who_concedes_gets_the_fee_back() -> None:
    campaign = opened()
    numbers = campaign.challenge("first", 1)
    campaign.reveal(numbers, (0, 0), Ground.JUDGED, 3, corrected=True)
    with pytest.raises(InvalidInputError, match="nothing to answer"):
        campaign.concede((0, 1), 4)
    campaign.concede((0, 0), 4)
    campaign.settle_bundle(0, 4)
    with pytest.raises(InvalidInputError, match="decided already"):
        decided(campaign, Verdict.GOOD)
    assert campaign.bundles[0].outcomes == {0: Outcome.BAD}
    has(campaign, contributor=R - D + F, first=(D - F) // 2 + K)


@pytest.mark.parametrize(
    ("ground", "contributor", "first"), [(Ground.PUBLIC_COPY, R - D, (D - F) // 2 + F), (Ground.HIDDEN_COPY, R - F, F)]
)
def test_a_proof_needs_no_jury(ground: Ground, contributor: int, first: int) -> None:
    campaign = opened()
    challenged(campaign, ground)
    campaign.settle_sample((0, 0), 4, lambda _: pytest.fail("a jury was asked"))
    has(campaign, contributor=contributor, first=first, second=0)


def test_a_challenge_that_is_not_opened_burns() -> None:
    campaign = opened()
    number = campaign.challenge("first", 1)
    with pytest.raises(InvalidInputError, match="may still be"):
        campaign.burn(number, 3)
    campaign.burn(number, 4)
    has(campaign, first=-C)
    with pytest.raises(InvalidInputError):
        campaign.reveal(number, (0, 0), Ground.JUDGED, 3)


@pytest.mark.parametrize(("made", "step", "index"), [(1, 2, 0), (1, 4, 0), (1, 3, 2), (3, 3, 0)])
def test_a_challenge_opens_in_time_and_of_a_sample_that_is_there(made: int, step: int, index: int) -> None:
    campaign = opened()
    number = campaign.challenge("first", made)
    with pytest.raises(InvalidInputError, match="cannot be opened"):
        campaign.reveal(number, (0, index), Ground.JUDGED, step)


def test_a_challenge_of_before_the_review_is_not_opened() -> None:
    campaign = Campaign(EXAMPLE, Windows(), Ledger({"contributor": START, "first": START, ESCROW: START}))
    campaign.commit("contributor", 1, 0)
    number = campaign.challenge("first", 1)
    campaign.show(0, 1)
    with pytest.raises(InvalidInputError, match="cannot be opened"):
        campaign.reveal(number, (0, 0), Ground.JUDGED, 3)


def test_a_bundle_that_is_never_shown_burns_its_deposits() -> None:
    for shown, lost in ((False, 2 * D + 1), (True, 1)):
        campaign = Campaign(EXAMPLE, Windows(), Ledger({"contributor": START, ESCROW: START}), receipts=1)
        campaign.commit("contributor", 2, 0)
        campaign.void(0, shown=shown)
        has(campaign, contributor=-lost)
        assert campaign.money.of[HELD] == 0


def test_nobody_commits_without_a_deposit_or_a_reward() -> None:
    campaign = Campaign(EXAMPLE, Windows(), Ledger({"contributor": D - 1, ESCROW: START}))
    with pytest.raises(InvalidInputError):
        campaign.commit("contributor", 1, 0)
    campaign = Campaign(EXAMPLE, Windows(), Ledger({"contributor": D, ESCROW: R + K - 1}))
    with pytest.raises(InvalidInputError, match="no reward left"):
        campaign.commit("contributor", 1, 0)


def test_money_is_neither_made_nor_lost_and_none_stays_locked() -> None:
    contributors = (
        Contributor("honest", 3), Malicious("malicious", 2, concedes=False), Malicious("insurer", 1, insures=True),
        Lazy("lazy", 2), Copier("copier", 2), Flooder("flooder", 2), Contributor("away", 1, available=False),
    )  # fmt: skip
    reviewers = (Reviewer("owner", 0.3, 0.02), FalseChallenger("false", 0.1))
    market = AgentMarket(
        Setting(EXAMPLE, BELIEFS, receipts=5), Endless(), contributors, reviewers, JURORS, np.random.default_rng(3)
    )
    before = sum(market.money.of.values())
    for now in range(60):
        market.step(now)
        assert sum(market.money.of.values()) == before
        assert min(market.money.of.values()) >= 0
    market.finish(60)
    assert market.money.of[HELD] == 0
    assert {ground for bundle in market.campaign.bundles for each in bundle.challenged.values() for ground in
            (challenge.ground for challenge in each)} >= {Ground.JUDGED, Ground.PUBLIC_COPY}  # fmt: skip


def test_a_jury_errs_as_often_as_its_jurors_are_told_to() -> None:
    assert errs_of_juror(0.0, 5) == pytest.approx(0, abs=1e-9)
    each = errs_of_juror(0.05, 5)
    assert round(100 * each) == 19
    burnt = (1 - each) * EXAMPLE.fee / EXAMPLE.jurors - each * EXAMPLE.juror_stake
    assert burnt / UNIT == pytest.approx(-0.5, abs=0.01)  # what who looks would have, were lost stakes burnt
    rng = np.random.default_rng(1)
    assert np.mean((rng.random((200_000, 5)) < each).sum(axis=1) > 2) == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize(("name", "tau"), [("digits", DIGITS_TAU), ("texts", TEXT_TAU)])
def test_no_two_fresh_samples_are_copies(name: str, tau: int) -> None:
    pool = POOLS[name](np.random.default_rng(1))
    rows = np.stack([each.features for each in (*pool.initial, *pool.take(1200))])
    for at, row in enumerate(rows[:-1]):
        assert np.abs(rows[at + 1 :] - row).sum(axis=1).min() > tau


def test_honest_contributors_gain_and_never_lose_where_no_jury_errs(kept: Mapping[str, Any]) -> None:
    for runs in kept["experiments"].values():
        for each in runs:
            assert each["least_honest_gain_without_errors"] > 0
        for who in runs[0]["gains"]:
            if who.startswith("honest"):
                assert fmean(each["gains"][who] for each in runs) > 0


def test_attackers_whose_labels_are_wrong_or_copied_are_broke(kept: Mapping[str, Any]) -> None:
    for runs in kept["experiments"].values():
        for each in runs:
            for who, balance in each["moments"][-1]["balances"].items():
                if who in ("malicious", "lazy", "copying"):
                    assert balance < 2 * EXAMPLE.deposit / UNIT + 1, (each["seed"], who)


def test_the_model_is_within_a_point_of_clean_data_and_better_than_without_the_market(kept: Mapping[str, Any]) -> None:
    for name, runs in kept["experiments"].items():
        reached = {
            kind: fmean(run["moments"][-1]["accuracy"][kind] for run in runs) for kind in ("market", "clean", "free")
        }
        if name.startswith("poisoned"):
            assert min(reached["market"], reached["free"]) > reached["clean"] - 0.005, name
        else:
            assert reached["market"] > reached["clean"] - 0.01, name
            assert reached["market"] > reached["free"] + 0.005, name


GAINS = ("honest", "looks at everything", "a juror who looks", "sleeps while it is challenged",
         "copies with a change beyond the distance", "honest, under an owner that never decides",
         "hands its data in again, changed beyond the distance, for improvement",
         "orders its data by leaked tests, for improvement")  # fmt: skip


def test_each_strategy_loses_where_its_inequality_holds_and_gains_where_not(kept: Mapping[str, Any]) -> None:
    for each in kept["strategies"]:
        sign = 1 if each["name"] in GAINS else -1
        assert sign * fmean(each["run"]) > 2.1 * stdev(each["run"]) / len(each["run"]) ** 0.5, each["name"]
        if "broken" in each:
            worse = -1 if each["name"] in GAINS else 1
            assert worse * (fmean(each["broken"]) - fmean(each["run"])) > 0, each["name"]
            assert each["name"] == "honest" or worse * fmean(each["broken"]) > 0, each["name"]


@pytest.mark.parametrize("place", deepened(range(len(STRATEGIES)), [4]))
def test_the_kept_gains_are_those_of_the_code(kept: Mapping[str, Any], place: int) -> None:
    assert [each["name"] for each in kept["strategies"]] == [each.name for each in STRATEGIES]
    for kind, run_ in (("run", STRATEGIES[place].run), ("broken", STRATEGIES[place].broken)):
        if run_ is not None:
            assert kept["strategies"][place][kind][0] == pytest.approx(run_.gain(1))
    assert strategies.STEPS == 300


@pytest.mark.parametrize("place", deepened(range(len(EXPERIMENTS)), []))
def test_the_kept_markets_are_those_of_the_code(kept: Mapping[str, Any], place: int) -> None:
    experiment = EXPERIMENTS[place]
    found = kept["experiments"][experiment.name]
    assert run(experiment, 1)["gains"] == found[0]["gains"]
