"""The demo's models: a perceptron that trains in its contract, and a network whose accuracy is proven."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.accuracy.inference import Int64Array, count_right
from circuits.errors import ProofError
from circuits.terms import ETHER
from commons.artifacts.localstore import LocalStore
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import PerceptronView
from commons.chain.modelfacts import ListingTerms
from commons.chain.modelwriter import ModelWriter
from commons.runtime.stages import stage
from commons.samples.epochmanifests import EpochManifest
from commons.samples.perceptrons import Perceptron
from commons.samples.samplebundles import SampleBundle
from commons.storage.parameters import PublicParameters
from gradroll.console import Console
from gradroll.datamarket.decidedsamples import kept_bundles
from gradroll.datamarket.epochs import epoch_manifest
from gradroll.datamarket.hiddengroups import GroupScorer
from gradroll.datamarket.modeltrainer import ModelTrainer
from gradroll.datamarket.testsets import dataset_of, require_test_set, test_groups, tests_manifest
from gradroll.demo import developers
from gradroll.demo.datacampaign import TAKING, Campaign
from gradroll.demo.dataplay import DEPTH, PATIENCE, Person
from gradroll.demo.developers import SIZE, Images
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.seller import Seller
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_models import LocalModels

TRAINER, DEVELOPER, CHECKER = "who trains the contract", "who trains a network outside", "who recomputes everything"
BITS, MARGIN = 32, 2000
SHOWN = 0
"""The hidden group that is shown; the other one is kept for what comes later."""
_HIDDEN, _SEED, _PASSES = 24, 1, 300
_DAY = 86_400


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
    library = checker.roles.reviewer.library
    library.add_initial(campaign.name, campaign.stock.initial)
    made, samples = list[EpochManifest](), list[bytes]()
    for epoch in range(play.view.campaign(campaign.name).epochs):
        own = epoch_manifest(checker.roles.account.data, campaign.name, epoch)
        if own.encoded != epoch_manifest(campaign.owner.roles.account.data, campaign.name, epoch).encoded:
            raise ProofError(f"two people make different manifests of epoch {epoch}")
        (play.work / f"epoch-{epoch}.json").write_bytes(own.encoded)
        contents = {each.number: _samples(campaign, checker, each.number) for each in own.bundles}
        counted = list(own.samples(contents))
        console.line(
            f"  epoch {epoch}: {len(own.decisions)} decisions, {len(counted)} samples count; somebody else computes "
            f"the same manifest, which leads to the hash in the chain"
        )
        made.append(own)
        samples += counted
    return tuple(made), tuple(samples)


def _samples(campaign: Campaign, who: Person, bundle: int) -> tuple[bytes, ...]:
    return _fetched(campaign, who, bundle).samples


def _fetched(campaign: Campaign, who: Person, bundle: int) -> SampleBundle:
    """A bundle, which somebody gets of the provers and holds against the chain; 0 for the initial data."""
    play, library = campaign.play, who.roles.reviewer.library
    return kept_bundles(
        library, campaign.name,
        lambda number: library.fetch(number, LocalStore(play.work / "store"), holders=play.witnesses),
    )(bundle)  # fmt: skip


def train_in_contract(campaign: Campaign, samples: Sequence[bytes], console: Console) -> int:
    """Train sample after sample in the contract, and score it there; returns its right answers.

    Raises:
        ProofError: the contract has other weights than Python's perceptron after the samples of the manifests.
    """
    play, schema = campaign.play, campaign.stock.document.schema
    who = play.person(TRAINER, "trainer")
    who.roles.reviewer.library.add_initial(campaign.name, campaign.stock.initial)
    account = _account(campaign, who)
    model = account.make(campaign.name, BITS, MARGIN)
    trainer = ModelTrainer(account, model, lambda bundle: _fetched(campaign, who, bundle))
    with stage("a perceptron trains in its contract"):
        trained = trainer.train().trained
    weights = account.models.weights(model, schema)
    replayed = replay(campaign, samples)
    if not np.array_equal(replayed.weights, weights) or trained != len(samples):
        raise ProofError("the contract's weights are not those that the epochs' samples lead to")
    scorer = GroupScorer(_account(campaign, campaign.owner), model)
    scorer.show(campaign.tests, SHOWN, trainer)
    shown = campaign.stock.groups[SHOWN]
    with stage("the contract scores the tests that were shown"):
        record = GroupScorer(account, model).score(SHOWN, shown)
    if record.right != replayed.right(list(shown.samples)):
        raise ProofError("the contract counts other right answers than Python")
    console.line(
        f"  the contract's perceptron: {weights.size} weights, trained on {trained} samples in the order of the log; "
        f"every weight as in Python; {record.right} of {record.count} tests right, counted by the contract"
    )
    return record.right


def replay(campaign: Campaign, samples: Sequence[bytes]) -> Perceptron:
    """The contract's model in Python, trained on samples."""
    made = Perceptron(campaign.stock.document.schema, BITS, MARGIN)
    made.train(samples)
    return made


def _account(campaign: Campaign, who: Person) -> PerceptronAccount:
    data = who.roles.account.data
    return PerceptronAccount(who.roles.account.chain, PerceptronView(data, campaign.play.local.beside.models))


def network_of(campaign: Campaign, samples: Sequence[bytes]) -> Int64Array:
    """A network of somebody who trains outside, quantised."""
    data = dataset_of(campaign.stock.document.schema, samples)
    return developers.alone(Images(data.features, data.labels), _HIDDEN, _SEED, _PASSES)


def network_right(campaign: Campaign, weights: Int64Array) -> int:
    """Right answers of a network on the shown group."""
    data = dataset_of(campaign.stock.document.schema, campaign.stock.groups[SHOWN].samples)
    return count_right(SIZE, data.features.astype(np.int64), data.labels.astype(np.int64), weights)


def prove_network(
    campaign: Campaign, models: LocalModels, network: Int64Array, console: Console
) -> tuple[Person, bytes, int]:
    """Register the shown tests as a set, list a network on it, and prove its accuracy; then somebody checks all that.

    Returns who did it, its listing and the right answers that are proven.
    """
    play, schema = campaign.play, campaign.stock.document.schema
    public = PublicParameters(models.market.plan.parameter_directory / SRS_FILE, models.market.plan.parameter_directory,
                              allow_insecure=True)  # fmt: skip
    parameters = ModelParameters(public, models.market.plan.parameter_directory, (SIZE,), allow_insecure=True)
    who, shown = play.person(DEVELOPER, "developer"), {SHOWN: campaign.stock.groups[SHOWN]}
    writer = ModelWriter(models.view(), who.signer, PATIENCE)
    groups = test_groups(SIZE, parameters.srs, schema, shown)
    manifest = tests_manifest(campaign.name, {SHOWN: shown[SHOWN].content_digest})
    tests = writer.create_set(bytes(32), len(groups), manifest)
    for number, group in groups.items():
        writer.register_group(tests, number, group.hash)
    state = ModelState(play.work / "developer-models")
    seller = Seller(writer, parameters, state, DEPTH)
    try:
        terms = ListingTerms(models.accuracy, tests, ETHER, 10**17, 10**15, 0, 10**16, _DAY)
        listing = seller.list_model(seller.commit(network, SIZE), terms)
        with stage("proving the network's accuracy on the tests"):
            seller.prove(listing, groups)
    finally:
        state.close()
    score = _checked(campaign, models, parameters, listing)
    console.line(
        f"  the network outside: {SIZE.weights} weights that nobody sees; {score} of {groups[0].samples} tests right, "
        "proven; somebody else converts the tests that were shown, and finds the very set"
    )
    return who, listing, score


def _checked(campaign: Campaign, models: LocalModels, parameters: ModelParameters, listing: bytes) -> int:
    """Right answers that are proven of a listing, of somebody who believes the chain and the tests' file alone."""
    view, shown = models.view(), {SHOWN: campaign.stock.groups[SHOWN]}
    again = test_groups(SIZE, parameters.srs, campaign.stock.document.schema, shown)
    require_test_set(view.set_of(view.listing(listing).terms.set_id), campaign.name, shown, again)
    score = view.score(listing)
    if not score.complete:
        raise ProofError("the listing's accuracy is not proven on all tests")
    return score.correct


def accuracies(campaign: Campaign, samples: Sequence[bytes]) -> dict[str, dict[str, int]]:
    """Right answers on the shown group of both models, by what they are trained on."""
    stock = campaign.stock
    brought = [*stock.initial.samples]
    for name, (_, bundle) in campaign.bundles.items():
        brought += [] if name == TAKING else bundle.samples
    trained_on = {
        "initial data": stock.initial.samples, "all that was brought": brought, "what was accepted": samples,
        "clean data": stock.clean(brought),
    }  # fmt: skip
    shown = list(stock.groups[SHOWN].samples)
    return {
        what: {
            "samples": len(content), "contract": replay(campaign, content).right(shown),
            "network": network_right(campaign, network_of(campaign, content)),
        }
        for what, content in trained_on.items()
    }  # fmt: skip
