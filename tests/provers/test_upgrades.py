"""A prover's database of an older release is led to this one's, whole or not at all, and its heads stay."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import StorageError
from commons.storage.database import Step, statements
from provers import store as stores
from provers.party.ledger import Combined, head_over
from provers.store import STEPS, Store
from tests.vectors.v5.storage import stories

ROOM = 1 << 20
LATEST = len(STEPS)
NOTED = statements("CREATE TABLE notes (text TEXT NOT NULL)", "INSERT INTO notes VALUES ('of the next version')")
"""From this release's version to the next."""


def content(directory: Path) -> tuple[int, list[str]]:
    """Version and everything else in the database, as it lies there."""
    connection = sqlite3.connect(directory / "prover.sqlite")
    found = connection.execute("PRAGMA user_version").fetchone()[0], list(connection.iterdump())
    connection.close()
    return found


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The state directory of a prover of before there were versions."""
    store = Store(tmp_path, max_bytes=ROOM)
    for entry in stories.entries():
        store.commit([entry])
    store.close()
    connection = sqlite3.connect(tmp_path / "prover.sqlite")
    connection.executescript("DROP TABLE ledger_rounds; DROP TABLE ledger_heads; PRAGMA user_version=0")
    connection.close()
    return tmp_path


def heads_of(directory: Path) -> dict[int, bytes]:
    store = Store(directory, max_bytes=ROOM)
    store.close()
    return store.ledger.heads


def released(monkeypatch: pytest.MonkeyPatch, *steps: Step) -> None:
    """Make this a release with further steps."""
    monkeypatch.setattr(stores, "STEPS", (*STEPS, *steps))


def test_a_database_goes_from_no_version_to_this_releases_and_the_next(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert content(old)[0] == 0
    first = heads_of(old)
    assert content(old)[0] == LATEST
    released(monkeypatch, NOTED)
    assert heads_of(old) == first
    version, dump = content(old)
    assert version == LATEST + 1
    assert any("of the next version" in line for line in dump)
    assert heads_of(old) == first
    assert content(old) == (version, dump)


def test_a_new_database_goes_through_the_same_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released(monkeypatch, NOTED)
    store = Store(tmp_path, max_bytes=ROOM)
    store.commit([Combined(bytes(32))])
    store.close()
    assert content(tmp_path)[0] == LATEST + 1


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    "change",
    [
        'UPDATE ledger SET record = replace(record, \'"attempt": 1\', \'"attempt": 1, "more": 0\')',
        "UPDATE ledger SET record = record || ' ' WHERE sequence = 1",
        "DELETE FROM ledger WHERE sequence = 9",
        "INSERT INTO ledger (record) SELECT record FROM ledger WHERE sequence = 5",
        "UPDATE ledger SET sequence = -sequence",
        "ALTER TABLE ledger RENAME TO entries",
    ],
)
def test_an_upgrade_that_changes_what_heads_cover_is_refused_whole(
    old: Path, monkeypatch: pytest.MonkeyPatch, change: str, version: int
) -> None:
    if version:
        heads_of(old)
    before = content(old)
    with monkeypatch.context() as patch:
        released(patch, NOTED, statements(change))
        with pytest.raises(StorageError, match=r"must stay as it is.*nothing was changed"):
            Store(old, max_bytes=ROOM)
    assert content(old) == before
    assert len(heads_of(old)) == len(stories.entries()) + 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StorageError("no"), sqlite3.OperationalError("disk I/O error")])
def test_an_upgrade_that_stops_midway_leaves_the_old_database(
    old: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def stops(_: sqlite3.Connection) -> None:
        raise error

    before = content(old)
    with monkeypatch.context() as patch:
        released(patch, NOTED, stops)
        with pytest.raises((KeyboardInterrupt, StorageError)):
            Store(old, max_bytes=ROOM)
    assert content(old) == before
    heads_of(old)


def test_a_killed_upgrade_leaves_the_old_database(old: Path) -> None:
    before = content(old)
    script = (
        "import os, pathlib, signal; from provers import store; from tests.provers.test_upgrades import NOTED\n"
        "store.STEPS += (NOTED, lambda connection: os.kill(os.getpid(), signal.SIGKILL))\n"
        f"store.Store(pathlib.Path({str(old)!r}), max_bytes=1)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert content(old) == before
    heads_of(old)


def test_a_database_of_a_newer_release_is_refused_and_left_alone(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        released(patch, NOTED)
        heads_of(old)
    (old / "incoming" / "half").write_bytes(b"half")
    before = content(old), (old / "prover.sqlite").read_bytes()
    with pytest.raises(
        StorageError,
        match=rf"newer release \(version {LATEST + 1}, .* {LATEST}\); update this one, nothing was changed",
    ):
        Store(old, max_bytes=ROOM)
    assert (content(old), (old / "prover.sqlite").read_bytes()) == before
    assert (old / "incoming" / "half").exists()


def test_heads_are_over_the_rows_as_they_lie_there(old: Path) -> None:
    heads, head = heads_of(old), bytes(32)
    connection = sqlite3.connect(old / "prover.sqlite")
    rows: list[Any] = connection.execute("SELECT record FROM ledger ORDER BY sequence").fetchall()
    connection.close()
    for (text,) in rows:
        head = head_over(head, text)
        assert head in heads.values()
    assert heads[max(heads)] == head
