"""`python -m benchmarks`: what `gradroll bench` becomes in a checkout."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from benchmarks.run import run
from circuits.errors import GradrollError
from gradroll.console import Console


def main() -> int:
    """Exit status, as that of a command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--again", action="store_true")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return run(chosen.only, quick=chosen.quick, again=chosen.again, say=Console().line)
    except GradrollError as error:
        sys.stderr.write(f"error[{error.code}]: {error}\n")
        return error.exit_status
    except KeyboardInterrupt:
        return 130


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
