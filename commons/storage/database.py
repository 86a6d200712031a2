"""Sqlite as an append-only, crash-safe store: write-ahead log, full synchronisation, errors by name.

A file has a version, sqlite's ``user_version``.  Opening it leads it to the version of this release, as a whole or not
at all.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from circuits.atomicfile import storing
from circuits.errors import StorageError
from commons.storage.files import LOCAL_DISK, Disk, sync_directory, sync_file

Step = Callable[[sqlite3.Connection], None]
"""Leads a file of one version to the next, in a transaction that it must not end (``executescript`` would)."""


def statements(*sql: str) -> Step:
    """The step that is these statements, one after the other."""

    def step(connection: sqlite3.Connection) -> None:
        for statement in sql:
            connection.execute(statement)

    return step


def require_known(what: object, found: int, known: int) -> None:
    """Raise StorageError for a version that this release does not know."""
    if found < 0:
        raise StorageError(f"{what} is damaged (version {found}); restore it from a backup")
    if found > known:
        raise StorageError(
            f"{what} was written by a newer release (version {found}, this one knows {known}); update this one, "
            "nothing was changed"
        )


def copy_database(source: Path, target: Path) -> None:
    """Copy a sqlite file as it stands at one moment, while others may write to it; durable on return.

    Raises:
        StorageError: there is no such file, or it cannot be copied.
    """
    with storing(f"cannot copy {source} to {target}"):
        if not source.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
        target.touch(mode=0o600, exist_ok=False)
        try:
            with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
                reading.backup(writing)
        except sqlite3.Error as error:
            raise OSError(str(error)) from error
        sync_file(target)
        sync_directory(target.parent)


class Database:
    """One sqlite file, used by many threads one at a time."""

    def __init__(
        self,
        path: Path,
        steps: Sequence[Step],
        disk: Disk = LOCAL_DISK,
        *,
        kept: Callable[[sqlite3.Connection], object] | None = None,
    ) -> None:
        """Open or create the file and lead it to the version that the steps end at.

        Args:
            steps: step n leads version n to n + 1.  A new file has version 0, and so have files from before there were
                versions: the first step makes what is not there yet.
            kept: what no step may change.

        Raises:
            StorageError: it is no database, not writable, or of a newer release; or a step would change what is kept.
        """
        self._lock = threading.RLock()
        self._path = path
        self._disk = disk
        self._version = len(steps)
        with storing(f"cannot open {path}"):
            path.touch(mode=0o600)  # sqlite gives its side files the mode of the database
        with self._failing():
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._prepare(steps, kept or (lambda _: None))
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, steps: Sequence[Step], kept: Callable[[sqlite3.Connection], object]) -> None:
        with self._failing():
            found = self._found()
            require_known(self._path, found, self._version)  # before anything is written
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
        if found < self._version:
            with self._immediate() as connection:
                self._upgrade(connection, steps, kept)

    def _upgrade(
        self, connection: sqlite3.Connection, steps: Sequence[Step], kept: Callable[[sqlite3.Connection], object]
    ) -> None:
        found, before = self._found(), kept(connection)  # found anew: another process may have been quicker
        require_known(self._path, found, self._version)
        for step in steps[found:]:
            step(connection)
        if kept(connection) != before:
            raise StorageError(
                f"{self._path}: the upgrade would change what must stay as it is; go on with the release before, "
                "nothing was changed"
            )
        connection.execute(f"PRAGMA user_version={self._version}")

    def _found(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All of it is durable after the block, or none of it.

        Raises:
            StorageError: the file cannot be written, or another process has upgraded it since it was opened.
        """
        with self._immediate() as connection:
            require_known(self._path, self._found(), self._version)
            yield connection

    @contextmanager
    def _immediate(self) -> Generator[sqlite3.Connection]:
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
            raise StorageError(
                f"{self._path}: {error}; nothing was changed. Is it the right file, and is there space?"
            ) from error
