"""Options that several commands share, and how arguments become settings."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradroll.commands.money import Amount, expected

if TYPE_CHECKING:
    from commons.chain.view import ChainView
    from commons.runtime.identifiers import Prefix
    from commons.settings.accountplaces import AccountPlace
    from commons.settings.loading import Settings


Run = Callable[[argparse.Namespace], int]
Subparsers = Any
"""What `ArgumentParser.add_subparsers` returns; argparse gives it no public name."""
_OPTIONS = {"chain.url": "--chain", "keys.directory": "--keys"}
"""The options that are not named like the key that they set."""
_DIGEST = re.compile("0x[0-9a-fA-F]{64}")
_AMOUNT = re.compile(
    r"(?P<number>[0-9]{1,39}(?:\.[0-9]{1,36})?)\s*(?P<unit>(?![eE][0-9])[A-Za-z$][A-Za-z0-9.$+_-]{0,11})?"
)


def leaf(parent: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
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
    parser.add_argument("--json", action="store_true", help="write one JSON object instead of lines for people")
    parser.set_defaults(run=run)
    return parser


def group(parent: Subparsers, name: str, summary: str) -> Subparsers:
    """A command that only holds others."""
    parser = parent.add_parser(name, help=summary, description=summary)
    return parser.add_subparsers(metavar="COMMAND", required=True)


def chain_options(parser: argparse.ArgumentParser) -> None:
    """Options for the [chain] section."""
    parser.add_argument("--chain", metavar="URL", help="JSON-RPC URL of the node (chain.url)")
    parser.add_argument("--chain-id", type=positive, metavar="ID", help="the chain that is meant (chain.chain_id)")
    parser.add_argument("--market", metavar="0x...", help="market contract (chain.market)")


def account_option(parser: argparse.ArgumentParser, key: str, what: str = "", *, required: bool = False) -> None:
    """The option for the account that sends.

    Args:
        key: the setting that it stands for, "" for none.
        what: what the account does.
    """
    words = " ".join(filter(None, ("key file or external signer", what, f"({key})" if key else "")))
    parser.add_argument("--account", type=account_place, required=required, metavar="FILE", help=words)


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
        help=f"PEM certificates to trust instead of the system's, for endpoints without a pin{stands_for}",
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
    options = {key: _OPTIONS.get(key, f"--{key.partition('.')[2].replace('_', '-')}") for key in values}
    own = {key: option for key, option in options.items() if hasattr(arguments, option[2:].replace("-", "_"))}
    return load(arguments.config, overrides=values, options=own, development=arguments.development)


def address(text: str) -> bytes:
    """An argparse type: a 20-byte address."""
    from commons.settings.hosts import HintError
    from commons.settings.values import address_bytes

    try:
        return address_bytes(text)
    except HintError as hint:
        raise argparse.ArgumentTypeError(f"{text!r}: {hint}") from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no address (0x and 40 hexadecimal digits)") from None


def data_digest(text: str) -> bytes:
    """An argparse type: the Keccak-256 of a file, or the digest itself, 0x and 64 digits."""
    from circuits.hashing import keccak

    if _DIGEST.fullmatch(text):
        return bytes.fromhex(text[2:])
    try:
        return keccak(Path(text).read_bytes())
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no digest (0x and 64 hexadecimal digits) and cannot be read as a file ({error.strerror})"
        ) from None


def signature(text: str) -> bytes:
    """An argparse type: a signature, 65 bytes in hexadecimal."""
    found = re.fullmatch(r"(?:0x)?([0-9a-fA-F]{130})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{_short(text)} is no signature (0x and 130 hexadecimal digits)")
    return bytes.fromhex(found[1])


def node_url(text: str) -> str:
    """An argparse type: the URL of a node; no message shows it, as it may hold a password."""
    from commons.settings.values import require_node

    try:
        return require_node(text)
    except ValueError:
        raise argparse.ArgumentTypeError("the node's URL must be an http:// or https:// address") from None


def account_place(text: str) -> AccountPlace:
    """An argparse type: an account's key file or external signer; no message shows it, as it may hold a password."""
    from commons.settings.accountplaces import WORDS, parse_account
    from commons.settings.hosts import HintError

    try:
        return parse_account(text)
    except ValueError as error:
        hint = f": {error}" if isinstance(error, HintError) else ""
        raise argparse.ArgumentTypeError(f"it is not {WORDS}{hint}") from None


def endpoint(text: str) -> str:
    """An argparse type: where a prover or coordinator is reached."""
    from commons.settings.hosts import HintError
    from commons.settings.pins import WORDS, parse_endpoint

    try:
        parse_endpoint(text)
    except ValueError as error:
        hint = f": {error}" if isinstance(error, HintError) else ""
        raise argparse.ArgumentTypeError(f"{text!r} is not {WORDS}{hint}") from None
    return text


def whole(least: int, most: int) -> Callable[[str], int]:
    """An argparse type: a whole number between two bounds, which belong to it."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:  # also of more digits than Python reads
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{_short(text)} is no whole number from {least} to {most}")
        return value

    return number


def amount(least: int) -> Callable[[str], Amount]:
    """An argparse type: an amount from ``least`` of the smallest unit up to what an escrow can hold (uint128).

    "1000" is of the smallest unit, wei for ether; "0.06 ether", "0.06ETH", "5gwei" and, for a token with that symbol,
    "12.5USDC" are exact, and refused when a part of the smallest unit would be left.
    """

    def read(text: str) -> Amount:
        from circuits.errors import InvalidInputError

        found = _AMOUNT.fullmatch(text.strip())
        try:
            if found is None:
                raise InvalidInputError("")
            return Amount(text.strip(), Fraction(found["number"]), (found["unit"] or "").lower(), least)
        except InvalidInputError:
            raise argparse.ArgumentTypeError(f"{_short(text)} is no amount: {expected(least)}") from None

    return read


def identifier(text: str) -> int | Prefix:
    """An argparse type: what names a task, 0x and all of its digits or the first of them."""
    from circuits.errors import InvalidInputError
    from commons.runtime.identifiers import parse

    try:
        return parse(text)
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def whole_identifier(text: str) -> int:
    """An argparse type: an identifier with all of its digits."""
    named = identifier(text)
    if not isinstance(named, int):
        raise argparse.ArgumentTypeError(
            f"{_short(text)} is only the beginning of an identifier; give all sixteen digits"
        )
    return named


def task_argument(parser: argparse.ArgumentParser) -> None:
    """The argument that names a task; ``the_task`` looks it up."""
    parser.add_argument(
        "task", type=identifier, metavar="TASK", help="the task: 0x and its digits, at least the first four of them"
    )


def the_task(view: ChainView, named: int | Prefix) -> int:
    """The task that is meant.

    Raises:
        UnknownError: none begins with these digits.
        InvalidInputError: several do.
    """
    from commons.runtime.identifiers import resolve
    from commons.runtime.stages import stage

    with stage("looking for the task among all of the market"):
        return resolve(named, _all_tasks(view), "task")


def _all_tasks(view: ChainView) -> Iterator[int]:
    yield from view.task_ids()  # asked for only when the first is wanted


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


natural = whole(0, 2**64 - 1)
"""The number of a round; seconds to wait."""
owner_index = whole(0, 2**16 - 1)
"""The registration index of an owner."""
positive = whole(1, 2**63 - 1)
"""How many, where no contract sets a closer bound."""
port = whole(1, 2**16 - 1)
"""A TCP port."""
