"""Sqlite as an append-only, crash-safe store: write-ahead log, full synchronisation, errors by name."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from circuits.errors import StorageError
from commons.storage.files import LOCAL_DISK, Disk, storing


class Database:
    """One sqlite file, used by many threads one at a time."""

    def __init__(self, path: Path, schema: str, disk: Disk = LOCAL_DISK) -> None:
        """Open or create the file; StorageError when it is no database or not writable."""
        self._lock = threading.RLock()
        self._path = path
        self._disk = disk
        with storing(f"cannot open {path}"):
            path.touch(mode=0o600)  # sqlite gives its side files the mode of the database
        with self._failing():
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All of it is durable after the block, or none of it."""
        with self._lock, self._failing():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._disk.durably(lambda: self._connection.execute("COMMIT"))
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._lock, self._failing():
            return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _failing(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self._path}: {error}; nothing was changed") from error
