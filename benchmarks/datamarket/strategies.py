"""Each strategy alone among honest ones: what it gains where the inequality meant for it holds, and where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from benchmarks.datamarket.agentmarket import AgentMarket, Setting
from benchmarks.datamarket.contributors import (
    Careless,
    Contributor,
    Copier,
    Flooder,
    Follower,
    Lazy,
    Leader,
    Malicious,
)
from benchmarks.datamarket.improvementgains import ImprovementRun, cut, leaked, ordered_by_tests, repeated
from benchmarks.datamarket.juries import Juror
from benchmarks.datamarket.reviewers import FalseChallenger, Reviewer
from benchmarks.datamarket.samplepools import Endless
from commons.samples.campaigneconomics import Arbiter, Beliefs, SampleTerms

UNIT = 10**6
"""A reward, in the token's smallest unit."""
EXAMPLE = SampleTerms(UNIT, 4 * UNIT, 2 * UNIT, UNIT // 2, 2 * UNIT // 5, 5000, Arbiter.JURY, 5, 3 * UNIT)
"""The design's example, in rewards: D 4, C 2, K 0.5, F 0.4, b one half, n 5, s 3."""
BELIEFS = Beliefs(
    cost=Fraction(UNIT, 100), gain=Fraction(UNIT, 2), checked=Fraction(3, 10), tolerated=Fraction(1, 50),
    error=Fraction(1, 20), challenged=Fraction(1, 20), common=Fraction(9, 10), work=Fraction(UNIT, 2),
    guessed=Fraction(1, 10),
)  # fmt: skip
JURORS = tuple(Juror(f"juror {number}") for number in range(1, 10))
STEPS = 300
_SIZE = 10


@dataclass(frozen=True, slots=True)
class Run:
    """A market for one strategy.

    Attributes:
        contributor: hands in.
        measured: whose gain counts.
        reviewers: make those beside the owner, who looks at its share of all samples.
        silent: the owner is the arbiter and never decides.
        receipts: fee for a bundle's receipts.
        instead: what the same account could do; its gain is taken off.
        others: contributors beside the one.
        party: accounts whose gains and samples count with those of ``measured``.
        copies_sought: whether somebody's program looks for copies.
    """

    contributor: Contributor = field(default_factory=lambda: Contributor("it", _SIZE))
    terms: SampleTerms = EXAMPLE
    beliefs: Beliefs = BELIEFS
    measured: str = "it"
    reviewers: tuple[Callable[[], Reviewer], ...] = ()
    jurors: Sequence[Juror] = JURORS
    silent: bool = False
    receipts: int = 0
    instead: Run | None = None
    others: tuple[Contributor, ...] = ()
    party: tuple[str, ...] = ()
    copies_sought: bool = True

    def gain(self, seed: int, steps: int = STEPS) -> float:
        """What it gains by the sample, challenge or seat, in rewards."""
        own = self._gain(seed, steps)
        return own if self.instead is None else own - self.instead._gain(seed, steps)

    def _gain(self, seed: int, steps: int) -> float:
        beliefs = self.beliefs
        checks = Reviewer("owner", float(beliefs.checked))
        setting = Setting(
            self.terms, beliefs, start=10**7, silent=self.silent, receipts=self.receipts,
            copies_sought=self.copies_sought,
        )  # fmt: skip
        reviewers = [checks, *(make() for make in self.reviewers)]
        market = AgentMarket(
            setting, Endless(), (self.contributor, *self.others), reviewers, self.jurors, np.random.default_rng(seed)
        )
        for now in range(steps):
            market.step(now)
        market.finish(steps)
        count = market.handed[self.measured] or market.made[self.measured] or market.seats[self.measured]
        count += sum(market.handed[each] for each in self.party)
        return sum(market.gain(each) for each in (self.measured, *self.party)) / UNIT / count


class Gains(Protocol):
    """Anything that tells what a strategy gains, from a seed."""

    def gain(self, seed: int) -> float:
        """By the sample, challenge, seat, or in percent of a budget."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy, and where it pays.

    Attributes:
        name: what it does.
        inequality: name of the one that keeps it from paying, or makes it pay; or which other rule does.
        run: the market in which that holds.
        broken: one in which it does not; None where no terms are meant.
        per: what the gain is divided by.
    """

    name: str
    inequality: str
    run: Gains
    broken: Gains | None = None
    per: str = "sample"


def _terms(**changed: float) -> SampleTerms:
    """The example with amounts changed, in rewards."""
    amounts: dict[str, Any] = {name: round(amount * UNIT) for name, amount in changed.items()}
    return replace(EXAMPLE, **amounts)


def _beliefs(**changed: float) -> Beliefs:
    return replace(BELIEFS, **{name: Fraction(str(value)) for name, value in changed.items()})


def _of(kind: type[Contributor], **chosen: object) -> Contributor:
    return kind("it", _SIZE, **chosen)  # type: ignore[arg-type]


def _looking_at(bad: float) -> Run:
    """A reviewer that looks at every sample of a contributor of so many bad ones, where the owner looks at none."""
    return Run(
        Careless("bad", _SIZE, share=bad), beliefs=_beliefs(checked=1e-9), measured="reviewer",
        reviewers=(lambda: Reviewer("reviewer", 1.0),),
    )  # fmt: skip


def _false(share: float) -> Callable[[], Reviewer]:
    return lambda: FalseChallenger("false", share)


_BLIND = (Juror("it", blind=True), *JURORS[1:])
_LOOKS = (Juror("it"), *JURORS[1:])
_UNSURE = _beliefs(error=0.2, challenged=0.3)
_OFTEN_WRONG = _beliefs(error=0.45)
_OWNER = replace(EXAMPLE, arbiter=Arbiter.OWNER, jurors=0, juror_stake=0)
_INSURED = {"correction": 1.8}
_HONEST = Contributor("honest", _SIZE)
_BAD = Malicious("bad", _SIZE, concedes=False)
_SEATED = Run(_BAD, jurors=_LOOKS, others=(_HONEST,), reviewers=(_false(0.3),))
_CHEAP = replace(_SEATED, terms=_terms(juror_stake=0.001), beliefs=_beliefs(cost=0.2 * UNIT))
_SLEEPS = Run(_of(Contributor, concedes=False), reviewers=(_false(0.3),))
_UNDECIDED = Run(terms=_OWNER, silent=True, reviewers=(_false(0.3),))
_CONCEDES = _of(Malicious)
_CONTESTS = _of(Malicious, concedes=False)
_ALWAYS = _beliefs(checked=0.9999)
_CAUGHT = Run(_CONTESTS, beliefs=_ALWAYS, instead=Run(_CONCEDES, beliefs=_ALWAYS))
_LOW_FEE = _terms(fee=0.1)

_SECOND, _THIRD = "its second", "its third"


def _copies(delays: Sequence[int], stake: float) -> Run:
    """Accounts of one party that hand in the same, each challenging its bundle as a copy of the one before.

    The first is a copy of the last where it is shown so late that it is no original of that.
    """
    names = ("it", _SECOND, _THIRD)[: len(delays)]
    leader = Leader("it", _SIZE, concedes=True, delay=delays[0], original=names[-1] if len(names) == 3 else "")
    followers = [
        Follower(name, _SIZE, delay=delay, original=before, leader=leader)
        for name, delay, before in zip(names[1:], delays[1:], names, strict=False)
    ]
    return Run(leader, _terms(stake=stake), others=tuple(followers), party=names[1:], copies_sought=False)


def _correcting(**changed: float) -> Run:
    """Two accounts of one party, each of which corrects what the other hands in."""
    first = Malicious("it", _SIZE, corrects=True, challenger=_SECOND)
    second = Malicious(_SECOND, _SIZE, corrects=True, challenger="it")
    return Run(first, _terms(**changed), others=(second,), party=(_SECOND,), copies_sought=False)


STRATEGIES = (
    Strategy("honest", "honesty", Run(reviewers=(_false(0.05),)),
             Run(beliefs=replace(_UNSURE, work=Fraction(95, 100) * UNIT), reviewers=(_false(0.3),))),
    Strategy("malicious", "cheating", Run(_of(Malicious)), Run(_of(Malicious), _terms(deposit=3))),
    Strategy("lazy", "guessing", Run(_of(Lazy)), Run(_of(Lazy), _terms(deposit=2.5))),
    Strategy("contests the truth", "contesting", _CAUGHT, replace(_CAUGHT, terms=_LOW_FEE,
             instead=replace(_CAUGHT, contributor=_CONCEDES, terms=_LOW_FEE, instead=None)), "sample, above conceding"),
    Strategy("challenges itself", "self-challenge", Run(_of(Malicious, corrects=True)),
             Run(_of(Malicious, corrects=True), _terms(correction=2.2))),
    Strategy("insures itself", "insurance", Run(_of(Malicious, insures=True), _terms(stake=1.6, **_INSURED)),
             Run(_of(Malicious, insures=True), _terms(stake=1.4, **_INSURED))),
    Strategy("challenges what is good", "false-challenge", Run(measured="false", reviewers=(_false(0.3),)),
             Run(measured="false", reviewers=(_false(0.3),), terms=_terms(stake=1.4), beliefs=_OFTEN_WRONG),
             "challenge"),
    Strategy("a juror who never looks", "jurors", replace(_SEATED, jurors=_BLIND, instead=_SEATED),
             replace(_CHEAP, jurors=_BLIND, instead=_CHEAP), "seat, above one who looks"),
    Strategy("a juror who looks", "jurors", _SEATED, None, "seat"),
    Strategy("looks at everything", "checking", _looking_at(0.04), _looking_at(0.002), "challenge"),
    Strategy("copies what is public", "proof", Run(_of(Copier), others=(_HONEST,))),
    Strategy("copies with a change beyond the distance", "none", Run(_of(Copier, noise=400), others=(_HONEST,))),
    Strategy("floods with near-duplicates", "proof", Run(_of(Flooder, noise=5))),
    Strategy("shows no data to the committee", "receipts", Run(_of(Contributor, available=False), receipts=UNIT)),
    Strategy("never shows what it committed to", "deposit", Run(_of(Contributor, shows=False))),
    Strategy("sleeps while it is challenged", "silence contests", _SLEEPS),
    Strategy("honest, under an owner that never decides", "silence accepts", _UNDECIDED),
    Strategy("twins that correct each other", "self-challenge", _correcting(), _correcting(correction=2.2)),
    Strategy("twins, the second a copy of the first", "insurance", _copies((0, 0), 2), _copies((0, 0), 1.4)),
    Strategy("three bundles, each a copy of another", "insurance", _copies((2, 1, 0), 2), _copies((2, 1, 0), 1.4)),
    Strategy("hands in leaked tests, for improvement", "left out", ImprovementRun(leaked(10)),
             ImprovementRun(leaked(20)), "% of the budget, above good data"),
    Strategy("cuts its data into twenty bundles, for improvement", "receipts", ImprovementRun(cut, 0.5),
             ImprovementRun(cut), "% of the budget, above one bundle"),
    Strategy("hands its data in again, changed beyond the distance, for improvement", "none",
             ImprovementRun(repeated(20)), None, "% of the budget, above once"),
    Strategy("orders its data by leaked tests, for improvement", "none", ImprovementRun(ordered_by_tests), None,
             "% of the budget, above an order of chance"),
)  # fmt: skip
