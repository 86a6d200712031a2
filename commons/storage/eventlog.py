"""The coordinator's append-only event log: sqlite by default, Redis when a ``redis://`` URL is given.

One writer a log.  An event is durable when ``append`` returns; state is nothing but the fold of ``read``.

A log has a version: in sqlite that of the file, in Redis a head row in the list, so that it goes wherever the rows go.
A log from before there were versions has none; its records are those of version 1.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from circuits.errors import ConfigError, StorageError
from circuits.foreignjson import parse_json
from commons.runtime.extras import require
from commons.runtime.scrubbing import hide
from commons.runtime.urls import without_secrets
from commons.storage.database import Database, Step, require_known, statements
from commons.storage.files import LOCAL_DISK, Disk

_log = logging.getLogger(__name__)
_SCHEMA = "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, record TEXT NOT NULL)"
_HEAD = "gradroll-log"
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
    """An ordered list of JSON objects that only grows."""

    def append(self, records: Sequence[Record]) -> None:
        """Add all of the records or none; StorageError when another process has written in between."""

    def read(self) -> Iterator[dict[str, Any]]:
        """All records, oldest first."""

    def close(self) -> None:
        """Let go of the log."""


class SqliteLog:
    """A log in one sqlite file."""

    def __init__(self, path: Path, versions: RecordVersions = FIRST_VERSION, disk: Disk = LOCAL_DISK) -> None:
        """Open or create the file, and upgrade it; StorageError when it is not writable, or of a newer release."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the directory {path.parent}: {error.strerror}") from error
        self._database = Database(path, (statements(_SCHEMA), *map(_on_rows, versions.steps)), disk)
        self._length = int(self._database.query("SELECT COALESCE(MAX(sequence), 0) FROM events")[0][0])

    def append(self, records: Sequence[Record]) -> None:
        """See ``EventLog``."""
        rows = [
            (self._length + position, json.dumps(record, sort_keys=True)) for position, record in enumerate(records, 1)
        ]
        with self._database.transaction() as connection:
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
                yield _parse(record)

    def close(self) -> None:
        """See ``EventLog``."""
        self._database.close()


class RedisLog:
    """A log in one Redis list.  Redis must keep an append-only file, else a crash of it loses events."""

    def __init__(self, url: str, name: str = "gradroll:events", versions: RecordVersions = FIRST_VERSION) -> None:
        """Connect, and upgrade the log; StorageError when Redis cannot be reached, or has a newer release's log."""
        redis = _redis()
        hide(url)
        self._errors = redis.exceptions.RedisError
        self._watch_error = redis.exceptions.WatchError
        try:
            self._client = redis.Redis.from_url(url)
        except ValueError:
            raise ConfigError(
                "log: this is no redis://host:port/db; write / ? # @ of a password as %2F %3F %23 %40"
            ) from None
        self._name, self._versions = name, versions
        try:
            self._length = self._open()
            if self._client.info("persistence").get("aof_enabled") == 0:
                _log.warning("event=redis-without-aof advice='set appendonly yes and appendfsync always'")
        except self._errors as error:
            raise StorageError(
                f"Redis at {without_secrets(url)} cannot be used: {error}; is it running, and is the password right?"
            ) from error

    def _open(self) -> int:
        """Give the list this release's version, in one transaction.  Returns its length."""
        with self._writing() as pipe:
            found = self._found(pipe)
            if found < self._versions.latest:
                self._upgrade(pipe, found)
        return int(self._client.llen(self._name))

    def _upgrade(self, pipe: Any, found: int) -> None:
        steps = self._versions.steps[max(found, 1) - 1 :]
        rows = [_upgraded(row, steps) for row in pipe.lrange(self._name, min(found, 1), -1)] if steps else []
        pipe.multi()
        if steps:
            pipe.delete(self._name)
        for at in range(0, len(rows), _PAGE):
            pipe.rpush(self._name, *rows[at : at + _PAGE])
        pipe.lpush(self._name, json.dumps({_HEAD: self._versions.latest}))
        pipe.execute()

    def _found(self, pipe: Any) -> int:
        """The version of the list, 0 for none; StorageError for one of a newer release."""
        found = _version_in(pipe.lindex(self._name, 0))
        require_known(f"the log {self._name}", found, self._versions.latest)
        return found

    @contextmanager
    def _writing(self) -> Generator[Any]:
        """A pipeline whose transaction happens only if nobody else writes meanwhile."""
        try:
            with self._client.pipeline() as pipe:
                pipe.watch(self._name)
                yield pipe
        except self._watch_error:
            raise StorageError(f"another coordinator writes to the log {self._name}; stop one of them") from None

    def append(self, records: Sequence[Record]) -> None:
        """See ``EventLog``."""
        rows = [json.dumps(record, sort_keys=True) for record in records]
        try:
            with self._writing() as pipe:
                if self._found(pipe) != self._versions.latest:
                    raise StorageError(f"the log {self._name} was emptied or replaced; restore it from a backup")
                if int(pipe.llen(self._name)) != self._length:
                    raise StorageError(f"another coordinator writes to the log {self._name}; stop one of them")
                pipe.multi()
                if rows:
                    pipe.rpush(self._name, *rows)
                pipe.execute()
        except self._errors as error:
            raise StorageError(f"Redis refused an event: {error}; nothing was changed") from error
        self._length += len(rows)

    def read(self) -> Iterator[dict[str, Any]]:
        """See ``EventLog``."""
        at = 1
        while True:
            try:
                page = self._client.lrange(self._name, at, at + _PAGE - 1)
            except self._errors as error:
                raise StorageError(f"Redis cannot be read: {error}") from error
            for record in page:
                yield _parse(record)
            at += len(page)
            if len(page) < _PAGE:
                return

    def close(self) -> None:
        """See ``EventLog``."""
        self._client.close()


def open_log(url: str, versions: RecordVersions = FIRST_VERSION) -> EventLog:
    """Open the log that a URL names: ``sqlite:///absolute/path``, ``sqlite://relative`` or ``redis://host:port/db``.

    One of an older release is upgraded, as a whole or not at all.

    Raises:
        ConfigError: another scheme, or redis without its package.
        StorageError: the log cannot be used, or is one of a newer release.
    """
    if url.startswith("sqlite://"):
        return SqliteLog(Path(url.removeprefix("sqlite://")), versions)
    if url.startswith(("redis://", "rediss://")):
        return RedisLog(url, versions=versions)
    raise ConfigError("log: this URL is neither sqlite:// nor redis://")


def _redis() -> Any:
    require("log: a redis:// log", "redis", "redis")
    import redis  # noqa: PLC0415 - an extra

    return redis


def _on_rows(step: Callable[[Record], Record]) -> Step:
    def upgrade(connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT record, sequence FROM events").fetchall()
        changed = ((_upgraded(record, (step,)), sequence) for record, sequence in rows)
        connection.executemany("UPDATE events SET record = ? WHERE sequence = ?", changed)

    return upgrade


def _upgraded(row: str | bytes, steps: Iterable[Callable[[Record], Record]]) -> str:
    record: Record = _parse(row)
    for step in steps:
        record = step(record)
    return json.dumps(record, sort_keys=True)


def _version_in(row: bytes | None) -> int:
    """The version in a head row; 0 for a record, and for no row."""
    record = {} if row is None else _parse(row)
    if _HEAD not in record:
        return 0
    version = record[_HEAD]
    if type(version) is not int or version < 1:
        raise StorageError("the event log's first row is damaged; restore it from a backup")
    return version


def _parse(record: str | bytes) -> dict[str, Any]:
    try:
        parsed = parse_json(record)
    except ValueError as error:
        raise StorageError("the event log holds a row that is not JSON; restore it from a backup") from error
    if not isinstance(parsed, dict):
        raise StorageError("the event log holds a row that is no event; restore it from a backup")
    return parsed
