"""Blocks, and how deep one must be before something rests on it that cannot be taken back."""

from __future__ import annotations

from dataclasses import dataclass

from commons.settings.values import Depth

HEAD: Depth = 1
"""The latest block."""


@dataclass(frozen=True, slots=True)
class BlockHead:
    """Number, timestamp (seconds since 1970) and hash of a block."""

    number: int
    timestamp: int
    hash: bytes

    def time_by(self, clock: float) -> int:
        """The time by this block and by a machine's clock: the earlier of the two, as either may be far ahead.

        Args:
            clock: seconds since 1970.
        """
        return min(self.timestamp, int(clock))
