"""Which events of a log are about rounds that are forgotten.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coordinator.events import (
    AttemptUsed,
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    ExclusionEnded,
    ExclusionSigned,
    FeesEnded,
    HeaderAccepted,
    HeaderRefused,
    MarketNamed,
    OwnerDropped,
    ProverBlamed,
    RoundClosed,
    RoundsForgotten,
    SetLocking,
    ShareDelivered,
    SumOpened,
    SumPublished,
    TransactionSent,
    from_record,
)

_OfRound = (
    HeaderAccepted | HeaderRefused | CohortBegun | AttemptUsed | ProverBlamed | CohortFailed | SetLocking | BatchProven
    | RoundClosed | FeesEnded | ExclusionSigned | ExclusionEnded | RoundsForgotten
)  # fmt: skip
"""Events that say themselves of which round they are: a new kind is one of these, or has a case of its own."""


class Dropping:
    """Says of each record of a log, oldest first, whether it goes with a task's rounds up to one."""

    def __init__(self, task_id: int, through: int) -> None:
        self._task_id, self._through = task_id, through
        self._submissions: set[bytes] = set()
        self._batches: set[bytes] = set()

    def __call__(self, record: Mapping[str, Any]) -> bool:
        """Whether a record goes.  Raises StorageError for one that is none."""
        return self._drops(from_record(record))

    def _drops(self, event: Event) -> bool:
        match event:
            case OwnerDropped() | ShareDelivered():
                return event.submission in self._submissions
            case TransactionSent() | BatchSettled() | SumOpened() | SumPublished():
                return event.batch_id in self._batches
            case MarketNamed():
                return False
        gone = self._is_of(*_round_of(event))
        if gone and isinstance(event, HeaderAccepted):
            self._submissions.add(event.submission)
        elif gone and isinstance(event, BatchProven):
            self._batches.add(event.batch_id)
        return gone

    def _is_of(self, task_id: int, number: int) -> bool:
        return task_id == self._task_id and number <= self._through


def _round_of(event: _OfRound) -> tuple[int, int]:
    match event:
        case HeaderAccepted():
            return event.header.task_id, event.header.round
        case RoundsForgotten():
            return event.task_id, event.through
        case _:
            return event.task_id, event.round
