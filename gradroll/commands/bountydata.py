"""`gradroll bounty data`: the groups that a bounty's owner showed, out of a store that is not believed."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import market_leaf, model_settings
from gradroll.commands.options import Subparsers
from gradroll.commands.storeoptions import content_identifier, market_store_option, progress

_BOUNTY = "0x" + "6b" * 32


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = market_leaf(
        commands, "data",
        "Fetch the groups that a bounty's owner showed, for training and for the proofs. Each is committed to again, "
        "and held against the chain; the store is not believed. After Ctrl-C the same command goes on.",
        f"gradroll bounty data {_BOUNTY} --out data --store https://gateway.example.org", data,
    )  # fmt: skip
    parser.add_argument("bounty", type=market_name, metavar="BOUNTY")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets group-0.safetensors and so on")
    parser.add_argument("--from", type=content_identifier, dest="listed", metavar="CID",
                        help="the list of files that gradroll bounty publish printed; needed for files of more than a "
                        "MiB, as the chain names the others itself")  # fmt: skip
    market_store_option(parser)


def data(arguments: argparse.Namespace) -> int:
    """Fetch what was shown."""
    from gradroll.modelmarket.datafetching import fetch_shown
    from gradroll.session import Session

    with Session(model_settings(arguments)) as session:
        resolve_names(arguments, session)
        found = fetch_shown(
            session.models, session.model_parameters, session.artifact_store, arguments.bounty, arguments.out,
            arguments.listed, progress("fetched"),
        )  # fmt: skip
    for number, path in found.items():
        arguments.console.line(f"{path}: group {number}, as the chain names it", "green")
    if not found:
        arguments.console.line("no group of the bounty is shown yet")
    arguments.console.result(bounty=arguments.bounty, files={str(number): str(path) for number, path in found.items()})
    return 0
