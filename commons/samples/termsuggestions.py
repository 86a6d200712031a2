"""Terms of a campaign that make honesty pay under given beliefs: the smallest amounts, and a margin."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from circuits.errors import InvalidInputError
from commons.samples.campaigneconomics import (
    BPS,
    MAX_AMOUNT,
    Arbiter,
    Beliefs,
    SampleTerms,
    require_jurors,
    require_sound,
)

__all__ = ["suggest_terms"]

_ROUNDS = 20_000
"""Steps after which amounts that still grow are given up: they grow by a factor close to 1."""


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Amounts that depend on each other; all grow from step to step, or stay.

    Attributes:
        at_risk: D - F.
    """

    fee: int = 0
    stake: int = 0
    at_risk: int = 0
    correction: int = 0


@dataclass(frozen=True, slots=True)
class _Solver:
    reward: int
    beliefs: Beliefs
    jurors: int
    burnt: Fraction
    arbiter: Arbiter
    margin: Fraction

    def above(self, bound: Fraction) -> int:
        """A whole number above a bound, by the margin."""
        return int(bound * (1 + self.margin)) + 1

    def step(self, old: _Amounts) -> _Amounts:
        """Amounts that are large enough for those of the step before."""
        appeal = Fraction(old.fee * (2 * self.jurors + 1), self.jurors) if self.jurors else 0
        eta, q0 = self.beliefs.error, self.beliefs.checked
        gains = self.reward + self.beliefs.gain
        served = ceil(self.jurors * self.beliefs.cost)
        fee = max(
            self.jurors, served, self.above(eta * (gains + old.at_risk + old.stake))
        )  # each juror gets some of it
        correction = max(ceil(self.beliefs.work), ceil(self.beliefs.cost), self.missing(old.at_risk))
        at_risk = max(
            self.above(gains * (1 - q0) / q0),
            self.above(self.guessed()),
            self.above(correction / self.burnt),
            ceil(appeal),
        )
        winnings = correction + (0 if self.arbiter is Arbiter.OWNER else ceil((1 - self.burnt) * at_risk))
        stake = max(ceil(gains), fee + self.reward, old.fee + ceil(appeal), self.above(eta * winnings / (1 - eta)))
        new = _Amounts(fee, stake, at_risk, correction)
        return _Amounts(*(max(getattr(old, name), getattr(new, name)) for name in _Amounts.__slots__))

    def guessed(self) -> Fraction:
        """D - F at which guessing neither gains nor loses."""
        share, q0 = self.beliefs.guessed, self.beliefs.checked
        return self.reward * (share / (1 - share) + 1 - q0) / q0

    def missing(self, at_risk: int) -> int:
        """K without which checking would not pay."""
        wanted = self.beliefs.cost / (self.beliefs.tolerated * (1 - self.beliefs.error)) * (1 + self.margin)
        shared = 0 if self.arbiter is Arbiter.OWNER else (1 - self.burnt) * at_risk
        return max(0, ceil(wanted - shared))

    def solve(self) -> _Amounts:
        """Amounts that no step makes larger."""
        found = _Amounts()
        for _ in range(_ROUNDS):
            grown = self.step(found)
            if grown == found:
                return found
            found = grown
            if found.stake > MAX_AMOUNT or found.at_risk > MAX_AMOUNT:
                break
        raise InvalidInputError(
            f"no fee is large enough for an arbiter that errs in {float(self.beliefs.error):.3g} of all cases; "
            "choose one that errs less"
        )

    def juror_stake(self, found: _Amounts) -> int:
        """s, against bribes and for jurors who look."""
        value = self.reward + found.at_risk + found.fee + found.correction + found.stake
        looking = self.beliefs.cost / (1 - self.beliefs.common)
        return max(self.above(Fraction(2 * value, self.jurors + 1)), ceil(looking))


def suggest_terms(
    reward: int,
    beliefs: Beliefs,
    jurors: int = 5,
    arbiter: Arbiter = Arbiter.JURY,
    burnt: int = BPS // 2,
    margin: Fraction = Fraction(1, 50),
) -> SampleTerms:
    """Deposit, stakes, correction and fee for which every inequality holds.

    Args:
        reward: R, in the token's smallest unit.
        jurors: n of a first jury; none, where the owner decides.
        burnt: b in basis points, 1 to 9,999.
        margin: by how much more than an inequality asks for an amount is.

    Raises:
        InvalidInputError: no amounts do it: the arbiter errs too often, or the reward is too small for honest work.
    """
    if arbiter is Arbiter.OWNER:
        jurors = 0
    else:
        require_jurors(jurors)
    if not 0 < burnt < BPS or not 0 < reward <= MAX_AMOUNT or margin < 0:
        raise InvalidInputError("a burnt share is 1 to 9999 basis points, a reward above 0, and a margin not below 0")
    solver = _Solver(reward, beliefs, jurors, Fraction(burnt, BPS), arbiter, margin)
    found = solver.solve()
    stake = 0 if arbiter is Arbiter.OWNER else solver.juror_stake(found)
    made = SampleTerms(
        reward, found.at_risk + found.fee, found.stake, found.correction, found.fee, burnt, arbiter, jurors, stake
    )
    require_sound(made, beliefs)
    return made
