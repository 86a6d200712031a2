"""`gradroll collect`: who has a credit at the market has it paid out."""

from __future__ import annotations

import argparse
from pathlib import Path

from commons.runtime.amounts import checksum
from gradroll.commands.options import Subparsers, address, chain_options, leaf, settings


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "collect",
        "Have a credit of an account paid out: fees of coordinators and of provers' controllers, and payments that an "
        "account did not take.",
        "gradroll collect --account coordinator.key --config chain.toml",
        run,
    )
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 of the credit (default: ether)")
    parser.add_argument("--to", type=address, metavar="0x...", help="who gets it (default: the account itself)")
    parser.add_argument("--account", type=Path, metavar="FILE", help="key file (owner.account)")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Collect a credit."""
    from circuits.terms import ETHER
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, settings(arguments, owner__account=arguments.account)) as session:
        token = arguments.token or ETHER
        coin, key = session.view.tokens.currency(token), session.participant
        collected = key.collect(token, arguments.to)
        whom = checksum(arguments.to or key.address)
        if collected:
            arguments.console.line(f"{whom} received {coin.shown(collected)}")
        else:
            arguments.console.line(f"{checksum(key.address)} has no credit in {coin}")
        arguments.console.result(account=checksum(key.address), collected=str(collected))
    return 0
