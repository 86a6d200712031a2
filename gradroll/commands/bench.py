"""`gradroll bench`: measure rounds, kernels, proofs and gas on this machine."""

from __future__ import annotations

import argparse

from circuits.errors import ConfigError
from gradroll.commands.options import Subparsers, leaf
from gradroll.console import Console


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "bench",
        "Measure rounds between real processes, kernels, proofs and gas. Works in a checkout of the sources. Results "
        "are kept in benchmarks/results, a measurement that is there is not repeated.",
        "gradroll bench --only round-d650-m32",
        run,
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="measurements whose name has this in it (repeat)"
    )
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    parser.add_argument("--again", action="store_true", help="measure even if there is a result already")


def run(arguments: argparse.Namespace) -> int:
    """Run the measurements."""
    try:
        from benchmarks.run import run as measure
    except ModuleNotFoundError as error:
        raise ConfigError("benchmarks run in a checkout of the sources only; clone the repository") from error
    return measure(arguments.only, quick=arguments.quick, again=arguments.again, say=Console().line)
