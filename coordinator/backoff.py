"""Pauses of rounds in trouble: twice as long each time, up to a limit."""

from __future__ import annotations

from coordinator.roundstate import RoundKey


class Backoff:
    """When each round may be worked on again.  Times are those of a monotonic clock, seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = min(first, longest), longest
        self._pauses: dict[RoundKey, float] = {}
        self._not_before: dict[RoundKey, float] = {}

    def is_due(self, key: RoundKey, now: float) -> bool:
        """Whether the round's pause is over."""
        return now >= self._not_before.get(key, now)

    def clear(self, key: RoundKey) -> None:
        """The round made progress."""
        self._pauses.pop(key, None)
        self._not_before.pop(key, None)

    def extend(self, key: RoundKey, now: float) -> None:
        """The round is in trouble."""
        pause = self._pauses.get(key, self._first)
        self._pauses[key] = min(2 * pause, self._longest)
        self._not_before[key] = now + pause
