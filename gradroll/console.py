"""What a command tells: lines for people, or one JSON object for programs; emphasis only on a terminal."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import ClassVar, TextIO

_STYLES = {"bold": "1", "green": "32", "red": "31", "yellow": "33", "dim": "2"}


class Console:
    """Writes what a command has to say; safe to use from several threads.

    An output that cannot be written does not stop the work that is told of: it may have been paid for.

    Args:
        out: where to write, standard output by default.
        machine: write one JSON object at the end, and nothing for people.

    Attributes:
        lost: the first error of an output in this process, other than that nobody reads it any more.
    """

    lost: ClassVar[OSError | None] = None

    def __init__(self, out: TextIO | None = None, *, machine: bool = False) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._styled = self._out.isatty() and "NO_COLOR" not in os.environ
        self._machine = machine
        self._fields: dict[str, object] = {}
        self._warnings: list[str] = []
        self._ended = False

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line for people."""
        if not self._machine:
            self._write(self.styled(text, style))

    def heading(self, text: str) -> None:
        """Write a heading with an empty line before it."""
        self.line()
        self.line(text, "bold")

    def note(self, text: str) -> None:
        """Tell people, on standard error, how the work goes: it is no result, and scripts read results."""
        with self._lock:
            tell(text)

    def warn(self, text: str) -> None:
        """Tell people, on standard error, what may go wrong; programs get it in the list ``warnings``."""
        with self._lock:
            tell(f"warning: {text}")
            self._warnings.append(text)

    def result(self, **fields: object) -> None:
        """What programs read of the outcome; amounts of wei are text, as not every reader of JSON keeps all digits."""
        with self._lock:
            self._fields |= fields

    def end(self) -> None:
        """Write the JSON object, if it is wanted.  Call it last; only the first time counts."""
        if self._machine and not self._ended:
            self._ended = True
            self._write(json.dumps(self._fields | {"warnings": self._warnings}, default=_plain))

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._out.write(text + "\n")
                self._out.flush()
            except OSError as error:
                silence(self._out)
                if not isinstance(error, BrokenPipeError):
                    Console.lost = Console.lost or error

    def styled(self, text: str, style: str) -> str:
        """The text in a style, or as it is where the output is no terminal."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and self._styled else text


def tell(text: str) -> None:
    """Write a line to standard error, if that can be written."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Send what a stream holds, and what follows, to nowhere; else the interpreter fails over it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _plain(value: object) -> object:
    """JSON's form of what it has none for."""
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
