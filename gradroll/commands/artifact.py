"""`gradroll artifact`: files by what is in them, into a store and out of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.options import Subparsers, group, leaf, settings
from gradroll.commands.storeoptions import content_identifier, progress, store_option

if TYPE_CHECKING:
    from commons.artifacts.blockstores import BlockStore
    from commons.artifacts.transfers import Artifact
    from commons.settings.artifactsettings import ArtifactSettings

_AGAIN = "After Ctrl-C, or when the line breaks, the same command goes on where it stopped."


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "artifact", "Keep models and data sets by what is in them")
    parser = leaf(
        commands, "cid",
        "Say what a file is called in every store: its content identifier, the one that `ipfs add` makes with leaves "
        "of 1 MiB and 1,024 links a node. Takes no store.",
        "gradroll artifact cid test-set.safetensors", cid,
    )  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE", help="the file")
    parser = leaf(
        commands, "put", f"Put a file into a store and say its content identifier. {_AGAIN}",
        "gradroll artifact put model.safetensors --store http://127.0.0.1:5001/api/v0", put,
    )  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE", help="the file")
    store_option(parser)
    parser = leaf(
        commands, "get",
        "Fetch a file from a store that need not be trusted: each block is compared with its identifier, and the file "
        f"is there when all of it is. {_AGAIN}",
        "gradroll artifact get bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku --out model.safetensors "
        "--store https://gateway.example.org", get,
    )  # fmt: skip
    _cid_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")
    force_option(parser)
    store_option(parser)
    parser = leaf(
        commands, "verify",
        "Say whether a file, or a store without --file, has all of what a content identifier names. Exits with 7 when "
        "the bytes are others.",
        "gradroll artifact verify bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku --file model.safetensors",
        verify,
    )  # fmt: skip
    _cid_argument(parser)
    parser.add_argument("--file", type=Path, metavar="FILE", help="the file; without it the store is read")
    store_option(parser)


def _cid_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "cid", type=content_identifier, metavar="CID", help="the content identifier, bafkrei... or bafybei..."
    )


def cid(arguments: argparse.Namespace) -> int:
    """Name a file."""
    from commons.artifacts.transfers import cid_of_file

    found = cid_of_file(arguments.file, progress("read"))
    arguments.console.line(str(found.root))
    _result(arguments, found)
    return 0


def put(arguments: argparse.Namespace) -> int:
    """Put a file."""
    from commons.artifacts.transfers import put_file

    store, _ = _opened(arguments)
    found = put_file(store, arguments.file, progress("put"))
    arguments.console.line(str(found.root))
    _result(arguments, found)
    return 0


def get(arguments: argparse.Namespace) -> int:
    """Fetch a file."""
    from commons.artifacts.transfers import get_file

    require_free(arguments.out, force=arguments.force)
    store, chosen = _opened(arguments)
    found = get_file(
        store, arguments.cid, arguments.out, most=chosen.max_bytes, progress=progress("fetched"),
        replace=arguments.force,
    )  # fmt: skip
    arguments.console.line(f"{arguments.out}: {found.size} bytes, all of {found.root}", "green")
    _result(arguments, found)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Compare a file, or what a store has."""
    from circuits.errors import ProofError
    from commons.artifacts.transfers import check_stored, cid_of_file

    if arguments.file is None:
        store, chosen = _opened(arguments)
        found = check_stored(store, arguments.cid, most=chosen.max_bytes, progress=progress("read"))
        arguments.console.line(f"{store.shown} has all {found.size} bytes of {found.root}", "green")
    else:
        found = cid_of_file(arguments.file, progress("read"))
        if found.root != arguments.cid:
            raise ProofError(f"{arguments.file} is {found.root}, not {arguments.cid}; get it again")
        arguments.console.line(f"{arguments.file}: all {found.size} bytes are those of {found.root}", "green")
    _result(arguments, found)
    return 0


def _opened(arguments: argparse.Namespace) -> tuple[BlockStore, ArtifactSettings]:
    from circuits.errors import ConfigError
    from commons.artifacts.opening import open_store
    from commons.settings.artifactsettings import ArtifactSettings

    chosen = settings(arguments, artifacts__store=arguments.store).section(ArtifactSettings)
    if chosen.store is None:
        raise ConfigError(
            "artifacts.store is missing: put it under [artifacts] in the file given by --config, set "
            "GRADROLL_ARTIFACTS_STORE, or pass --store"
        )
    return open_store(chosen.store, chosen), chosen


def _result(arguments: argparse.Namespace, found: Artifact) -> None:
    arguments.console.result(cid=str(found.root), size=found.size)
