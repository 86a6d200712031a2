"""What the commands of a model owner have in common: their options, settings and sessions."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.options import (
    Run,
    Subparsers,
    account_option,
    amount,
    chain_options,
    leaf,
    roots_option,
    settings,
    task_argument,
)

if TYPE_CHECKING:
    from commons.settings.loading import Settings
    from gradroll.session import Session


def escrow_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    """A command about a task that takes the chain and an account, but no coordinator."""
    parser = leaf(commands, name, summary, f"{example} --config model-owner.toml", run)
    task_argument(parser)
    account_options(parser)
    return parser


def task_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    """A command about a task that takes its coordinator, too."""
    parser = escrow_leaf(commands, name, summary, example, run)
    coordinator_options(parser)
    return parser


def account_options(parser: argparse.ArgumentParser) -> None:
    """Options for the chain, and the account that pays."""
    account_option(parser, "model_owner.account")
    chain_options(parser)


def coordinator_options(parser: argparse.ArgumentParser) -> None:
    """Options for a coordinator."""
    parser.add_argument(
        "--coordinator", metavar="grpcs://HOST:PORT", help="the task's coordinator (model_owner.coordinator)"
    )
    roots_option(parser, "model_owner.tls_roots")


def sum_key_option(parser: argparse.ArgumentParser) -> None:
    """The option for the key with which private sums are read."""
    parser.add_argument(
        "--sum-key", type=Path, metavar="FILE", help="where sums are private: the key's file (model_owner.sum_key)"
    )


def manifest_option(parser: argparse.ArgumentParser) -> None:
    """The option for a task's model manifest."""
    parser.add_argument(
        "--manifest", type=Path, metavar="FILE",
        help="the task's model manifest, where the coordinator is not to be asked for it (model_owner.manifest)",
    )  # fmt: skip


def amount_argument(parser: argparse.ArgumentParser) -> None:
    """The argument for an amount of the task's token."""
    parser.add_argument(
        "amount", type=amount(1), metavar="AMOUNT",
        help="of the token's smallest unit (wei), or such as 0.06ether, 5gwei or 2.5USDC",
    )  # fmt: skip


def buyer_settings(arguments: argparse.Namespace) -> Settings:
    """Settings with what the options of a model owner's command say."""
    return settings(
        arguments,
        model_owner__account=getattr(arguments, "account", None),
        model_owner__coordinator=getattr(arguments, "coordinator", None),
        model_owner__tls_roots=getattr(arguments, "tls_roots", None),
        model_owner__sum_key=getattr(arguments, "sum_key", None),
        model_owner__manifest=getattr(arguments, "manifest", None),
        keys__srs=getattr(arguments, "srs", None),
        keys__directory=getattr(arguments, "keys", None),
    )


def paying(arguments: argparse.Namespace, chosen: Settings | None = None) -> AbstractContextManager[Session]:
    """A session whose transactions are told and remembered."""
    from gradroll.commands.paying import paying_session

    return paying_session(arguments, buyer_settings(arguments) if chosen is None else chosen)


def reading(arguments: argparse.Namespace) -> Session:
    """A session that sends nothing."""
    from gradroll.session import Session

    return Session(buyer_settings(arguments))
