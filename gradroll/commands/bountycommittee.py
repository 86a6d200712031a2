"""Commands of `gradroll bounty` that ask a bounty's committee."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from gradroll.commands.modeloptions import market_leaf, model_settings, read_group, word
from gradroll.commands.options import Subparsers

_BOUNTY = "0x" + "6b" * 32


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = market_leaf(
        commands, "publish",
        "Give the committee the data of the groups that were drawn, and show them on the chain with its receipts "
        "(owner).",
        f"gradroll bounty publish {_BOUNTY}", publish,
    )  # fmt: skip
    parser.add_argument("bounty", type=word, metavar="BOUNTY")
    parser = market_leaf(
        commands, "stand-in",
        "Have the committee check the winning model for an owner that locks no offer, and lock it (winner). "
        "Its members are told what opens the model once the key is revealed.",
        f"gradroll bounty stand-in {_BOUNTY} --out row.sealed", stand_in,
    )  # fmt: skip
    parser.add_argument("bounty", type=word, metavar="BOUNTY")
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
    parser.add_argument("bounty", type=word, metavar="BOUNTY")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the sealed row, to be written")


def publish(arguments: argparse.Namespace) -> int:
    """Show what was drawn."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
        models = session.models
        verifier = models.verifier(models.bounty(arguments.bounty).terms.verifier)
        read = partial(read_group, session, session.model_parameters.class_of(verifier))
        shown = session.bounty_owner.show(arguments.bounty, read, session.bounty_witnesses)
        arguments.console.line(f"groups {sorted(shown)} are shown; members of the committee serve their files")
        arguments.console.result(bounty=arguments.bounty, groups=sorted(shown))
    return 0


def stand_in(arguments: argparse.Namespace) -> int:
    """Lock an offer by receipts."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, model_settings(arguments)) as session:
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
        session.bounty_owner.receive(arguments.bounty, session.bounty_witnesses, arguments.out)
    arguments.console.line(f"{arguments.out}: keep it there; open it once the key is revealed (gradroll bounty claim)")
    arguments.console.result(file=arguments.out)
    return 0
