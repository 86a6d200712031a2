"""The coordinator's event log, and its form in sqlite; ``redislog`` has that in Redis.

One writer a log.  An event is durable when ``append`` returns; state is nothing but the fold of ``read``.  Events go
only together with one that says so (``compact``).

A log has a version: in sqlite that of the file, in Redis a head row in the list, so that it goes wherever the rows go.
A log from before there were versions has none; its records are those of version 1.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from circuits.errors import ConfigError, StorageError
from circuits.foreignjson import parse_json
from commons.storage.database import Database, Step, statements
from commons.storage.files import LOCAL_DISK, Disk, make_directory

_SCHEMA = "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, record TEXT NOT NULL)"
HEAD = "gradroll-log"
"""Member of a head row, which has a log's version where rows have no other place for it."""
_LAST = "SELECT COALESCE(MAX(sequence), 0) FROM events"
_PAGE = 1000

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordVersions:
    """How records of older releases become those of this one.

    Attributes:
        upgrades: upgrades[n - 1] turns a record of version n into one of version n + 1.
        check: raises StorageError for what is no record of the latest version; what an upgrade gives must pass.
    """

    upgrades: tuple[Callable[[Record], Record], ...] = ()
    check: Callable[[Record], object] = lambda _: None

    @property
    def latest(self) -> int:
        """The version of this release."""
        return 1 + len(self.upgrades)

    @property
    def steps(self) -> tuple[Callable[[Record], Record], ...]:
        """The upgrades; the last one checks what it gives."""
        return (*self.upgrades[:-1], self._last) if self.upgrades else ()

    def _last(self, record: Record) -> Record:
        upgraded = self.upgrades[-1](record)
        self.check(upgraded)
        return upgraded


FIRST_VERSION = RecordVersions()
"""Of a log whose records never were another."""


class EventLog(Protocol):
    """An ordered list of JSON objects."""

    def append(self, records: Sequence[Record]) -> None:
        """Add all of the records or none; StorageError when another process has written in between."""

    def read(self) -> Iterator[dict[str, Any]]:
        """All records, oldest first."""

    def compact(self, drops: Callable[[Record], bool], records: Sequence[Record]) -> None:
        """Drop records, and add others that stand for them; all of it or nothing.

        Args:
            drops: says of each record, oldest first, whether it goes.

        Raises:
            StorageError: nothing was changed; or another process has written in between.
        """

    def close(self) -> None:
        """Let go of the log."""


class SqliteLog:
    """A log in one sqlite file."""

    def __init__(self, path: Path, versions: RecordVersions = FIRST_VERSION, disk: Disk = LOCAL_DISK) -> None:
        """Open or create the file, and upgrade it; StorageError when it is not writable, or of a newer release."""
        try:
            make_directory(path.parent)
        except OSError as error:
            raise StorageError(f"cannot make the directory {path.parent}: {error.strerror}") from error
        self._database = Database(path, (statements(_SCHEMA), *map(_on_rows, versions.steps)), disk)
        self._length = int(self._database.query(_LAST)[0][0])

    def append(self, records: Sequence[Record]) -> None:
        """See ``EventLog``."""
        rows = [
            (self._length + position, json.dumps(record, sort_keys=True)) for position, record in enumerate(records, 1)
        ]
        with self._database.transaction() as connection:
            connection.executemany("INSERT INTO events VALUES (?, ?)", rows)
        self._length += len(rows)

    def compact(self, drops: Callable[[Record], bool], records: Sequence[Record]) -> None:
        """See ``EventLog``.  Numbers of dropped rows stay theirs, so that a second writer is still noticed."""
        rows = [
            (self._length + position, json.dumps(record, sort_keys=True)) for position, record in enumerate(records, 1)
        ]
        with self._database.transaction() as connection:
            if connection.execute(_LAST).fetchone()[0] != self._length:
                raise StorageError("another coordinator writes to the log; stop one of them")
            found = connection.execute("SELECT sequence, record FROM events ORDER BY sequence")
            gone = [(sequence,) for sequence, record in found if drops(parse_row(record))]
            connection.executemany("DELETE FROM events WHERE sequence = ?", gone)
            connection.executemany("INSERT INTO events VALUES (?, ?)", rows)
        self._length += len(rows)

    def read(self) -> Iterator[dict[str, Any]]:
        """See ``EventLog``."""
        last = 0
        while rows := self._database.query(
            "SELECT sequence, record FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?", (last, _PAGE)
        ):
            for sequence, record in rows:
                last = sequence
                yield parse_row(record)

    def close(self) -> None:
        """See ``EventLog``."""
        self._database.close()


def log_file(url: str) -> Path | None:
    """The file of a log in sqlite, None for a log that is elsewhere."""
    return Path(url.removeprefix("sqlite://")) if url.startswith("sqlite://") else None


def open_log(url: str, versions: RecordVersions = FIRST_VERSION) -> EventLog:
    """Open the log that a URL names: ``sqlite:///absolute/path`` or ``sqlite://relative``; see ``redislog`` for Redis.

    One of an older release is upgraded, as a whole or not at all.

    Raises:
        ConfigError: another scheme.
        StorageError: the log cannot be used, or is one of a newer release.
    """
    path = log_file(url)
    if path is not None:
        return SqliteLog(path, versions)
    raise ConfigError("log: this URL is neither sqlite:// nor redis://")


def _on_rows(step: Callable[[Record], Record]) -> Step:
    def upgrade(connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT record, sequence FROM events").fetchall()
        changed = ((upgraded(record, (step,)), sequence) for record, sequence in rows)
        connection.executemany("UPDATE events SET record = ? WHERE sequence = ?", changed)

    return upgrade


def upgraded(row: str | bytes, steps: Iterable[Callable[[Record], Record]]) -> str:
    """A row after some upgrades."""
    record: Record = parse_row(row)
    for step in steps:
        record = step(record)
    return json.dumps(record, sort_keys=True)


def parse_row(record: str | bytes) -> dict[str, Any]:
    """The record in a row.  Raises StorageError for a damaged one."""
    try:
        parsed = parse_json(record)
    except ValueError as error:
        raise StorageError("the event log holds a row that is not JSON; restore it from a backup") from error
    if not isinstance(parsed, dict):
        raise StorageError("the event log holds a row that is no event; restore it from a backup")
    return parsed
