"""`gradroll model commit`, `list`, `prove`, `offer`, `reveal` and others: a seller's part of the model market."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from gradroll.commands.destinations import require_free
from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import (
    commitment,
    data_option,
    groups_of,
    market_leaf,
    model_settings,
    word,
)
from gradroll.commands.options import Subparsers, address, amount, natural, whole
from gradroll.commands.storeoptions import market_store_option, put_offer_files

if TYPE_CHECKING:
    from commons.chain.modelfacts import ListingTerms, Parent
    from gradroll.session import Session

_DAY = 86_400
_LISTING, _MODEL, _SET = "0x" + "3f" * 32, "0x" + "1a" * 64, "0x" + "7c" * 32


def add_selling(commands: Subparsers) -> None:
    """Add the commands."""
    parser = market_leaf(
        commands, "commit",
        "Commit to a quantised model under a fresh tail, and keep both in the state directory: only who has them can "
        "prove or sell it. Keep a copy of that directory; it is never sent anywhere.",
        "gradroll model commit model.safetensors --class small", commit,
    )  # fmt: skip
    parser.add_argument("model", type=Path, metavar="FILE", help="integers W1 and W2 (safetensors)")
    parser.add_argument("--class", dest="size", required=True, metavar="NAME", help="size class: small, medium, large")
    _add_list(commands)
    parser = market_leaf(
        commands, "prove",
        "Prove what a listed model does on groups of its set, and have the registry count it. Each proof opens the "
        "commitment once, of 128 times: it is counted before it is sent, and a repeated command sends the same one.",
        f"gradroll model prove {_LISTING} --data test-0.safetensors", prove,
    )  # fmt: skip
    parser.add_argument("listing", type=market_name, metavar="LISTING")
    data_option(parser, "what to prove the model on", required=True)
    parser = market_leaf(
        commands, "bond", "Deposit the bond of a listing. Each open sale stakes what its terms say; a seller that does "
        "not reveal loses that to the buyer.", f"gradroll model bond {_LISTING} 0.01ether", bond,
    )  # fmt: skip
    parser.add_argument("listing", type=market_name, metavar="LISTING")
    parser.add_argument("amount", type=amount(1), metavar="AMOUNT", help="in the listing's token")
    parser.add_argument("--withdraw", action="store_true", help="take it back instead, as far as it is free")
    _add_offer(commands)
    parser = market_leaf(
        commands, "unlist", "Close a listing for new sales, for good.", f"gradroll model unlist {_LISTING}", unlist
    )
    parser.add_argument("listing", type=market_name, metavar="LISTING")
    parser = market_leaf(
        commands, "earnings", "Have what sales and bounties owe this account paid out.",
        "gradroll model earnings", earnings,
    )  # fmt: skip
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 (default: ether)")


def _add_list(commands: Subparsers) -> None:
    parser = market_leaf(
        commands, "list",
        "List a model that was committed to. Terms are for good: the price is base, and step for each right answer "
        "beyond the floor, over all groups of the set.",
        f"gradroll model list {_MODEL} --verifier 0x... --set {_SET} --base 0.1ether --step 0.001ether --floor 900",
        list_,
    )  # fmt: skip
    parser.add_argument("model", type=commitment, metavar="COMMITMENT")
    parser.add_argument("--verifier", type=address, required=True, metavar="0x...", help="the class's verifier")
    parser.add_argument("--set", type=word, required=True, dest="of", metavar="SET", help="what it is proven on")
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 of the price (default: ether)")
    parser.add_argument("--base", type=amount(0), required=True, metavar="AMOUNT", help="price at the floor")
    parser.add_argument("--step", type=amount(0), required=True, metavar="AMOUNT",
                        help="of each right answer beyond it; more than chance would give")  # fmt: skip
    parser.add_argument("--floor", type=whole(0, 2**32 - 1), required=True, metavar="N", help="answers not paid for")
    parser.add_argument("--bond", type=amount(0), default=amount(0)("0"), metavar="AMOUNT",
                        help="staked on each open sale (default 0)")  # fmt: skip
    parser.add_argument("--reveal-window", type=whole(_DAY, 14 * _DAY), default=_DAY, metavar="SECONDS",
                        help="least time that a buyer leaves for the reveal: 1 to 14 days (default a day)")  # fmt: skip
    parser.add_argument("--parent", type=_parent, action="append", default=[], metavar="LISTING:SHARE",
                        help="a listing that it is derived from, and its share in 1/10000; repeat")  # fmt: skip
    parser.add_argument("--artifact", type=word, metavar="0x...", help="SHA-256 of the artifact's root")
    parser.add_argument("--nonce", type=natural, default=0, metavar="N",
                        help="another one lists the same again (default 0)")  # fmt: skip


def _add_offer(commands: Subparsers) -> None:
    parser = market_leaf(
        commands, "offer",
        "Seal a listed model to a buyer that asked for it, under a key that is used once, and sign the offer: writes "
        "offer.json and row.sealed to a directory, and puts both into a store, from which the buyer fetches them by "
        "the content identifier that is printed. The model stays sealed until the key is revealed. "
        "A command that was interrupted goes on when it is run again, with the row that it sealed.",
        "gradroll model offer request.json --out offer --store s3://models/offers?region=eu-central-1", offer,
    )  # fmt: skip
    parser.add_argument("request", type=Path, metavar="REQUEST", help="the buyer's request (gradroll model request)")
    parser.add_argument("--hours", type=whole(1, 720), default=48, help="until when it is revealed (default 48)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="a new directory, or that of an offer that was interrupted")  # fmt: skip
    market_store_option(parser)
    parser = market_leaf(
        commands, "reveal",
        "Reveal the keys of sales of this account whose lock is final (models.confirmations), which credits the price. "
        "Nothing is revealed near the deadline (models.reveal_margin): a late key is public, and pays nothing.",
        "gradroll model reveal", reveal,
    )  # fmt: skip
    parser.add_argument(
        "sale", type=market_name, nargs="?", metavar="SALE", help="only this one (default: all open ones)"
    )


def commit(arguments: argparse.Namespace) -> int:
    """Commit to a model."""
    from circuits.accuracy.sizeclasses import size_class
    from commons.artifacts.networkfiles import read_network
    from gradroll.modelmarket.seller import commit_model
    from gradroll.session import Session

    size = size_class(arguments.size)
    weights = read_network(arguments.model).weights(size)
    with Session(model_settings(arguments)) as session:
        made = commit_model(session.model_parameters, session.model_state, weights, size)
    arguments.console.line(f"0x{made.hex()}")
    arguments.console.note("keep a copy of the state directory: what it holds cannot be made again")
    arguments.console.result(commitment=bytes(made), size_class=size.name)
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """List a model."""
    from gradroll.commands.paying import paying_session
    from native import G1

    with paying_session(arguments, model_settings(arguments)) as session:
        terms = _terms(arguments, session)
        listing = session.seller.list_model(G1(arguments.model), terms, arguments.nonce)
        arguments.console.line(f"listing 0x{listing.hex()}")
        arguments.console.result(listing=listing)
    return 0


def _terms(arguments: argparse.Namespace, session: Session) -> ListingTerms:
    from circuits.terms import ETHER
    from commons.chain.modelfacts import ListingTerms

    token = arguments.token or ETHER
    coin = session.view.tokens.currency(token)
    return ListingTerms(
        arguments.verifier, arguments.of, token, arguments.base.of(coin), arguments.step.of(coin), arguments.floor,
        arguments.bond.of(coin), arguments.reveal_window, arguments.artifact or bytes(32), tuple(arguments.parent),
    )  # fmt: skip


def prove(arguments: argparse.Namespace) -> int:
    """Prove a listed model."""
    from commons.runtime.stages import stage
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session, own=True)
        record = session.models.listing(arguments.listing)
        size = session.model_parameters.class_of(session.models.verifier(record.terms.verifier))
        groups = groups_of(session, size, arguments.data, session.models.set_of(record.terms.set_id))
        with stage("proving, and having it counted"):
            proven = session.seller.prove(arguments.listing, groups)
        for one in proven:
            what = f"{one.correct} of {one.samples} right" if one.sent else "counted before"
            arguments.console.line(f"group {one.group}: {what}")
        left = min((one.left for one in proven), default=0)
        arguments.console.line(f"the commitment can be opened {left} times more")
        score = session.models.score(arguments.listing)
        price = session.models.price(arguments.listing) if score.complete else None
        arguments.console.result(
            groups=[one.group for one in proven], correct=score.correct, samples=score.samples, openings_left=left,
            price=None if price is None else str(price),
        )  # fmt: skip
    return 0


def bond(arguments: argparse.Namespace) -> int:
    """Deposit or take back a bond."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session, own=True)
        coin = session.view.tokens.currency(session.models.listing(arguments.listing).terms.token)
        units = arguments.amount.of(coin)
        if arguments.withdraw:
            session.model_account.withdraw_listing_bond(arguments.listing, units)
        else:
            session.seller.deposit_bond(arguments.listing, units)
        free, staked = session.models.bond_of(arguments.listing)
        arguments.console.line(f"{coin.shown(free)} are free, {coin.shown(staked)} are staked on open sales")
        arguments.console.result(free=str(free), staked=str(staked))
    return 0


def offer(arguments: argparse.Namespace) -> int:
    """Make an offer."""
    from gradroll.modelmarket.offerfiles import read_request, write_offer
    from gradroll.session import Session

    require_free(arguments.out / "offer.json", force=False)
    request = read_request(arguments.request)
    with Session(model_settings(arguments)) as session:
        store = session.artifact_store
        deadline = session.view.now() + arguments.hours * 3600
        made = session.seller.offer(request, deadline, arguments.out / "row.sealed", session.reveal_margin)
        write_offer(arguments.out / "offer.json", made)
        coin = session.view.tokens.currency(session.models.listing(made.listing).terms.token)
        arguments.console.line(f"{arguments.out}: an offer to {checksum(made.buyer)} for {coin.shown(made.price)}")
        root = put_offer_files(arguments, store)
    arguments.console.line(f"once the buyer has paid, reveal by {utc(deadline)}")
    arguments.console.result(
        file=arguments.out / "offer.json", cid=root, row=made.row, price=str(made.price), deadline=deadline
    )
    return 0


def reveal(arguments: argparse.Namespace) -> int:
    """Reveal keys of sales."""
    from circuits.errors import ClosedError, KeyFileError, NotReadyError, RuleViolationError, UnknownError
    from gradroll.commands.paying import paying_session

    console = arguments.console
    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        margin, revealed = session.reveal_margin, []
        named = [arguments.sale] if arguments.sale else [sale.sale for sale in session.seller.locked_sales()]
        for sale in named:
            try:
                session.seller.reveal(sale, margin)
            except (ClosedError, KeyFileError, NotReadyError, RuleViolationError, UnknownError) as error:
                if arguments.sale is not None:
                    raise
                console.warn(f"sale 0x{sale.hex()[:16]}..: {error}")  # one that is lost holds up no other
                continue
            revealed.append(sale)
            console.line(f"sale 0x{sale.hex()}: revealed; the price is credited (gradroll model earnings)")
        if not revealed:
            console.line("no sale of this account is to be revealed now")
        console.result(revealed=revealed)
    return 0


def unlist(arguments: argparse.Namespace) -> int:
    """Close a listing."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session, own=True)
        session.model_account.unlist(arguments.listing)
        arguments.console.line("the listing takes no new sales; what was locked goes on")
        arguments.console.result(listing=arguments.listing)
    return 0


def earnings(arguments: argparse.Namespace) -> int:
    """Collect what is owed."""
    from circuits.terms import ETHER
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        token, account = arguments.token or ETHER, session.model_account
        places = session.models.places
        paid = sum(account.collect_from(place, token) for place in (places.sales, places.bounties))
        coin = session.view.tokens.currency(token)
        arguments.console.line(f"{checksum(account.address)} received {coin.shown(paid)}")
        arguments.console.result(collected=str(paid))
    return 0


def _parent(text: str) -> Parent:
    """An argparse type: a listing and its share."""
    from commons.chain.modelfacts import Parent

    listing, _, share = text.partition(":")
    return Parent(word(listing), whole(1, 5000)(share))
