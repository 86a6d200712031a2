"""What a person reads on the terminal: plain lines, emphasis only where the output is a terminal."""

from __future__ import annotations

import os
import sys
import threading
from typing import ClassVar, TextIO

_STYLES = {"bold": "1", "green": "32", "red": "31", "yellow": "33", "dim": "2"}


class Console:
    """Writes lines; safe to use from several threads.

    An output that cannot be written does not stop the work that is told of: it may have been paid for.

    Args:
        out: where to write, standard output by default.

    Attributes:
        lost: the first error of an output in this process, other than that nobody reads it any more.
    """

    lost: ClassVar[OSError | None] = None

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._styled = self._out.isatty() and "NO_COLOR" not in os.environ

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line."""
        self._write(self.styled(text, style) + "\n")

    def heading(self, text: str) -> None:
        """Write a heading with an empty line before it."""
        self._write("\n" + self.styled(text, "bold") + "\n")

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._out.write(text)
                self._out.flush()
            except OSError as error:
                silence(self._out)
                if not isinstance(error, BrokenPipeError):
                    Console.lost = Console.lost or error

    def styled(self, text: str, style: str) -> str:
        """The text in a style, or as it is where the output is no terminal."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and self._styled else text


def silence(stream: TextIO) -> None:
    """Send what a stream holds, and what follows, to nowhere; else the interpreter fails over it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def checksum(address: bytes) -> str:
    """An address as people read it (EIP-55)."""
    from eth_utils.address import to_checksum_address  # noqa: PLC0415 - keeps --help fast

    return to_checksum_address(address)


def ether(wei: int) -> str:
    """An amount in ether, exact."""
    whole, rest = divmod(abs(wei), 10**18)
    sign = "-" if wei < 0 else ""
    return f"{sign}{whole}{f'.{rest:018d}'.rstrip('0') if rest else ''} ETH"
