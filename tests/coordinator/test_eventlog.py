"""One suite for every event log, and the fold over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from circuits.errors import ConfigError, StorageError
from commons.storage.eventlog import EventLog, RedisLog, SqliteLog, open_log

Open = Callable[[], EventLog]


@pytest.fixture(params=["sqlite", "redis in memory", "redis server"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the same log again and again."""
    if request.param == "sqlite":
        yield lambda: open_log(f"sqlite://{tmp_path}/deep/log.sqlite")
        return
    redis = pytest.importorskip("redis")
    if request.param == "redis in memory":
        fake = pytest.importorskip("fakeredis")
        server = fake.FakeServer()
        monkeypatch.setattr(redis.Redis, "from_url", lambda url: fake.FakeStrictRedis(server=server))
        monkeypatch.setattr(fake.FakeStrictRedis, "info", lambda *_: {"aof_enabled": 1})
        yield lambda: RedisLog("redis://localhost", f"test:{tmp_path}")
        return
    url = os.environ.get("GRADROLL_TEST_REDIS")
    if url is None:
        pytest.skip("set GRADROLL_TEST_REDIS=redis://host:port to run against a server")
    yield lambda: RedisLog(url, f"gradroll-test:{tmp_path}")
    redis.Redis.from_url(url).delete(f"gradroll-test:{tmp_path}")


def test_events_come_back_in_order(reopen: Open) -> None:
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


def test_many_events(reopen: Open) -> None:
    log = reopen()
    log.append([{"n": n} for n in range(2500)])
    assert [event["n"] for event in log.read()] == list(range(2500))
    log.close()


def test_a_second_writer_is_refused(reopen: Open) -> None:
    first, second = reopen(), reopen()
    first.append([{"n": 1}])
    with pytest.raises(StorageError):
        second.append([{"n": 2}])
    assert [event["n"] for event in first.read()] == [1]
    first.close()
    second.close()


def test_unknown_schemes_are_refused() -> None:
    with pytest.raises(ConfigError, match="neither"):
        open_log("postgres://x")


def test_an_unreachable_redis_hides_its_password() -> None:
    pytest.importorskip("redis")
    with pytest.raises(StorageError) as caught:
        open_log("redis://:secret@127.0.0.1:9/0")
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
