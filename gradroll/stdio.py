"""Standard streams that are closed, full, or of another encoding than ours."""

from __future__ import annotations

import io
import os
import sys

from gradroll.console import silence


def open_streams() -> None:
    """Give the process all three streams.

    A descriptor that was closed (`>&-`) becomes /dev/null: the next file that is opened would get its number otherwise,
    and what is printed would be written into it.  A character that an output cannot show is shown by its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def settle_streams() -> None:
    """Write out what the streams still hold, or drop it where that fails."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)
