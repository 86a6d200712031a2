"""The rules of a campaign as a pure model: whose money is where after each move.

docs/protocol-data.md, as contracts/src/data has it; tests/datamarket/test_rules_on_chain.py plays the same moves on
both.  Time is counted in steps.  The rules do not know what is true: who judges is a parameter of the move that decides
a case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from benchmarks.datamarket.juryrules import Ruling, Verdict
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


Target = tuple[int, int]
"""A bundle's number, and a sample's place in it."""


@dataclass(slots=True)
class Challenge:
    """A challenger's stake, on a sample that it names when it opens."""

    who: str
    made: int
    number: int
    sequence: int
    target: Target | None = None
    ground: Ground = Ground.JUDGED
    corrected: bool = False
    over: bool = False


@dataclass(slots=True)
class Bundle:
    """Samples that were committed to together.

    Attributes:
        sequence: place of its commitment among all commitments, receipts and challenges.
        opened: step at which the content and its receipts were there; None before.
        shown: place of that in the sequence.
        challenged: opened challenges of each sample, the earliest first.
        outcomes: of samples that somebody challenged, once decided.
        gone: of those that do not count, the sequence's length at the decision.
    """

    who: str
    count: int
    made: int
    sequence: int
    opened: int | None = None
    shown: int = 0
    over: bool = False
    challenged: dict[int, list[Challenge]] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)


Judge = Callable[[Target], Ruling]
"""Says how the arbiter decides about a sample."""


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
        self._sequence = 0

    def commit(self, who: str, count: int, step: int) -> int:
        """Number of the bundle; D a sample and the fee for receipts are locked, and R + K of the escrow."""
        if count < 1:
            raise InvalidInputError("a bundle has a sample at least")
        reserved = (self.terms.reward + self.terms.correction) * count
        if self.money.of[ESCROW] < reserved:
            raise InvalidInputError("the escrow has no reward left for so many samples")
        self.money.move(who, HELD, self.terms.deposit * count + self.receipts)
        self.money.move(ESCROW, HELD, reserved)
        self.bundles.append(Bundle(who, count, step, self._next()))
        return len(self.bundles) - 1

    def show(self, bundle: int, step: int, members: Sequence[str] = (COMMITTEE,)) -> None:
        """The content is public, and receipts are there: the review begins.

        Args:
            members: who signed the receipts, and shares the fee for them; the contributor, where the samples stand in
                the chain.
        """
        held = self._open_bundle(bundle)
        if held.opened is not None or step <= held.made:
            raise InvalidInputError(f"bundle {bundle} was shown before, or is not final")
        held.opened, held.shown = step, self._next()
        for member in members:
            self._pay(member, self.receipts // len(members))
        self._pay(BURNT, self.receipts % len(members))

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
        self.challenges.append(Challenge(who, step, len(self.challenges), self._next()))
        return len(self.challenges) - 1

    def reveal(self, challenge: int, target: Target, ground: Ground, step: int, *, corrected: bool = False) -> None:
        """Says which sample is meant; a ground that has a proof was checked by the caller."""
        made, held = self.challenges[challenge], self._open_bundle(target[0])
        first, last = self._reveal(held)
        reviewed = held.shown < made.sequence and made.made < first
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

    def copy_of(self, target: Target, original: Target | None) -> Ground:
        """What is proven by showing that a sample is near to another; None is one of the initial data.

        Raises:
            InvalidInputError: the other is no original of it.
        """
        if original is None:
            return Ground.PUBLIC_COPY
        copy, held = self.bundles[target[0]], self.bundles[original[0]]
        if target[0] == original[0] and original[1] < target[1]:
            return Ground.PUBLIC_COPY
        first = self._hid(copy, held) if target[0] < original[0] else not self._hid(held, copy)
        gone = held.gone.get(original[1], copy.sequence) < copy.sequence
        if target[0] == original[0] or not first or gone:
            raise InvalidInputError(f"{original} is no original of {target}")
        return Ground.PUBLIC_COPY if held.shown < copy.sequence else Ground.HIDDEN_COPY

    def concede(self, target: Target, step: int) -> None:
        """The contributor gives a sample up, in the window for answers: it is decided."""
        held = self.bundles[target[0]]
        _, first = self._reveal(held)
        undecided = target[1] in held.challenged and target[1] not in held.outcomes
        if not undecided or self.proof_of(target) or not first <= step < first + self.windows.answer:
            raise InvalidInputError("nothing to answer, or not now")
        against = held.challenged[target[1]]
        self._pay(held.who, self.terms.fee)
        self._punish(against, self.terms.fee, right=against[0].corrected)
        self._end(target, Outcome.BAD)

    def settle_bundle(self, bundle: int, step: int) -> int:
        """Pays all samples that nobody challenged; how many they are."""
        held = self._open_bundle(bundle)
        if step < self._reveal(held)[1]:
            raise InvalidInputError(f"bundle {bundle} may still be challenged")
        held.over = True
        rest = held.count - len(held.challenged)
        self._pay(held.who, (self.terms.reward + self.terms.deposit) * rest)
        self._pay(ESCROW, self.terms.correction * rest)
        if rest:
            self.decisions.append((bundle, -1, Outcome.ACCEPTED))
        return rest

    def settle_sample(self, target: Target, step: int, judge: Judge) -> Outcome:
        """Decides a sample that was challenged and not conceded: by proof, or by the arbiter."""
        held = self.bundles[target[0]]
        proof = self.proof_of(target)
        from_step = self._reveal(held)[1] + (0 if proof else self.windows.answer)
        if target[1] not in held.challenged or target[1] in held.outcomes or step < from_step:
            raise InvalidInputError("decided already, or too early")
        if proof:
            return self._end(target, self._proven(held.who, held.challenged[target[1]], proof))
        return self._end(target, self._judged(held.who, held.challenged[target[1]], judge(target)))

    def proof_of(self, target: Target) -> Challenge | None:
        """The challenge whose proof counts: the earliest that proved BAD, or else the earliest that proved VOID."""
        proofs = [each for each in self.bundles[target[0]].challenged[target[1]] if each.ground is not Ground.JUDGED]
        bad = [each for each in proofs if each.ground is not Ground.HIDDEN_COPY]
        return next(iter((*bad, *proofs)), None)

    def _proven(self, who: str, against: list[Challenge], first: Challenge) -> Outcome:
        terms = self.terms
        self._pay(ESCROW, terms.reward + terms.correction)
        self._pay(first.who, terms.fee)
        self._free_stakes(against)
        if first.ground is Ground.HIDDEN_COPY:
            self._pay(who, terms.at_risk)
            return Outcome.VOID
        self._divide(first.who, terms.fee)
        return Outcome.BAD

    def _judged(self, who: str, against: list[Challenge], ruling: Ruling) -> Outcome:
        self._require_ruling(ruling, against)
        terms, verdict = self.terms, ruling.verdict
        second = int(terms.appeal_fee) if ruling.second else 0
        self.money.move(ruling.appellant or HELD, HELD, second)
        self._divide_units(ruling)
        if verdict is None:
            self._pay(ruling.appellant or HELD, second)
            self._pay(who, terms.reward + terms.deposit)
            self._pay(ESCROW, terms.correction)
            self._free_stakes(against)
            return Outcome.ACCEPTED
        first = terms.fee if ruling.first else 0
        fees = first + (second if ruling.overturned else 0)
        self._pay_jurors(ruling, first, second)
        if ruling.overturned:
            self._pay(ruling.appellant, second)
        if verdict is Verdict.GOOD:
            self._pay(who, terms.reward + terms.deposit + terms.stake * len(against) - fees)
            self._pay(ESCROW, terms.correction)
            return Outcome.ACCEPTED
        right = verdict is Verdict.BAD_CORRECTED and against[0].corrected
        if terms.arbiter is Arbiter.OWNER:
            self._burn_of_owner(against)
        else:
            self._punish(against, fees, right=right)
        return Outcome.CORRECTED if right else Outcome.BAD

    def _require_ruling(self, ruling: Ruling, against: list[Challenge]) -> None:
        """Owners say anything, models GOOD or nothing; jurors sit where the owner is not the arbiter."""
        said = {Arbiter.OWNER: (*Verdict, None), Arbiter.MODEL: (Verdict.GOOD, None), Arbiter.JURY: (None,)}
        both = ruling.first and (ruling.said is not None or self.terms.arbiter is Arbiter.OWNER)
        uncorrected = ruling.said is Verdict.BAD_CORRECTED and not against[0].corrected
        if ruling.said not in said[self.terms.arbiter] or both or uncorrected:
            raise InvalidInputError(f"a campaign whose arbiter is the {self.terms.arbiter.value} is not decided so")

    def _burn_of_owner(self, against: list[Challenge]) -> None:
        """The owner gains nothing by its own word: what it saves is burnt."""
        self._pay(BURNT, self.terms.reward + self.terms.deposit)
        self._pay(against[0].who, self.terms.correction)
        self._free_stakes(against)

    def _punish(self, against: list[Challenge], fees: int, *, right: bool) -> None:
        """Of a bad sample's deposit fees are somebody's already; K is the earliest challenger's or the campaign's."""
        self._pay(ESCROW, self.terms.reward)
        self._divide(against[0].who, fees)
        self._pay(against[0].who if right else ESCROW, self.terms.correction)
        self._free_stakes(against)

    def _divide(self, winner: str, fees: int) -> None:
        """D less fees: the burnt share, and the challenger's."""
        rest = self.terms.deposit - fees
        burnt = rest * self.terms.burnt // BPS
        self._pay(BURNT, burnt)
        self._pay(winner, rest - burnt)

    def _pay_jurors(self, ruling: Ruling, first: int, second: int) -> None:
        shares = ruling.fees(first, second)
        for who, amount in shares.items():
            self._pay(who, amount)
        self._pay(BURNT, first + second - sum(shares.values()))

    def _divide_units(self, ruling: Ruling) -> None:
        """Each lost unit goes in equal parts to the others of the same jury; what does not divide is burnt."""
        unit = self.terms.juror_stake
        for seat, right in ruling.lost():
            self.money.move(seat.juror, HELD, unit)
            for juror in right:
                self._pay(juror, unit // len(right))
            self._pay(BURNT, unit % len(right) if right else unit)

    def _free_stakes(self, against: Iterable[Challenge]) -> None:
        for each in against:
            self._pay(each.who, self.terms.stake)

    def _end(self, target: Target, outcome: Outcome) -> Outcome:
        held = self.bundles[target[0]]
        held.outcomes[target[1]] = outcome
        if outcome in (Outcome.BAD, Outcome.VOID):
            held.gone[target[1]] = self._sequence
        self.decisions.append((*target, outcome))
        return outcome

    def _hid(self, first: Bundle, second: Bundle) -> bool:
        """Whether a bundle came under review only when more than half of the other's review was over."""
        if first.opened is None or second.opened is None:
            raise InvalidInputError("a bundle that is not under review has no originals")
        return 2 * (first.opened - second.opened) > self.windows.review

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

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
