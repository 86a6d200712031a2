"""Whose turn it is to lead, without the rest of a coordinator: what happens when it cannot begin, and when it ends."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest

from circuits.errors import ChainError, StandbyError
from commons.chain.outbox import Kept
from commons.runtime.clock import SystemClock
from commons.runtime.watchdog import Condition, Watchdog
from commons.settings.sections import CoordinatorSettings
from commons.storage.logwitness import LostEventsError
from coordinator.coordinator import Coordinator
from coordinator.journal import Journal
from coordinator.leading import SharedSeat
from coordinator.tenure import Tenure
from tests.support.redisserver import RedisServer
from tests.support.waiting import wait_for

LEASE = "gradroll:events:lease"
SPAN = 20.0
"""Seconds: long for a loaded machine to renew it, and a fifth of it until one that could not begin tries again."""


class Stub:
    """A time of leading that does nothing; it notes what is asked of it."""

    def __init__(self, begun: list[str]) -> None:
        self.begun = begun
        self.coordinator = cast("Coordinator", self)

    def start(self) -> None:
        self.begun.append("start")

    def halt(self) -> None:
        pass

    def stop(self) -> None:
        self.begun.append("stop")


class Process:
    """A coordinator's process; ``troubles`` is what the next tries to begin end with."""

    def __init__(self, server: RedisServer, home: Path, name: str, *troubles: Exception) -> None:
        self.did: list[str] = []
        self._troubles = list(troubles)
        own = CoordinatorSettings(
            listen="h:1", log=server.url, account=home, state=home / name, lease=SPAN, poll_interval=0.05,
        )  # fmt: skip
        self.watchdog = Watchdog(1e6, 1e6)
        self.seat = SharedSeat(
            own, f"{name}:1", home / "shared", self._begin, SystemClock(), self.watchdog, lambda: None
        )  # fmt: skip

    def _begin(self, _journal: Journal, outbox: Kept) -> Tenure:
        assert outbox.load() is None
        if self._troubles:
            raise self._troubles.pop()
        return cast("Tenure", Stub(self.did))


def mark(server: RedisServer) -> Any:
    return server.client.hget(LEASE, "mark")


def test_who_is_stopped_ends_its_work_before_it_lets_another_lead(redis: RedisServer, tmp_path: Path) -> None:
    one, other = Process(redis, tmp_path, "one"), Process(redis, tmp_path, "other")
    for process in (one, other):
        process.seat.start()
    assert (one.seat.is_leading, other.seat.is_leading) == (True, False)
    with pytest.raises(StandbyError, match="the one at one:1 leads"):
        other.seat.coordinator()
    first = mark(redis)
    one.seat.stop()
    assert one.did == ["start", "stop"]
    wait_for(lambda: other.seat.is_leading)
    assert mark(redis) != first
    other.seat.stop()
    assert mark(redis) is None


def test_who_cannot_begin_lets_others_try_and_tries_again(redis: RedisServer, tmp_path: Path) -> None:
    with pytest.raises(ChainError):
        Process(redis, tmp_path, "first", ChainError("no node"))
    assert mark(redis) is None, "a start that fails holds nothing"
    leader = Process(redis, tmp_path, "leader")
    other = Process(redis, tmp_path, "other", RuntimeError("a mistake"))
    for process in (leader, other):
        process.seat.start()
    leader.seat.stop()
    wait_for(lambda: other.did == ["start"])
    assert other._troubles == []
    other.seat.stop()
    assert mark(redis) is None


def test_a_lease_that_redis_lost_ends_what_was_begun_and_a_new_one_begins_anew(
    redis: RedisServer, tmp_path: Path
) -> None:
    one = Process(redis, tmp_path, "one")
    one.seat.start()
    assert one.seat._led is not None
    lease = one.seat._led[1]
    redis.client.delete(LEASE)
    assert not lease.renew()
    assert not one.seat.is_leading
    one.seat._wake.set()  # as the keeper does at its next turn
    wait_for(lambda: one.did == ["start", "stop", "start"])
    assert one.seat.is_leading
    one.seat.stop()


def test_the_thread_that_leads_or_stands_by_is_looked_after_until_it_is_stopped(
    redis: RedisServer, tmp_path: Path
) -> None:
    one, other = Process(redis, tmp_path, "one"), Process(redis, tmp_path, "other")
    for process in (one, other):
        assert not process.watchdog.names
        process.seat.start()
        assert [*process.watchdog.names] == ["leading"]
        process.seat.stop()
        assert not process.watchdog.names
        assert process.watchdog.look() is Condition.WORKING


def test_a_seat_whose_thread_dies_is_noticed(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no ``Exception`` would leave a coordinator that never leads, behind a port that answers."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    leader, one = Process(redis, tmp_path, "leader"), Process(redis, tmp_path, "one")

    def turn() -> None:
        raise SystemExit

    monkeypatch.setattr(one.seat, "_turn", turn)
    one.seat.start()
    wait_for(lambda: one.watchdog.look() is Condition.HOPELESS)
    one.seat.stop()
    leader.seat.stop()


def test_a_seat_that_ends_as_the_log_lost_events_is_not_taken_for_dead(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process ends by itself, and says why."""
    leader, one = Process(redis, tmp_path, "leader"), Process(redis, tmp_path, "one")

    def turn() -> None:
        raise LostEventsError("events are gone")

    monkeypatch.setattr(one.seat, "_turn", turn)
    one.seat.start()
    one.seat._thread.join()
    assert isinstance(one.seat.failure, LostEventsError)
    assert one.watchdog.look() is Condition.WORKING
    for process in (one, leader):
        process.seat.stop()
