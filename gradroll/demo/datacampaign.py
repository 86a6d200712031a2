"""The demo's campaign: its owner opens it on terms that make honesty pay, and contributors bring bundles."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from circuits.errors import ChainError, ContractError, InvalidInputError
from circuits.terms import ETHER
from commons.chain.datafacts import BundleStage, CampaignTerms
from commons.runtime.amounts import ether
from commons.runtime.stages import stage
from commons.samples.campaigneconomics import Beliefs
from commons.samples.samplebundles import SampleBundle
from commons.samples.termsuggestions import suggest_terms
from gradroll.console import Console
from gradroll.datamarket.hiddengroups import HiddenGroups
from gradroll.demo.datadigits import CLASSES, HONEST, Stock
from gradroll.demo.datamoney import Money
from gradroll.demo.dataplay import DataPlay, Person, prover

OWNER = "the campaign's owner"
HONESTS = tuple(f"honest contributor {'ABC'[at]}" for at in range(HONEST))
WRONG, GUESSING, COPYING, TAKING = (
    "who labels wrongly", "who labels without looking", "who copies samples", "who copies a commitment",
)  # fmt: skip
CHEATERS = (WRONG, GUESSING, COPYING, TAKING)
REWARD = 10**16
ESCROW = 4 * 10**18
_HOUR = 3600


def beliefs() -> Beliefs:
    """What the owner believes of the others: wei, and shares."""
    return Beliefs(
        cost=Fraction(REWARD, 100), gain=Fraction(REWARD, 2), checked=Fraction(3, 10), tolerated=Fraction(1, 50),
        error=Fraction(1, 20), challenged=Fraction(1, 10), common=Fraction(9, 10), work=Fraction(REWARD, 10),
        guessed=Fraction(1, CLASSES),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Campaign:
    """The campaign while it is played.

    Attributes:
        tests: salts and roots of the hidden groups, as their owner keeps them.
        bundles: numbers and contents by their contributors' names.
    """

    play: DataPlay
    stock: Stock
    owner: Person
    name: bytes
    terms: CampaignTerms
    tests: HiddenGroups
    money: Money
    bundles: dict[str, tuple[int, SampleBundle]] = field(default_factory=dict)

    def contributor_of(self, bundle: int) -> str:
        """Who brought a bundle; the owner for the initial data."""
        return next((name for name, (number, _) in self.bundles.items() if number == bundle), OWNER)


def open_campaign(play: DataPlay, stock: Stock, console: Console) -> Campaign:
    """Suggest terms, commit to hidden tests, and open the campaign with its initial data."""
    console.heading("a campaign for labelled digits")
    owner = play.person(OWNER, "owner")
    tests = HiddenGroups.of(stock.groups)
    tests.write(play.work / "owner" / "tests.json")
    terms = _terms(play, stock, tests)
    name = owner.roles.owner.open(terms, stock.document.schema, ESCROW, beliefs(), initial=stock.initial)
    money = Money(play.books, terms, OWNER)
    money.escrow(ESCROW)
    made = Campaign(play, stock, owner, name, terms, tests, money)
    console.line(
        f"  opened with {len(stock.initial.samples)} public samples, {ether(ESCROW)} in escrow, and "
        f"{len(stock.groups)} hidden groups of {len(stock.groups[0].samples)} tests committed to"
    )
    console.line(
        f"  of a sample: {ether(terms.reward)} reward, {ether(terms.deposit)} deposit, {ether(terms.stake)} to "
        f"challenge it, {ether(terms.correction)} for a right correction, {ether(terms.fee)} fee of a jury of "
        f"{terms.jurors} with {ether(terms.juror_stake)} at stake each: every condition of honesty holds"
    )
    return made


def _terms(play: DataPlay, stock: Stock, tests: HiddenGroups) -> CampaignTerms:
    by_sample, initial = suggest_terms(REWARD, beliefs(), jurors=3), stock.initial
    return CampaignTerms(
        ETHER, play.local.market.committee, by_sample.arbiter, bytes(20), stock.document.schema.digest,
        stock.document.digest, initial.tree().root, initial.content_digest, len(initial.samples),
        tests.commitment, by_sample.deposit, by_sample.reward, by_sample.correction,
        by_sample.stake, by_sample.fee, receipt_fee=3 * 10**15, juror_stake=by_sample.juror_stake,
        jurors=by_sample.jurors, burnt=by_sample.burnt, max_samples=1000, max_bundle=100, open_delay=2,
        open_window=_HOUR, receipt_window=_HOUR, review_window=_HOUR, reveal_window=_HOUR, answer_window=_HOUR,
        case_window=_HOUR, vote_window=_HOUR, vote_reveal_window=_HOUR, appeal_window=_HOUR, epoch_size=100,
        epoch_period=24 * _HOUR,
    )  # fmt: skip


def bring_bundles(campaign: Campaign, console: Console) -> None:
    """Honest contributors and cheaters commit, and open what they can; a quorum holds it, and review begins."""
    stock = campaign.stock
    brought = dict(zip(HONESTS, stock.honest, strict=True)) | {WRONG: stock.wrong, GUESSING: stock.guessed}
    for number, (name, bundle) in enumerate(brought.items()):
        _commit(campaign, name, f"contributor-{number}", bundle)
    thief, taken = _take_commitment(campaign)
    campaign.play.mine(2)
    for name in brought:
        _open(campaign, name, console)
    _refused(campaign, thief, taken, console)
    _commit(campaign, COPYING, "copier", stock.copied)
    campaign.play.mine(2)
    _open(campaign, COPYING, console)


def _commit(campaign: Campaign, name: str, directory: str, bundle: SampleBundle) -> None:
    who = campaign.play.person(name, directory)
    if name in HONESTS:
        who.roles.reviewer.library.add_initial(campaign.name, campaign.stock.initial)
    campaign.bundles[name] = who.roles.contributor.commit(campaign.name, bundle), bundle
    campaign.money.commitment(name, len(bundle.samples))


def _open(campaign: Campaign, name: str, console: Console) -> None:
    """Open a bundle, and have the committee hold it."""
    play, (number, bundle) = campaign.play, campaign.bundles[name]
    contributor = play.people[name].roles.contributor
    contributor.open(number)
    with stage(f"provers check and hold bundle {number}"):
        record = contributor.attest(number, play.witnesses)
    if record.stage is not BundleStage.REVIEW:
        raise ChainError(f"bundle {number} is not under review, with receipts of a quorum")
    signers = play.witnesses.signers[number]
    campaign.money.receipts([prover(member) for member in signers])
    console.line(f"  bundle {number}: {len(bundle.samples)} samples; {len(signers)} provers hold them")


def _take_commitment(campaign: Campaign) -> tuple[Person, int]:
    """Somebody commits to what another one has just committed to, before it is opened."""
    number, bundle = campaign.bundles[HONESTS[0]]
    thief = campaign.play.person(TAKING, "thief")
    seen = campaign.play.view.bundle(number)
    taken = thief.roles.account.commit_bundle(campaign.name, seen.count, seen.root)
    campaign.bundles[TAKING] = taken, bundle
    campaign.money.commitment(TAKING, seen.count)
    return thief, taken


def _refused(campaign: Campaign, thief: Person, taken: int, console: Console) -> None:
    """Once the original is open its salt is in the chain, and opens the copied commitment for nobody."""
    number, _ = campaign.bundles[HONESTS[0]]
    opened = campaign.play.view.bundle(number)
    salt = next(
        each.salt for each in campaign.play.people[HONESTS[0]].state.contributions.all() if each.root == opened.root
    )
    try:
        thief.roles.account.open_bundle(taken, opened.root, opened.content_digest, salt)
    except ContractError as error:
        console.line(f"  bundle {taken}: a copied commitment opens for nobody ({error.error})", "red")
    else:
        raise InvalidInputError(f"bundle {taken} was opened, and its commitment is another account's")
