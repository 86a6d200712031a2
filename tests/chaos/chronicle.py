"""What happens in a campaign, told while it happens and counted: one line an event, and the same as JSON."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Event:
    """Attributes:
    at: seconds after the start.
    kind: a word.
    who: whom it concerns, empty for the whole.
    text: more of it.
    """

    at: float
    kind: str
    who: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.at:8.1f} s  {self.kind:22} {self.who:14} {self.text}".rstrip()


class Chronicle:
    """Thread-safe.

    Args:
        path: JSON lines, one an event.
        stream: who reads along.
    """

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.events: list[Event] = []

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def tell(self, kind: str, who: str = "", text: str = "") -> None:
        """Something happened."""
        event = Event(round(self.seconds, 2), kind, who, " ".join(text.split())[:400])
        with self._lock:
            self.counts[kind] += 1
            self.events.append(event)
            self._stream.write(f"{event}\n")
            self._stream.flush()
            if not self._file.closed:
                record = {"at": event.at, "kind": kind, "who": who, "text": event.text}
                self._file.write(json.dumps(record) + "\n")
                self._file.flush()

    def close(self) -> None:
        """Nothing more is written to the file."""
        with self._lock:
            self._file.close()
