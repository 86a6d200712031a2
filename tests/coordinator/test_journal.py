"""The journal: what is on the log is in the state, what is not is not, and nobody sees half of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from circuits.errors import StorageError
from commons.storage.eventlog import SqliteLog
from coordinator.events import AttemptUsed, CohortFailed, Event, HeaderRefused
from coordinator.journal import VERSIONS, Journal
from coordinator.rounds import CoordinatorState
from tests.coordinator.markets import MemoryLog
from tests.simulation.world.disk import SimulatedDisk

KEY = (7, 0)


def used(journal: Journal) -> int:
    with journal.reading() as state:
        return state.rounds[KEY].last_attempt if KEY in state.rounds else 0


def test_what_is_recorded_inside_the_block_is_seen_there() -> None:
    journal = Journal(MemoryLog())
    with journal.reading() as state:
        assert KEY not in state.rounds
        journal.record(AttemptUsed(*KEY, 3))
        assert state.rounds[KEY].last_attempt == 3


def test_events_come_to_the_log_together_and_in_the_order_in_which_they_are_given() -> None:
    log = MemoryLog()
    Journal(log).record(AttemptUsed(*KEY, 1), HeaderRefused(7, "closed", bytes(32), 0), AttemptUsed(*KEY, 2))
    assert [record["kind"] for record in log.records] == ["attempt-used", "header-refused", "attempt-used"]
    assert log.together == [3], "a crash leaves all of them or none"
    assert used(Journal(log)) == 2


def test_when_the_log_fails_nothing_has_changed_and_later_it_goes_on(tmp_path: Path) -> None:
    """All the events of one call, or none: on the disk and in memory."""
    fails: list[tuple[str, int]] = []
    disk = SimulatedDisk(lambda: fails.pop() if fails else None)
    path = tmp_path / "events.sqlite"
    journal = Journal(SqliteLog(path, VERSIONS, disk))
    journal.record(AttemptUsed(*KEY, 1))
    fails.append(("full", 0))
    events: tuple[Event, ...] = (AttemptUsed(*KEY, 2), CohortFailed(*KEY, "why", False, 100))
    with pytest.raises(StorageError):
        journal.record(*events)
    with journal.reading() as state:
        assert (state.rounds[KEY].last_attempt, state.rounds[KEY].trouble) == (1, "")
    journal.record(AttemptUsed(*KEY, 3))
    assert used(journal) == 3
    journal.close()
    again = Journal(SqliteLog(path, VERSIONS))
    with again.reading() as state:
        assert (state.rounds[KEY].last_attempt, state.rounds[KEY].failures) == (3, 0)
    again.close()


def test_whoever_listens_hears_each_event_once_and_harms_none(caplog: pytest.LogCaptureFixture) -> None:
    journal, heard = Journal(MemoryLog()), list[int]()

    def broken(event: Event, state: CoordinatorState) -> None:
        raise RuntimeError("a mistake in what is only shown")

    def listener(event: Event, state: CoordinatorState) -> None:
        heard.append(state.rounds[KEY].last_attempt)

    journal.listen(broken)
    journal.listen(listener)
    journal.record(AttemptUsed(*KEY, 1), AttemptUsed(*KEY, 2))
    assert heard == [1, 2]
    assert used(journal) == 2
    assert caplog.text.count("event=listener-error kind=attempt-used") == 2


def test_nobody_records_while_another_thread_reads() -> None:
    journal = Journal(MemoryLog())
    writer = threading.Thread(target=journal.record, args=(AttemptUsed(*KEY, 1),))
    with journal.reading() as state:
        writer.start()
        writer.join(0.05)
        assert writer.is_alive()
        assert not state.rounds
    writer.join(5)
    assert used(journal) == 1
