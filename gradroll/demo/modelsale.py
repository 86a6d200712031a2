"""The demo's sale outside the bounty: a buyer believes nothing, pays for a key, and measures what it bought."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from circuits.accuracy.inference import Int64Array, count_right
from circuits.errors import ProofError
from circuits.terms import ETHER
from commons.runtime.amounts import ether
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from gradroll.console import Console
from gradroll.demo.developers import SIZE, Images
from gradroll.demo.modelplay import BUYER, FRESH, MAKER, Developer, Play
from gradroll.model_owner.roundsums import RoundReader, accepted_of
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.lineagechecks import check_lineage
from gradroll.modelmarket.lineages import Derived, derive
from gradroll.modelmarket.listingchecks import CheckedListing
from gradroll.modelmarket.seller import Seller

BOND = 5 * 10**16
"""Wei that the seller stakes on an open sale."""
_TWO_DAYS = 2 * 86_400


def sell_outside(
    play: Play, seller: Developer, maker: Seller, listing: bytes, tests: Mapping[int, DataGroup], start: Int64Array,
    images: Images, console: Console,
) -> dict[str, object]:  # fmt: skip
    """Sell a model out of the rollup to a buyer who knows its listing, the tests and the start; returns a report.

    Args:
        maker: of the start, which the seller declared as a parent.
        tests: the groups of the listing's set, as the bounty showed them.
        start: int64[d], the public integers that training began with.

    Raises:
        ProofError: something that the buyer was told does not hold.
    """
    console.heading("a sale outside the bounty")
    shopper, entrant, row = play.shopper(), seller.entrant, play.work / "sold.sealed"
    followed, lineage = _follow(play, shopper.look(listing, tests), start, console)
    entrant.deposit_bond(listing, BOND)
    offer = entrant.offer(shopper.request(listing), play.view.chain.now() + _TWO_DAYS, row)
    with stage("the buyer checks the offer"):
        checked = shopper.check(offer, row, tests)
    sale = shopper.buy(checked)
    console.line(f"  every weight of the sealed file was checked, then {ether(offer.price)} locked for its key")
    play.mine(2)
    entrant.reveal(sale)
    bought = shopper.open(sale, tests).weights
    if not np.array_equal(followed.weights, bought):
        raise ProofError("the model that was bought is not the one that follows from the chain's rounds")
    royalty = sum(offer.price * each.share // 10_000 for each in checked.quote.royalties)
    _pay(play, seller, maker, listing, offer.price, royalty)
    console.line(
        f"  key revealed, file opened: {ether(offer.price - royalty)} for the seller, {ether(royalty)} for {MAKER}"
    )
    measured, proven = sum(_right(each, bought) for each in tests.values()), checked.listing.score
    if measured != proven.correct:
        raise ProofError(f"the model answers {measured} of the tests rightly, and {proven.correct} were proven")
    fresh = _right(images.part(slice(FRESH, None)), bought)
    console.line(
        f"  the buyer measures again: {measured} of {proven.samples} right, as proven; {fresh} of "
        f"{len(images.labels) - FRESH} that nobody had seen",
        "green",
    )
    return {
        "price": str(offer.price), "royalty": str(royalty), "measured": measured, "fresh": fresh, "lineage": lineage,
    }  # fmt: skip


def _follow(
    play: Play, seen: CheckedListing, start: Int64Array, console: Console
) -> tuple[Derived, list[dict[str, object]]]:
    """The model as it follows from the rounds that the chain accepted, and the batches of these."""
    view = play.models.view()
    found = check_lineage(view, play.parameters, seen, start)
    if found is None or found.faults:
        raise ProofError("the listing has no lineage" if found is None else f"the lineage fails: {found.faults[0]}")
    said, reader = found.statement, RoundReader(view.chain, play.public)
    console.line(f"  lineage, verified from the chain: task {shown(said.task)}, from a start that all can compute")
    rounds, batches = [], []
    for number, each in enumerate(said.coefficients, said.first):
        for batch in accepted_of(view.chain, said.task, number):
            name, gradients = "0x" + batch.record.batch_id.hex(), len(batch.owners)
            console.line(f"    less {each} times round {number}: batch {name[:18]}.. of {gradients} proven gradients")
            batches.append({"task": shown(said.task), "round": number, "batch": name, "gradients": gradients})
        rounds.append((each, reader.round_row(said.task, number)))
    followed = derive(play.parameters.commitment_key(SIZE.weights), said.task, said.first, start, rounds)
    if followed.statement != said:
        raise ProofError("the lineage says another start than the one that was computed again")
    console.line(
        "    these sums are public, so whoever follows them has the model: lineage proves origin, and hides nothing"
    )
    return followed, batches


def _pay(play: Play, seller: Developer, maker: Seller, listing: bytes, price: int, royalty: int) -> None:
    """Have all credits and the bond paid out, and enter in the books what is expected of them."""
    place, books = play.view.places.sales, play.books
    seller.entrant.account.withdraw_listing_bond(listing, BOND)
    for account in (seller.entrant.account, maker.account):
        account.collect_from(place, ETHER)
    books.note(seller.name, "bond of the sale", -BOND)
    books.note(seller.name, "bond back", BOND)
    books.note(BUYER, "price", -price)
    books.note(seller.name, "price less royalty", price - royalty)
    books.note(MAKER, "royalty", royalty)


def _right(data: DataGroup | Images, weights: Int64Array) -> int:
    return count_right(SIZE, data.features.astype(np.int64), data.labels.astype(np.int64), weights)
