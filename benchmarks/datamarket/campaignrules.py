"""The rules of a campaign as a pure model: whose money is where after each move.

docs/protocol-data.md, as contracts/src/data has it; a test plays the same moves on both.  Time is counted in steps.
The rules do not know what is true: who judges is a parameter of the move that decides a case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from circuits.errors import InvalidInputError
from commons.samples.campaigneconomics import BPS, Arbiter, SampleTerms

BURNT = "burnt"
ESCROW = "escrow"
HELD = "held"
COMMITTEE = "committee"


class Ledger:
    """Who has what, in the token's smallest unit; the sum never changes.

    Attributes:
        of: amount of each account; ``BURNT`` and ``ESCROW`` are accounts, and ``HELD`` is what is locked.
    """

    def __init__(self, amounts: dict[str, int]) -> None:
        self.of: defaultdict[str, int] = defaultdict(int, amounts)

    def move(self, source: str, target: str, amount: int) -> None:
        """Raises InvalidInputError where the source has less."""
        if amount < 0 or self.of[source] < amount:
            raise InvalidInputError(f"{source} has {self.of[source]}, and {amount} are to be moved")
        self.of[source] -= amount
        self.of[target] += amount


@dataclass(frozen=True, slots=True)
class Windows:
    """Steps of each window, from the end of the one before."""

    review: int = 2
    reveal: int = 1
    answer: int = 1


class Outcome(Enum):
    """What became of a sample."""

    ACCEPTED = "accepted"
    BAD = "bad"
    CORRECTED = "corrected"
    VOID = "void"


class Ground(Enum):
    """Why a sample is challenged."""

    JUDGED = "judged"
    SCHEMA = "schema"
    PUBLIC_COPY = "copy of what was public"
    HIDDEN_COPY = "copy of what was hidden"


class Verdict(Enum):
    """What a jury says of a sample."""

    GOOD = "good"
    BAD = "bad"
    BAD_CORRECTED = "bad, and the correction is right"


@dataclass(slots=True)
class Challenge:
    """A challenger's stake, on a sample that it names when it opens."""

    who: str
    made: int
    number: int
    target: tuple[int, int] | None = None
    ground: Ground = Ground.JUDGED
    corrected: bool = False
    over: bool = False


@dataclass(slots=True)
class Bundle:
    """Samples that were committed to together.

    Attributes:
        opened: step at which the content and its receipts were there; None before.
        challenged: opened challenges of each sample, the earliest first.
        conceded: samples that their contributor gives up.
        outcomes: of samples that somebody challenged, once decided.
    """

    who: str
    count: int
    made: int
    opened: int | None = None
    over: bool = False
    challenged: dict[int, list[Challenge]] = field(default_factory=dict)
    conceded: set[int] = field(default_factory=set)
    outcomes: dict[int, Outcome] = field(default_factory=dict)


Judge = Callable[[tuple[int, int]], tuple[Verdict | None, dict[str, int]]]
"""Of a sample: the verdict, None for no decision, and what jurors get of the fee; the rest of the fee is burnt."""


class Campaign:
    """One campaign: commitments, reviews, challenges, cases, and what is paid.

    Attributes:
        receipts: what a committee's receipts for a bundle cost its contributor.
        bundles, challenges: by number.
        decisions: (bundle, sample or -1 for all that nobody challenged, outcome), in their order.
    """

    def __init__(self, terms: SampleTerms, windows: Windows, money: Ledger, receipts: int = 0) -> None:
        self.terms, self.windows, self.money, self.receipts = terms, windows, money, receipts
        self.bundles: list[Bundle] = []
        self.challenges: list[Challenge] = []
        self.decisions: list[tuple[int, int, Outcome]] = []

    def commit(self, who: str, count: int, step: int) -> int:
        """Number of the bundle; D a sample and the fee for receipts are locked, and R + K of the escrow."""
        if count < 1:
            raise InvalidInputError("a bundle has a sample at least")
        reserved = (self.terms.reward + self.terms.correction) * count
        if self.money.of[ESCROW] < reserved:
            raise InvalidInputError("the escrow has no reward left for so many samples")
        self.money.move(who, HELD, self.terms.deposit * count + self.receipts)
        self.money.move(ESCROW, HELD, reserved)
        self.bundles.append(Bundle(who, count, step))
        return len(self.bundles) - 1

    def show(self, bundle: int, step: int) -> None:
        """The content is public, and receipts are there: the review begins."""
        held = self._open_bundle(bundle)
        if held.opened is not None or step <= held.made:
            raise InvalidInputError(f"bundle {bundle} was shown before, or is not final")
        held.opened = step
        self._pay(COMMITTEE, self.receipts)

    def void(self, bundle: int, *, shown: bool) -> None:
        """Never shown: the deposits are burnt.  Shown, and no receipts: they go back, less the fee for receipts."""
        held = self._open_bundle(bundle)
        if held.opened is not None:
            raise InvalidInputError(f"bundle {bundle} is under review")
        self._pay(held.who if shown else BURNT, self.terms.deposit * held.count)
        self._pay(BURNT, self.receipts)
        self._pay(ESCROW, (self.terms.reward + self.terms.correction) * held.count)
        held.over = True

    def challenge(self, who: str, step: int) -> int:
        """Number of the challenge; C is locked, and nobody knows which sample is meant."""
        self.money.move(who, HELD, self.terms.stake)
        self.challenges.append(Challenge(who, step, len(self.challenges)))
        return len(self.challenges) - 1

    def reveal(
        self, challenge: int, target: tuple[int, int], ground: Ground, step: int, *, corrected: bool = False
    ) -> None:
        """Says which sample is meant; a ground that has a proof was checked by the caller."""
        made, held = self.challenges[challenge], self._open_bundle(target[0])
        first, last = self._reveal(held)
        reviewed = held.opened is not None and held.opened <= made.made < first
        if made.target or made.over or not reviewed or not first <= step < last or not 0 <= target[1] < held.count:
            raise InvalidInputError(f"challenge {challenge} cannot be opened so, or now")
        made.target, made.ground, made.corrected = target, ground, corrected
        mine = held.challenged.setdefault(target[1], [])
        mine.append(made)
        mine.sort(key=lambda each: each.number)

    def burn(self, challenge: int, step: int) -> None:
        """The stake of a challenge that was not opened."""
        made = self.challenges[challenge]
        if made.target or made.over or step < self.burns_from(challenge):
            raise InvalidInputError(f"challenge {challenge} was opened, or may still be")
        made.over = True
        self._pay(BURNT, self.terms.stake)

    def concede(self, target: tuple[int, int], step: int) -> None:
        """The contributor gives a sample up, in the window for answers."""
        held = self._open_bundle(target[0])
        _, first = self._reveal(held)
        if target[1] not in held.challenged or not first <= step < first + self.windows.answer:
            raise InvalidInputError("nothing to answer, or not now")
        held.conceded.add(target[1])

    def settle_bundle(self, bundle: int, step: int) -> int:
        """Pays all samples that nobody challenged; how many they are."""
        held = self._open_bundle(bundle)
        if step < self._reveal(held)[1]:
            raise InvalidInputError(f"bundle {bundle} may still be challenged")
        held.over = True
        rest = held.count - len(held.challenged)
        self._pay(held.who, (self.terms.reward + self.terms.deposit) * rest)
        self._pay(ESCROW, self.terms.correction * rest)
        self.decisions.append((bundle, -1, Outcome.ACCEPTED))
        return rest

    def settle_sample(self, target: tuple[int, int], step: int, judge: Judge) -> Outcome:
        """Decides a sample that was challenged: by proof, by what was conceded, or by the arbiter."""
        held = self.bundles[target[0]]
        answers = self._reveal(held)[1]
        against = held.challenged[target[1]]
        proofs = [each for each in against if each.ground is not Ground.JUDGED]
        if target[1] in held.outcomes or step < answers + (0 if proofs else self.windows.answer):
            raise InvalidInputError("decided already, or too early")
        if proofs:
            outcome = self._proven(held.who, proofs[0])
            self._free_stakes(against)
        elif target[1] in held.conceded:
            outcome = self._bad(held.who, against, conceded=True, right=against[0].corrected)
        else:
            outcome = self._judged(held.who, against, target, judge)
        held.outcomes[target[1]] = outcome
        self.decisions.append((*target, outcome))
        return outcome

    def _proven(self, who: str, first: Challenge) -> Outcome:
        terms = self.terms
        self._pay(ESCROW, terms.reward + terms.correction)
        self._pay(first.who, terms.fee)
        if first.ground is Ground.HIDDEN_COPY:
            self._pay(who, terms.at_risk)
            return Outcome.VOID
        self._divide(first.who)
        return Outcome.BAD

    def _judged(self, who: str, against: list[Challenge], target: tuple[int, int], judge: Judge) -> Outcome:
        verdict, jurors = judge(target)
        if verdict is None:
            self._pay(who, self.terms.reward + self.terms.deposit)
            self._pay(ESCROW, self.terms.correction)
            self._free_stakes(against)
            return Outcome.ACCEPTED
        if verdict is not Verdict.GOOD:
            return self._bad(who, against, jurors=jurors, right=verdict is Verdict.BAD_CORRECTED)
        self._pay(who, self.terms.reward + self.terms.deposit)
        self._pay(ESCROW, self.terms.correction)
        fee = self.terms.fee if self.terms.arbiter is not Arbiter.OWNER else 0
        self._pay_jurors(jurors, fee)
        self._pay(who, self.terms.stake * len(against) - fee)
        return Outcome.ACCEPTED

    def _bad(
        self, who: str, against: list[Challenge], *, jurors: dict[str, int] | None = None, conceded: bool = False,
        right: bool = False,
    ) -> Outcome:  # fmt: skip
        terms, winner = self.terms, against[0]
        if terms.arbiter is Arbiter.OWNER:
            self._pay(BURNT, terms.reward + terms.deposit)
            self._pay(winner.who, terms.correction)
        else:
            self._pay(ESCROW, terms.reward)
            self._divide(winner.who)
            self._pay(winner.who if right else ESCROW, terms.correction)
            if conceded:
                self._pay(who, terms.fee)
            else:
                self._pay_jurors(jurors or {}, terms.fee)
        self._free_stakes(against)
        return Outcome.CORRECTED if right and not conceded else Outcome.BAD

    def _divide(self, winner: str) -> None:
        """D - F: the burnt share, and the challenger's."""
        burnt = self.terms.at_risk * self.terms.burnt // BPS
        self._pay(BURNT, burnt)
        self._pay(winner, self.terms.at_risk - burnt)

    def _pay_jurors(self, shares: dict[str, int], fee: int) -> None:
        for who, amount in shares.items():
            self._pay(who, amount)
        self._pay(BURNT, fee - sum(shares.values()))

    def _free_stakes(self, against: Iterable[Challenge]) -> None:
        for each in against:
            each.over = True
            self._pay(each.who, self.terms.stake)

    def answers_from(self, bundle: int) -> int:
        """First step after the window in which challenges of a bundle that was shown are opened."""
        return self._reveal(self.bundles[bundle])[1]

    def burns_from(self, challenge: int) -> int:
        """First step at which an unopened challenge can be meant for no bundle any more."""
        return self.challenges[challenge].made + self.windows.review + self.windows.reveal

    def _pay(self, who: str, amount: int) -> None:
        self.money.move(HELD, who, amount)

    def _open_bundle(self, bundle: int) -> Bundle:
        held = self.bundles[bundle]
        if held.over:
            raise InvalidInputError(f"bundle {bundle} is over")
        return held

    def _reveal(self, held: Bundle) -> tuple[int, int]:
        """First step of the window in which challenges are opened, and the first after it."""
        if held.opened is None:
            raise InvalidInputError("the bundle was not shown yet")
        first = held.opened + self.windows.review
        return first, first + self.windows.reveal
