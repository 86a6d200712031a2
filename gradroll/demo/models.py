"""`gradroll demo --models`: three developers, one bounty on hidden digits, and what became of every unit of money."""

from __future__ import annotations

import numpy as np

from circuits.accuracy.inference import count_right
from circuits.errors import ProofError
from circuits.policies.norm import NORM
from circuits.terms import ETHER
from commons.chain.modelfacts import BountyStage, BountyTerms, ListingTerms, Parent
from commons.runtime.amounts import ether
from commons.runtime.stages import stage
from gradroll.console import Console
from gradroll.demo import developers
from gradroll.demo.developers import SIZE, Images
from gradroll.demo.laps import Laps
from gradroll.demo.marketdemos import begin, write_report
from gradroll.demo.modelplay import FRESH, GROUPS, MAKER, OWNER, Developer, Play
from gradroll.demo.modelsale import BOND, sell_outside
from gradroll.demo.modeltraining import train_in_the_rollup
from gradroll.demo.run import Extent, Options, prepare_market, start_servers
from gradroll.demo.settling import put_forward
from gradroll.modelmarket.anchors import close_and_pin, close_entries
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.setup.local_models import add_models
from gradroll.setup.processes import Processes

_WINDOW, _DAY = 43_200, 86_400
_PRIZE, _BOND, _COMPENSATION = 10**18, 5 * 10**16, 2 * 10**16
_ROYALTY = 1000
"""1/10000 of each price, for who made the start."""
_NAMES = ("alone, 24 hidden units", "alone, 8 hidden units", "out of the rollup")


def run_models_demo(options: Options, console: Console) -> int:
    """Run everything; returns 0.  Raises where something is not as it should be."""
    laps = Laps()
    work = begin("models", "gradroll demo --models: three developers, one bounty on hidden digits", options, console)
    images = developers.load_images()
    with Processes(work / "logs") as fleet:
        market, _ = prepare_market(options, Extent(SIZE.weights, NORM.name, 16), fleet, work, console)
        with stage("deploying the model market"):
            models = add_models(market, SIZE)
        start_servers(market, fleet, console)
        play = Play.prepare(models, images, work, fleet.require_alive)
        laps.end("start")
        report = _play(play, images, laps, console)
    laps.end("stop")
    write_report(options.out / "models.json", report, laps, console)
    return 0


def _play(play: Play, images: Images, laps: Laps, console: Console) -> dict[str, object]:
    """All of it, on a market that runs; returns what is to be reported."""
    trainer = play.trainer(_NAMES[2])
    trained = train_in_the_rollup(play, _NAMES[2], images, console)
    laps.end("training")
    console.heading("the bounty")
    bounty = _open(play, console)
    laps.end("opening")
    maker = play.seller(MAKER, "maker")
    start = maker.list_model(maker.commit(trained.start_model, SIZE), _terms(play, bounty))
    train = images.part(slice(0, 500))
    cast = [
        Developer(_NAMES[0], play.seller(_NAMES[0], "developer-0"), developers.alone(train, 24, 1)),
        Developer(_NAMES[1], play.seller(_NAMES[1], "developer-1"), developers.alone(train, 8, 2)),
        Developer(_NAMES[2], trainer, trained.derived.weights, trained.derived, (Parent(start, _ROYALTY),)),
    ]
    listings = _enter(play, bounty, cast, console)
    laps.end("entries")
    tests = _show_tests(play, bounty)
    winner = _prove(play, bounty, cast, listings, tests, console)
    laps.end("proofs")
    _swap(play, bounty, cast[winner], tests, images, console)
    _end_bounty(play, cast, winner)
    laps.end("prize")
    sale = sell_outside(play, cast[2], maker, listings[2], tests, trained.start, images, console)
    laps.end("sale")
    balances = play.books.close(console)
    laps.end("balances")
    return {
        "winner": cast[winner].name,
        "scores": {each.name: play.view.score(of).correct for each, of in zip(cast, listings, strict=True)},
        "sale": sale,
        "balances": balances,
    }


def _terms(play: Play, bounty: bytes, parents: tuple[Parent, ...] = ()) -> ListingTerms:
    """Of every listing, on the bounty's set: so what is proven for the bounty sells as well."""
    where = play.view.bounty(bounty).set_id
    return ListingTerms(play.models.accuracy, where, ETHER, 10**17, 10**15, 100, BOND, _DAY, bytes(32), parents)


def _enter(play: Play, bounty: bytes, cast: list[Developer], console: Console) -> list[bytes]:
    """Commit to all models, list and enter them; returns their listings."""
    listings = []
    for each in cast:
        model = each.entrant.commit(each.weights, SIZE)
        listings.append(each.entrant.list_model(model, _terms(play, bounty, each.parents)))
        each.entrant.enter(bounty, listings[-1])
        console.line(f"  {each.name}: committed to, listed and entered")
        if each.derived is not None:
            with stage("proving the lineage"):
                each.entrant.prove_lineage(listings[-1], play.models.rounding, each.derived)
            rounds = len(each.derived.statement.coefficients)
            console.line(f"  {each.name}: lineage proven, {rounds} rounds from a public start")
    return listings


def _prove(
    play: Play, bounty: bytes, cast: list[Developer], listings: list[bytes], tests: dict[int, DataGroup],
    console: Console,
) -> int:  # fmt: skip
    """Prove what all models do on the tests; returns the winner's number."""
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
    return winner


def _open(play: Play, console: Console) -> bytes:
    commitment = play.owner.commit([(path, play.group(path)) for path in play.files])
    market = play.models.market
    seeds = play.owner.commit_seeds(commitment)
    terms = BountyTerms(
        play.models.accuracy, ETHER, market.committee, len(_NAMES), 100, GROUPS, 1, 2, 2, 16, _PRIZE, _BOND,
        _COMPENSATION, commitment, seeds, bytes(32), _WINDOW, _WINDOW, _WINDOW, _WINDOW, _WINDOW,
    )  # fmt: skip
    bounty = play.owner.open(terms)
    console.line(f"  {GROUPS} hidden groups committed to; {ether(_PRIZE)} for the best model, chance draws the tests")
    _draw(play, bounty)
    console.line("  a quorum of the provers holds what was drawn for training, and said so on the chain")
    return bounty


def _draw(play: Play, bounty: bytes) -> None:
    """Pin the hash, draw, and show what was drawn with the committee's receipts, each once what came before is deep."""
    play.mine(4)
    close_and_pin(play.owner.account, bounty)
    play.mine(2)
    play.owner.draw(bounty)
    play.mine(2)
    play.owner.show(bounty, play.group, play.witnesses)


def _show_tests(play: Play, bounty: bytes) -> dict[int, DataGroup]:
    """Close the entries, and show the tests that chance draws; by their number in the set."""
    put_forward(play.view.chain, play.view.bounty(bounty).deadline)
    close_entries(play.owner.account, play.view.bounty(bounty))
    _draw(play, bounty)
    drawn = play.view.bounty(bounty).tests
    return {number: play.group(play.files[index]) for number, index in enumerate(drawn)}


def _swap(
    play: Play, bounty: bytes, winner: Developer, tests: dict[int, DataGroup], images: Images, console: Console
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
    fresh = images.part(slice(FRESH, None))
    right = count_right(SIZE, fresh.features.astype(np.int64), fresh.labels.astype(np.int64), bought.weights)
    console.line(f"  sold and opened: it answers {right} of {len(fresh.labels)} images that nobody had seen")


def _end_bounty(play: Play, cast: list[Developer], winner: int) -> None:
    """Have all credits paid out, and enter in the books what is expected of them."""
    place, books = play.view.places.bounties, play.books
    for account in (play.owner.account, *(each.entrant.account for each in cast)):
        account.collect_from(place, ETHER)
    books.note(OWNER, "prize", -_PRIZE)
    books.note(OWNER, "compensations set aside", -len(cast) * _COMPENSATION)
    books.note(OWNER, "compensations back, as tests were shown", len(cast) * _COMPENSATION)
    for number, each in enumerate(cast):
        books.note(each.name, "bond of the entry", -_BOND)
        books.note(each.name, "bond back", _BOND)
        if number == winner:
            books.note(each.name, "prize", _PRIZE)
