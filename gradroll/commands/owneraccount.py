"""`gradroll owner account`: hand an owner over to another account."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.options import (
    Subparsers,
    account_option,
    address,
    chain_options,
    leaf,
    owner_index,
    settings,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from gradroll.data_owner.participant import Handover
    from gradroll.session import Session


def add(commands: Subparsers) -> None:
    """Add the command."""
    someone = "0x1111111111111111111111111111111111111111"
    parser = leaf(
        commands,
        "account",
        "Hand an owner over to another account, at once and for good: that one is paid from then on, also what was "
        "not claimed yet, gets the deposit back, and alone may leave. The key that signs gradients stays the same. The "
        "other account does not have to agree, so a wrong address loses all of it.",
        f"gradroll owner account 0x3fa9 {someone} --config owner.toml",
        hand_over,
    )
    task_argument(parser)
    parser.add_argument("to", type=address, metavar="0x...", help="the account that takes the owner over")
    parser.add_argument(
        "--index", type=owner_index, metavar="N", help="the owner's registration index (default: of the account's key)"
    )
    yes_option(parser)
    account_option(parser, "owner.account", "of the present account")
    chain_options(parser)


def hand_over(arguments: argparse.Namespace) -> int:
    """Tell what passes to whom, ask, and hand over."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, settings(arguments, owner__account=arguments.account)) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        wanted = key.handover(task, arguments.to, arguments.index)
        name = f"owner {wanted.index} of task {shown(task)}"
        if not wanted.done:
            _tell(arguments, session, wanted)
            if not confirmed(arguments, f"hand {name} over to {checksum(wanted.to)} for good?"):
                return DECLINED
            key.hand_over(wanted)
        arguments.console.line(f"{checksum(wanted.to)} is the account of {name}{' already' * wanted.done}")
        arguments.console.result(
            task=shown(task), index=wanted.index, account=checksum(wanted.to), owed=str(wanted.owed),
            deposit=str(wanted.deposit),
        )  # fmt: skip
    return 0


def _tell(arguments: argparse.Namespace, session: Session, wanted: Handover) -> None:
    console, coin = arguments.console, session.view.tokens.currency(wanted.token)
    unclaimed = f"{coin.shown(wanted.owed)} that can be claimed now" if wanted.owed else "nothing can be claimed now"
    console.line(f"owner {wanted.index} of task {shown(wanted.task_id)} passes to {checksum(wanted.to)}, with")
    console.line(f"  its pay from now on, also for former rounds: {unclaimed}; claim first what is to stay yours")
    console.line(f"  its deposit of {coin.shown(wanted.deposit)}, and the decision to leave")
    console.line(
        f"  the key {checksum(wanted.signer)}, which goes on signing its gradients: who holds it decides what is "
        "handed in, and can have the deposit lost by a bad dealing"
    )
    console.line("orders to be paid elsewhere that the present account has signed are void then")
    if wanted.unused:
        console.warn(
            f"{checksum(wanted.to)} has no code and no ether on this chain: if nobody holds its key, all of this is "
            "lost"
        )
