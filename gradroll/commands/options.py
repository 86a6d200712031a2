"""Options that several commands share, and how arguments become settings."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from commons.settings.loading import Settings


Subparsers = Any
"""What `ArgumentParser.add_subparsers` returns; argparse gives it no public name."""


def leaf(
    parent: Subparsers, name: str, summary: str, example: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A command that does something: common options, an example, and the function to run."""
    parser: argparse.ArgumentParser = parent.add_parser(
        name,
        help=summary.split(". ", maxsplit=1)[0].rstrip("."),
        description=textwrap.fill(summary, 100),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument(
        "--development", action="store_true", help="allow insecure seeded setups (also GRADROLL_DEVELOPMENT=1)"
    )
    parser.set_defaults(run=run)
    return parser


def group(parent: Subparsers, name: str, summary: str) -> Subparsers:
    """A command that only holds others."""
    parser = parent.add_parser(name, help=summary, description=summary)
    return parser.add_subparsers(metavar="COMMAND", required=True)


def chain_options(parser: argparse.ArgumentParser) -> None:
    """Options for the [chain] section."""
    parser.add_argument("--chain", metavar="URL", help="JSON-RPC URL of the node (chain.url)")
    parser.add_argument("--chain-id", type=int, metavar="ID", help="the chain that is meant (chain.chain_id)")
    parser.add_argument("--market", metavar="0x...", help="market contract (chain.market)")


def roots_option(parser: argparse.ArgumentParser, key: str) -> None:
    """The option for the certificates to trust.

    Args:
        key: the setting that it stands for, "" for none.
    """
    stands_for = f" ({key})" if key else ""
    parser.add_argument(
        "--tls-roots",
        type=Path,
        metavar="FILE",
        help=f"PEM certificates to trust for grpcs:// instead of the system's{stands_for}",
    )


def settings(arguments: argparse.Namespace, **overrides: object) -> Settings:
    """Settings from the file, the environment and these arguments.

    Args:
        overrides: further values, "section__key" for section.key.
    """
    from commons.settings.loading import load

    values: dict[str, object] = {
        "chain.url": getattr(arguments, "chain", None),
        "chain.chain_id": getattr(arguments, "chain_id", None),
        "chain.market": getattr(arguments, "market", None),
    }
    values |= {name.replace("__", "."): value for name, value in overrides.items()}
    return load(arguments.config, overrides=values, development=arguments.development)


def address(text: str) -> bytes:
    """An argparse type: a 20-byte address."""
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise argparse.ArgumentTypeError(f"{text!r} is no address (0x and 40 hexadecimal digits)")
    return raw


def positive(text: str) -> int:
    """An argparse type: a whole number of at least 1."""
    return _at_least(text, 1)


def natural(text: str) -> int:
    """An argparse type: a whole number of at least 0."""
    return _at_least(text, 0)


def _at_least(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
    return value
