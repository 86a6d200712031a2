"""The demo's epochs, whose manifests anybody makes, and the perceptron that trains on them in its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.errors import ProofError
from commons.artifacts.localstore import LocalStore
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import PerceptronModel, PerceptronView
from commons.runtime.stages import stage
from commons.samples.epochmanifests import EpochManifest
from commons.samples.perceptrons import Perceptron
from gradroll.console import Console
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.decidedsamples import SamplesOf, kept_bundles
from gradroll.datamarket.epochs import epoch_manifest
from gradroll.datamarket.hiddengroups import GroupScorer
from gradroll.datamarket.modeltrainer import ModelTrainer
from gradroll.demo.datacampaign import TAKING, Campaign
from gradroll.demo.dataplay import Person

TRAINER, CHECKER = "who trains the contract", "who recomputes everything"
BITS, MARGIN = 32, 2000
INITIAL_DATA, BROUGHT, ACCEPTED, CLEAN = "initial data", "all that was brought", "what was accepted", "clean data"
SHOWN = 0
"""The hidden group that is shown; the other one is kept for what comes later."""


def close_campaign(campaign: Campaign) -> None:
    """The last epoch is closed, and so is the campaign: everything in it is decided."""
    campaign.play.pass_time(campaign.terms.epoch_period)
    campaign.owner.roles.settler.settle(campaign.name)
    campaign.owner.roles.owner.close(campaign.name)
    campaign.owner.roles.owner.withdraw(campaign.name)
    campaign.money.withdrawn()


def recompute_epochs(campaign: Campaign, console: Console) -> tuple[tuple[EpochManifest, ...], tuple[bytes, ...]]:
    """Somebody who had no part makes the manifests from the chain, as the owner does; returns them, and what counts."""
    play, checker = campaign.play, campaign.play.person(CHECKER, "checker")
    contents = samples_of(campaign, checker)
    made, samples = list[EpochManifest](), list[bytes]()
    for epoch in range(play.view.campaign(campaign.name).epochs):
        own = epoch_manifest(checker.roles.account.data, campaign.name, epoch)
        if own.encoded != epoch_manifest(campaign.owner.roles.account.data, campaign.name, epoch).encoded:
            raise ProofError(f"two people make different manifests of epoch {epoch}")
        (play.work / f"epoch-{epoch}.json").write_bytes(own.encoded)
        counted = list(own.samples({each.number: contents(each.number).samples for each in own.bundles}))
        console.line(
            f"  epoch {epoch}: {len(own.decisions)} decisions, {len(counted)} samples count; somebody else computes "
            f"the same manifest, which leads to the hash in the chain"
        )
        made.append(own)
        samples += counted
    return tuple(made), tuple(samples)


def samples_of(campaign: Campaign, who: Person) -> SamplesOf:
    """Bundles, which somebody gets of the provers and holds against the chain."""
    return bundles_of(campaign, who.roles.reviewer.library)


def bundles_of(campaign: Campaign, library: BundleLibrary) -> SamplesOf:
    """Bundles of a library, which gets of the provers what it does not have."""
    store, holders = LocalStore(campaign.play.work / "store"), campaign.play.witnesses
    library.add_initial(campaign.name, campaign.stock.initial)
    return kept_bundles(library, campaign.name, lambda number: library.fetch(number, store, holders=holders))


@dataclass(frozen=True, eq=False)
class InContract:
    """The model in its contract.

    Attributes:
        account: of who trains it.
        replica: the same in Python, trained on the samples of the epochs' manifests.
    """

    account: PerceptronAccount
    model: PerceptronModel
    trainer: ModelTrainer
    replica: Perceptron


def train_in_contract(campaign: Campaign, samples: Sequence[bytes], console: Console) -> InContract:
    """Train sample after sample in the contract.

    Raises:
        ProofError: the contract has other weights than Python's perceptron after the samples of the manifests.
    """
    who = campaign.play.person(TRAINER, "trainer")
    account = _account(campaign, who)
    model = account.make(campaign.name, BITS, MARGIN)
    trainer = ModelTrainer(account, model, samples_of(campaign, who))
    with stage("a perceptron trains in its contract"):
        trained = trainer.train().trained
    weights, replica = account.models.weights(model, campaign.stock.document.schema), replay(campaign, samples)
    if not np.array_equal(replica.weights, weights) or trained != len(samples):
        raise ProofError("the contract's weights are not those that the epochs' samples lead to")
    console.line(
        f"  the contract's perceptron: {weights.size} weights, trained on {trained} samples in the order of the log; "
        "every weight as in Python"
    )
    return InContract(account, model, trainer, replica)


def score_in_contract(campaign: Campaign, made: InContract, console: Console) -> int:
    """The owner shows a hidden group, and the contract scores its model; returns right answers.

    Raises:
        ProofError: the contract counts others than Python.
    """
    shown = campaign.stock.groups[SHOWN]
    GroupScorer(_account(campaign, campaign.owner), made.model).show(campaign.tests, SHOWN, made.trainer)
    with stage("the contract scores the tests that were shown"):
        record = GroupScorer(made.account, made.model).score(SHOWN, shown)
    if record.right != made.replica.right(list(shown.samples)):
        raise ProofError("the contract counts other right answers than Python")
    console.line(f"  a hidden group is shown: {record.right} of {record.count} right, counted by the contract")
    return record.right


def replay(campaign: Campaign, samples: Sequence[bytes]) -> Perceptron:
    """The contract's model in Python, trained on samples."""
    made = Perceptron(campaign.stock.document.schema, BITS, MARGIN)
    made.train(samples)
    return made


def _account(campaign: Campaign, who: Person) -> PerceptronAccount:
    data = who.roles.account.data
    return PerceptronAccount(who.roles.account.chain, PerceptronView(data, campaign.play.local.beside.models))


def data_sets(campaign: Campaign, samples: Sequence[bytes]) -> dict[str, Sequence[bytes]]:
    """What models could be trained on; ``samples`` are what counts."""
    stock = campaign.stock
    brought = [*stock.initial.samples]
    for name, (_, bundle) in campaign.bundles.items():
        brought += [] if name == TAKING else bundle.samples
    return {INITIAL_DATA: stock.initial.samples, BROUGHT: brought, ACCEPTED: samples, CLEAN: stock.clean(brought)}
