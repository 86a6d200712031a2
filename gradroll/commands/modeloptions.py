"""What the commands of the model market have in common: identifiers, options, settings, data from files."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.options import Run, Subparsers, account_option, chain_options, leaf, settings

if TYPE_CHECKING:
    from circuits.accuracy.sizeclasses import SizeClass
    from commons.chain.modelfacts import SetRecord
    from commons.settings.loading import Settings
    from gradroll.modelmarket.datagroups import DataGroup
    from gradroll.session import Session

_WORD = re.compile("0x([0-9a-fA-F]{64})")
_POINT = re.compile("0x([0-9a-fA-F]{128})")


def word(text: str) -> bytes:
    """An argparse type: an identifier of the model market, 0x and 64 hexadecimal digits."""
    found = _WORD.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no identifier: write 0x and all of its 64 digits")
    return bytes.fromhex(found[1])


def sha256_of(text: str) -> bytes:
    """An argparse type: the SHA-256 of a file, or the digest itself, 0x and 64 digits."""
    if _WORD.fullmatch(text):
        return word(text)
    try:
        with Path(text).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is no digest (0x and 64 hexadecimal digits) and cannot be read as a file ({error.strerror})"
        ) from None


def commitment(text: str) -> bytes:
    """An argparse type: a commitment to a model, 0x and 128 hexadecimal digits."""
    found = _POINT.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is no commitment: write 0x and all 128 digits, as gradroll model commit shows them"
        )
    return bytes.fromhex(found[1])


def market_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    """A command of the model market, with the options of its settings."""
    parser = leaf(commands, name, summary, f"{example} --config models.toml", run)
    account_option(parser, "models.account")
    parser.add_argument("--state", type=Path, metavar="DIR", help="what is kept of models, offers, purchases and "
                        "bounties (models.state)")  # fmt: skip
    chain_options(parser)
    return parser


def data_option(parser: argparse.ArgumentParser, what: str, *, required: bool = False) -> None:
    """The option for files of data; which group of the set each is, its commitments say."""
    parser.add_argument(
        "--data", type=Path, action="append", default=[], required=required, metavar="FILE",
        help=f"{what}: a group's data (safetensors); repeat for several, in any order",
    )  # fmt: skip


def model_settings(arguments: argparse.Namespace) -> Settings:
    """Settings with what the options of a command of the model market say."""
    return settings(
        arguments,
        models__account=getattr(arguments, "account", None),
        models__state=getattr(arguments, "state", None),
        artifacts__store=getattr(arguments, "store", None),
    )


def read_group(session: Session, size: SizeClass, path: Path) -> DataGroup:
    """The group in a file, committed to for a class.  Raises UnknownError, InvalidInputError."""
    from gradroll.modelmarket.datagroups import DataGroup

    return DataGroup.of_file(size, session.model_parameters.srs, path)


def groups_of(session: Session, size: SizeClass, files: Sequence[Path], of: SetRecord) -> dict[int, DataGroup]:
    """The groups in files by their numbers in a set.

    Raises:
        InvalidInputError: a file is no group of the set.
    """
    from circuits.errors import InvalidInputError

    found: dict[int, DataGroup] = {}
    for path in files:
        data = read_group(session, size, path)
        numbers = [number for number, known in enumerate(of.hashes) if known == data.hash]
        if not numbers:
            raise InvalidInputError(f"{path} holds no group of the set 0x{of.set_id.hex()}; name the right file")
        found |= dict.fromkeys(numbers, data)
    return found
