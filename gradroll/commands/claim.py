"""`gradroll claim`: an owner collects its pay."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands.options import Subparsers, address, chain_options, leaf, natural, settings
from gradroll.console import Console, checksum, ether


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
    from gradroll.commands.sessions import owner_chain
    from gradroll.data_owner.claims import claim_all

    chain = owner_chain(settings(arguments, owner__account=arguments.account))
    owner = arguments.owner or chain.address
    opened = chain.view.task(arguments.task).rounds_opened
    rounds = range(opened) if arguments.round is None else [arguments.round]
    paid = claim_all(chain, arguments.task, rounds, owner)
    Console().line(f"{checksum(owner)} received {ether(paid)}" if paid else f"nothing to claim for {checksum(owner)}")
    return 0
