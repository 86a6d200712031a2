"""Shows on the terminal what a command waits for, once the wait has lasted two seconds."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TextIO

from commons.runtime.stages import Stage, current

_PATIENCE, _LOOK, _REPEAT = 2.0, 0.25, 15.0
"""Seconds before a wait is shown, between looks, and between lines where there is no terminal."""
_CLEAR = "\r\x1b[K"


class Waiting:
    """While the block runs, stages that last are told: in place on a terminal, line by line elsewhere.

    Args:
        out: where to; standard error, so that it mixes with no result.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._in_place = out.isatty()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="waiting", daemon=True)

    def __enter__(self) -> Waiting:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        told: Stage | None = None
        next_line = 0.0
        while not self._stop.wait(_LOOK):
            now, stage = time.monotonic(), current()
            if stage is None or now - stage.since < _PATIENCE:
                if told is not None and self._in_place:
                    self._write(_CLEAR)
                told = None
            elif self._in_place:
                self._write(f"{_CLEAR}{stage.what} ({now - stage.since:.0f} s)")
                told = stage
            elif stage != told or now >= next_line:
                self._write(f"{stage.what} ({now - stage.since:.0f} s)\n")
                told, next_line = stage, now + _REPEAT
        if told is not None and self._in_place:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):  # nobody reads any more: the work goes on
            self._stop.set()
