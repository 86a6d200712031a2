"""A market that runs step by step: contributors, reviewers, jurors, an owner, and all their balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.datamarket.campaignrules import ESCROW, Campaign, Ground, Ledger, Outcome, Target, Windows
from benchmarks.datamarket.contributors import Contributor
from benchmarks.datamarket.juries import Juror, Jury, errs_of_juror
from benchmarks.datamarket.juryrules import Ruling
from benchmarks.datamarket.reviewers import Reviewer
from benchmarks.datamarket.samplepools import Content, Pool
from circuits.errors import InvalidInputError
from commons.samples.campaigneconomics import Arbiter, Beliefs, SampleTerms


@dataclass(frozen=True, slots=True)
class Setting:
    """What a market is run with.

    Attributes:
        start: what each contributor and reviewer begins with, in rewards.
        juror_start: what each juror begins with, in stakes.
        silent: whether an owner that is the arbiter never decides.
        receipts: fee for a bundle's receipts.
        copies_sought: whether somebody's program looks for copies.
    """

    terms: SampleTerms
    beliefs: Beliefs
    start: int = 100
    juror_start: int = 1000
    escrow: int = 10**6
    silent: bool = False
    receipts: int = 0
    copies_sought: bool = True


@dataclass(slots=True)
class _Planned:
    """A challenge that was made and not opened yet; with an original, the rules say what it proves."""

    number: int
    who: str
    target: Target
    ground: Ground
    insures: bool = False
    original: Target | None = None


@dataclass(slots=True)
class AgentMarket:
    """One campaign among agents.

    Attributes:
        outside: of each agent, what it gained and spent outside the market.
        contents: of each bundle.
        public: what anybody can copy, with the step at which it was shown and its sample: initial data first.
        handed: samples that each contributor committed to.
        made: challenges that each reviewer made.
    """

    setting: Setting
    pool: Pool
    contributors: Sequence[Contributor]
    reviewers: Sequence[Reviewer]
    jurors: Sequence[Juror]
    rng: np.random.Generator
    outside: Counter[str] = field(default_factory=Counter)
    contents: list[list[Content]] = field(default_factory=list)
    public: list[tuple[int, Content, Target | None]] = field(default_factory=list)
    handed: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    campaign: Campaign = field(init=False)
    _jury: Jury = field(init=False)
    _planned: list[_Planned] = field(default_factory=list)
    _unopened: list[int] = field(default_factory=list)
    _running: list[int] = field(default_factory=list)
    _begun: dict[str, int] = field(default_factory=dict)
    _features: npt.NDArray[np.int64] | None = None
    _by_name: dict[str, Contributor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms, beliefs = self.setting.terms, self.setting.beliefs
        start = self.setting.start * terms.reward
        amounts = dict.fromkeys(self.names(), start)
        amounts |= {each.name: self.setting.juror_start * terms.juror_stake for each in self.jurors}
        amounts[ESCROW] = self.setting.escrow * terms.reward
        self._begun = dict(amounts)
        money = Ledger(amounts)
        self.campaign = Campaign(terms, Windows(), money, self.setting.receipts)
        self._jury = Jury(
            terms, money, self.jurors, lambda target: self._at(target).is_good,
            errs_of_juror(float(beliefs.error), terms.jurors), int(beliefs.cost), self.outside, self.rng,
        )  # fmt: skip
        self.public = [(-1, content, None) for content in self.pool.initial]
        self._by_name = {each.name: each for each in self.contributors}

    def names(self) -> list[str]:
        """Contributors, then reviewers."""
        return [each.name for each in self.contributors] + [each.name for each in self.reviewers]

    @property
    def money(self) -> Ledger:
        """Balances in the market."""
        return self.campaign.money

    @property
    def seats(self) -> Counter[str]:
        """How often each juror sat."""
        return self._jury.seats

    def gain(self, name: str) -> int:
        """What an agent has gained, in the market and outside it."""
        return self.money.of[name] - self._begun.get(name, 0) + self.outside[name]

    def step(self, now: int) -> None:
        """One step: settle, answer, open, review, show, commit."""
        self._settle(now)
        self._reveal(now)
        for number in [each for each in self._running if self.campaign.bundles[each].opened is None]:
            bundle = self.campaign.bundles[number]
            if now > bundle.made + self._contributor(bundle.who).delay:
                self._show(number, now)
        for contributor in self.contributors:
            self._commit(contributor, now)

    def finish(self, now: int, steps: int = 8) -> None:
        """Steps in which nobody hands in any more, until everything is decided."""
        contributors, self.contributors = self.contributors, ()
        for later in range(now, now + steps):
            self.step(later)
        self.contributors = contributors

    def accepted(self) -> list[Content]:
        """The data set as it stands: initial data, and what was accepted or corrected, in the order of decisions."""
        found = list(self.pool.initial)
        for number, index, outcome in self.campaign.decisions:
            bundle = self.contents[number]
            if index < 0:
                challenged = self.campaign.bundles[number].challenged
                found += [each for at, each in enumerate(bundle) if at not in challenged]
            elif outcome is Outcome.ACCEPTED:
                found.append(bundle[index])
            elif outcome is Outcome.CORRECTED:
                found.append(bundle[index].labelled(bundle[index].truth))
        return found

    def _commit(self, contributor: Contributor, now: int) -> None:
        terms = self.setting.terms
        if self.money.of[contributor.name] < terms.deposit * contributor.size + self.setting.receipts:
            return
        shown = [content for step, content, _ in self.public if step < now]
        batch = contributor.batch(self.pool, shown, self.rng)
        if not batch:
            return
        self._running.append(self.campaign.commit(contributor.name, len(batch), now))
        self.contents.append(batch)
        self.handed[contributor.name] += len(batch)
        if contributor.works:
            self.outside[contributor.name] -= int(self.setting.beliefs.work) * len(batch)

    def _show(self, number: int, now: int) -> None:
        bundle = self.campaign.bundles[number]
        contributor = self._contributor(bundle.who)
        if not contributor.shows or not contributor.available:
            self.campaign.void(number, shown=contributor.shows)
            return
        self.campaign.show(number, now)
        self._challenge_own(contributor, number, now)
        self._find_copies(number, now)
        self.public += [(now, content, (number, index)) for index, content in enumerate(self.contents[number])]
        for reviewer in self.reviewers:
            for index in reviewer.looks(bundle.who, bundle.count, self.rng):
                self.outside[reviewer.name] -= int(self.setting.beliefs.cost)
                if reviewer.challenges(bundle.who, self.contents[number][index]):
                    self._plan(reviewer.name, (number, index), Ground.JUDGED, now)

    def _challenge_own(self, contributor: Contributor, number: int, now: int) -> None:
        who = contributor.challenger or contributor.name
        if contributor.original:
            same = self.campaign.bundles[number].made
            other = next(
                at for at, each in enumerate(self.campaign.bundles)
                if each.who == contributor.original and each.made == same
            )  # fmt: skip
            for index in range(len(self.contents[number])):
                self._plan(who, (number, index), Ground.HIDDEN_COPY, now, insures=True, original=(other, index))
        if not contributor.insures and not contributor.corrects:
            return
        for index, content in enumerate(self.contents[number]):
            if not content.is_good:
                self._plan(who, (number, index), Ground.JUDGED, now, insures=contributor.insures)

    def _find_copies(self, number: int, now: int) -> None:
        """Anybody's program finds copies; the first reviewer gets what they bring."""
        if not self.reviewers or not self.setting.copies_sought:
            return
        mine = self.contents[number]
        for index, content in enumerate(mine):
            ground = self._copied(content, (number, index))
            if ground is None and any(self._near(content, each) for each in mine[:index]):
                ground = Ground.PUBLIC_COPY
            if ground is not None:
                self._plan(self.reviewers[0].name, (number, index), ground, now)

    def _copied(self, content: Content, target: Target) -> Ground | None:
        """What is proven by an original in the initial data or another bundle; BAD rather than VOID."""
        found = None
        if not self.public:
            return None
        near = np.abs(self._rows() - content.features).sum(axis=1) <= self.pool.tau
        for at in np.flatnonzero(near):
            try:
                found = self.campaign.copy_of(target, self.public[at][2])
            except InvalidInputError:
                continue
            if found is Ground.PUBLIC_COPY:
                break
        return found

    def _rows(self) -> npt.NDArray[np.int64]:
        """Features of all that is public, kept from call to call."""
        known = self._features
        have = 0 if known is None else len(known)
        if known is None or have < len(self.public):
            new = np.stack([content.features for _, content, _ in self.public[have:]])
            known = self._features = new if known is None else np.vstack([known, new])
        return known

    def _near(self, one: Content, other: Content) -> bool:
        return int(np.abs(one.features - other.features).sum()) <= self.pool.tau

    def _plan(
        self, who: str, target: Target, ground: Ground, now: int, *, insures: bool = False,
        original: Target | None = None,
    ) -> None:  # fmt: skip
        try:
            number = self.campaign.challenge(who, now)
        except InvalidInputError:
            return  # it has no stake left
        self.made[who] += 1
        self._planned.append(_Planned(number, who, target, ground, insures, original))

    def _reveal(self, now: int) -> None:
        """Everybody opens; who insures itself opens last, and only what others opened too."""
        last = [(each, self.campaign.answers_from(each.target[0]) - 1) for each in self._planned]
        due = [each for each, step in last if step == now]
        self._planned = [each for each, step in last if step > now]
        for each in sorted(due, key=lambda planned: planned.insures):
            bundle, index = each.target
            if each.insures and index not in self.campaign.bundles[bundle].challenged:
                self._unopened.append(each.number)
            else:
                ground = self.campaign.copy_of(each.target, each.original) if each.original else each.ground
                corrected = not self._at(each.target).is_good
                self.campaign.reveal(each.number, each.target, ground, now, corrected=corrected)

    def _settle(self, now: int) -> None:
        for number in self._running:
            if self.campaign.bundles[number].opened is not None:
                self._advance(number, now)
        self._running = [each for each in self._running if not self._is_decided(each, now)]
        for challenge in [each for each in self._unopened if self.campaign.burns_from(each) <= now]:
            self.campaign.burn(challenge, now)
            self._unopened.remove(challenge)

    def _advance(self, number: int, now: int) -> None:
        """Pays what nobody challenged once no challenge can be opened any more, and decides the others later."""
        bundle, answers = self.campaign.bundles[number], self.campaign.answers_from(number)
        if now == answers:
            self._answer(number, now)
            self.campaign.settle_bundle(number, now)
            rest = [each for at, each in enumerate(self.contents[number]) if at not in bundle.challenged]
            self._gain_outside(bundle.who, rest)
        if now == answers + self.campaign.windows.answer:
            for index in sorted(bundle.challenged.keys() - bundle.outcomes.keys()):
                self._decide((number, index), now)

    def _is_decided(self, number: int, now: int) -> bool:
        bundle = self.campaign.bundles[number]
        if bundle.opened is None:
            return bundle.over
        return now >= self.campaign.answers_from(number) + self.campaign.windows.answer

    def _answer(self, number: int, now: int) -> None:
        bundle = self.campaign.bundles[number]
        if self._contributor(bundle.who).concedes:
            for index, against in bundle.challenged.items():
                judged = all(each.ground is Ground.JUDGED for each in against)
                if judged and not self.contents[number][index].is_good:
                    self.campaign.concede((number, index), now)

    def _decide(self, target: Target, now: int) -> None:
        silent = self.setting.silent and self.setting.terms.arbiter is Arbiter.OWNER
        outcome = self.campaign.settle_sample(target, now, (lambda _: Ruling()) if silent else self._jury.judge)
        content = self._at(target)
        if outcome is Outcome.ACCEPTED:
            self._gain_outside(self.campaign.bundles[target[0]].who, [content])

    def _gain_outside(self, who: str, through: Sequence[Content]) -> None:
        """A bad sample that got through may be worth something to whoever made it."""
        if self._contributor(who).harms:
            self.outside[who] += int(self.setting.beliefs.gain) * sum(not each.is_good for each in through)

    def _contributor(self, name: str) -> Contributor:
        return self._by_name[name]

    def _at(self, target: Target) -> Content:
        return self.contents[target[0]][target[1]]
