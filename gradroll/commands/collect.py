"""`gradroll collect`: who has a credit at the market has it paid out."""

from __future__ import annotations

import argparse

from commons.runtime.amounts import Currency, checksum
from gradroll.commands.options import Subparsers, account_option, address, chain_options, leaf, settings


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
    credit_options(parser)
    account_option(parser, "owner.account")
    chain_options(parser)


def credit_options(parser: argparse.ArgumentParser) -> None:
    """What is collected, and for whom."""
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 of the credit (default: ether)")
    parser.add_argument("--to", type=address, metavar="0x...", help="who gets it (default: the account itself)")


def run(arguments: argparse.Namespace) -> int:
    """Collect a credit."""
    from circuits.terms import ETHER
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, settings(arguments, owner__account=arguments.account)) as session:
        token = arguments.token or ETHER
        coin, key = session.view.tokens.currency(token), session.participant
        collected = key.collect(token, arguments.to)
        tell_collected(arguments, coin, key.address, collected)
    return 0


def tell_collected(
    arguments: argparse.Namespace, coin: Currency, account: bytes, collected: int, where: str = ""
) -> None:
    """Say what an account collected.

    Args:
        where: the credit was, where that is not the market.
    """
    if collected:
        arguments.console.line(f"{checksum(arguments.to or account)} received {coin.shown(collected)}")
    else:
        arguments.console.line(f"{checksum(account)} has no credit in {coin}{where}")
    arguments.console.result(account=checksum(account), collected=str(collected))
