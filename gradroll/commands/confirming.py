"""Asking before money is committed: who sits at a terminal confirms, a script has decided when it was written."""

from __future__ import annotations

import argparse
import sys

DECLINED = 130
"""Exit status of a command whose question was not answered with yes; like an interruption, it has changed nothing."""
_YES = ("y", "yes")


def yes_option(parser: argparse.ArgumentParser) -> None:
    """The option not to be asked."""
    parser.add_argument("--yes", action="store_true", help="do not ask; without a terminal nothing is asked anyway")


def can_be_asked(arguments: argparse.Namespace) -> bool:
    """Whether somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not arguments.json


def confirmed(arguments: argparse.Namespace, question: str) -> bool:
    """Whether to go on: asks on standard error where somebody can answer."""
    if arguments.yes or not can_be_asked(arguments):
        return True
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in _YES:
        return True
    arguments.console.note("nothing was sent")
    return False
