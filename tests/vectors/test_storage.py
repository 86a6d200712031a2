"""What this release and the ones before it left on disk is read, and means what it meant."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from commons.storage.eventlog import SqliteLog
from commons.storage.redisplace import RedisPlace
from coordinator.events import Event
from coordinator.journal import VERSIONS, Journal
from gradroll.data_owner.submissions import SubmissionStore
from provers.party import ledger
from provers.store import STEPS, Store
from tests.support.plain_batch import MARKET
from tests.support.redisserver import RedisServer, leading_log
from tests.vectors.v5.storage import stories
from tests.vectors.v5.storage.generate import (
    FIRST,
    FOURTH,
    HERE,
    NAME,
    ROOM,
    SECOND,
    THIRD,
    files,
    plain,
    state_of,
)

VERSION_LINE = "PRAGMA user_version={};\n"
OF_A_LEDGER = pytest.mark.parametrize(
    ("folder", "versioned"),
    [(HERE, True), (THIRD, True), (FIRST, True), (FIRST, False)],
    ids=["version 4", "version 2", "version 1", "no version"],
)
EVERY_FORM = pytest.mark.parametrize(
    ("folder", "versioned"),
    [(HERE, True), (FOURTH, True), (SECOND, True), (FIRST, True), (FIRST, False)],
    ids=["version 4", "version 3", "version 2", "version 1", "no version"],
)


def states(folder: Path) -> dict[str, Any]:
    """What the files of a folder give."""
    found: dict[str, Any] = json.loads((folder / "states.json").read_text(encoding="utf-8"))
    return found


def stored(folder: Path, name: str, *, versioned: bool = True) -> str:
    """A stored log; without its version it is one of before there were versions."""
    text = (folder / name).read_text(encoding="utf-8")
    if versioned:
        return text
    if name.endswith(".jsonl"):
        return text.partition("\n")[2]
    line = VERSION_LINE.format(1)
    assert text.endswith(line)
    return text.removesuffix(line)


def restored(path: Path, text: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(text)
    connection.close()


def content(path: Path) -> list[Any]:
    """Everything in a sqlite file."""
    connection = sqlite3.connect(path)
    found = [connection.execute("PRAGMA user_version").fetchall(), *sorted(connection.iterdump())]
    connection.close()
    return found


@EVERY_FORM
def test_an_event_log_in_sqlite_folds_to_its_state(tmp_path: Path, folder: Path, versioned: bool) -> None:
    path, fresh = tmp_path / "log.sqlite", tmp_path / "fresh.sqlite"
    restored(path, stored(folder, "events.sql", versioned=versioned))
    journal = Journal(SqliteLog(path, VERSIONS))
    assert state_of(journal) == states(folder)["events"]
    journal.close()
    restored(fresh, stored(folder, "events.sql"))
    SqliteLog(fresh, VERSIONS).close()
    assert content(path) == content(fresh)
    assert content(path)[0] == [(VERSIONS.latest,)]


@EVERY_FORM
def test_an_event_log_in_redis_folds_to_its_state(
    redis: RedisServer, tmp_path: Path, folder: Path, versioned: bool
) -> None:
    client = redis.client
    client.rpush(NAME, *stored(folder, "events.redis.jsonl", versioned=versioned).splitlines())
    journal = Journal(leading_log(RedisPlace(redis.url, NAME), tmp_path, VERSIONS))
    assert state_of(journal) == states(folder)["events"]
    journal.close()
    rows = [row.decode() for row in client.lrange(NAME, 0, -1)]
    assert json.loads(rows[0]) == {"gradroll-log": VERSIONS.latest}
    assert folder != HERE or rows == stored(HERE, "events.redis.jsonl").splitlines()


@OF_A_LEDGER
def test_a_ledger_folds_to_its_state_and_its_heads(tmp_path: Path, folder: Path, versioned: bool) -> None:
    path = tmp_path / "prover.sqlite"
    restored(path, stored(folder, "ledger.sql", versioned=versioned))
    store = Store(tmp_path, max_bytes=ROOM)
    assert plain(store.ledger) == states(folder)["ledger"]
    store.close()
    (tmp_path / "fresh").mkdir()
    restored(tmp_path / "fresh" / "prover.sqlite", stored(folder, "ledger.sql"))
    Store(tmp_path / "fresh", max_bytes=ROOM).close()
    assert content(path) == content(tmp_path / "fresh" / "prover.sqlite")
    assert content(path)[0] == [(len(STEPS),)]


def test_a_ledger_of_version_3_is_led_to_version_4_as_it_is(tmp_path: Path) -> None:
    latest = stored(HERE, "ledger.sql")
    third = latest.replace(VERSION_LINE.format(4), VERSION_LINE.format(3))
    assert third != latest
    restored(tmp_path / "prover.sqlite", third)
    Store(tmp_path, max_bytes=ROOM).close()
    restored(tmp_path / "latest.sqlite", latest)
    assert content(tmp_path / "prover.sqlite") == content(tmp_path / "latest.sqlite")


@pytest.mark.parametrize("folder", [HERE, SECOND, FIRST], ids=["version 3", "version 2", "version 1"])
def test_a_submission_under_way_is_taken_up(tmp_path: Path, folder: Path) -> None:
    store, saved = SubmissionStore(tmp_path, MARKET), stories.saved()
    store.save(saved)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_text(stored(folder, "submission.json"), encoding="utf-8")
    loaded = store.load(saved.header.task_id, saved.header.round, saved.header.owner)
    unsealed = replace(saved, upload_key=b"", parts=())
    assert loaded == {HERE: saved, SECOND: unsealed, FIRST: replace(unsealed, earlier=())}[folder]
    assert plain(loaded) == states(folder)["submission"]


def test_the_code_still_writes_them(tmp_path: Path) -> None:
    made = files(tmp_path)
    others = (".py", "")
    assert {*made, "README.md"} == {p.name for p in HERE.iterdir() if p.suffix not in others}
    for name, text in made.items():
        if name.endswith(".sql"):  # how statements are spelt is sqlite's and Python's affair
            for which, script in (("made", text), ("stored", stored(HERE, name))):
                restored(tmp_path / f"{name}.{which}", script)
            assert content(tmp_path / f"{name}.made") == content(tmp_path / f"{name}.stored")
        else:
            assert text == stored(HERE, name), name


def test_every_kind_is_among_them() -> None:
    assert {type(event) for event in stories.story()} == set(get_args(Event))
    assert {type(entry) for entry in stories.entries()} == set(get_args(ledger.Entry))


def test_the_versions_are_those_of_the_files() -> None:
    """A new version comes with a new folder of files."""
    assert (VERSIONS.latest, len(STEPS)) == (4, 4)
