"""The command line: one command for each role.  Parsing is here, the work in `gradroll.commands`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from types import FrameType

from circuits.errors import GradrollError
from commons import VERSION
from commons.runtime.process import end_with_parent, ending_signals, keep_memory_private
from commons.runtime.scrubbing import ScrubbingFormatter
from gradroll.commands import COMMANDS
from gradroll.commands.paying import end_told
from gradroll.console import Console, tell
from gradroll.stdio import open_streams, settle_streams
from gradroll.usage import Parser, UsageError, tell_programs
from gradroll.waiting import Waiting

_EPILOG = """\
roles:
  data owner      gradroll submit | status | claim, gradroll task list | show | model, gradroll owner ...
  model owner     gradroll scales, gradroll task create | fund | admit | open | status | read | withdraw | transfer
  prover          gradroll prover init | join | serve | status, gradroll committee rotate | retire
  coordinator     gradroll coordinator serve | status
  market          gradroll chain deploy, gradroll verifier create, gradroll committee create | show,
                  gradroll setup srs | policies | keys
  data market     gradroll data schema check | bundle make | bundle verify | bundle show | terms
  anybody         gradroll audit, gradroll model card | verify, gradroll task relay, gradroll owner relay,
                  gradroll artifact put | get | cid | verify, gradroll collect, gradroll demo

start here:
  gradroll demo                         everything on this machine, on real data
  gradroll COMMAND --help               what a command does, with an example

--json writes one object for programs instead of lines for people; what is waited for is told on standard error.
settings come from --config FILE (TOML), then GRADROLL_<SECTION>_<KEY>, then options.
exit status: 0 done, 2 usage, 3 bad input or settings, 4 too early or closed or unknown, 5 unreachable or refused by the
chain, 6 keys or disk, 7 a check failed, 8 a server that was stuck, 130 interrupted (nothing is lost; run the command
again)
"""
_SHOW_URLS = ("web3", "urllib3")
"""Loggers that below WARNING write a line for each question to a node, with its URL, which would be hidden."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; every leaf sets `run`, a function of the parsed arguments to an exit status."""
    parser = Parser(
        prog="gradroll",
        description="A rollup for gradients: training from data owners nobody has to trust, paid by proof.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gradroll {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status.  Raises UsageError, which is told, for wrong arguments."""
    open_streams()
    try:
        return _run(build_parser().parse_args(argv))
    except UsageError as error:
        tell_programs(error, argv)
        raise
    finally:
        settle_streams()


def _run(arguments: argparse.Namespace) -> int:
    keep_memory_private()
    _log_to_stderr("INFO" if getattr(arguments, "serves", False) else "WARNING")
    end_with_parent()
    for number in ending_signals():
        signal.signal(number, _interrupt)
    Console.lost = None
    arguments.console = console = Console(machine=getattr(arguments, "json", False))
    try:
        with nullcontext() if getattr(arguments, "serves", False) else Waiting(sys.stderr):
            status = int(arguments.run(arguments))
        end_told(console)
        return status
    except GradrollError as error:
        tell(f"error[{error.code}]: {error}")
        console.result(error={"code": error.code, "message": str(error)})
        console.end()
        return error.exit_status
    except KeyboardInterrupt:
        told = "nothing is lost, run the command again to go on"
        tell(f"interrupted; {told}")
        console.result(error={"code": "interrupted", "message": told})
        console.end()
        return 130


def _log_to_stderr(usual: str) -> None:
    levels = logging.getLevelNamesMapping()
    level = levels.get(os.environ.get("LOG_LEVEL", usual).upper(), levels[usual])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ScrubbingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for name in _SHOW_URLS:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
