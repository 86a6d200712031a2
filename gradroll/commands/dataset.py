"""`gradroll dataset`: groups of labelled data, and sets of them that models are proven on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import data_option, groups_of, market_leaf, model_settings, read_group, word
from gradroll.commands.options import Subparsers, group, whole
from gradroll.commands.storeoptions import market_store_option, progress

if TYPE_CHECKING:
    from circuits.accuracy.sizeclasses import SizeClass
    from gradroll.session import Session

_SET = "0x" + "7c" * 32


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "dataset", "Name data that models are proven on")
    parser = market_leaf(
        commands, "commit", "Show what the chain would keep of groups of data; nothing is sent.",
        "gradroll dataset commit --class small --data test-0.safetensors", commit,
    )  # fmt: skip
    _class_option(parser)
    data_option(parser, "what to commit to", required=True)
    parser = market_leaf(
        commands, "register",
        "Create a set and register its groups, in the order of their files. Run again after an interruption, it goes "
        "on. Public data get trained on: what a model has right there says little about data that it has not seen. "
        "With --publish everybody can fetch the files by the set's identifier.",
        "gradroll dataset register --class small --data test-0.safetensors --data test-1.safetensors", register,
    )  # fmt: skip
    _class_option(parser)
    data_option(parser, "what the set holds", required=True)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--manifest", type=word, metavar="0x...",
                        help="SHA-256 of the set's description (default: zero)")  # fmt: skip
    chosen.add_argument("--publish", action="store_true", help="put the files and a list of them into the store, and "
                        "register the list as the set's manifest")  # fmt: skip
    market_store_option(parser)
    parser.add_argument("--salt", type=whole(0, 2**63 - 1), default=0, metavar="N",
                        help="another one makes another set of as many groups (default 0)")  # fmt: skip
    parser = market_leaf(
        commands, "show", "Show a set, and which of its groups files are.", f"gradroll dataset show {_SET}", show
    )
    parser.add_argument("set", type=market_name, metavar="SET")
    parser.add_argument("--class", dest="size", metavar="NAME", help="size class of the files that are given")
    data_option(parser, "what the set is said to hold")
    parser = market_leaf(
        commands, "get",
        "Fetch the files of a set that was registered with --publish. Each is committed to again, and held against the "
        "chain; the store is not believed. After Ctrl-C the same command goes on.",
        f"gradroll dataset get {_SET} --class small --out data --store https://gateway.example.org", get,
    )  # fmt: skip
    parser.add_argument("set", type=market_name, metavar="SET")
    _class_option(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets group-0.safetensors and so on")
    market_store_option(parser)


def _class_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--class", dest="size", required=True, metavar="NAME", help="size class: small, medium, large")


def _size(name: str) -> SizeClass:
    from circuits.accuracy.sizeclasses import size_class

    return size_class(name)


def commit(arguments: argparse.Namespace) -> int:
    """Commit to data."""
    from gradroll.session import Session

    size, hashes = _size(arguments.size), []
    with Session(model_settings(arguments)) as session:
        for path in arguments.data:
            data = read_group(session, size, path)
            hashes.append(data.hash)
            arguments.console.line(
                f"{path}: 0x{data.hash.hex()}, {data.samples} samples in {len(data.commitments)} chunks, features "
                f"up to {data.largest_feature}"
            )
    arguments.console.result(groups=hashes)
    return 0


def register(arguments: argparse.Namespace) -> int:
    """Register a set."""
    from gradroll.commands.paying import paying_session

    size = _size(arguments.size)
    with paying_session(arguments, model_settings(arguments)) as session:
        groups = [read_group(session, size, path) for path in arguments.data]
        manifest = _published(arguments, session) if arguments.publish else arguments.manifest or bytes(32)
        account = session.model_account
        made = account.create_set(arguments.salt.to_bytes(32, "big"), len(groups), manifest)
        for number, data in enumerate(groups):
            account.register_group(made, number, data.hash)
        arguments.console.line(f"set 0x{made.hex()} of {len(groups)} groups")
        arguments.console.result(set=made, groups=[data.hash for data in groups])
    return 0


def _published(arguments: argparse.Namespace, session: Session) -> bytes:
    """The digest that names the list of the set's files, once all of them are in the store."""
    from gradroll.modelmarket.datatransfers import put_groups

    store = session.artifact_store
    listed = put_groups(store, dict(enumerate(arguments.data)), progress("put"))
    arguments.console.line(f"data {listed.root}, in {store.shown} (gradroll dataset get)")
    arguments.console.result(cid=str(listed.root))
    return listed.root.digest


def get(arguments: argparse.Namespace) -> int:
    """Fetch a set's files."""
    from gradroll.modelmarket.datafetching import fetch_set
    from gradroll.session import Session

    size = _size(arguments.size)
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        found = fetch_set(
            session.models, session.model_parameters, size, session.artifact_store, arguments.set, arguments.out,
            progress("fetched"),
        )  # fmt: skip
    for number, path in found.items():
        arguments.console.line(f"{path}: group {number}, as the chain names it", "green")
    arguments.console.result(set=arguments.set, files={str(number): str(path) for number, path in found.items()})
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show a set."""
    from circuits.errors import InvalidInputError
    from gradroll.session import Session

    if arguments.data and arguments.size is None:
        raise InvalidInputError("files are committed to for a size class: name it with --class")
    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        found = session.models.set_of(arguments.set)
        files = groups_of(session, _size(arguments.size), arguments.data, found) if arguments.data else {}
    console = arguments.console
    console.line(f"set 0x{found.set_id.hex()} of {checksum(found.creator)}")
    for number, known in enumerate(found.hashes):
        what = "not registered" if known is None else f"0x{known.hex()}"
        console.line(f"group {number}: {what}" + (", computed again from a file" if number in files else ""))
    console.result(
        set=found.set_id, creator=checksum(found.creator), groups=found.hashes, complete=found.complete,
        recomputed=sorted(files),
    )  # fmt: skip
    return 0
