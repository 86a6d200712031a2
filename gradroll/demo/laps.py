"""How long the parts of a demo take."""

from __future__ import annotations

import time


class Laps:
    """Seconds that each part took."""

    def __init__(self) -> None:
        self.began = self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def end(self, part: str) -> None:
        """State that a part is over."""
        now = time.monotonic()
        self.seconds[part], self._last = round(now - self._last, 1), now

    @property
    def total(self) -> int:
        """Seconds since the beginning."""
        return round(time.monotonic() - self.began)
