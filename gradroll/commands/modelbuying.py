"""`gradroll model listings`, `show`, `request`, `buy`, `open`, `refund`: a buyer's part of the model market."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.destinations import require_free
from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import data_option, groups_of, market_leaf, model_settings
from gradroll.commands.options import Subparsers, address
from gradroll.commands.storeoptions import file_or_identifier, market_store_option, progress

if TYPE_CHECKING:
    from gradroll.console import Console
    from gradroll.modelmarket.datagroups import DataGroup
    from gradroll.modelmarket.listingchecks import CheckedListing
    from gradroll.session import Session

_LISTING, _SALE = "0x" + "3f" * 32, "0x" + "5a" * 32


def add_buying(commands: Subparsers) -> None:
    """Add the commands."""
    parser = market_leaf(
        commands, "listings", "List the models that are for sale, oldest first. Anybody lists what it likes: look at "
        "one with gradroll model show.", "gradroll model listings", listings,
    )  # fmt: skip
    parser.add_argument("--seller", type=address, metavar="0x...", help="only of this seller")
    parser.add_argument("--set", type=market_name, metavar="SET", help="only on this set")
    parser = market_leaf(
        commands, "show",
        "Show a listing: who proves it and under which key, what was proven, what it costs. Groups of its set whose "
        "data are given are computed again; nobody is believed.",
        f"gradroll model show {_LISTING} --data test-0.safetensors", show,
    )  # fmt: skip
    parser.add_argument("listing", type=market_name, metavar="LISTING")
    data_option(parser, "what the set is said to hold")
    parser.add_argument("--start", type=Path, metavar="FILE",
                        help="public integers that its lineage is said to begin with (.npy)")  # fmt: skip
    parser = market_leaf(
        commands, "request", "Write a signed request for an offer, which the seller needs; it costs nothing.",
        f"gradroll model request {_LISTING} --out request.json", request,
    )  # fmt: skip
    parser.add_argument("listing", type=market_name, metavar="LISTING")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser = market_leaf(
        commands, "buy",
        "Check an offer and its sealed model, and lock the price. An offer that is named by its content is fetched "
        "first; after Ctrl-C the same command goes on. Everything is checked before money moves: verifier, "
        "key and class, the set's data, what was proven, price and deadline, and that the key that the seller has to "
        "reveal opens the committed model. Without the key in time the money comes back, with the seller's bond.",
        "gradroll model buy bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku --store "
        "https://gateway.example.org --data test-0.safetensors", buy,
    )  # fmt: skip
    parser.add_argument("offer", type=file_or_identifier, metavar="OFFER",
                        help="the seller's offer: its content identifier, or its file offer.json")  # fmt: skip
    parser.add_argument("--row", type=Path, metavar="FILE", help="the sealed model (default: row.sealed beside the "
                        "offer's file, else what the offer names is fetched)")  # fmt: skip
    market_store_option(parser)
    data_option(parser, "what the set is said to hold")
    parser.add_argument("--unseen", action="store_true", help="take groups without a file on their creator's word")
    yes_option(parser)
    parser = market_leaf(
        commands, "open",
        "Open a model whose key was revealed, and write it. The sealed file is checked again, and the weights are "
        "tried on the data that are given; nothing is written before that.",
        f"gradroll model open {_SALE} --out bought.safetensors", open_,
    )  # fmt: skip
    parser.add_argument("sale", type=market_name, metavar="SALE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    data_option(parser, "what to try it on")
    parser = market_leaf(
        commands, "refund", "Take back the price of a sale whose key was not revealed in time, with the seller's bond.",
        f"gradroll model refund {_SALE}", refund,
    )  # fmt: skip
    parser.add_argument("sale", type=market_name, metavar="SALE")


def listings(arguments: argparse.Namespace) -> int:
    """List listings."""
    from gradroll.session import Session

    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        found = session.models.listings(seller=arguments.seller, set_id=arguments.set)
        for listing in found:
            record, score = session.models.listing(listing), session.models.score(listing)
            coin = session.view.tokens.currency(record.terms.token)
            price = coin.shown(record.terms.price(score.correct)) if score.complete else "not proven"
            closed = ", closed" if record.unlisted else ""
            arguments.console.line(f"0x{listing.hex()}  {score.correct} of {score.samples} right  {price}{closed}")
        arguments.console.result(listings=found)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show a listing."""
    from gradroll.session import Session

    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        groups = _groups(session, arguments.listing, arguments.data)
        seen = session.look(arguments.listing, groups)
        _tell_listing(arguments.console, session, seen, arguments.start)
    return 0


def _groups(session: Session, listing: bytes, files: list[Path]) -> dict[int, DataGroup]:
    record = session.models.listing(listing)
    size = session.model_parameters.class_of(session.models.verifier(record.terms.verifier))
    return groups_of(session, size, files, session.models.set_of(record.terms.set_id))


def _tell_listing(console: Console, session: Session, seen: CheckedListing, start: Path | None = None) -> None:
    record, score = seen.record, seen.score
    terms, coin = record.terms, session.view.tokens.currency(record.terms.token)
    groups = len(seen.set_record.hashes)
    console.line(f"listing {'0x' + record.listing.hex()} of {checksum(record.seller)}")
    console.line(f"class {seen.size.name}, key 0x{session.models.verifier(terms.verifier).key.key_hash.hex()}")
    console.line(f"proven: {score.correct} of {score.samples} right, on {len(score.proven)} of {groups} groups")
    console.line(f"data computed again: {len(seen.recomputed)} of {groups} groups")
    known = [each for each in seen.set_record.hashes if each is not None]
    repeated = len(known) - len(set(known))
    if repeated:
        console.line(f"{repeated} groups hold the data of another one: what is right there is counted again", "yellow")
    rule = f"{coin.shown(terms.base)}, and {coin.shown(terms.step)} for each right answer beyond {terms.floor}"
    console.line(f"price: {rule}")
    if seen.price is not None:
        console.line(f"that is {coin.shown(seen.price)}")
    for parent in terms.parents:
        console.line(f"royalty: {parent.share / 100} % to the seller of 0x{parent.listing.hex()}")
    tell_lineage(console, session, seen, start)
    if record.unlisted:
        console.line("it is closed for new sales")
    console.result(
        listing=record.listing, seller=checksum(record.seller), commitment=bytes(record.model),
        size_class=seen.size.name, correct=score.correct, samples=score.samples, proven=sorted(score.proven),
        groups=groups, recomputed=sorted(seen.recomputed), repeated=repeated, unlisted=record.unlisted,
        price=None if seen.price is None else str(seen.price), set=terms.set_id,
    )  # fmt: skip


def tell_lineage(console: Console, session: Session, seen: CheckedListing, start: Path | None) -> None:
    """Tell the lineage of a listing, with the batches of its rounds as the chain has them, and what is wrong with it.

    Args:
        start: file of the public integers that it is said to begin with.

    Raises:
        InvalidInputError: the file holds no integers.
        ProofError: batches and sums of the rounds do not fit, so the node shows an inconsistent chain.
    """
    import numpy as np

    from circuits.errors import InvalidInputError
    from gradroll.commands.arrayfiles import read_array
    from gradroll.model_owner.roundsums import accepted_of
    from gradroll.modelmarket.lineagechecks import check_lineage

    row = None if start is None else read_array(start, "start")
    if row is not None and row.dtype != np.int64:
        raise InvalidInputError(f"{start} holds {row.dtype}; a lineage begins with integers, int64")
    found = check_lineage(session.models, session.model_parameters, seen, row)
    if found is None:
        return
    said = found.statement
    last = said.first + len(said.coefficients) - 1
    console.line(f"lineage: rounds {said.first} to {last} of task {shown(said.task)}, by {list(said.coefficients)}")
    batches = [
        (batch.round, batch.record.batch_id, len(batch.owners))
        for number, coefficient in enumerate(said.coefficients, said.first) if coefficient
        for batch in accepted_of(session.view, said.task, number)
    ]  # fmt: skip
    for number, batch, gradients in batches:
        console.line(f"lineage: round {number}, batch 0x{batch.hex()} of {gradients} proven gradients")
    for fault in found.faults:
        console.line(f"lineage: {fault}", "yellow")
    if not found.faults:
        console.line("lineage: the model is its start less the rounds' sums, rounded")
    told = [{"round": number, "batch": batch, "gradients": gradients} for number, batch, gradients in batches]
    console.result(
        lineage={"task": shown(said.task), "first": said.first, "faults": list(found.faults), "batches": told}
    )


def request(arguments: argparse.Namespace) -> int:
    """Write a request."""
    from gradroll.modelmarket.offerfiles import write_request
    from gradroll.session import Session

    require_free(arguments.out, force=False)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        write_request(arguments.out, session.shopper.request(arguments.listing))
    arguments.console.line(f"{arguments.out}: send it to the seller, which answers with an offer")
    arguments.console.result(file=arguments.out)
    return 0


def buy(arguments: argparse.Namespace) -> int:
    """Check an offer, and lock its price."""
    from commons.runtime.stages import stage
    from gradroll.commands.paying import paying_session
    from gradroll.modelmarket.offerfiles import read_offer

    named = arguments.offer
    given = read_offer(named) if isinstance(named, Path) else None
    with paying_session(arguments, model_settings(arguments)) as session:
        shopper = session.shopper
        offer = given or shopper.fetch(session.artifact_store, named)
        offer.require_sound(shopper.market)
        beside = named.with_name("row.sealed") if isinstance(named, Path) else None
        row = arguments.row or (beside if beside is not None and (beside.exists() or not offer.row) else None)
        if row is None:
            row = shopper.fetch_row(session.artifact_store, offer, progress("fetched"))
        groups = _groups(session, offer.listing, arguments.data)
        hashes = session.models.set_of(session.models.listing(offer.listing).terms.set_id).hashes
        unseen = frozenset(range(len(hashes))) - set(groups) if arguments.unseen else frozenset()
        with stage("checking the offer and its sealed model"):
            checked = shopper.check(offer, row, groups, unseen=unseen)
        coin = session.view.tokens.currency(checked.quote.token)
        _tell_listing(arguments.console, session, checked.listing)
        arguments.console.line(f"the offer holds; the key is to be revealed by {utc(offer.deadline)}")
        if not confirmed(arguments, f"lock {coin.shown(offer.price)} for it?"):
            return DECLINED
        sale = shopper.buy(checked)
        arguments.console.line(f"sale 0x{sale.hex()}: {coin.shown(offer.price)} are locked")
        arguments.console.result(sale=sale, price=str(offer.price), deadline=offer.deadline)
    return 0


def open_(arguments: argparse.Namespace) -> int:
    """Open a bought model."""
    from commons.artifacts.networkfiles import NetworkArrays, write_network
    from gradroll.session import Session

    require_free(arguments.out, force=False)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        listing = session.shopper.listing_of(arguments.sale)
        bought = session.shopper.open(arguments.sale, _groups(session, listing, arguments.data))
    write_network(arguments.out, NetworkArrays.of_weights(bought.size, bought.weights))
    arguments.console.line(
        f"{arguments.out}: the model of listing 0x{bought.listing.hex()}, verified against it", "green"
    )
    arguments.console.result(file=arguments.out, listing=bought.listing, size_class=bought.size.name)
    return 0


def refund(arguments: argparse.Namespace) -> int:
    """Take the money back."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        locked = session.shopper.refund(arguments.sale)
        coin = session.view.tokens.currency(locked.token)
        back = locked.offer.price + locked.bond
        arguments.console.line(
            f"{coin.shown(back)} are credited to {checksum(locked.offer.buyer)} (gradroll model earnings)"
        )
        arguments.console.result(sale=arguments.sale, credited=str(back))
    return 0
