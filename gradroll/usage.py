"""Arguments that are wrong: told with the usage, and to programs as every other error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from gradroll.console import Console

_JSON = "--json"


class UsageError(SystemExit):
    """The end of a command whose arguments are wrong; the usage was shown.

    Attributes:
        message: what is wrong with them.
    """

    def __init__(self, status: object, message: str) -> None:
        super().__init__(status)
        self.message = message


class Parser(argparse.ArgumentParser):
    """As its base, and so are the parsers of its commands; raises UsageError for wrong arguments."""

    def error(self, message: str) -> NoReturn:
        """Show the usage and what is wrong."""
        try:
            super().error(message)
        except SystemExit as ended:
            raise UsageError(ended.code, message) from None


def tell_programs(error: UsageError, argv: Sequence[str] | None) -> None:
    """Write the JSON object of an error, if the arguments, which cannot be parsed, ask for JSON.

    Args:
        argv: the arguments; None for those of this process.
    """
    console = Console(machine=_wants_json(sys.argv[1:] if argv is None else argv))
    console.result(error={"code": "usage", "message": error.message})
    console.end()


def _wants_json(argv: Sequence[str]) -> bool:
    """Whether JSON is asked for, in full or by the beginning that argparse takes for it."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    return any(len(option) > len("--") and _JSON.startswith(option) for option in options)
