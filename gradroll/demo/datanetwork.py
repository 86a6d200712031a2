"""The demo's network, trained outside: committed to before tests are shown, and proven on them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from circuits.accuracy.inference import Int64Array, count_right
from circuits.errors import ProofError
from circuits.hashing import keccak
from circuits.terms import ETHER
from commons.chain.modelfacts import ListingTerms
from commons.chain.modelwriter import ModelWriter
from commons.protocol.strictjson import canonical
from commons.runtime.stages import stage
from commons.storage.parameters import PublicParameters
from gradroll.console import Console
from gradroll.demo import developers
from gradroll.demo.datacampaign import Campaign
from gradroll.demo.datalearning import SHOWN
from gradroll.demo.dataplay import DEPTH, PATIENCE, Person
from gradroll.demo.developers import SIZE, Images
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.seller import Seller
from gradroll.modelmarket.shownsets import dataset_of, require_shown_set, shown_groups, shown_manifest
from gradroll.setup.keygen import SRS_FILE
from native import G1

DEVELOPER = "who trains a network outside"
_HIDDEN, _SEED, _PASSES = 24, 1, 200
RULE = keccak(canonical({"hidden": _HIDDEN, "passes": _PASSES, "rule": "scikit-learn/mlp", "seed": _SEED}))
"""Of the network's versions: text that its author chose, since nobody else can compute the network."""
_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Network:
    """A network that somebody has committed to, and what it was before it saw the epochs' samples.

    Attributes:
        start, model: commitments to both.
        start_weights, weights: int64 each, which nobody else sees.
    """

    author: Person
    parameters: ModelParameters
    seller: Seller
    start: G1
    model: G1
    start_weights: Int64Array = field(repr=False)
    weights: Int64Array = field(repr=False)


def commit_network(campaign: Campaign, samples: Sequence[bytes]) -> Network:
    """Train on the initial data, and further on all that counts; commit to both."""
    play = campaign.play
    models, keys = play.local_models, play.local.market.plan.parameter_directory
    public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    parameters = ModelParameters(public, keys, (SIZE,), allow_insecure=True)
    author = play.person(DEVELOPER, "developer")
    writer = ModelWriter(models.view(), author.signer, PATIENCE)
    seller = Seller(writer, parameters, play.kept(ModelState(play.work / "developer-models")), DEPTH)
    with stage("a network trains outside"):
        start, weights = (network_of(campaign, each) for each in (campaign.stock.initial.samples, samples))
    return Network(author, parameters, seller, seller.commit(start, SIZE), seller.commit(weights, SIZE), start, weights)


def network_of(campaign: Campaign, samples: Sequence[bytes]) -> Int64Array:
    """A network of somebody who trains outside, quantised: on the initial data, and then further on samples."""
    schema, initial = campaign.stock.document.schema, campaign.stock.initial.samples
    before, data = (dataset_of(schema, each) for each in (initial, samples))
    return developers.alone(
        Images(data.features, data.labels), _HIDDEN, _SEED, _PASSES, Images(before.features, before.labels)
    )


def network_right(campaign: Campaign, weights: Int64Array) -> int:
    """Right answers of a network on the shown group."""
    data = dataset_of(campaign.stock.document.schema, campaign.stock.groups[SHOWN].samples)
    return count_right(SIZE, data.features.astype(np.int64), data.labels.astype(np.int64), weights)


def prove_network(campaign: Campaign, network: Network, console: Console) -> tuple[bytes, int]:
    """Register the shown tests as a set, list the network on it, and prove its accuracy.

    Somebody else then converts the tests again, and finds the very set.  Returns the listing and its right answers.
    """
    schema, shown, writer = (
        campaign.stock.document.schema,
        {SHOWN: campaign.stock.groups[SHOWN]},
        network.seller.account,
    )
    groups = shown_groups(SIZE, network.parameters.srs, schema, shown)
    manifest = shown_manifest(campaign.name, {SHOWN: shown[SHOWN].content_digest})
    tests = writer.create_set(bytes(32), len(groups), manifest)
    for number, group in groups.items():
        writer.register_group(tests, number, group.hash)
    terms = ListingTerms(campaign.play.local_models.accuracy, tests, ETHER, 10**17, 10**15, 0, 10**16, _DAY)
    listing = network.seller.list_model(network.model, terms)
    with stage("the network's accuracy is proven"):
        network.seller.prove(listing, groups)
    right = _checked(campaign, network.parameters, listing)
    console.line(
        f"  the network outside: {SIZE.weights} weights that nobody sees; {right} of {groups[0].samples} tests right, "
        "proven; somebody else converts the tests that were shown, and finds the very set"
    )
    return listing, right


def _checked(campaign: Campaign, parameters: ModelParameters, listing: bytes) -> int:
    """Right answers that are proven of a listing, of somebody who believes the chain and the tests' file alone."""
    view, shown = campaign.play.local_models.view(), {SHOWN: campaign.stock.groups[SHOWN]}
    again = shown_groups(SIZE, parameters.srs, campaign.stock.document.schema, shown)
    require_shown_set(view.set_of(view.listing(listing).terms.set_id), campaign.name, shown, again)
    score = view.score(listing)
    if not score.complete:
        raise ProofError("the listing's accuracy is not proven on all tests")
    return score.correct
