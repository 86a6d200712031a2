"""What commands have in common that put files into stores, or fetch them: options, identifiers, progress."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commons.artifacts.blockstores import BlockStore
    from commons.artifacts.cids import Cid
    from gradroll.commands.transferprogress import TransferProgress


def store_option(parser: argparse.ArgumentParser, default: str = "artifacts.store") -> None:
    """The option that names a store; ``default`` says what holds without it."""
    parser.add_argument(
        "--store", metavar="URL",
        help="a directory, http://127.0.0.1:5001/api/v0 (kubo), s3://bucket/prefix?endpoint=.., or a gateway's "
        f"https:// address ({default})",
    )  # fmt: skip


def market_store_option(parser: argparse.ArgumentParser) -> None:
    """The option of commands of the model market, which have a store in any case."""
    store_option(parser, "artifacts.store; without one, the directory artifacts in models.state")


def content_identifier(text: str) -> Cid:
    """An argparse type: a content identifier."""
    from circuits.errors import InvalidInputError
    from commons.artifacts.cids import Cid

    try:
        return Cid.parse(text)
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def file_or_identifier(text: str) -> Cid | Path:
    """An argparse type: a content identifier, or else a path; write ./ before a file that is called like one."""
    from circuits.errors import InvalidInputError
    from commons.artifacts.cids import Cid

    try:
        return Cid.parse(text)
    except InvalidInputError:
        return Path(text)


def progress(what: str) -> TransferProgress:
    """Tells people how far a transfer is; ``what`` is done with the bytes, "fetched"."""
    from gradroll.commands.transferprogress import TransferProgress

    return TransferProgress(what)


def put_offer_files(arguments: argparse.Namespace, store: BlockStore) -> str:
    """Put the files of an offer in ``arguments.out`` into a store; says and returns what the offer is called.

    Both files are made already: where the store fails, people are told how to put them later.
    """
    from circuits.errors import GradrollError
    from gradroll.modelmarket.offertransfers import put_offer

    offer, row = arguments.out / "offer.json", arguments.out / "row.sealed"
    try:
        root = put_offer(store, offer, row, progress("put")).root
    except GradrollError:
        arguments.console.note(
            f"the offer is made: put {row} and then {offer} into a store (gradroll artifact put), or send both files"
        )
        raise
    arguments.console.line(f"offer {root}, in {store.shown}")
    return str(root)
