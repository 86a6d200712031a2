"""One suite for every event log, and the fold over it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from circuits.errors import ConfigError, StandbyError, StorageError
from commons.storage.eventlog import FIRST_VERSION, EventLog, Record, RecordVersions, SqliteLog, open_log
from commons.storage.redisplace import RedisPlace, is_redis
from tests.support.redisserver import RedisServer, leading_log


class Place:
    """Where a log lies: opens it again and again, and looks at it from outside."""

    def __init__(self, path: Path, log: Callable[[RecordVersions], EventLog]) -> None:
        self.path, self._log = path, log

    def __call__(self, versions: RecordVersions = FIRST_VERSION) -> EventLog:
        return self._log(versions)

    def lies(self) -> tuple[int, list[dict[str, object]]]:
        """Version and records as they are stored."""
        connection = sqlite3.connect(self.path)
        rows = connection.execute("SELECT record FROM events ORDER BY sequence").fetchall()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.close()
        return version, [json.loads(row) for (row,) in rows]

    def forget_version(self) -> None:
        """Make it a log of before there were versions."""
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version=0")
        connection.close()


class ListPlace(Place):
    """In Redis: each opening takes the lease, as if whoever had it before were gone."""

    def __init__(self, path: Path, server: RedisServer) -> None:
        super().__init__(path, self._opened)
        self.client, self.name = server.client, "gradroll-test"
        self._place = RedisPlace(server.url, self.name)

    def _opened(self, versions: RecordVersions) -> EventLog:
        return leading_log(self._place, self.path, versions)

    def lies(self) -> tuple[int, list[dict[str, object]]]:
        rows = [json.loads(row) for row in self.client.lrange(self.name, 0, -1)]
        return (rows[0]["gradroll-log"], rows[1:]) if rows and "gradroll-log" in rows[0] else (0, rows)

    def forget_version(self) -> None:
        self.client.lpop(self.name)


@pytest.fixture(params=["sqlite", "redis"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Opens the same log again and again."""
    if request.param == "sqlite":
        path = tmp_path / "deep" / "log.sqlite"
        return Place(path, lambda versions: open_log(f"sqlite://{path}", versions))
    return ListPlace(tmp_path, request.getfixturevalue("redis"))


def test_events_come_back_in_order(reopen: Place) -> None:
    log = reopen()
    assert list(log.read()) == []
    log.append([{"n": 1}, {"n": 2, "text": "ü"}])
    log.append([])
    log.append([{"n": 3}])
    assert [event["n"] for event in log.read()] == [1, 2, 3]
    log.close()
    again = reopen()
    assert [event["n"] for event in again.read()] == [1, 2, 3]
    again.append([{"n": 4}])
    assert [event["n"] for event in again.read()] == [1, 2, 3, 4]
    again.close()


def odd(record: Record) -> bool:
    return bool(int(str(record["n"])) % 2)


def test_dropped_events_are_gone_and_the_ones_for_them_come_last(reopen: Place) -> None:
    log = reopen()
    log.append([{"n": n} for n in range(2500)])
    log.compact(odd, [{"n": 10_000}])
    log.append([{"n": 10_002}])
    expected = [*range(0, 2500, 2), 10_000, 10_002]
    assert [event["n"] for event in log.read()] == expected
    log.close()
    again = reopen()
    assert [event["n"] for event in again.read()] == expected
    again.compact(lambda record: record["n"] == 10_000, [{"n": 10_004}])
    assert [event["n"] for event in again.read()][-2:] == [10_002, 10_004]
    again.close()


@pytest.mark.parametrize("dropped", [1, 2])
def test_who_has_the_log_open_from_before_writes_nothing_behind_dropped_events(reopen: Place, dropped: int) -> None:
    """Also where the log is as long again as that one left it."""
    stale = reopen()
    stale.append([{"n": n} for n in range(4)])
    log = reopen()
    assert len(list(log.read())) == 4
    log.compact(lambda record: int(str(record["n"])) < dropped, [{"n": 9}])
    log.append([{"n": 10 + n} for n in range(dropped - 1)])
    with pytest.raises((StorageError, StandbyError)):
        stale.append([{"n": 99}])
    with pytest.raises((StorageError, StandbyError)):
        stale.compact(odd, [{"n": 99}])
    assert 99 not in [event["n"] for event in log.read()]
    log.append([{"n": 100}])
    log.close()
    stale.close()


def test_dropping_that_stops_midway_leaves_the_log(reopen: Place) -> None:
    def stops(record: Record) -> bool:
        if record["n"] == 3:
            raise KeyboardInterrupt
        return True

    log = reopen()
    log.append([{"n": n} for n in range(5)])
    with pytest.raises(KeyboardInterrupt):
        log.compact(stops, [{"n": 9}])
    assert [event["n"] for event in log.read()] == list(range(5))
    log.append([{"n": 5}])
    log.close()


def test_many_events(reopen: Place) -> None:
    log = reopen()
    log.append([{"n": n} for n in range(2500)])
    assert [event["n"] for event in log.read()] == list(range(2500))
    log.close()


def test_a_second_writer_is_refused(reopen: Place) -> None:
    """The first to write, in a file; in Redis the last to take the lease."""
    first, second = reopen(), reopen()
    one, other = (second, first) if isinstance(reopen, ListPlace) else (first, second)
    one.append([{"n": 1}])
    with pytest.raises((StorageError, StandbyError)):
        other.append([{"n": 2}])
    assert [event["n"] for event in one.read()] == [1]
    first.close()
    second.close()


@pytest.mark.parametrize(
    "url", ["postgres://u:hunter2@h/db", "hunter2", "redis://:hunt/er2@h", "redis://127.0.0.1:9/0?password=hunter2"]
)
def test_no_message_shows_a_logs_password(url: str) -> None:
    with pytest.raises((ConfigError, StorageError), match=r"neither|no redis://|cannot be used") as caught:
        RedisPlace(url) if is_redis(url) else open_log(url)
    assert "hunt" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("version", [0, -1, True, "1", None])
def test_a_log_of_a_version_that_there_never_was_is_refused_unchanged(
    version: object, redis: RedisServer, tmp_path: Path
) -> None:
    rows = [json.dumps({"gradroll-log": version}), json.dumps({"n": 1})]
    redis.client.rpush("gradroll:events", *rows)
    with pytest.raises(StorageError, match="first row is damaged"):
        leading_log(RedisPlace(redis.url), tmp_path, RecordVersions((lambda record: record,)))
    assert [row.decode() for row in redis.client.lrange("gradroll:events", 0, -1)] == rows


def test_a_file_of_a_version_that_there_never_was_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log")) as connection:
        connection.execute("PRAGMA user_version=-1")
    with pytest.raises(StorageError, match="damaged"):
        open_log(f"sqlite://{tmp_path}/log")


def test_an_unreachable_redis_hides_its_password() -> None:
    with pytest.raises(StorageError) as caught:
        RedisPlace("redis://:secret@127.0.0.1:9/0")
    assert "127.0.0.1:9" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.sqlite")
    log.append([{"n": 1}])
    with log._database.transaction() as connection:
        connection.execute("UPDATE events SET record = 'nonsense'")
    with pytest.raises(StorageError, match="not JSON"):
        list(log.read())
    log.close()


def renamed(record: Record) -> Record:
    """From version 1 to 2."""
    return {"number": record["n"]}


def require_number(record: Record) -> None:
    if not isinstance(record.get("number"), int):
        raise StorageError("no number")


SECOND = RecordVersions((renamed,), require_number)
THIRD = RecordVersions((renamed, lambda record: {"number": record["number"], "sign": 1}), require_number)
OLD = [{"n": n} for n in range(1500)]
NEW = [{"number": n} for n in range(1500)]


@pytest.fixture
def old(reopen: Place) -> Place:
    """A log of before there were versions."""
    log = reopen()
    log.append(OLD)
    log.close()
    reopen.forget_version()
    assert reopen.lies() == (0, OLD)
    return reopen


def test_a_new_log_has_the_latest_version(reopen: Place) -> None:
    log = reopen(SECOND)
    log.append([{"number": 1}])
    log.close()
    assert reopen.lies() == (2, [{"number": 1}])


def test_a_log_without_a_version_is_of_the_first(old: Place) -> None:
    log = old()
    assert list(log.read()) == OLD
    log.append([{"n": 1500}])
    log.close()
    assert old.lies() == (1, [*OLD, {"n": 1500}])


def test_a_log_is_upgraded_step_by_step(old: Place) -> None:
    for versions, version, records in ((FIRST_VERSION, 1, OLD), (SECOND, 2, NEW), (SECOND, 2, NEW)):
        log = old(versions)
        assert list(log.read()) == records
        log.close()
        assert old.lies() == (version, records)
    log = old(THIRD)
    log.append([{"number": 1500, "sign": -1}])
    assert [record["sign"] for record in log.read()] == [1] * 1500 + [-1]
    log.close()


def test_a_log_is_upgraded_over_several_versions_at_once(old: Place) -> None:
    old(THIRD).close()
    assert old.lies() == (3, [{**record, "sign": 1} for record in NEW])


@pytest.mark.parametrize("version", [0, 1])
def test_an_upgrade_that_stops_midway_leaves_the_old_log(old: Place, version: int) -> None:
    def stops(record: Record) -> Record:
        if record["n"] == 1200:
            raise KeyboardInterrupt
        return renamed(record)

    if version:
        old().close()
    with pytest.raises(KeyboardInterrupt):
        old(RecordVersions((stops,)))
    assert old.lies() == (version, OLD)
    log = old()
    assert list(log.read()) == OLD
    log.close()


def test_an_upgrade_whose_outcome_is_no_record_leaves_the_old_log(old: Place) -> None:
    with pytest.raises(StorageError, match="no number"):
        old(RecordVersions((lambda record: record,), require_number))
    assert old.lies() == (0, OLD)


def test_a_killed_upgrade_leaves_the_old_log(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    log.append(OLD)
    log.close()
    script = (
        "import os, pathlib, signal; from commons.storage.eventlog import RecordVersions, SqliteLog\n"
        "def step(record): return {} if record['n'] < 1499 else os.kill(os.getpid(), signal.SIGKILL)\n"
        f"SqliteLog(pathlib.Path({str(path)!r}), RecordVersions((step,)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert Place(path, lambda _: log).lies() == (1, OLD)


def test_a_log_of_a_newer_release_is_refused_and_left_alone(old: Place) -> None:
    old(THIRD).close()
    before = old.lies()
    with pytest.raises(StorageError, match=r"newer release \(version 3, .* 2\); update this one, nothing was changed"):
        old(SECOND)
    assert old.lies() == before


def test_who_has_an_old_version_open_writes_nothing_into_an_upgraded_log(old: Place) -> None:
    log = old()
    old(SECOND).close()
    with pytest.raises(StorageError, match="newer release"):
        log.append([{"n": 1500}])
    log.close()
    assert old.lies() == (2, NEW)
