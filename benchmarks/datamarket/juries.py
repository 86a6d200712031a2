"""Jurors of a simulated market: who is drawn, what each says, who is paid and whose stake burns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

import numpy as np

from benchmarks.datamarket.campaignrules import BURNT, HELD, Ledger, Verdict
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
    """Draws a jury a case and pays it.  The correction is right wherever the sample is bad: challengers look.

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
    is_good: Callable[[tuple[int, int]], bool]
    errs: float
    cost: int
    outside: Counter[str]
    rng: np.random.Generator
    seats: Counter[str] = field(default_factory=Counter)
    common: Counter[bool] = field(default_factory=Counter)

    def judge(self, target: tuple[int, int]) -> tuple[Verdict | None, dict[str, int]]:
        """See ``Judge`` of the rules."""
        able = [each for each in self.jurors if self.money.of[each.name] >= self.terms.juror_stake]
        if len(able) < self.terms.jurors:
            return None, {}
        drawn = [able[at] for at in self.rng.choice(len(able), self.terms.jurors, replace=False)]
        truth = self.is_good(target)
        votes = [(each, self._vote(each, truth)) for each in drawn]
        good = sum(vote for _, vote in votes) * 2 > self.terms.jurors
        self.seats.update(each.name for each, _ in votes)
        shares = {each.name: self.terms.fee // self.terms.jurors for each, vote in votes if vote == good}
        self._divide([each for each, vote in votes if vote != good], list(shares))
        self.common[good] += 1
        return (Verdict.GOOD if good else Verdict.BAD if truth else Verdict.BAD_CORRECTED), shares

    def _vote(self, juror: Juror, truth: bool) -> bool:
        if juror.blind:
            return self.common[True] > self.common[False]
        self.outside[juror.name] -= self.cost
        return truth if self.rng.random() >= self.errs else not truth

    def _divide(self, wrong: Sequence[Juror], right: Sequence[str]) -> None:
        """Stakes of those in the minority go to the others in equal parts; what does not divide is burnt."""
        for each in wrong:
            self.money.move(each.name, HELD, self.terms.juror_stake)
        pot = self.terms.juror_stake * len(wrong)
        for name in right:
            self.money.move(HELD, name, pot // len(right))
        self.money.move(HELD, BURNT, pot % len(right))


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
