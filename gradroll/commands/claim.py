"""`gradroll claim`: an owner collects its pay."""

from __future__ import annotations

import argparse
from pathlib import Path

from commons.runtime.amounts import checksum, ether
from gradroll.commands.options import Subparsers, address, chain_options, leaf, natural, settings


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "claim",
        "Collect the pay of accepted gradients. Claiming twice pays nothing twice. The account only pays the fees: the "
        "money goes to the owner.",
        "gradroll claim 0 --config owner.toml",
        run,
    )
    parser.add_argument("task", type=natural, help="the task's number")
    parser.add_argument("--round", type=natural, help="only this round (default: all)")
    parser.add_argument(
        "--owner", type=address, metavar="0x...", help="claim for this owner (default: the account's own)"
    )
    parser.add_argument("--account", type=Path, metavar="FILE", help="key file that pays the fees (owner.account)")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Claim every round's reward."""
    from circuits.errors import UnknownError
    from commons.settings.sections import OwnerSettings
    from gradroll.commands.paying import paying_session
    from gradroll.data_owner.claims import claim_all, why_nothing

    chosen, console = settings(arguments, owner__account=arguments.account), arguments.console
    with paying_session(arguments, chosen) as session:
        chain = session.writer(chosen.section(OwnerSettings, "account").account)
        owner, opened = arguments.owner or chain.address, session.view.task(arguments.task).rounds_opened
        if arguments.round is not None and arguments.round >= opened:
            raise UnknownError(
                f"task {arguments.task} has opened {opened} rounds; there is no round {arguments.round}, so see "
                "gradroll task status"
            )
        rounds = range(opened) if arguments.round is None else [arguments.round]
        paid = claim_all(chain, arguments.task, rounds, owner)
        console.result(owner=checksum(owner), paid=str(paid))
        if paid:
            console.line(f"{checksum(owner)} received {ether(paid)}")
        else:
            reason = why_nothing(session.view, arguments.task, rounds, owner)
            console.result(reason=reason)
            console.line(f"nothing to claim for {checksum(owner)}: {reason}")
    return 0
