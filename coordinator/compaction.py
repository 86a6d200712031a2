"""Which events of a log are about rounds that are forgotten.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from coordinator.events import (
    BatchProven,
    Event,
    HeaderAccepted,
    MarketNamed,
    OfBatch,
    OfRound,
    OfSubmission,
    from_record,
    round_of,
)


class Dropping:
    """Says of each record of a log, oldest first, whether it goes with rounds that are forgotten.

    Args:
        through: by task, the last round that is.
    """

    def __init__(self, through: Mapping[int, int]) -> None:
        self._through = dict(through)
        self._submissions: set[bytes] = set()
        self._batches: set[bytes] = set()

    def __call__(self, record: Mapping[str, Any]) -> bool:
        """Whether a record goes.  Raises StorageError for one that is none."""
        return self._drops(from_record(record))

    def _drops(self, event: Event) -> bool:
        if isinstance(event, OfRound):
            return self._drops_of_round(event)
        if isinstance(event, OfSubmission):
            return event.submission in self._submissions
        if isinstance(event, OfBatch):
            return event.batch_id in self._batches
        if isinstance(event, MarketNamed):
            return False
        assert_never(event)

    def _drops_of_round(self, event: OfRound) -> bool:
        task_id, number = round_of(event)
        gone = number <= self._through.get(task_id, -1)
        if gone and isinstance(event, HeaderAccepted):
            self._submissions.add(event.submission)
        elif gone and isinstance(event, BatchProven):
            self._batches.add(event.batch_id)
        return gone
