"""`gradroll bounty`: prizes for the best model on data that nobody has seen."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from gradroll.commands import bountycommittee, bountydata
from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import data_option, market_leaf, model_settings, read_group, word
from gradroll.commands.options import Subparsers, address, amount, group, natural, whole, whole_identifier
from gradroll.commands.storeoptions import file_or_identifier, market_store_option, progress, put_offer_files

if TYPE_CHECKING:
    from commons.chain.modelfacts import BountyRecord, BountyTerms
    from gradroll.console import Console
    from gradroll.modelmarket.datagroups import DataGroup
    from gradroll.session import Session

_BOUNTY = "0x" + "6b" * 32
_DAY = 86_400
_TOLD_WINDOWS = (("entry", "enter"), ("prove", "prove"), ("offer", "lock an offer"), ("key", "reveal its key"))
_WINDOWS = ("reveal", "entry", "prove", "offer", "key")


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "bounty", "Prizes for the best model on hidden data")
    _add_open(commands)
    _leaf(commands, "show", "Show a bounty and its entries.", "", show)
    _leaf(
        commands, "draw",
        "End the entries when their window is over, pin the block's hash, and draw the groups once that is final "
        "(owner).", "", draw,
    )  # fmt: skip
    _leaf(
        commands, "pin",
        "End the entries when their window is over, and have the hash that the draw waits for written down, so that an "
        "owner cannot wait for another one. Any account may, and entrants should.", "", pin,
    )  # fmt: skip
    _add_entering(commands)
    _leaf(
        commands, "settle",
        "Do what is due when a window is over: count the entries and name the winner, pass over one that failed to do "
        "its part, compensate the entrants of an owner that withholds the tests, or end a bounty that nobody can "
        "enter.", "", settle,
    )  # fmt: skip
    _add_selling(commands)
    bountycommittee.add(commands)
    bountydata.add(commands)


def _add_entering(commands: Subparsers) -> None:
    listing = f" --listing 0x{'3f' * 32}"
    parser = _leaf(
        commands, "enter",
        "Enter a listing of this account on the bounty's set, and stake the bond. With data of the bounty the model is "
        "measured first, and one that would be below the threshold is not entered.",
        f"{listing} --data data/group-0.safetensors", enter,
    )  # fmt: skip
    parser.add_argument("--listing", type=market_name, required=True, metavar="LISTING")
    parser.add_argument("--unprovable", action="store_true",
                        help="also where tests within the bounty's bound could make the model impossible to prove, "
                        "which costs the bond")  # fmt: skip
    data_option(parser, "what the model is measured on, such as what gradroll bounty data fetched")
    parser.add_argument("--unlikely", action="store_true", help="also where that is below the threshold")
    parser = _leaf(commands, "leave", "Leave with the bond of an entry that does not win at present.", listing, leave)
    parser.add_argument("--listing", type=market_name, required=True, metavar="LISTING")


def _add_selling(commands: Subparsers) -> None:
    parser = _leaf(
        commands,
        "request",
        "Write the owner's signed request to the winner for its offer.",
        " --out request.json",
        request,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser = _leaf(
        commands, "offer", "Seal a model that wins to the bounty's owner, and sign the offer.",
        " --request request.json --out offer", offer,
    )  # fmt: skip
    parser.add_argument("--request", type=Path, required=True, metavar="FILE", help="the owner's request")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="a new directory, or that of an offer that was interrupted")  # fmt: skip
    market_store_option(parser)
    parser = _leaf(commands, "take", "Check the winner's offer, and lock it (owner). One that is named by its content "
                   "is fetched first.", " offer/offer.json", take)  # fmt: skip
    parser.add_argument("offer", type=file_or_identifier, metavar="OFFER",
                        help="the winner's offer: its content identifier, or its file offer.json, beside which "
                        "row.sealed lies")  # fmt: skip
    market_store_option(parser)
    _leaf(
        commands, "reveal", "Reveal the key of the winning offer, once its lock is final: prize and bond are credited.",
        "", reveal,
    )  # fmt: skip
    parser = _leaf(
        commands, "claim", "Open the model that was won, and write it (owner).", " --out won.safetensors", claim
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")


def _leaf(
    commands: Subparsers, name: str, does: str, further: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A command about one bounty; ``further`` is what its example has behind the bounty."""
    parser = market_leaf(commands, name, does, f"gradroll bounty {name} {_BOUNTY}{further}", run)
    parser.add_argument("bounty", type=market_name, metavar="BOUNTY")
    return parser


def _add_open(commands: Subparsers) -> None:
    parser = market_leaf(
        commands, "open",
        "Commit to groups of hidden data, and open a bounty on them: escrows the prize, and a compensation for as many "
        "as may enter. Whoever owns a bounty knows its tests: an entry of its own may win.",
        "gradroll bounty open --class small --data g0.safetensors --data g1.safetensors --data g2.safetensors "
        "--verifier 0x... --committee 0x3fa90000000000a1 --prize 1ether --bond 0.01ether --compensation 0.01ether "
        "--threshold 900", open_,
    )  # fmt: skip
    parser.add_argument("--class", dest="size", required=True, metavar="NAME", help="size class: small, medium, large")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="FILE",
                        help="a hidden group's data (safetensors); repeat")  # fmt: skip
    parser.add_argument("--verifier", type=address, required=True, metavar="0x...", help="the class's verifier")
    parser.add_argument("--committee", type=whole_identifier, required=True, metavar="ID", help="who gives receipts")
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 (default: ether)")
    for name, what in (("prize", "what the winner gets"), ("bond", "what an entrant stakes"),
                       ("compensation", "of each entrant, where the tests are withheld")):  # fmt: skip
        parser.add_argument(f"--{name}", type=amount(1), required=True, metavar="AMOUNT", help=what)
    parser.add_argument("--threshold", type=whole(0, 2**32 - 1), required=True, metavar="N", help="least right answers")
    parser.add_argument("--training", type=whole(1, 62), default=1, metavar="N", help="groups shown first (default 1)")
    parser.add_argument("--tests", type=whole(1, 62), default=1, metavar="N", help="groups of the test (default 1)")
    parser.add_argument("--entrants", type=whole(1, 64), default=16, metavar="N", help="most entries (default 16)")
    parser.add_argument("--delay", type=whole(2, 200), default=32, metavar="BLOCKS",
                        help="to the block whose hash has a part in a draw (default 32)")  # fmt: skip
    parser.add_argument("--feature-bound", type=whole(1, 32_767), metavar="N",
                        help="no feature is beyond it (default: the largest that there is)")  # fmt: skip
    for name in _WINDOWS:
        parser.add_argument(f"--{name}-window", type=whole(1, 90 * _DAY), default=3 * _DAY, metavar="SECONDS",
                            help="default three days")  # fmt: skip
    parser.add_argument("--manifest", type=word, metavar="0x...", help="SHA-256 of the task's description")
    parser.add_argument("--nonce", type=natural, default=0, metavar="N", help="another one opens the same again")


def open_(arguments: argparse.Namespace) -> int:
    """Open a bounty."""
    from circuits.accuracy.sizeclasses import size_class
    from gradroll.commands.paying import paying_session

    size = size_class(arguments.size)
    with paying_session(arguments, model_settings(arguments)) as session:
        read = partial(read_group, session, size)
        groups = [(path, read(path)) for path in arguments.data]
        bound = arguments.feature_bound or max(1, *(data.largest_feature for _, data in groups))
        for _, data in groups:
            data.require_bound(bound)
        commitment = session.bounty_owner.commit(groups)
        seeds = session.bounty_owner.commit_seeds(commitment, arguments.nonce)
        bounty = session.bounty_owner.open(_terms(arguments, session, (commitment, seeds), bound), arguments.nonce)
        arguments.console.line(f"bounty 0x{bounty.hex()}")
        arguments.console.note("keep a copy of the state directory: nobody else can draw the groups, or show them")
        arguments.console.result(bounty=bounty, commitment=commitment)
    return 0


def _terms(arguments: argparse.Namespace, session: Session, committed: tuple[bytes, bytes], bound: int) -> BountyTerms:
    from circuits.terms import ETHER
    from commons.chain.modelfacts import BountyTerms

    token = arguments.token or ETHER
    coin = session.view.tokens.currency(token)
    prize, bond, compensation = (getattr(arguments, name).of(coin) for name in ("prize", "bond", "compensation"))
    entry, prove, last = (getattr(arguments, f"{name}_window") for name in ("entry", "prove", "offer"))
    return BountyTerms(
        arguments.verifier, token, arguments.committee, arguments.entrants, arguments.threshold, len(arguments.data),
        arguments.training, arguments.tests, arguments.delay, bound, prize, bond, compensation, *committed,
        arguments.manifest or bytes(32), arguments.reveal_window, entry, prove, last, arguments.key_window,
    )  # fmt: skip


def show(arguments: argparse.Namespace) -> int:
    """Show a bounty."""
    from gradroll.session import Session

    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        record = session.models.bounty(arguments.bounty)
        _tell(arguments.console, session, record)
    return 0


def _tell(console: Console, session: Session, record: BountyRecord) -> None:
    terms, coin = record.terms, session.view.tokens.currency(record.terms.token)
    console.line(f"bounty 0x{record.bounty.hex()} of {checksum(record.owner)}: {_stage(record)}")
    console.line(
        f"prize {coin.shown(terms.prize)}, bond {coin.shown(terms.bond)}, least {terms.threshold} right answers"
    )
    console.line(f"set 0x{record.set_id.hex()}, verifier {checksum(terms.verifier)}")
    console.line(f"groups: {terms.total_groups}, for training {list(record.training)}, tests {list(record.tests)}")
    windows = ", ".join(f"{getattr(terms, f'{name}_window')} s to {what}" for name, what in _TOLD_WINDOWS)
    console.line(f"no feature is beyond {terms.feature_bound}; {windows}")
    entries = session.models.entries(record.bounty)
    for number, entry in enumerate(entries):
        console.line(
            f"entry {number}: 0x{entry.listing.hex()} of {checksum(entry.seller)}, {entry.status.name.lower()}, "
            f"{entry.correct} right"
        )
    console.result(
        bounty=record.bounty, stage=record.stage.name.lower(), set=record.set_id, deadline=record.deadline,
        anchor=record.anchor, pinned=any(record.anchor_hash), training=record.training, tests=record.tests,
        prize=str(terms.prize), winner=record.winner,
        entries=[
            {"listing": "0x" + entry.listing.hex(), "correct": entry.correct, "status": entry.status.name.lower()}
            for entry in entries
        ],
    )  # fmt: skip


def _stage(record: BountyRecord) -> str:
    return f"{record.stage.name.lower().replace('_', ' ')}, until {utc(record.deadline)}"


def draw(arguments: argparse.Namespace) -> int:
    """Draw groups."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        _tell(arguments.console, session, session.bounty_owner.draw(arguments.bounty))
    return 0


def pin(arguments: argparse.Namespace) -> int:
    """Pin a hash."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        _tell(arguments.console, session, session.seller.pin(arguments.bounty))
    return 0


def settle(arguments: argparse.Namespace) -> int:
    """Settle what is due."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        _tell(arguments.console, session, session.bounty_owner.settle(arguments.bounty))
    return 0


def enter(arguments: argparse.Namespace) -> int:
    """Enter a listing."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session, own=True)
        number = session.seller.enter(
            arguments.bounty, arguments.listing, session.reveal_margin, unprovable=arguments.unprovable,
            measured_on=_measured_on(arguments, session),
        )  # fmt: skip
        arguments.console.line(f"entry {number}")
        arguments.console.result(entry=number)
    return 0


def _measured_on(arguments: argparse.Namespace, session: Session) -> list[DataGroup]:
    """The data that the model is measured on; whoever names none is told so before the bond is staked."""
    if not arguments.data:
        arguments.console.warn(
            "the model is not measured against the bounty's threshold; name data of the bounty (--data) for that"
        )
    if not arguments.data or arguments.unlikely:
        return []
    size = session.model_parameters.class_of(
        session.models.verifier(session.models.bounty(arguments.bounty).terms.verifier)
    )
    return [read_group(session, size, path) for path in arguments.data]


def leave(arguments: argparse.Namespace) -> int:
    """Step down."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session, own=True)
        session.seller.step_down(arguments.bounty, arguments.listing)
        arguments.console.line("the bond is credited (gradroll model earnings)")
        arguments.console.result(listing=arguments.listing)
    return 0


def request(arguments: argparse.Namespace) -> int:
    """Write the owner's request."""
    from gradroll.commands.destinations import require_free
    from gradroll.modelmarket.offerfiles import write_request
    from gradroll.session import Session

    require_free(arguments.out, force=False)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        write_request(arguments.out, session.bounty_owner.request(arguments.bounty))
    arguments.console.line(f"{arguments.out}: send it to the winner, which answers with an offer")
    arguments.console.result(file=arguments.out)
    return 0


def offer(arguments: argparse.Namespace) -> int:
    """Make the winner's offer."""
    from gradroll.commands.destinations import require_free
    from gradroll.modelmarket.offerfiles import read_request, write_bounty_offer
    from gradroll.session import Session

    require_free(arguments.out / "offer.json", force=False)
    asked = read_request(arguments.request)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        store = session.artifact_store
        made = session.seller.offer_to_owner(arguments.bounty, asked, arguments.out / "row.sealed")
        write_bounty_offer(arguments.out / "offer.json", made)
        root = put_offer_files(arguments, store)
    arguments.console.line(f"{arguments.out}: tell the owner its name, or send both files; reveal once it is locked")
    arguments.console.result(file=arguments.out / "offer.json", cid=root, row=made.row)
    return 0


def take(arguments: argparse.Namespace) -> int:
    """Lock the winner's offer."""
    from gradroll.commands.paying import paying_session
    from gradroll.modelmarket.offerfiles import read_bounty_offer

    named = arguments.offer
    given = (read_bounty_offer(named), named.with_name("row.sealed")) if isinstance(named, Path) else None
    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        owner = session.bounty_owner
        made, row = given or owner.fetch(session.artifact_store, arguments.bounty, named, progress("fetched"))
        owner.take(arguments.bounty, made, row)
        _tell(arguments.console, session, session.models.bounty(arguments.bounty))
    return 0


def reveal(arguments: argparse.Namespace) -> int:
    """Reveal the winner's key."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        session.seller.reveal_won(arguments.bounty, session.reveal_margin)
        arguments.console.line("prize and bond are credited (gradroll model earnings)")
        arguments.console.result(bounty=arguments.bounty)
    return 0


def claim(arguments: argparse.Namespace) -> int:
    """Open the model that was won."""
    from commons.artifacts.networkfiles import NetworkArrays, write_network
    from gradroll.commands.destinations import require_free
    from gradroll.session import Session

    require_free(arguments.out, force=False)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        won = session.bounty_owner.open_model(arguments.bounty)
    write_network(arguments.out, NetworkArrays.of_weights(won.size, won.weights))
    arguments.console.line(f"{arguments.out}: the model of listing 0x{won.listing.hex()}, verified against it", "green")
    arguments.console.result(file=arguments.out, listing=won.listing, size_class=won.size.name)
    return 0
