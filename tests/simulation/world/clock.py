"""Time that passes when the world says so, and jumps for one node alone."""

from __future__ import annotations

START = 1_700_000_000


class WorldClock:
    """The true time of the simulation, seconds."""

    def __init__(self) -> None:
        self.now = float(START)

    def advance(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.now += seconds


class NodeClock:
    """One node's clock: it may be wrong, and it may jump.  Implements ``commons.runtime.clock.Clock``."""

    def __init__(self, world: WorldClock) -> None:
        self._world = world
        self.skew = 0

    def time(self) -> float:
        return self._world.now + self.skew

    def monotonic(self) -> float:
        return self._world.now

    def sleep(self, seconds: float) -> None:
        self._world.advance(seconds)
