"""What the commands of the data market that ask a chain have in common: options, settings, campaigns by beginnings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.marketnames import Beginning, market_name, resolve
from gradroll.commands.options import Run, Subparsers, account_option, chain_options, leaf, settings, whole
from gradroll.commands.storeoptions import store_option

if TYPE_CHECKING:
    from commons.runtime.amounts import Currency
    from commons.settings.loading import Settings
    from gradroll.session import Session

_MOST = 2**63 - 1


def chain_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    """A command of the data market, with the options of its settings."""
    parser = leaf(commands, name, summary, f"gradroll data {example} --config data.toml", run)
    account_option(parser, "data.account")
    parser.add_argument("--state", type=Path, metavar="DIR", help="what is kept of bundles, challenges and votes "
                        "(data.state)")  # fmt: skip
    chain_options(parser)
    return parser


def data_store_option(parser: argparse.ArgumentParser) -> None:
    """The option that names where bundles are."""
    store_option(parser, "artifacts.store; without one, the directory artifacts in data.state")


def data_settings(arguments: argparse.Namespace) -> Settings:
    """Settings with what the options of a command of the data market say."""
    return settings(
        arguments,
        data__account=getattr(arguments, "account", None),
        data__state=getattr(arguments, "state", None),
        artifacts__store=getattr(arguments, "store", None),
    )


def campaign_argument(parser: argparse.ArgumentParser) -> None:
    """The argument that names a campaign."""
    parser.add_argument("campaign", type=market_name, metavar="CAMPAIGN", help="its identifier, or the first 6 digits")


def number_argument(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    """An argument that is a number of the market: of a bundle, a sample, a case."""
    parser.add_argument(name, type=whole(0, _MOST), metavar=name.upper(), help=what)


def the_campaign(arguments: argparse.Namespace, session: Session) -> bytes:
    """The campaign that was named.  Raises as ``resolve``."""
    named = arguments.campaign
    if not isinstance(named, Beginning):
        return bytes(named)
    found = resolve(named, session.data.campaigns(), "campaign")
    arguments.console.note(f"{named} is the campaign 0x{found.hex()}")
    return found


def currency_of(session: Session, campaign: bytes) -> Currency:
    """What amounts of a campaign are of."""
    return session.view.tokens.currency(session.data.terms(campaign).token)
