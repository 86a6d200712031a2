"""The event log and its fold, together: an event is durable before the state shows it.

The journal is the only writer of the coordinator's state; everybody else looks at it under the journal's lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from circuits.errors import StorageError
from commons.storage.eventlog import EventLog, RecordVersions
from coordinator.compaction import Dropping
from coordinator.events import Event, from_record, from_version_1, from_version_2, from_version_3, to_record
from coordinator.rounds import CoordinatorState

_log = logging.getLogger(__name__)
VERSIONS = RecordVersions((from_version_1, from_version_2, from_version_3), check=from_record)
"""Of the events' records: whatever changes their form adds an upgrade."""


class Journal:
    """Shared by the service and the driver."""

    def __init__(self, log: EventLog) -> None:
        """Fold the log.  Raises StorageError for a damaged one."""
        self._log = log
        self._lock = threading.RLock()
        self._state = CoordinatorState()
        self._listeners: tuple[Callable[[Event, CoordinatorState], None], ...] = ()
        self.take_in(log.read())

    def take_in(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Fold records that are in the log already.  Raises StorageError for damaged ones."""
        with self._lock:
            for record in records:
                try:
                    self._state.apply(from_record(record))
                except LookupError as error:
                    raise StorageError(
                        "the event log lacks an event that a later one builds on; restore a backup"
                    ) from error

    @contextmanager
    def reading(self) -> Iterator[CoordinatorState]:
        """The state, which nobody changes inside the block but who records there; do not keep it."""
        with self._lock:
            yield self._state

    def listen(self, heard: Callable[[Event, CoordinatorState], None]) -> None:
        """Have somebody told of each event after it was taken in, under the lock: it must not wait, nor record."""
        with self._lock:
            self._listeners += (heard,)

    def record(self, *events: Event) -> None:
        """Log events, then take them in.

        Raises:
            StorageError: nothing has happened.
            StandbyError: this process leads no more, and its state counts for nothing: another one reads the log.
        """
        with self._lock:
            self._log.append([to_record(event) for event in events])
            for event in events:
                self._state.apply(event)
                self._tell(event)

    def _tell(self, event: Event) -> None:
        for heard in self._listeners:
            try:
                heard(event, self._state)
            except Exception:  # the log has the event, so the state has to have it, and those that follow
                _log.exception("event=listener-error kind=%s", event.kind)

    def forget(self, through: Mapping[int, int]) -> None:
        """Forget rounds: in the log, which is read once for all of them, as a whole or not at all, then in the state.

        Args:
            through: by task, the last round that is forgotten.

        Raises:
            StorageError: nothing has changed.
        """
        with self._lock:
            events = [self._state.forgetting(task_id, last) for task_id, last in through.items()]
            self._log.compact(Dropping(through), [to_record(event) for event in events])
            for event in events:
                self._state.apply(event)

    def close(self) -> None:
        """Let go of the log."""
        with self._lock:
            self._log.close()
