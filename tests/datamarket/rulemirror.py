"""Plays each move on the simulation's rules and on the real contracts, and holds every balance of both together.

A step of the rules is eight days.  The contracts' windows end half a step after the rules' steps begin, and what is
done within a step takes less than an eighth of one: so both agree on what is in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from benchmarks.datamarket.campaignrules import ESCROW, Campaign, Ground, Ledger, Outcome, Target, Windows
from benchmarks.datamarket.juryrules import Ruling, Seat, Verdict
from circuits.errors import GradrollError, InvalidInputError
from circuits.hashing import keccak
from commons.chain import juryfacts
from commons.chain.dataaccount import NO_SAMPLE, ChallengeOpening, DataAccount, ProvenSample
from commons.chain.datafacts import CampaignTerms, ChallengeStage, DisputeStage
from commons.chain.juryaccount import JuryAccount
from commons.chain.juryview import pool_of
from commons.samples import contributions
from commons.samples.campaigneconomics import Arbiter
from commons.samples.contributions import ALL_SAMPLES, bundle_commitment, challenge_commitment
from commons.samples.samplebundles import SampleBundle
from tests.datamarket.chainbalances import ChainBalances
from tests.datamarket.datastage import HOUR, SCHEMA, DataStage, bundle_of, sample

STEP = 8 * 24 * HOUR
VOTE = 600
WINDOWS = Windows(review=3)
PEOPLE = ("owner", "member 1", "member 2", "member 3", "member 4", "ann", "bob", "cat", "dan", "eve")
"""The stage's accounts."""
MEMBERS, JURORS = PEOPLE[1:5], (*PEOPLE[1:5], "eve")
START = 10**9
ORIGINALS = bundle_of(sample(0, 5, 50, 50), sample(1, 15, 50, 50))
"""Initial data of each campaign."""
VOTES = {Verdict.GOOD: juryfacts.Verdict.GOOD, Verdict.BAD: juryfacts.Verdict.BAD,
         Verdict.BAD_CORRECTED: juryfacts.Verdict.CORRECTED}  # fmt: skip
WORDS = {Verdict.GOOD: contributions.Outcome.ACCEPTED, Verdict.BAD: contributions.Outcome.BAD,
         Verdict.BAD_CORRECTED: contributions.Outcome.CORRECTED}  # fmt: skip
ENDS = {outcome: contributions.Outcome[outcome.name] for outcome in Outcome}
Votes = Sequence[Verdict | None]
"""Of the seats of a jury, in their order; None for one that is silent."""


def odd_terms(stage: DataStage, **changes: object) -> CampaignTerms:
    """Terms in ether of which nothing divides, so that every rounding shows."""
    usual = {
        "deposit": 4003, "reward": 1001, "correction": 499, "stake": 2011, "fee": 421, "receipt_fee": 302,
        "juror_stake": 4003, "burnt": 3333, "max_samples": 10_000, "open_window": STEP * 7 // 2,
        "review_window": STEP * 5 // 2, "reveal_window": STEP, "answer_window": STEP, "case_window": STEP,
        "vote_window": VOTE, "vote_reveal_window": VOTE, "appeal_window": VOTE, "initial_count": 2,
        "initial_root": ORIGINALS.tree().root, "initial_digest": ORIGINALS.content_digest, **changes,
    }  # fmt: skip
    if usual.get("arbiter") is not Arbiter.OWNER:
        return stage.terms(**usual)
    jurors = ("arbiter", "juror_stake", "jurors", "vote_window", "vote_reveal_window", "appeal_window")
    return stage.owner_decides(**{name: value for name, value in usual.items() if name not in jurors})


@dataclass(frozen=True, slots=True)
class Handed:
    """A bundle on the chain.

    Attributes:
        number: on the chain.
        inline: whether its samples stand in the chain.
    """

    who: str
    bundle: SampleBundle
    number: int
    salt: bytes
    inline: bool

    @property
    def digest(self) -> bytes:
        """Its content digest there."""
        return bytes(32) if self.inline else self.bundle.content_digest

    def proven(self, index: int) -> ProvenSample:
        """A sample with its proof."""
        return ProvenSample(self.bundle.samples[index], self.bundle.tree().proof(index))


@dataclass(frozen=True, slots=True)
class Planned:
    """A challenge on the chain, and what opens it.

    Attributes:
        number: on the chain.
        original: bundle of the rules or None for the initial data, and place, where it is a copy that is proven.
    """

    who: str
    target: Target
    ground: contributions.Ground
    number: int
    salt: bytes
    correction: bytes
    original: tuple[int | None, int]


class RuleMirror:
    """A campaign on both.

    Args:
        slots: that each juror has in the campaign's pool at least.

    Attributes:
        rules: the model.
        step: of the rules; ``pass_steps`` moves it.
        handed, planned: bundles and challenges, by the rules' numbers.
    """

    def __init__(self, stage: DataStage, terms: CampaignTerms, escrow: int = 200_000, slots: int = 4) -> None:
        self.stage, self.terms, self.step = stage, terms, 0
        self.handed: list[Handed] = []
        self.planned: list[Planned] = []
        self._salts = 0
        self._by_name = {who: stage.account(at) for at, who in enumerate(PEOPLE)}
        self._pool = None if terms.arbiter is Arbiter.OWNER else pool_of(terms)
        self._slots = slots
        self._join(slots)
        keys = dict(zip(PEOPLE, stage.accounts, strict=True))
        self._balances = ChainBalances(stage.data, keys, terms.token, self._pool)
        self.campaign = self.account("owner").open_campaign(terms, SCHEMA, escrow)
        self._began = self._now()
        money = Ledger({**dict.fromkeys(PEOPLE, START), "owner": START - escrow, ESCROW: escrow})
        self.rules = Campaign(terms.by_sample, WINDOWS, money, terms.receipt_fee)
        self.compare()

    def account(self, who: str) -> DataAccount:
        """Transactions of somebody."""
        return self._by_name[who]

    def juror(self, who: str) -> JuryAccount:
        """Somebody's transactions at the jury."""
        account = self.account(who)
        return JuryAccount(account.chain, account.data)

    def pass_steps(self, steps: int = 1) -> None:
        """Go on to the beginning of a later step."""
        self.step += steps
        ahead = self._began + self.step * STEP - self._now()
        assert ahead > 0, "what was done took longer than its step"
        self.stage.pass_time(ahead, 2)

    def compare(self) -> None:
        """Every balance is the same on both."""
        found = self._balances.changes(PEOPLE, self.campaign)
        of = self.rules.money.of
        assert found == {name: of[name] - (START if name in PEOPLE else 0) for name in found}

    def compare_log(self) -> None:
        """The same samples were decided in the same order."""
        numbers = [each.number for each in self.handed]
        assert [(each.bundle, each.index, each.outcome) for each in self.stage.data.decisions(self.campaign)[1:]] == [
            (numbers[bundle], ALL_SAMPLES if index < 0 else index, ENDS[outcome])
            for bundle, index, outcome in self.rules.decisions
        ]

    def commit(self, who: str, *samples: bytes, inline: bool = False) -> int:
        """Commit to a bundle; the rules' number."""
        made = Handed(who, bundle_of(*samples), 0, self._salt(), inline)
        root, account, count = made.bundle.tree().root, self.account(who), len(samples)
        commitment = bundle_commitment(self.campaign, root, made.digest, count, account.address, made.salt)
        number = self.rules.commit(who, count, self.step)
        on_chain = account.commit_bundle(self.campaign, count, commitment)
        self.handed.append(Handed(who, made.bundle, on_chain, made.salt, inline))
        self.compare()
        return number

    def show(self, bundle: int, members: Sequence[str] = MEMBERS[:3]) -> None:
        """Open it, and hand in receipts of members, unless it stands in the chain."""
        given = self.handed[bundle]
        account = self.account(given.who)
        self.rules.show(bundle, self.step, [given.who] if given.inline else members)
        if given.inline:
            account.open_inline(given.number, given.bundle.samples, given.salt, SCHEMA)
        else:
            self._open(given)
            account.attest_bundle(
                given.number, self.stage.receipts(given.number, sorted(MEMBERS.index(each) for each in members))
            )
        self.compare()

    def void(self, bundle: int, *, shown: bool) -> None:
        """End it: never opened, four steps after its commitment; or opened now, and without receipts."""
        given = self.handed[bundle]
        if shown:
            self._open(given)
            self.stage.pass_time(self.terms.receipt_window + 1)
        self.rules.void(bundle, shown=shown)
        self.account("owner").void_bundle(given.number)
        self.compare()

    def challenge(
        self, who: str, target: Target, *, correction: bytes = b"", schema: bool = False,
        original: tuple[int | None, int] | None = None,
    ) -> int:  # fmt: skip
        """Commit to a challenge without a proof, or with one; the rules' number."""
        kind = contributions.Ground.SCHEMA if schema else contributions.Ground.JUDGED
        kind = contributions.Ground.DUPLICATE if original is not None else kind
        given, account, salt = self.handed[target[0]], self.account(who), self._salt()
        digest = keccak(correction) if correction else bytes(32)
        commitment = challenge_commitment(
            self.campaign, given.number, given.bundle.tree().root, target[1], kind, digest, account.address, salt
        )
        number = self.rules.challenge(who, self.step)
        on_chain = account.commit_challenge(self.campaign, commitment)
        self.planned.append(Planned(who, target, kind, on_chain, salt, correction, original or (None, 0)))
        self.compare()
        return number

    def reveal(self, challenge: int) -> bool:
        """Open a challenge; both refuse it, or neither does.  Whether they took it."""
        made = self.planned[challenge]

        def on_rules() -> None:
            ground = Ground.SCHEMA if made.ground is contributions.Ground.SCHEMA else Ground.JUDGED
            if made.ground is contributions.Ground.DUPLICATE:
                bundle, index = made.original
                ground = self.rules.copy_of(made.target, None if bundle is None else (bundle, index))
            self.rules.reveal(challenge, made.target, ground, self.step, corrected=bool(made.correction))

        return self._both(on_rules, lambda: self._reveal_on_chain(made))

    def burn(self, challenge: int) -> bool:
        """Burn the stake of one that was not opened."""
        number = self.planned[challenge].number
        return self._both(
            lambda: self.rules.burn(challenge, self.step), lambda: self.account("owner").burn_challenge(number)
        )

    def concede(self, target: Target) -> bool:
        """The contributor gives a sample up."""
        given = self.handed[target[0]]
        return self._both(
            lambda: self.rules.concede(target, self.step),
            lambda: self.account(given.who).concede(given.number, target[1]),
            target,
        )

    def settle_bundle(self, bundle: int) -> bool:
        """Pay what nobody challenged."""
        number = self.handed[bundle].number
        return self._both(
            lambda: self.rules.settle_bundle(bundle, self.step), lambda: self.account("owner").settle_bundle(number)
        )

    def settle(self, target: Target) -> bool:
        """Settle a sample that was proven, or that nobody decides."""
        return self._both(
            lambda: self.rules.settle_sample(target, self.step, lambda _: Ruling()),
            lambda: self.account("owner").settle_sample(*self._place(target)), target,
        )  # fmt: skip

    def say(self, target: Target, verdict: Verdict) -> bool:
        """The owner decides."""
        return self._both(
            lambda: self.rules.settle_sample(target, self.step, lambda _: Ruling(said=verdict)),
            lambda: self.account("owner").owner_verdict(*self._place(target), WORDS[verdict]), target,
        )  # fmt: skip

    def try_case(
        self, target: Target, first: Votes, *, appellant: str = "", second: Votes = (), drawn: bool = True
    ) -> Outcome:
        """Open a case, and play it to its end: a model that agrees ends it at once.

        Args:
            first, second: votes of the juries.
            appellant: who appeals; with no ``second``, nobody can be drawn for it.
            drawn: whether the first jury can be drawn.
        """
        proof = self.handed[target[0]].proven(target[1]) if self.terms.arbiter is Arbiter.MODEL else NO_SAMPLE
        bundle, index = self._place(target)
        self.account("owner").open_case(bundle, index, proof, SCHEMA)
        dispute = self.stage.data.dispute(bundle, index)
        if dispute.stage is DisputeStage.SETTLED:
            return self._settled(target, Ruling(said=Verdict.GOOD))
        ruling = Ruling(first=self._sit(dispute.case, 0, first) if drawn else self._undrawn(dispute.case))
        if appellant:
            self.account(appellant).appeal(bundle, index)
            sat = self._sit(dispute.case, 1, second) if second else self._undrawn(dispute.case)
            ruling = Ruling(first=ruling.first, appellant=appellant, second=sat)
        self.stage.pass_time(VOTE + 1)
        self.account("owner").settle_sample(bundle, index)
        for round_, seats in enumerate((ruling.first, ruling.second)):
            for seat in range(len(seats)):
                self.juror("owner").release_seat(dispute.case, round_, seat)
                if ruling.verdict is not None:
                    self.account("owner").claim_juror_fee(bundle, index, round_, seat)
        return self._settled(target, ruling)

    def _settled(self, target: Target, ruling: Ruling) -> Outcome:
        self._release(target)
        outcome = self.rules.settle_sample(target, self.step, lambda _: ruling)
        self._balances.forget_jury()
        self.compare()
        assert self.stage.data.dispute(*self._place(target)).outcome is ENDS[outcome]
        self._join(self._slots)
        self._balances.forget_jury()
        return outcome

    def _sit(self, case: int, round_: int, votes: Votes) -> list[Seat]:
        """Draw a jury, have it vote, and count."""
        jury, keeper = self.stage.data.jury, self.juror("owner")
        self.stage.pass_time(1, 10)
        keeper.draw(case)
        drawn = [jury.seat(case, round_, at) for at in range(jury.case(case).juries[round_].size)]
        names = {account.address: who for who, account in self._by_name.items()}
        seats = [Seat(names[seat.juror], vote) for seat, vote in zip(drawn, votes, strict=True)]
        said = [(at, seat, VOTES[seat.vote]) for at, seat in enumerate(seats) if seat.vote is not None]
        salt = self._salt()
        for at, seat, vote in said:
            juror = self.account(seat.juror).address
            commitment = juryfacts.vote_commitment(jury.deployment, case, round_, at, juror, vote, salt)
            self.juror(seat.juror).commit_vote(case, round_, at, commitment)
        self.stage.pass_time(VOTE + 1)
        for at, seat, vote in said:
            self.juror(seat.juror).reveal_vote(case, round_, at, vote, salt)
        self.stage.pass_time(VOTE + 1)
        keeper.close_case(case)
        return seats

    def _undrawn(self, case: int) -> list[Seat]:
        """A jury that the pool cannot fill is given up after three days."""
        self.stage.pass_time(3 * 24 * HOUR + 1, 10)
        self.juror("owner").draw(case)
        return []

    def _join(self, slots: int) -> None:
        """Let every juror have so many slots."""
        if self._pool is None:
            return
        jury = self.stage.data.jury
        for who in JURORS:
            pool = jury.pool(self._pool).number
            have = len(jury.slots(self.account(who).address, pool)) if pool else 0
            if have < slots:
                self.juror(who).join(self._pool, slots - have)

    def _both(
        self, on_rules: Callable[[], object], on_chain: Callable[[], object], target: Target | None = None
    ) -> bool:
        """Play a move on both, which take it or refuse it both; ``target`` is a sample that it settles."""
        try:
            on_rules()
        except InvalidInputError:
            with pytest.raises(GradrollError):
                on_chain()
            self.compare()
            return False
        on_chain()
        if target is not None:
            self._release(target)
        self.compare()
        return True

    def _release(self, target: Target) -> None:
        """Give back what a settled sample's challengers have not had; what they lost is refused."""
        upheld = self.stage.data.dispute(*self._place(target)).upheld
        for made in self.planned:
            record = self.stage.data.challenge(made.number)
            if made.target != target or record.stage is not ChallengeStage.OPENED:
                continue
            if upheld and made.ground is contributions.Ground.JUDGED:
                with pytest.raises(GradrollError):
                    self.account("owner").release_challenge(made.number)
            else:
                self.account("owner").release_challenge(made.number)

    def _reveal_on_chain(self, made: Planned) -> None:
        account, given = self.account(made.who), self.handed[made.target[0]]
        opening = ChallengeOpening(made.number, given.number, made.target[1], made.salt)
        if made.ground is contributions.Ground.JUDGED:
            account.reveal_judged(opening, made.correction, SCHEMA)
        elif made.ground is contributions.Ground.SCHEMA:
            account.prove_schema(opening, given.proven(made.target[1]), SCHEMA)
        else:
            bundle, index = made.original
            other = Handed("owner", ORIGINALS, 0, b"", inline=False) if bundle is None else self.handed[bundle]
            shown = other.proven(index)
            account.prove_duplicate(opening, given.proven(made.target[1]), (other.number, index), shown, SCHEMA)

    def _open(self, given: Handed) -> None:
        self.account(given.who).open_bundle(given.number, given.bundle.tree().root, given.digest, given.salt)

    def _place(self, target: Target) -> Target:
        return self.handed[target[0]].number, target[1]

    def _salt(self) -> bytes:
        self._salts += 1
        return self._salts.to_bytes(32, "big")

    def _now(self) -> int:
        return int(self.stage.data.chain.rpc.web3.eth.get_block("latest")["timestamp"])
