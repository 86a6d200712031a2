"""The demo's versions: what models say they were made from, what of it is the chain's word, and a tree of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from circuits.errors import NotReadyError, ProofError
from circuits.hashing import keccak
from commons.chain.dataperceptronview import PerceptronView
from commons.chain.dataversionaccount import VersionAccount
from commons.chain.dataversionview import VersionTerms, VersionView
from commons.chain.dataview import DataView
from commons.samples.contributions import Outcome
from commons.samples.epochmanifests import EpochManifest
from commons.samples.improvementrules import PerceptronRule
from gradroll.console import Console
from gradroll.datamarket.versionchecks import Standing, VersionChecker, lasting_version
from gradroll.demo.datacampaign import Campaign
from gradroll.demo.datalearning import BITS, CHECKER, MARGIN, TRAINER, samples_of
from gradroll.demo.datanetwork import RULE, Network
from gradroll.demo.dataplay import Person


@dataclass(frozen=True, slots=True)
class Committed:
    """Versions that were registered before any test was shown, 32 bytes each.

    Attributes:
        perceptron: what the contract trained.
        start: the network before it saw the epochs' samples, on the initial data alone.
        network: what came of the start.
    """

    perceptron: bytes
    start: bytes
    network: bytes


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the listed network comes from.

    Attributes:
        listed: its version, 32 bytes.
        right: answers that are proven.
        epochs: samples that count, by epoch and whoever brought them.
    """

    committed: Committed
    listed: bytes
    right: int
    epochs: Mapping[str, Mapping[str, int]]

    def tell(self, console: Console) -> None:
        """Show it as a tree."""
        console.line(f"  version {_short(self.listed)}, listed: {self.right} tests right, proven")
        console.line(f"    of version {_short(self.committed.network)}, which was there before tests were shown")
        console.line(f"      from version {_short(self.committed.start)}, trained on the initial data")
        for epoch, samples in self.epochs.items():
            console.line(f"      from {epoch}, {sum(samples.values())} samples that count")
            for name, count in samples.items():
                console.line(f"        {count} of {name}")

    @property
    def report(self) -> dict[str, object]:
        """For programs."""
        versions = {name: getattr(self.committed, name) for name in Committed.__slots__} | {"listed": self.listed}
        return {
            "versions": {name: "0x" + version.hex() for name, version in versions.items()},
            "epochs": {epoch: dict(samples) for epoch, samples in self.epochs.items()},
        }


def commit_versions(campaign: Campaign, network: Network) -> Committed:
    """Register what the contract trained, and the network, before tests are shown."""
    play, trainer = campaign.play, campaign.play.people[TRAINER]
    rule, epochs = PerceptronRule(BITS, MARGIN), _epochs(campaign)
    models = PerceptronView(trainer.roles.account.data, play.local.beside.models)
    made = lasting_version(models, campaign.name, len(epochs) - 1, rule, samples_of(campaign, trainer))
    (play.work / "perceptron.json").write_bytes(made.content)
    model = hashlib.sha256(made.content).digest()
    perceptron = _account(campaign, trainer).register(VersionTerms((), model, made.epochs, (), rule.digest))
    author = _account(campaign, network.author)
    start = author.register(VersionTerms((), keccak(network.start), (), (), RULE))
    later = author.register(VersionTerms((start,), keccak(network.model), epochs, (), RULE))
    return Committed(perceptron, start, later)


def trace(
    campaign: Campaign, network: Network, committed: Committed, listing: bytes, shown_at: int,
    manifests: Sequence[EpochManifest], console: Console,
) -> Lineage:  # fmt: skip
    """Register the listed version; somebody who believes nobody checks all versions, and follows them back.

    Args:
        shown_at: when tests were shown, by the chain's clock.

    Raises:
        ProofError: a claim is false, or something that can be computed was not, or the network came after the tests.
    """
    play = campaign.play
    terms = VersionTerms((committed.network,), keccak(network.model), (), (), RULE, listing)
    listed = _account(campaign, network.author).register(terms)
    data = play.people[CHECKER].roles.account.data
    view, models = _view(campaign, data), play.local_models.view()
    look = VersionChecker(
        PerceptronView(data, play.local.beside.models), lambda: models,
        lambda _: samples_of(campaign, play.people[CHECKER]),
    )  # fmt: skip
    for name, version in (("perceptron", committed.perceptron), ("network", committed.network), ("listing", listed)):
        _check(look, view, name, version, console)
    if list(view.ancestors(listed)) != [listed, committed.network, committed.start]:
        raise ProofError("the listed version has other ancestors than the network and its start")
    if view.version(committed.network).time >= shown_at:
        raise ProofError("the network was committed to after the tests had been shown")
    epochs = {
        f"epoch {each.epoch}": {
            campaign.contributor_of(bundle): count for bundle, count in sorted(_counted(each).items())
        }
        for each in manifests if (campaign.name, each.epoch) in view.terms(committed.network).epochs
    }  # fmt: skip
    return Lineage(committed, listed, models.score(listing).correct, epochs)


def _check(look: VersionChecker, view: VersionView, name: str, version: bytes, console: Console) -> None:
    terms = view.terms(version)
    found = Counter(claim.standing for claim in look.check(terms))
    proven = len(terms.epochs) + (name in ("perceptron", "listing"))
    if found[Standing.FALSE] or found[Standing.COMPUTED] + found[Standing.CHAIN] < proven:
        raise ProofError(f"not all holds that the version of the {name} says")
    console.line(
        f"  version of the {name}: {found[Standing.COMPUTED]} claims computed again, {found[Standing.CHAIN]} held by "
        f"contracts, {found[Standing.WORD]} its author's word"
    )


def _counted(manifest: EpochManifest) -> Counter[int]:
    """How many samples of each bundle count by an epoch, of those that do."""
    found = Counter[int]()
    for each in manifest.decisions:
        if each.outcome in (Outcome.ACCEPTED, Outcome.CORRECTED):
            found[each.bundle] += each.count
    return found


def _epochs(campaign: Campaign) -> tuple[tuple[bytes, int], ...]:
    return tuple((campaign.name, epoch) for epoch in range(campaign.play.view.campaign(campaign.name).epochs))


def _view(campaign: Campaign, data: DataView) -> VersionView:
    local = campaign.play.local
    if local.beside.versions is None:
        raise NotReadyError("versions were not deployed, as there was no registry of models")
    return VersionView(data, campaign.play.local_models.places.registry, local.beside.versions)


def _account(campaign: Campaign, who: Person) -> VersionAccount:
    return VersionAccount(who.roles.account.chain, _view(campaign, who.roles.account.data))


def _short(version: bytes) -> str:
    return f"0x{version.hex()[:12]}.."
