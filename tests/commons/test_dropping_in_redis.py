"""A log in Redis that is made shorter: who follows reads it anew, and a crash leaves one of two known logs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from circuits.errors import StandbyError, StorageError
from commons.storage.eventlog import Record
from commons.storage.logwitness import LostEventsError, Witness
from commons.storage.redislog import ShortenedError
from commons.storage.redisplace import UnansweredError
from tests.commons.test_redislog import Machine, Machines, expire, machine, numbers
from tests.support.redisserver import RedisServer

__all__ = ["machine"]


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

    def unanswered(rows: Sequence[str | bytes], holder: str, before: int, page: int) -> None:
        if happened:
            replace(rows, holder, before, page)
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
