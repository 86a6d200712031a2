"""What the shared folder knows of a log in Redis, when leaders follow each other and some of them stand still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import StandbyError, StorageError
from commons.storage import logwitness
from commons.storage.eventlog import Record
from commons.storage.logwitness import Head, LostEventsError, Witness
from commons.storage.recordfiles import write_record
from tests.commons.test_redislog import Machine, Machines, expire, machine, numbers, shortened
from tests.support.redisserver import RedisServer

__all__ = ["machine"]


def held_back(one: Machine, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What a machine that stands still would write to the folder, to be called when it wakes.

    For the test it goes on, as if it had failed.
    """
    late: list[Callable[[], object]] = []
    write = write_record
    own = one.log._witness

    def stalled(path: Path, codec: Any, value: Any, **named: Any) -> None:
        if value is own._seen:
            late.append(lambda: write(path, codec, value, **named))
            raise StorageError("it stands still")
        write(path, codec, value, **named)

    monkeypatch.setattr(logwitness, "write_record", stalled)
    return late


def small(record: Record) -> bool:
    return int(str(record["n"])) < 2


def files_of(one: Machine) -> list[str]:
    return sorted(path.name for path in one.files.glob("log-witness*"))


def refused(*_: object, **__: object) -> None:
    raise OSError("not now")


@pytest.mark.parametrize("loses", [False, True])
def test_a_witness_that_a_former_leader_writes_late_counts_no_more(
    loses: bool, machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stood still between its append and the file, while the next one led and dropped events."""
    former, leader, third = machine(), machine(), machine()
    former.lead()
    former.log.append([{"n": 0}])
    late = held_back(former, monkeypatch)
    former.log.append([{"n": 1}])
    assert late
    expire(redis)
    leader.lead()
    leader.log.append([{"n": 2}])
    leader.log.compact(small, [])
    leader.log.append([{"n": 3}])
    for write in late:
        write()
    assert numbers(redis) == [b'{"n": 2}', b'{"n": 3}']
    expire(redis)
    third.log = third.opened()
    if loses:
        redis.client.rpop("gradroll:events")
        with pytest.raises(LostEventsError, match="has 1 events: 2 events are known"):
            third.lead()
        return
    token = third.lead().token
    assert third.log.head.records == 2
    assert files_of(third) == [f"log-witness-{token:012}.json", "log-witness.json"], "those before are deleted"


def test_who_cannot_write_a_witness_of_its_own_does_not_lead(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that stood still over that, and wakes behind the next one."""
    former, leader = machine(), machine()
    late = held_back(former, monkeypatch)
    with pytest.raises(StorageError, match="it stands still"):
        former.lead()
    with pytest.raises(StandbyError, match="stands by"):
        former.log.append([{"n": 1}])
    assert not redis.client.exists("gradroll:events:files")
    expire(redis)
    token = leader.lead().token
    leader.log.append([{"n": 2}])
    for write in late:
        write()
    found = Witness(former.files)
    assert (found.token, found.head.records) == (token, 1)


def test_a_file_of_a_taking_is_never_begun_twice(machine: Machines) -> None:
    """An emptied Redis gave its token out again before the one that had it first could write its file."""
    one = machine()
    Witness(one.files).begin(1, 1, Head(), 0)
    late = Witness(one.files)
    with pytest.raises(StorageError, match="exists already"):
        late.begin(1, 1, Head(7, bytes(32)), 0)
    assert Witness(one.files).head.records == 0


def test_a_crash_before_those_before_are_deleted_costs_nothing(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine()
    one.lead()
    one.log.append([{"n": 1}])
    expire(redis)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        other = machine()
        other.lead()
    other.log.append([{"n": 2}])
    assert len(files_of(one)) == 3
    shortened(redis)
    expire(redis)
    with pytest.raises(LostEventsError, match="2 events are known"):
        machine().lead()


def test_a_witness_that_was_taken_away_is_missed(machine: Machines, redis: RedisServer, tmp_path: Path) -> None:
    one = machine()
    one.lead()
    one.log.append([{"n": 1}])
    expire(redis)
    (written,) = tmp_path.glob("log-witness-*")
    away = written.rename(tmp_path / "away")
    with pytest.raises(StorageError, match="is gone, and says how far"):
        machine().lead()
    expire(redis)
    away.rename(written)
    (tmp_path / "log-witness.json").unlink()
    with pytest.raises(StorageError, match="is of another folder"):
        machine()


def test_what_a_release_knew_that_wrote_one_file_is_known(machine: Machines, redis: RedisServer) -> None:
    one = machine()
    one.lead()
    one.log.append([{"n": 1}, {"n": 2}])
    (written,) = one.files.glob("log-witness-*")
    written.rename(one.files / logwitness.FILE)
    expire(redis)
    shortened(redis)
    with pytest.raises(LostEventsError, match="2 events are known"):
        machine().lead()
    expire(redis)
    redis.client.rpush("gradroll:events", '{"n": 2}')
    machine().lead()
