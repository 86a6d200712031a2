"""A log in Redis that is made shorter: who follows reads it anew, and a crash leaves one of two known logs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.connection import AbstractConnection

from circuits.errors import StandbyError, StorageError
from commons.storage.eventlog import HEAD, Record, RecordVersions
from commons.storage.logwitness import LostEventsError, Witness
from commons.storage.redislog import ShortenedError
from commons.storage.redisplace import UnansweredError
from tests.commons.test_redislog import Machine, Machines, expire, machine, numbers
from tests.support.redisserver import RedisServer

__all__ = ["machine"]
LEASE = "gradroll:events:lease"


def small(record: Record) -> bool:
    return int(str(record["n"])) < 3


def read(one: Machine) -> list[int]:
    return [int(str(record["n"])) for record in one.opened().read()]


def test_who_follows_notices_that_events_were_dropped(machine: Machines) -> None:
    leader, follower = machine(), machine()
    leader.lead()
    leader.log.append([{"n": n} for n in range(5)])
    assert len(list(follower.log.read())) == 5
    leader.log.compact(small, [{"n": 9}])
    with pytest.raises(ShortenedError):
        list(follower.log.news())
    assert read(follower) == [3, 4, 9]
    leader.log.append([{"n": 10}])
    assert read(follower) == [3, 4, 9, 10]


def test_the_next_leader_goes_on_behind_what_was_dropped(machine: Machines, redis: RedisServer) -> None:
    leader, other = machine(), machine()
    leader.lead()
    leader.log.append([{"n": n} for n in range(5)])
    leader.log.compact(small, [{"n": 9}])
    expire(redis)
    other.log = other.opened()
    list(other.log.read())
    other.lead()
    other.log.append([{"n": 10}])
    assert read(leader) == [3, 4, 9, 10]


@pytest.mark.parametrize("happened", [False, True])
def test_after_a_crash_while_events_are_dropped_either_log_is_known(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, happened: bool
) -> None:
    leader, other = machine(), machine()
    leader.lead()
    leader.log.append([{"n": n} for n in range(5)])
    replace = leader.place.replace_list

    def unanswered(rows: Sequence[str | bytes], holder: str, head: str | bytes, before: int, page: int) -> bool:
        if happened:
            assert replace(rows, holder, head, before, page)
        raise UnansweredError("no answer")

    monkeypatch.setattr(leader.place, "replace_list", unanswered)
    with pytest.raises(UnansweredError):
        leader.log.compact(small, [{"n": 9}])
    with pytest.raises(StandbyError):
        leader.log.append([{"n": 10}])
    expire(redis)
    other.log = other.opened()
    list(other.log.read())
    other.lead()
    other.log.append([{"n": 10}])
    assert read(other) == ([3, 4, 9, 10] if happened else [0, 1, 2, 3, 4, 10])


def test_a_copy_from_before_events_were_dropped_is_refused(machine: Machines, redis: RedisServer) -> None:
    leader, other = machine(), machine()
    leader.lead()
    leader.log.append([{"n": n} for n in range(5)])
    copy = [redis.client.lindex("gradroll:events", 0), *numbers(redis)]
    leader.log.compact(small, [{"n": 9}])
    redis.client.delete("gradroll:events")
    redis.client.rpush("gradroll:events", *copy)
    expire(redis)
    other.log = other.opened()
    list(other.log.read())
    with pytest.raises(LostEventsError, match="older copy"):
        other.lead()


def test_nothing_is_dropped_while_that_cannot_be_written_down(
    machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = machine()
    leader.lead()
    leader.log.append([{"n": n} for n in range(5)])

    def full(self: Witness, after: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(Witness, "expect", full)
    with pytest.raises(StorageError, match="no room"):
        leader.log.compact(small, [{"n": 9}])
    leader.log.append([{"n": 10}])
    assert read(leader) == [0, 1, 2, 3, 4, 10]


def renamed(record: Record) -> Record:
    return {"n": record["number"]}


RENAMED = RecordVersions((renamed,))
PAGES = 3
"""Of the logs that are replaced here."""


@contextmanager
def meanwhile(monkeypatch: pytest.MonkeyPatch, does: Callable[[], object]) -> Iterator[None]:
    """Do something between any two questions to Redis."""
    send: Any = AbstractConnection.send_packed_command
    inside = [False]

    def sent(self: Any, *args: Any, **named: Any) -> Any:
        if not inside[0]:
            inside[0] = True
            try:
                does()
            finally:
                inside[0] = False
        return send(self, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", sent)
        yield


def staged(server: RedisServer) -> list[bytes]:
    keys: list[bytes] = server.client.keys("*:next:*")
    return keys


def test_a_lease_is_renewed_while_events_are_dropped(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, renewals = machine(), Counter[bool]()
    lease = leader.lead()
    leader.log.append([{"n": n} for n in range(PAGES * 1000)])
    with meanwhile(monkeypatch, lambda: renewals.update([redis.client.pexpire(LEASE, 90_000)])):
        leader.log.compact(small, [{"n": 9}])
    assert renewals[True] > 2 * PAGES
    assert lease.left > 0
    leader.log.append([{"n": 10}])
    assert read(leader) == [*range(3, PAGES * 1000), 9, 10]
    assert redis.client.ttl("gradroll:events") == -1, "it is there for good"
    assert staged(redis) == []


@pytest.mark.parametrize("head", [True, False])
def test_a_lease_is_renewed_while_a_log_of_an_older_release_is_upgraded(
    head: bool, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [b'{"number": %d}' % n for n in range(PAGES * 1000)]
    redis.client.rpush("gradroll:events", *([json.dumps({HEAD: 1}).encode()] if head else []), *rows)
    leader, renewals = Machine(redis, tmp_path, RENAMED), Counter[bool]()
    with meanwhile(monkeypatch, lambda: renewals.update([bool(redis.client.pexpire(LEASE, 90_000))])):
        leader.lead()
    assert renewals[True] > 2 * PAGES
    assert read(leader) == [*range(PAGES * 1000)]
    assert redis.client.ttl("gradroll:events") == -1
    assert staged(redis) == []


def test_a_lease_that_is_lost_while_events_are_dropped_leaves_the_log(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, other = machine(), machine()
    lease = leader.lead()
    leader.log.append([{"n": n} for n in range(PAGES * 1000)])

    def take_over() -> None:
        if staged(redis) and redis.client.hget(LEASE, "mark") == lease.mark.encode():
            expire(redis)
            assert other.lease().take() is None

    with meanwhile(monkeypatch, take_over), pytest.raises(StandbyError):
        leader.log.compact(small, [{"n": 9}])
    assert lease.left <= 0
    assert read(leader) == [*range(PAGES * 1000)]
    assert staged(redis) == []


@pytest.mark.parametrize(
    ("how", "arguments"), [("lset", (0, '{"gradroll-log": 1, "compacted": 7}')), ("rpush", ('{"n": 7}',))]
)
def test_who_writes_while_events_are_dropped_is_noticed(
    how: str, arguments: tuple[Any, ...], machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, done = machine(), list[bool]()
    leader.lead()
    leader.log.append([{"n": n} for n in range(5)])

    def write() -> None:
        if staged(redis) and not done:
            done.append(True)
            getattr(redis.client, how)("gradroll:events", *arguments)

    with meanwhile(monkeypatch, write), pytest.raises(StorageError, match="another coordinator writes"):
        leader.log.compact(small, [{"n": 9}])
    assert done
    assert b'{"n": 0}' in numbers(redis)
    assert staged(redis) == []


def test_what_a_leader_laid_beside_the_log_before_it_crashed_is_deleted_by_redis(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, left = machine(), Counter[bool]()
    leader.lead()
    leader.log.append([{"n": n} for n in range(PAGES * 1000)])

    def look() -> None:
        left.update(0 < redis.client.pttl(key) <= 600_000 for key in staged(redis))

    with meanwhile(monkeypatch, look):
        leader.log.compact(small, [])
    assert left[True] >= PAGES
    assert left[False] == 0


def test_rows_that_redis_did_not_take_are_no_reason_to_lead_no_more(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that was not answered changed nothing of the log, which the swap alone does."""
    leader = machine()
    lease = leader.lead()
    leader.log.append([{"n": n} for n in range(5)])
    ask = leader.place._ask

    def unanswered(client: Any, script: str, *rest: Any) -> Any:
        if "PEXPIRE" in script:
            raise UnansweredError("no answer")
        return ask(client, script, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(leader.place, "_ask", unanswered)
        with pytest.raises(StorageError, match="nothing was changed") as caught:
            leader.log.compact(small, [])
    assert not isinstance(caught.value, UnansweredError)
    assert lease.left > 0
    leader.log.compact(small, [])
    assert read(leader) == [3, 4]
