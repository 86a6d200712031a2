"""What a person reads on the terminal: plain lines, emphasis only where the output is a terminal."""

from __future__ import annotations

import os
import sys
import threading
from typing import TextIO

from commons.runtime.amounts import checksum, ether

__all__ = ["Console", "checksum", "ether"]

_STYLES = {"bold": "1", "green": "32", "red": "31", "yellow": "33", "dim": "2"}


class Console:
    """Writes lines; safe to use from several threads.

    Args:
        out: where to write, standard output by default.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._styled = self._out.isatty() and "NO_COLOR" not in os.environ

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line."""
        with self._lock:
            self._out.write(self.styled(text, style) + "\n")
            self._out.flush()

    def heading(self, text: str) -> None:
        """Write a heading with an empty line before it."""
        with self._lock:
            self._out.write("\n" + self.styled(text, "bold") + "\n")
            self._out.flush()

    def styled(self, text: str, style: str) -> str:
        """The text in a style, or as it is where the output is no terminal."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and self._styled else text
