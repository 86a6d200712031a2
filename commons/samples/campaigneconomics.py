"""Whether terms of a campaign make honesty pay: what one believes of the others, the inequalities, and terms that hold.

docs/protocol-data.md, section "Why honesty pays".  All money is in the token's smallest unit and everything is exact.
A belief is nobody's to check but one's own, so these inequalities are no rules of the contract; those that need no
belief are, and it refuses terms that break one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from circuits.errors import InvalidInputError

__all__ = ["BPS", "Arbiter", "Beliefs", "Inequality", "SampleTerms", "inequalities", "require_sound"]

BPS = 10_000
MAX_AMOUNT = 2**128 - 1
MIN_JURORS, MAX_JURORS = 3, 15


class Arbiter(Enum):
    """Who decides a case."""

    OWNER = "owner"
    JURY = "jury"
    MODEL = "model"
    """The model where it agrees with the label, a jury where it does not."""


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What somebody believes who opens a campaign, or takes part in one.

    Attributes:
        cost: c, what it costs to check a sample, in the token's smallest unit.
        gain: e, what a bad sample that gets through is worth to whoever made it.
        checked: q0, share of samples that the owner checks by itself, above 0.
        tolerated: eps, share of bad samples at which checking stops to pay, above 0.
        error: eta, how often the arbiter errs.
        challenged: phi, share of good samples that are challenged all the same.
        common: pi, share of the more common verdict: how often a juror is right who does not look.
        work: what it costs to make a good sample.
        guessed: g, how often a label is right that costs no work: 1 of the number of classes, if they are alike.

    Raises:
        InvalidInputError: a share is not in [0, 1), or an amount is negative.
    """

    cost: Fraction
    gain: Fraction
    checked: Fraction
    tolerated: Fraction
    error: Fraction
    challenged: Fraction
    common: Fraction
    work: Fraction
    guessed: Fraction

    def __post_init__(self) -> None:
        for name in ("cost", "gain", "work"):
            if not 0 <= getattr(self, name) <= MAX_AMOUNT:
                raise InvalidInputError(f"the belief {name} is an amount, not {float(getattr(self, name)):g}")
        for name in ("checked", "tolerated", "error", "challenged", "common", "guessed"):
            least_open = name in ("checked", "tolerated")
            share = getattr(self, name)
            if not 0 <= share < 1 or (least_open and share == 0):
                raise InvalidInputError(
                    f"the belief {name} is a share {'above' if least_open else 'from'} 0 and below 1, not {share}"
                )


@dataclass(frozen=True, slots=True)
class SampleTerms:
    """Terms of a campaign that are counted by the sample, in the token's smallest unit.

    Attributes:
        reward: R, for an accepted sample.
        deposit: D, of the contributor.
        stake: C, of a challenger.
        correction: K, for a right correction.
        fee: F, of a case.
        burnt: b, in basis points: share of a bad sample's deposit, less the fee, that nobody gets.
        arbiter: who decides.
        jurors: n of a first jury, odd, 3 to 15; 0 where the owner decides.
        juror_stake: s, of each juror; 0 where the owner decides.

    Raises:
        InvalidInputError: an amount is out of range, or no jury has so many jurors.
    """

    reward: int
    deposit: int
    stake: int
    correction: int
    fee: int
    burnt: int
    arbiter: Arbiter
    jurors: int
    juror_stake: int

    def __post_init__(self) -> None:
        amounts = (self.reward, self.deposit, self.stake, self.correction, self.fee, self.juror_stake)
        if any(not 0 <= amount <= MAX_AMOUNT for amount in amounts) or not 0 <= self.burnt <= BPS:
            raise InvalidInputError("amounts of a campaign are 0 to 2**128 - 1, and its burnt share is 0 to 10000")
        if self.arbiter is not Arbiter.OWNER:
            require_jurors(self.jurors)
        elif self.jurors or self.juror_stake:
            raise InvalidInputError("where the owner decides, there are no jurors and no stakes of theirs")

    @property
    def at_risk(self) -> int:
        """D - F: what a contributor of a bad sample loses beside the fee; negative where the fee is larger."""
        return self.deposit - self.fee

    @property
    def burnt_share(self) -> Fraction:
        """b."""
        return Fraction(self.burnt, BPS)

    @property
    def winnings(self) -> Fraction:
        """P: what the winning challenger of a bad sample gets, with a right correction."""
        if self.arbiter is Arbiter.OWNER:
            return Fraction(self.correction)
        return (1 - self.burnt_share) * self.at_risk + self.correction

    @property
    def appeal_fee(self) -> Fraction:
        """F2, of a second jury of 2n + 1; 0 where the owner decides."""
        if self.arbiter is Arbiter.OWNER:
            return Fraction(0)
        return Fraction(self.fee * (2 * self.jurors + 1), self.jurors)

    @property
    def before_jury(self) -> int:
        """Everything that one verdict decides on."""
        return self.reward + self.deposit + self.correction + self.stake


def require_jurors(jurors: int) -> None:
    """Raise InvalidInputError unless a first jury may have so many jurors."""
    if not MIN_JURORS <= jurors <= MAX_JURORS or jurors % 2 == 0:
        raise InvalidInputError(f"a jury has an odd number of jurors, {MIN_JURORS} to {MAX_JURORS}, not {jurors}")


@dataclass(frozen=True, slots=True)
class Inequality:
    """One condition under which honesty pays.

    Attributes:
        name: how it is named, as in ``--accept``.
        meaning: a sentence: what it keeps from paying.
        formula: as the design writes it.
        left, right: both sides.
        strict: whether equality breaks it.
        enforced: whether the contract refuses terms that break it.
    """

    name: str
    meaning: str
    formula: str
    left: Fraction
    right: Fraction
    strict: bool = False
    enforced: bool = False

    @property
    def holds(self) -> bool:
        """Whether the left side is large enough."""
        return self.left > self.right if self.strict else self.left >= self.right


def inequalities(terms: SampleTerms, beliefs: Beliefs) -> tuple[Inequality, ...]:
    """All conditions, with both sides as numbers; the left one has to be the larger one."""
    found = (*_of_the_contract(terms), *_of_contributors(terms, beliefs), *_of_challengers(terms, beliefs))
    return found if terms.arbiter is Arbiter.OWNER else (*found, *_of_jurors(terms, beliefs))


def _of_the_contract(terms: SampleTerms) -> Iterator[Inequality]:
    yield Inequality(
        "fee", "A contributor of a bad sample loses more than the fee.",
        "D > F", Fraction(terms.deposit), Fraction(terms.fee), strict=True, enforced=True,
    )  # fmt: skip
    yield Inequality(
        "self-challenge", "Nobody gains by handing in a bad sample and correcting it from another account.",
        "b (D - F) >= K", terms.burnt_share * terms.at_risk, Fraction(terms.correction), enforced=True,
    )  # fmt: skip
    yield Inequality(
        "compensation", "A false challenger pays the case, and the contributor as much as an accepted sample brings.",
        "C >= F + R", Fraction(terms.stake), Fraction(terms.fee + terms.reward), enforced=True,
    )  # fmt: skip
    if terms.arbiter is not Arbiter.OWNER:
        yield Inequality(
            "appeal", "Whoever loses an appeal can pay both juries from what it locked.",
            "min(C, D) >= F + F2", Fraction(min(terms.stake, terms.deposit)), terms.fee + terms.appeal_fee,
            enforced=True,
        )  # fmt: skip
        yield Inequality(
            "bribes", "To bribe a majority of a jury costs more than all that the jury decides on.",
            "s (n + 1) / 2 > R + D + K + C", Fraction(terms.juror_stake * (terms.jurors + 1), 2),
            Fraction(terms.before_jury), strict=True, enforced=True,
        )  # fmt: skip


def _of_contributors(terms: SampleTerms, beliefs: Beliefs) -> Iterator[Inequality]:
    q0, eta, phi = beliefs.checked, beliefs.error, beliefs.challenged
    yield Inequality(
        "cheating", "A contributor of bad samples loses, even if only the owner checks.",
        "q0 (D - F) > (1 - q0) (R + e)", q0 * terms.at_risk, (1 - q0) * (terms.reward + beliefs.gain), strict=True,
    )  # fmt: skip
    yield Inequality(
        "guessing", "A contributor that guesses labels loses, even if only the owner checks.",
        "(1 - g) (q0 (D - F) - (1 - q0) R) > g R",
        (1 - beliefs.guessed) * (q0 * terms.at_risk - (1 - q0) * terms.reward), beliefs.guessed * terms.reward,
        strict=True,
    )  # fmt: skip
    yield Inequality(
        "insurance", "Nobody gains by challenging own bad samples so that others come too late.",
        "C >= R + e", Fraction(terms.stake), terms.reward + beliefs.gain,
    )  # fmt: skip
    yield Inequality(
        "contesting", "A contributor who was caught loses by contesting the truth.",
        "F > eta (R + D + C - F + e)", Fraction(terms.fee),
        eta * (terms.reward + terms.at_risk + terms.stake + beliefs.gain), strict=True,
    )  # fmt: skip
    yield Inequality(
        "honesty", "A contributor of good samples gains, with an arbiter that errs.",
        "R - work > phi eta (R + D)", terms.reward - beliefs.work, phi * eta * (terms.reward + terms.deposit),
        strict=True,
    )  # fmt: skip


def _of_challengers(terms: SampleTerms, beliefs: Beliefs) -> Iterator[Inequality]:
    eta = beliefs.error
    yield Inequality(
        "checking", "Checking pays as long as more than the tolerated share of samples is bad.",
        "P >= c / (eps (1 - eta))", terms.winnings, beliefs.cost / (beliefs.tolerated * (1 - eta)),
    )  # fmt: skip
    yield Inequality(
        "false-challenge", "Challenging good samples loses.",
        "(1 - eta) C > eta P", (1 - eta) * terms.stake, eta * terms.winnings, strict=True,
    )  # fmt: skip


def _of_jurors(terms: SampleTerms, beliefs: Beliefs) -> Iterator[Inequality]:
    yield Inequality(
        "jurors", "A juror gains by looking, against voting for what is more common.",
        "(1 - pi) (s + F / n) >= c",
        (1 - beliefs.common) * (terms.juror_stake + Fraction(terms.fee, terms.jurors)), beliefs.cost,
    )  # fmt: skip
    yield Inequality(
        "serving", "Jurors who look gain by serving: what some lose by erring, others of the same jury get.",
        "F / n >= c", Fraction(terms.fee, terms.jurors), beliefs.cost,
    )  # fmt: skip


def require_sound(terms: SampleTerms, beliefs: Beliefs, accepted: Collection[str] = ()) -> tuple[Inequality, ...]:
    """All inequalities, if those that do not hold are accepted by name.

    Args:
        accepted: names of inequalities that may be broken; the contract's own may not.

    Raises:
        InvalidInputError: another one does not hold, or there is none of a name that is accepted.
    """
    found = inequalities(terms, beliefs)
    unknown = set(accepted) - {each.name for each in found if not each.enforced}
    if unknown:
        raise InvalidInputError(f"no inequality that may be accepted is called {', '.join(sorted(unknown))}")
    broken = [each for each in found if not each.holds and each.name not in accepted]
    if broken:
        told = " ".join(f"{each.name}: {each.formula} does not hold. {each.meaning}" for each in broken)
        raise InvalidInputError(f"the terms do not make honesty pay: {told}")
    return found
