"""The event log and its fold, together: an event is durable before the state shows it."""

from __future__ import annotations

import threading

from commons.storage.eventlog import EventLog, RecordVersions
from coordinator.events import Event, from_record, to_record
from coordinator.rounds import CoordinatorState

VERSIONS = RecordVersions(check=from_record)
"""Of the events' records: whatever changes their form adds an upgrade."""


class Journal:
    """Shared by the service and the driver.  Hold ``lock`` to read the state and act on it as one step."""

    def __init__(self, log: EventLog) -> None:
        """Fold the log.  Raises StorageError for a damaged one."""
        self._log = log
        self.lock = threading.RLock()
        self.state = CoordinatorState()
        for record in log.read():
            self.state.apply(from_record(record))

    def record(self, *events: Event) -> None:
        """Log events, then take them in.  When it raises StorageError, nothing has happened."""
        with self.lock:
            self._log.append([to_record(event) for event in events])
            for event in events:
                self.state.apply(event)

    def close(self) -> None:
        """Let go of the log."""
        with self.lock:
            self._log.close()
