"""Who may write to a log in Redis, for how long, and which log is believed: each rule against a real server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import StandbyError, StorageError
from commons.storage import logwitness
from commons.storage.eventlog import FIRST_VERSION, Record, RecordVersions
from commons.storage.logwitness import LostEventsError, Witness
from commons.storage.redislease import FencedValue, Keeper, Lease
from commons.storage.redislog import RedisLog
from commons.storage.redisplace import RedisPlace, UnansweredError
from tests.support.redisserver import AOF, WITHOUT_AOF, RedisServer

SPAN = 100.0


class HandClock:
    """Time passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class LossyPlace(RedisPlace):
    """Answers are lost on their way back, or questions on their way there; each takes a while."""

    clock: HandClock
    lost_answers = lost_questions = 0
    delay = 0.0

    def run(self, script: str, keys: Any, *arguments: str | bytes | int) -> Any:
        if self.delay:
            self.clock.sleep(self.delay)
        if self.lost_questions:
            self.lost_questions -= 1
            raise UnansweredError("no answer")
        answer = super().run(script, keys, *arguments)
        if self.lost_answers:
            self.lost_answers -= 1
            raise UnansweredError("no answer")
        return answer


class Machine:
    """A coordinator's machine: its connection, clock and view of the shared folder."""

    def __init__(self, server: RedisServer, files: Path, versions: RecordVersions = FIRST_VERSION) -> None:
        self.clock = HandClock()
        self.place = LossyPlace(server.url)
        self.place.clock = self.clock
        self.files, self.versions = files, versions
        self.log = self.opened()

    def opened(self) -> RedisLog:
        return RedisLog(self.place, Witness(self.files), self.versions)

    def lease(self) -> Lease:
        return Lease(self.place, SPAN, f"{self.files.name}:1", self.clock)

    def lead(self) -> Lease:
        """Take the lease, and the log; raises what keeps it from that."""
        lease = self.lease()
        assert lease.take() is None
        self.log.lead(lease)
        assert list(self.log.news()) is not None
        return lease


@pytest.fixture
def machine(redis: RedisServer, tmp_path: Path) -> Callable[[], Machine]:
    return lambda: Machine(redis, tmp_path)


def expire(server: RedisServer) -> None:
    """The lease ends, by the clock of Redis."""
    server.client.delete("gradroll:events:lease")


def numbers(server: RedisServer) -> list[bytes]:
    """The rows behind the head row."""
    rows: list[bytes] = server.client.lrange("gradroll:events", 1, -1)
    return rows


Machines = Callable[[], Machine]


def test_one_leads_and_the_other_is_told_where(machine: Machines) -> None:
    one, other = machine(), machine()
    one.lead()
    holder = other.lease().take()
    assert holder is not None
    assert holder.endpoint.endswith(":1")
    assert 0 < holder.left <= SPAN
    with pytest.raises(StandbyError, match="stands by"):
        other.log.append([{"n": 1}])


def test_who_lost_the_lease_meanwhile_does_not_begin_to_lead(machine: Machines, redis: RedisServer) -> None:
    one = machine()
    lease = one.lease()
    assert lease.take() is None
    expire(redis)
    with pytest.raises(StandbyError):
        one.log.lead(lease)
    assert not redis.client.exists("gradroll:events", "gradroll:events:files")


def test_tokens_grow_from_leader_to_leader(machine: Machines, redis: RedisServer) -> None:
    first = machine().lead()
    expire(redis)
    assert machine().lead().token > first.token > 0


def test_who_wakes_behind_the_end_of_its_lease_writes_nothing(machine: Machines, redis: RedisServer) -> None:
    """Its own clock stood still with it, so that it does not know: Redis does."""
    sleeper, other = machine(), machine()
    lease = sleeper.lead()
    sleeper.log.append([{"n": 1}])
    expire(redis)
    with pytest.raises(StandbyError):
        sleeper.log.append([{"n": 2}])
    assert lease.left <= 0
    other.lead()
    other.log.append([{"n": 3}])
    with pytest.raises(StandbyError):
        sleeper.log.append([{"n": 2}])
    assert numbers(redis) == [b'{"n": 1}', b'{"n": 3}']


def test_nobody_leads_with_a_token_that_redis_gives_out_again(machine: Machines, redis: RedisServer) -> None:
    """An emptied Redis counts from 1 again: the files know how far it had come."""
    machine().lead()
    expire(redis)
    old, new = machine(), machine()
    second = old.lead()
    redis.client.flushall()
    with pytest.raises(StandbyError):
        new.lead()
    expire(redis)
    assert new.lead().token == second.token + 1 == 3
    with pytest.raises(StandbyError):
        old.log.append([{"n": 1}])
    assert numbers(redis) == []


def test_a_lease_is_relied_on_for_less_than_redis_keeps_it(machine: Machines, redis: RedisServer) -> None:
    one = machine()
    one.place.delay = 7.0  # of the call, which counts from its beginning
    lease = one.lease()
    assert lease.take() is None
    assert lease.left == pytest.approx(0.8 * SPAN - 7)
    one.clock.sleep(30)
    assert lease.renew()
    assert lease.left == pytest.approx(0.8 * SPAN - 7)
    one.clock.sleep(0.8 * SPAN - 7)
    assert redis.client.exists("gradroll:events:lease")
    assert lease.left <= 0
    with pytest.raises(StandbyError):
        lease.require()
    assert not lease.renew(), "who has given up does not take it up again"
    assert lease.left <= 0


def test_a_leader_without_redis_stops_before_its_lease_ends(machine: Machines) -> None:
    one = machine()
    lease = one.lead()
    began = one.clock.now
    one.place.lost_questions, one.place.delay = 10**6, SPAN / 10
    keeper = Keeper(lease, lambda: None)
    while True:
        one.clock.sleep(max(0.0, min(lease.interval, lease.left)))
        if not keeper.turn():
            break
    assert one.clock.now - began <= SPAN
    with pytest.raises(StandbyError):
        one.log.append([{"n": 1}])


def test_a_keeper_says_when_the_lease_is_lost(machine: Machines, redis: RedisServer) -> None:
    one = machine()
    lease, told = one.lead(), []
    keeper = Keeper(lease, lambda: told.append(True))
    assert keeper.turn()
    expire(redis)
    one.clock.sleep(0.8 * SPAN)  # it waits no longer than it may rely on the lease
    keeper.start()
    keeper._thread.join()
    assert told == [True]
    assert lease.left <= 0


def test_a_keeper_renews_until_it_is_stopped(machine: Machines, redis: RedisServer) -> None:
    lease, told = machine().lead(), []
    keeper = Keeper(lease, lambda: told.append(True))
    keeper.start()
    keeper.stop()
    lease.release()
    assert not told
    assert not redis.client.exists("gradroll:events:lease")


def test_a_released_lease_is_free_at_once_and_only_its_holder_releases_it(
    machine: Machines, redis: RedisServer
) -> None:
    first = machine().lead()
    first.release()
    second = machine().lead()
    first.release()
    assert second.renew()


def test_a_take_whose_answer_was_lost_is_one_take(machine: Machines) -> None:
    one = machine()
    lease = one.lease()
    one.place.lost_answers = 1
    with pytest.raises(UnansweredError):
        lease.take()
    assert lease.left <= 0
    assert lease.take() is None
    assert lease.token == 1


@pytest.mark.parametrize("lost", ["lost_answers", "lost_questions"])
def test_an_append_whose_answer_was_lost_is_written_once(lost: str, machine: Machines, redis: RedisServer) -> None:
    one = machine()
    one.lead()
    setattr(one.place, lost, 3)
    one.log.append([{"n": 1}, {"n": 2}])
    one.log.append([{"n": 3}])
    assert numbers(redis) == [b'{"n": 1}', b'{"n": 2}', b'{"n": 3}']


def test_two_like_appends_are_two(machine: Machines, redis: RedisServer) -> None:
    one = machine()
    one.lead()
    one.log.append([{"n": 1}])
    one.log.append([{"n": 1}])
    assert numbers(redis) == [b'{"n": 1}'] * 2


def test_an_append_of_which_nobody_knows_ends_the_lease(machine: Machines, redis: RedisServer) -> None:
    """It was written and never answered: whoever leads next reads it, and nobody writes behind it meanwhile."""
    one = machine()
    lease = one.lead()
    one.place.lost_answers = 10**6
    with pytest.raises(StandbyError):
        one.log.append([{"n": 1}])
    one.place.lost_answers = 0
    assert lease.left <= 0
    with pytest.raises(StandbyError):
        one.log.append([{"n": 2}])
    expire(redis)
    other = machine()
    assert list(other.log.news()) == [{"n": 1}]
    other.lead()
    other.log.append([{"n": 3}])
    assert numbers(redis) == [b'{"n": 1}', b'{"n": 3}']


def test_a_late_append_of_a_lease_before_is_refused(machine: Machines, redis: RedisServer) -> None:
    """It lay in the network until its sender had taken a new lease: what it would have written is not in the log."""
    one = machine()
    one.lead()
    late: list[Callable[[], Any]] = []
    run = RedisPlace.run

    def held_back(script: str, keys: Any, *arguments: str | bytes | int) -> Any:
        late.append(lambda: run(one.place, script, keys, *arguments))
        one.clock.sleep(SPAN)
        raise UnansweredError("no answer")

    one.place.run = held_back  # type: ignore[method-assign]
    with pytest.raises(StandbyError):
        one.log.append([{"n": 1}])
    del one.place.run
    expire(redis)
    again = machine()
    again.lead()
    assert late[0]() == b"lost"
    again.log.append([{"n": 2}])
    assert numbers(redis) == [b'{"n": 2}']


def test_who_writes_without_a_lease_is_noticed(machine: Machines, redis: RedisServer) -> None:
    """A release from before there were leases."""
    one = machine()
    one.lead()
    redis.client.rpush("gradroll:events", '{"n": 9}')
    with pytest.raises(StorageError, match="program that does not lead"):
        one.log.append([{"n": 1}])
    assert numbers(redis) == [b'{"n": 9}']


def test_a_follower_reads_what_the_leader_writes(machine: Machines) -> None:
    one, other = machine(), machine()
    one.lead()
    assert list(other.log.read()) == []
    for count in (1, 2500, 0, 3):
        one.log.append([{"n": n} for n in range(count)])
        assert list(other.log.news()) == [{"n": n} for n in range(count)]
    assert other.log.head == one.log.head


def test_a_follower_leads_with_all_that_was_written(machine: Machines, redis: RedisServer) -> None:
    one, other = machine(), machine()
    one.lead()
    one.log.append([{"n": 1}])
    assert list(other.log.news()) == [{"n": 1}]
    one.log.append([{"n": 2}])
    expire(redis)
    lease = other.lease()
    assert lease.take() is None
    other.log.lead(lease)
    assert list(other.log.news()) == [{"n": 2}]
    other.log.append([{"n": 3}])
    assert len(numbers(redis)) == 3


def emptied(server: RedisServer) -> None:
    server.client.flushall()


def shortened(server: RedisServer) -> None:
    server.client.rpop("gradroll:events")


def changed(server: RedisServer) -> None:
    server.client.lset("gradroll:events", 2, '{"n": 7}')


def grown_otherwise(server: RedisServer) -> None:
    """Another history, longer than the one that is known."""
    server.client.lset("gradroll:events", 3, '{"n": 7}')
    server.client.rpush("gradroll:events", '{"n": 8}')


LOSSES = pytest.mark.parametrize("lose", [emptied, shortened, changed, grown_otherwise])


@LOSSES
def test_a_log_that_lost_events_is_refused_at_the_start(
    lose: Callable[[RedisServer], None], machine: Machines, redis: RedisServer
) -> None:
    one = machine()
    one.lead()
    for n in range(3):
        one.log.append([{"n": n}])
    lose(redis)
    expire(redis)
    before = numbers(redis)
    with pytest.raises(LostEventsError, match=r"3 events are known .* Restore Redis"):
        machine().lead()
    assert numbers(redis) == before
    if lose is emptied:
        assert {*redis.client.keys()} == {b"gradroll:events:fence", b"gradroll:events:lease"}, "it stays as it was"


@LOSSES
def test_a_log_that_lost_events_is_refused_by_who_followed_it(
    lose: Callable[[RedisServer], None], machine: Machines, redis: RedisServer
) -> None:
    one, other = machine(), machine()
    one.lead()
    for n in range(3):
        one.log.append([{"n": n}])
    assert len(list(other.log.news())) == 3
    lose(redis)
    expire(redis)
    with pytest.raises(LostEventsError):
        other.lead()


def test_a_follower_notices_at_once_that_events_are_gone(machine: Machines, redis: RedisServer) -> None:
    one, other = machine(), machine()
    one.lead()
    one.log.append([{"n": 1}])
    assert list(other.log.news())
    redis.client.flushall()
    with pytest.raises(LostEventsError):
        list(other.log.news())


def test_the_loss_of_what_nobody_else_had_read_is_noticed(machine: Machines, redis: RedisServer) -> None:
    """The witness lies in the folder that all share: the last events of a leader that died with them count."""
    one, other = machine(), machine()
    one.lead()
    one.log.append([{"n": 1}])
    assert list(other.log.news())
    one.log.append([{"n": 2}])
    shortened(redis)
    expire(redis)
    with pytest.raises(LostEventsError, match="has 1 events: 2 events are known"):
        other.lead()


def test_a_leader_that_was_stopped_before_it_wrote_its_witness_is_no_loss(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine()
    one.lead()
    one.log.append([{"n": 1}])
    monkeypatch.setattr(one.log._witness, "note", lambda *_: None)
    one.log.append([{"n": 2}])
    expire(redis)
    other = machine()
    other.lead()
    assert other.log.head.records == 2


def test_what_a_full_disk_keeps_from_the_witness_is_made_up_for_before_the_log_grows(
    machine: Machines, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine()
    one.lead()

    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(logwitness, "write_record", full)
        one.log.append([{"n": 1}])
        with pytest.raises(StorageError, match="the disk is full"):
            one.log.append([{"n": 2}])
    assert Witness(one.files).head.records == 0
    one.log.append([{"n": 3}])
    assert numbers(redis) == [b'{"n": 1}', b'{"n": 3}']
    assert Witness(one.files).head.records == 2


def test_a_log_with_another_folder_is_refused(machine: Machines, redis: RedisServer, tmp_path: Path) -> None:
    machine().lead()
    with pytest.raises(LostEventsError, match=r"set coordinator\.shared"):
        Machine(redis, tmp_path / "another")


def test_of_two_that_begin_at_once_the_second_to_lead_is_refused_where_they_share_no_folder(
    redis: RedisServer, tmp_path: Path
) -> None:
    one, other = Machine(redis, tmp_path / "one"), Machine(redis, tmp_path / "other")
    one.lead()
    expire(redis)
    with pytest.raises(LostEventsError, match=r"set coordinator\.shared"):
        other.lead()


def test_an_upgrade_is_compared_in_the_old_version_and_known_in_the_new_one(
    machine: Machines, redis: RedisServer, tmp_path: Path
) -> None:
    def renamed(record: Record) -> Record:
        return {"number": record["n"]}

    one = machine()
    one.lead()
    one.log.append([{"n": 1}, {"n": 2}])
    expire(redis)
    redis.client.rpush("gradroll:other", *redis.client.lrange("gradroll:events", 0, -1))
    changed(redis)
    newer = Machine(redis, tmp_path, RecordVersions((renamed,)))
    assert list(newer.log.news()) == [], "its next leader upgrades it first"
    with pytest.raises(LostEventsError, match="other events"):
        newer.lead()
    redis.client.rename("gradroll:other", "gradroll:events")
    expire(redis)
    newer.log = newer.opened()
    newer.lead()
    assert numbers(redis) == [b'{"number": 1}', b'{"number": 2}']
    expire(redis)
    Machine(redis, tmp_path, RecordVersions((renamed,))).lead()
    expire(redis)
    with pytest.raises(StorageError, match="newer release"):
        machine()


def test_a_fenced_value_is_written_by_who_leads(machine: Machines, redis: RedisServer) -> None:
    one, other = machine(), machine()
    kept = FencedValue(one.lead(), one.place.outbox, "the outbox")
    assert kept.load() is None
    kept.save(b"first")
    expire(redis)
    its = FencedValue(other.lead(), other.place.outbox, "the outbox")
    assert its.load() == b"first"
    its.save(b"second")
    with pytest.raises(StandbyError):
        kept.save(b"third")
    assert its.load() == b"second"


@pytest.mark.slow
def test_a_crash_of_redis_loses_nothing_with_an_append_only_file_and_is_noticed_without(tmp_path: Path) -> None:
    for keeping, expected in (((), 2), (WITHOUT_AOF, None)):
        place = tmp_path / f"{expected}"
        (place / "redis").mkdir(parents=True)
        with RedisServer(place / "redis", keeping or AOF) as server:
            one = Machine(server, place)
            one.lead()
            one.log.append([{"n": 1}, {"n": 2}])
            server.kill()
            server.start()
            expire(server)
            if expected is None:
                with pytest.raises(LostEventsError):
                    Machine(server, place).lead()
            else:
                other = Machine(server, place)
                other.lead()
                assert other.log.head.records == expected
