"""`gradroll bench`: measure rounds, kernels, proofs and gas on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from circuits.errors import ConfigError
from gradroll.commands.options import Subparsers, leaf

_CHECKOUT = Path(__file__).resolve().parents[2]


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
    """Become the process that measures: no installed package imports the measurements."""
    if not (_CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise ConfigError("benchmarks run in a checkout of the sources only; clone the repository")
    words = [word for part in arguments.only for word in ("--only", part)]
    words += [f"--{name}" for name in ("quick", "again") if getattr(arguments, name)]
    os.chdir(_CHECKOUT)
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *words])  # noqa: S606 - no shell is wanted
