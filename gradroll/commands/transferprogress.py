"""How far a transfer is, on standard error."""

from __future__ import annotations

import sys
import time

from gradroll.console import tell

_PATIENCE, _IN_PLACE, _LINES = 2.0, 0.25, 15.0
"""Seconds before anything is told, between changes on a terminal, and between lines elsewhere."""


class TransferProgress:
    """Told how many bytes of how many are done; tells people now and then: in place on a terminal, else in lines.

    Args:
        what: was done with the bytes, "fetched".
    """

    def __init__(self, what: str) -> None:
        self._what, self._in_place = what, sys.stderr.isatty()
        self._next, self._shown = time.monotonic() + _PATIENCE, False

    def __call__(self, done: int, size: int) -> None:
        """Tell it, if it is time; that it is done is told only where something was told before."""
        now = time.monotonic()
        if now < self._next and not (self._shown and done == size):
            return
        self._next, self._shown = now + (_IN_PLACE if self._in_place else _LINES), True
        text = f"{self._what} {done} of {size} bytes ({100 * done // max(size, 1)}%)"
        if self._in_place and done < size:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        else:
            tell(f"\r\x1b[K{text}" if self._in_place else text)
