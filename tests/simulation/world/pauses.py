"""The guardian's pauses, by which market time falls behind block time."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import ContractError

MAX_PAUSE, PAUSE_INTERVAL = 7 * 86_400, 28 * 86_400


@dataclass
class Pauses:
    """The guardian's pauses (`contracts/src/libraries/MarketClock.sol`); a pause ends by itself."""

    stopped_before: int = 0
    paused_at: int | None = None
    last_began: int | None = None

    def stopped(self, time: int) -> int:
        """Seconds that pauses took by a block time."""
        return self.stopped_before + (0 if self.paused_at is None else min(time - self.paused_at, MAX_PAUSE))

    def is_paused(self, time: int) -> bool:
        return self.paused_at is not None and time < self.paused_at + MAX_PAUSE

    def begin(self, time: int) -> None:
        if self.last_began is not None and time < self.last_began + PAUSE_INTERVAL:
            raise ContractError("too soon", "PauseTooSoon")
        self.stopped_before = self.stopped(time)
        self.paused_at = self.last_began = time

    def end(self, time: int) -> None:
        if not self.is_paused(time):
            raise ContractError("nothing is paused", "NotPaused")
        self.stopped_before, self.paused_at = self.stopped(time), None
