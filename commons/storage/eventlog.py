"""The coordinator's append-only event log: sqlite by default, Redis when a ``redis://`` URL is given.

One writer a log.  An event is durable when ``append`` returns; state is nothing but the fold of ``read``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from circuits.errors import ConfigError, StorageError
from commons.storage.database import Database
from commons.storage.files import LOCAL_DISK, Disk

_log = logging.getLogger(__name__)
_SCHEMA = "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, record TEXT NOT NULL);"
_PAGE = 1000

Record = Mapping[str, Any]


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

    def __init__(self, path: Path, disk: Disk = LOCAL_DISK) -> None:
        """Open or create the file; StorageError when it is not writable."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot make the directory {path.parent}: {error.strerror}") from error
        self._database = Database(path, _SCHEMA, disk)
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

    def __init__(self, url: str, name: str = "gradroll:events") -> None:
        """Connect; StorageError when the server cannot be reached."""
        redis = _redis()
        self._errors = redis.exceptions.RedisError
        self._watch_error = redis.exceptions.WatchError
        self._client = redis.Redis.from_url(url)
        self._name = name
        try:
            self._length = int(self._client.llen(name))
            if self._client.info("persistence").get("aof_enabled") == 0:
                _log.warning("event=redis-without-aof advice='set appendonly yes and appendfsync always'")
        except self._errors as error:
            raise StorageError(f"Redis at {_public(url)} cannot be used: {error}") from error

    def append(self, records: Sequence[Record]) -> None:
        """See ``EventLog``."""
        rows = [json.dumps(record, sort_keys=True) for record in records]
        try:
            with self._client.pipeline() as pipe:
                pipe.watch(self._name)
                if int(pipe.llen(self._name)) != self._length:
                    raise StorageError(f"another coordinator writes to the log {self._name}; stop one of them")
                pipe.multi()
                if rows:
                    pipe.rpush(self._name, *rows)
                pipe.execute()
        except self._watch_error:
            raise StorageError(f"another coordinator writes to the log {self._name}; stop one of them") from None
        except self._errors as error:
            raise StorageError(f"Redis refused an event: {error}; nothing was changed") from error
        self._length += len(rows)

    def read(self) -> Iterator[dict[str, Any]]:
        """See ``EventLog``."""
        at = 0
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


def open_log(url: str) -> EventLog:
    """Open the log that a URL names: ``sqlite:///absolute/path``, ``sqlite://relative`` or ``redis://host:port/db``."""
    if url.startswith("sqlite://"):
        return SqliteLog(Path(url.removeprefix("sqlite://")))
    if url.startswith(("redis://", "rediss://")):
        return RedisLog(url)
    raise ConfigError(f"log: {url!r} is neither sqlite:// nor redis://")


def _redis() -> Any:
    try:
        import redis  # noqa: PLC0415
    except ImportError:
        raise ConfigError("log: a redis:// log needs the redis package: pip install gradroll[redis]") from None
    return redis


def _public(url: str) -> str:
    """A URL without the password that it may hold."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _parse(record: str | bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(record)
    except ValueError as error:
        raise StorageError("the event log holds a row that is not JSON; restore it from a backup") from error
    if not isinstance(parsed, dict):
        raise StorageError("the event log holds a row that is no event; restore it from a backup")
    return parsed
