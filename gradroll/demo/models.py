"""`gradroll demo --models`: three developers, one bounty on hidden digits, and what became of every unit of money."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from eth_utils.address import to_checksum_address
from web3.types import RPCEndpoint

from circuits.accuracy.inference import Int64Array, count_right
from circuits.arrays import FloatArray
from circuits.atomicfile import storing
from circuits.errors import ChainError, ProofError
from circuits.policies.norm import NORM
from circuits.terms import ETHER, MarketId
from commons.artifacts.datasetfiles import Dataset, read_dataset, write_dataset
from commons.chain.modelfacts import BountyStage, BountyTerms, ListingTerms
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.patience import Patience
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.runtime.amounts import ether
from commons.runtime.stages import stage
from commons.storage.accounts import create_account, load_account
from commons.storage.parameters import PublicParameters
from gradroll.console import Console
from gradroll.demo import developers
from gradroll.demo.cast import Buying, Cast, Role, assemble, plan_task, register
from gradroll.demo.developers import SIZE, Images, coefficient
from gradroll.demo.run import Extent, Options, start_market
from gradroll.demo.settling import await_settled, await_sum, put_forward
from gradroll.demo.training import Recipe, Shard
from gradroll.model_owner.roundsums import RoundReader
from gradroll.modelmarket.anchors import close_and_pin, close_entries
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.entrant import Entrant
from gradroll.modelmarket.lineages import Derived, derive
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.witnesses import OwnWitnesses
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_market import ALLOWANCE, endow
from gradroll.setup.local_models import LocalModels, add_models
from gradroll.setup.modelkeygen import cached_development_model_keys
from gradroll.setup.processes import Processes

_PATIENCE = Patience(poll=0.05)
_OWNERS, _ROUNDS = 4, 2
_GROUPS, _SAMPLES = 5, 128
_WINDOW, _DAY = 43_200, 86_400
_PRIZE, _BOND, _COMPENSATION = 10**18, 5 * 10**16, 2 * 10**16
_NAMES = ("alone, 24 hidden units", "alone, 8 hidden units", "out of the rollup")


@dataclass(frozen=True, eq=False)
class _Developer:
    name: str
    entrant: Entrant
    weights: Int64Array
    derived: Derived | None = None


@dataclass(frozen=True, eq=False)
class _Play:
    """The bounty's owner, its hidden files, and who vouches for them."""

    models: LocalModels
    view: ModelView
    parameters: ModelParameters
    owner: BountyOwner
    witnesses: OwnWitnesses
    files: tuple[Path, ...]
    work: Path

    def read(self, path: Path) -> DataGroup:
        """A hidden group."""
        data = read_dataset(path)
        digest = hashlib.sha256(data.encode()).digest()
        return DataGroup.of(SIZE, self.parameters.srs, data.features, data.labels, digest)

    def mine(self, blocks: int) -> None:
        """Have a development chain make blocks."""
        for _ in range(blocks):
            self.view.chain.rpc.web3.provider.make_request(RPCEndpoint("evm_mine"), [])


def run_models_demo(options: Options, console: Console) -> int:
    """Run everything; returns 0 when all that is to be shown was seen, 7 otherwise."""
    began = time.monotonic()
    console.heading("gradroll demo --models: three developers, one bounty on hidden digits")
    console.line(
        "DEVELOPMENT MODE: keys and parameters come from seeds that everybody knows. This shows how it works; it "
        "protects nothing.",
        "yellow",
    )
    cached_development_model_keys(options.parameters, SIZE)
    work = options.out / "models"
    shutil.rmtree(work, ignore_errors=True)
    images = developers.load_images()
    with Processes(work / "logs") as fleet:
        market, _ = start_market(options, Extent(SIZE.weights, NORM.name, 16), fleet, work, console)
        with stage("deploying the model market"):
            models = add_models(market, SIZE)
        play = _play(models, images, work)
        derived = _train_in_the_rollup(play, images, fleet.require_alive, console)
        cast = _developers(play, images, derived)
        report = _bounty(play, cast, images, console)
    report["seconds"] = round(time.monotonic() - began)
    path = options.out / "models.json"
    with storing(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.line(f"{path}; {report['seconds']} s")
    return 0


def _play(models: LocalModels, images: Images, work: Path) -> _Play:
    plan, view = models.market.plan, models.view()
    parameters = _parameters(models)
    files = []
    for number in range(_GROUPS):
        part = images.part(slice(1000 + number * _SAMPLES, 1000 + (number + 1) * _SAMPLES))
        files.append(work / "hidden" / f"group-{number}.safetensors")
        write_dataset(files[-1], Dataset(part.features, part.labels))
    account = ModelWriter(view, load_account(plan.directory / "model-owner.json"), _PATIENCE)
    owner = BountyOwner(account, parameters, ModelState(work / "bounty-owner"), 2)
    place = MarketId(view.chain.chain_id, view.places.bounties, view.bounties_deployment)
    witnesses = OwnWitnesses(place, models.members, parameters)
    return _Play(models, view, parameters, owner, witnesses, tuple(files), work)


def _parameters(models: LocalModels) -> ModelParameters:
    keys = models.market.plan.parameter_directory
    public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    return ModelParameters(public, keys, (SIZE,), allow_insecure=True)


def _compute(model: FloatArray, shard: Shard) -> FloatArray:
    return developers.gradient(model, Images(shard.features.astype(np.int16), shard.labels.astype(np.uint8)))


def _train_in_the_rollup(play: _Play, images: Images, alive: Callable[[], None], console: Console) -> Derived:
    """Some rounds on owners' own data, from a public start; each sum opens the chain's commitment."""
    console.heading("a model out of the gradient rollup")
    market = play.models.market
    own = images.part(slice(500, 1000))
    shards = [Shard(own.features[at::_OWNERS].astype(np.float64), own.labels[at::_OWNERS].astype(np.int64))
              for at in range(_OWNERS)]  # fmt: skip
    recipe = Recipe(developers.GRADIENT_BITS)
    manifest = ModelManifest((Block("weights", SIZE.weights, developers.GRADIENT_BITS),), SIZE.weights)
    cast = assemble(market, shards, [Role()] * _OWNERS, _compute, Buying(manifest))
    usual = plan_task(cast, market, _ROUNDS, recipe, graded=False)
    plan = replace(usual, dimension=SIZE.weights, manifest=manifest)
    task = cast.buyer.create_task(plan)
    cast.buyer.fund(task, _ROUNDS * plan.pay.reserve(_OWNERS, len(market.plan.provers), plan.min_owners))
    cast.buyer.publish_manifest(task)
    register(cast, task)
    with stage("warming up the public start"):
        start = developers.public_start(images.part(slice(0, 500)))
    reader = RoundReader(cast.view, cast.parameters, cast.coordinator)
    key, each, rounds, model = play.parameters.commitment_key(SIZE.weights), coefficient(_OWNERS), [], start
    for _ in range(_ROUNDS):
        number = _round(cast, task, model, alive)
        rounds.append((each, reader.round_row(task, number)))
        model = derive(key, task, 0, start, rounds).row.weights
        console.line(f"  round {number}: {_OWNERS} gradients in a proven sum, which opens the chain's commitment")
    return derive(key, task, 0, start, rounds)


def _round(cast: Cast, task: int, model: Int64Array, alive: Callable[[], None]) -> int:
    number = cast.buyer.open_round(task, developers.parameters_of(model))
    submitted = cast.submit_all(task, number)
    with stage("provers prove the batch, and release its sum"):
        await_settled(cast, submitted, alive)
        await_sum(cast, task, number, alive)
    put_forward(cast.view, cast.view.round(task, number).settle_deadline)
    cast.buyer_chain.finalize_round(task, number)
    return number


def _developers(play: _Play, images: Images, derived: Derived) -> list[_Developer]:
    plan, train = play.models.market.plan, images.part(slice(0, 500))
    weights = [developers.alone(train, 24, 1), developers.alone(train, 8, 2), derived.weights]
    made = []
    for number, (name, model) in enumerate(zip(_NAMES, weights, strict=True)):
        account = create_account(play.work / f"developer-{number}.key")
        endow(plan.chain, [account.address], ALLOWANCE // 10)
        state = ModelState(play.work / f"developer-{number}")
        entrant = Entrant(ModelWriter(play.models.view(), account, _PATIENCE), play.parameters, state, 2)
        made.append(_Developer(name, entrant, model, derived if number == 2 else None))
    return made


def _bounty(play: _Play, cast: list[_Developer], images: Images, console: Console) -> dict[str, object]:
    console.heading("the bounty")
    bounty = _open(play)
    record = play.view.bounty(bounty)
    console.line(f"  {_GROUPS} hidden groups committed to; {ether(_PRIZE)} for the best model, chance draws the tests")
    terms = ListingTerms(
        play.models.accuracy, record.set_id, ETHER, 10**17, 10**15, 100, 0, _DAY, bytes(32), ()
    )  # fmt: skip
    listings = []
    for each in cast:
        listings.append(each.entrant.list_model(each.entrant.commit(each.weights, SIZE), terms))
        each.entrant.enter(bounty, listings[-1])
        console.line(f"  {each.name}: committed to, listed and entered")
        if each.derived is not None:
            with stage("proving the lineage"):
                each.entrant.prove_lineage(listings[-1], play.models.rounding, each.derived)
            shown = play.view.lineage_statement(listings[-1])
            if shown != each.derived.statement:
                raise ProofError("the registry has another lineage than was proven")
            console.line(f"  {each.name}: lineage proven, {len(shown.coefficients)} rounds from a public start")
    tests = _show_tests(play, bounty)
    for each, listing in zip(cast, listings, strict=True):
        with stage(f"proving: {each.name}"):
            each.entrant.prove(listing, tests)
        score = play.view.score(listing)
        console.line(
            f"  {each.name}: {score.correct} of {score.samples} right, proven; price {ether(play.view.price(listing))}"
        )
    put_forward(play.view.chain, play.view.bounty(bounty).deadline)
    winner = play.owner.settle(bounty).winner
    console.line(f"  the winner: {cast[winner].name}", "green")
    _swap(play, bounty, cast[winner], tests, images, console)
    return {
        "winner": cast[winner].name,
        "scores": {each.name: play.view.score(of).correct for each, of in zip(cast, listings, strict=True)},
        "balances": _balances(play, cast, console),
    }


def _open(play: _Play) -> bytes:
    commitment = play.owner.commit([(path, play.read(path)) for path in play.files])
    market = play.models.market
    seeds = play.owner.commit_seeds(commitment)
    terms = BountyTerms(
        play.models.accuracy, ETHER, market.committee, len(_NAMES), 100, _GROUPS, 1, 2, 2, 16, _PRIZE, _BOND,
        _COMPENSATION, commitment, seeds, bytes(32), _WINDOW, _WINDOW, _WINDOW, _WINDOW, _WINDOW,
    )  # fmt: skip
    bounty = play.owner.open(terms)
    _draw(play, bounty)
    return bounty


def _draw(play: _Play, bounty: bytes) -> None:
    """Pin the hash, draw, and show what was drawn with receipts, each once what came before is deep enough."""
    play.mine(4)
    close_and_pin(play.owner.account, bounty)
    play.mine(2)
    play.owner.draw(bounty)
    play.mine(2)
    play.owner.show(bounty, play.read, play.witnesses)


def _show_tests(play: _Play, bounty: bytes) -> dict[int, DataGroup]:
    """Close the entries, and show the tests that chance draws; by their number in the set."""
    put_forward(play.view.chain, play.view.bounty(bounty).deadline)
    close_entries(play.owner.account, play.view.bounty(bounty))
    _draw(play, bounty)
    drawn = play.view.bounty(bounty).tests
    return {number: play.read(play.files[index]) for number, index in enumerate(drawn)}


def _swap(
    play: _Play, bounty: bytes, winner: _Developer, tests: dict[int, DataGroup], images: Images, console: Console
) -> None:
    """The winner's model for the prize: offered, checked, locked, revealed, opened, used."""
    row = play.work / "row.sealed"
    offer = winner.entrant.offer_to_owner(bounty, play.owner.request(bounty), row)
    play.owner.take(bounty, offer, row)
    play.mine(2)
    winner.entrant.reveal_won(bounty)
    bought = play.owner.open_model(bounty, tests)
    if not np.array_equal(bought.weights, winner.weights) or play.view.bounty(bounty).stage is not BountyStage.SOLD:
        raise ProofError("what the owner opened is not the winner's model")
    fresh = images.part(slice(1000 + _GROUPS * _SAMPLES, None))
    right = count_right(SIZE, fresh.features.astype(np.int64), fresh.labels.astype(np.int64), bought.weights)
    console.line(f"  sold and opened: it answers {right} of {len(fresh.labels)} images that nobody had seen")


def _balances(play: _Play, cast: list[_Developer], console: Console) -> dict[str, dict[str, str]]:
    """What each paid in and gets out, held against the chain.  Raises ChainError where a unit is missing."""
    console.heading("balances of the bounty")
    place, chain = play.view.places.bounties, play.view.chain
    held = int(chain.rpc.web3.eth.get_balance(to_checksum_address(place)))
    accounts = {"owner": play.owner.address, **{each.name: each.entrant.address for each in cast}}
    paid = dict.fromkeys(accounts, _BOND) | {"owner": _PRIZE + len(_NAMES) * _COMPENSATION}
    credit = {name: play.view.owed(place, ETHER, account) for name, account in accounts.items()}
    for name in accounts:
        net = f"{(credit[name] - paid[name]) / 1e18:+g} ETH"
        console.line(f"  {name:26} paid in {ether(paid[name])}, gets {ether(credit[name])}: {net}")
    for writer in (play.owner.account, *(each.entrant.account for each in cast)):
        writer.collect_from(place, ETHER)
    left = int(chain.rpc.web3.eth.get_balance(to_checksum_address(place)))
    if not sum(paid.values()) == held == sum(credit.values()) or left:
        raise ChainError("the contract of bounties holds another amount than was paid in, or owed")
    console.line("  every unit that was paid in was paid out, and the contract holds nothing", "green")
    return {name: {"paid": str(paid[name]), "received": str(credit[name])} for name in accounts}
