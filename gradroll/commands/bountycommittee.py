"""Commands of `gradroll bounty` that ask a bounty's committee."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import market_leaf, model_settings, read_group
from gradroll.commands.options import Subparsers
from gradroll.commands.storeoptions import market_store_option, progress

_BOUNTY = "0x" + "6b" * 32


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = market_leaf(
        commands, "publish",
        "Give the committee the data of the groups that were drawn, show them on the chain with its receipts, and put "
        "the files of all that are shown into a store, for entrants (owner). Run again, it puts them anew.",
        f"gradroll bounty publish {_BOUNTY}", publish,
    )  # fmt: skip
    parser.add_argument("bounty", type=market_name, metavar="BOUNTY")
    market_store_option(parser)
    parser = market_leaf(
        commands, "stand-in",
        "Have the committee check the winning model for an owner that locks no offer, and lock it (winner). "
        "Its members are told what opens the model once the key is revealed.",
        f"gradroll bounty stand-in {_BOUNTY} --out row.sealed", stand_in,
    )  # fmt: skip
    parser.add_argument("bounty", type=market_name, metavar="BOUNTY")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the sealed row, to be written; the same again when the command is run again",
    )
    parser = market_leaf(
        commands, "receive",
        "Fetch from the committee the sealed model that it checked in the owner's place (owner).",
        f"gradroll bounty receive {_BOUNTY} --out row.sealed", receive,
    )  # fmt: skip
    parser.add_argument("bounty", type=market_name, metavar="BOUNTY")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the sealed row, to be written")


def publish(arguments: argparse.Namespace) -> int:
    """Show what was drawn."""
    from commons.chain.modelfacts import BountyStage
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        store, models = session.artifact_store, session.models
        record = models.bounty(arguments.bounty)
        drawn = record.stage in (BountyStage.TRAINING_DRAWN, BountyStage.TESTS_DRAWN)
        shown: list[int] = []
        if drawn or not models.all_shown_groups(arguments.bounty):
            size = session.model_parameters.class_of(models.verifier(record.terms.verifier))
            read = partial(read_group, session, size)
            shown = sorted(session.bounty_owner.show(arguments.bounty, read, session.bounty_witnesses))
            arguments.console.line(f"groups {shown} are shown; members of the committee serve their files")
        listed = session.bounty_owner.publish(store, arguments.bounty, progress("put"))
        arguments.console.line(f"data {listed.root}, in {store.shown} (gradroll bounty data)")
        arguments.console.result(bounty=arguments.bounty, groups=shown, cid=str(listed.root))
    return 0


def stand_in(arguments: argparse.Namespace) -> int:
    """Lock an offer by receipts."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session)
        session.seller.stand_in(arguments.bounty, session.bounty_witnesses, arguments.out)
        arguments.console.line("the offer is locked; reveal its key in time (gradroll bounty reveal)")
        arguments.console.result(bounty=arguments.bounty, file=arguments.out)
    return 0


def receive(arguments: argparse.Namespace) -> int:
    """Fetch a row that was locked by receipts."""
    from gradroll.commands.destinations import require_free
    from gradroll.session import Session

    require_free(arguments.out, force=False)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        session.bounty_owner.receive(arguments.bounty, session.bounty_witnesses, arguments.out)
    arguments.console.line(f"{arguments.out}: keep it there; open it once the key is revealed (gradroll bounty claim)")
    arguments.console.result(file=arguments.out)
    return 0
