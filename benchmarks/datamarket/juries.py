"""Jurors of a simulated market: who is drawn, and what each says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np

from benchmarks.datamarket.campaignrules import Ledger, Target
from benchmarks.datamarket.juryrules import Ruling, Seat, Verdict, verdict_of
from commons.samples.campaigneconomics import SampleTerms


@dataclass(slots=True)
class Juror:
    """One who looks at the sample and errs sometimes, or who never looks.

    Attributes:
        blind: votes for what juries said most often so far, BAD before the first verdict.
    """

    name: str
    blind: bool = False


@dataclass(slots=True)
class Jury:
    """Draws a jury a case.  A correction is right wherever the sample is bad: challengers look.

    Attributes:
        is_good: what is true of a sample.
        errs: how often a juror who looks is wrong.
        cost: what looking costs, outside the market.
        outside: what each gained or spent outside the market.
        seats: how often each sat.
        common: how often juries said what.
    """

    terms: SampleTerms
    money: Ledger
    jurors: Sequence[Juror]
    is_good: Callable[[Target], bool]
    errs: float
    cost: int
    outside: Counter[str]
    rng: np.random.Generator
    seats: Counter[str] = field(default_factory=Counter)
    common: Counter[bool] = field(default_factory=Counter)

    def judge(self, target: Target) -> Ruling:
        """See ``Judge`` of the rules; nobody decides where too few can stake."""
        able = [each for each in self.jurors if self.money.of[each.name] >= self.terms.juror_stake]
        if len(able) < self.terms.jurors:
            return Ruling()
        drawn = [able[at] for at in self.rng.choice(len(able), self.terms.jurors, replace=False)]
        truth = self.is_good(target)
        bad = Verdict.BAD if truth else Verdict.BAD_CORRECTED
        seats = [Seat(each.name, Verdict.GOOD if self._vote(each, truth) else bad) for each in drawn]
        self.seats.update(seat.juror for seat in seats)
        self.common[verdict_of(seats) is Verdict.GOOD] += 1
        return Ruling(first=seats)

    def _vote(self, juror: Juror, truth: bool) -> bool:
        if juror.blind:
            return self.common[True] > self.common[False]
        self.outside[juror.name] -= self.cost
        return truth if self.rng.random() >= self.errs else not truth


def errs_of_juror(jury: float, jurors: int) -> float:
    """How often one juror errs where a majority of independent ones errs as often as is said.

    Args:
        jury: share of wrong verdicts, 0 to below 0.5.
        jurors: odd.
    """
    least, most = 0.0, 0.5
    for _ in range(60):
        middle = (least + most) / 2
        if _majority_errs(middle, jurors) < jury:
            least = middle
        else:
            most = middle
    return least


def _majority_errs(each: float, jurors: int) -> float:
    needed = jurors // 2 + 1
    return sum(comb(jurors, k) * each**k * (1 - each) ** (jurors - k) for k in range(needed, jurors + 1))
