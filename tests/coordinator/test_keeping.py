"""What a coordinator forgets once it is long over, what it keeps, and that a restart knows the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError, ClosedError, FullError, UnknownError
from circuits.terms import TaskTerms
from commons.chain.facts import RoundRecord
from commons.protocol.status import SubmissionState
from commons.storage.blobs import Blobs
from commons.storage.eventlog import SqliteLog
from coordinator.admission import _only_one
from coordinator.events import (
    BatchProven,
    BatchSettled,
    Event,
    ExclusionEnded,
    ExclusionSigned,
    FeesEnded,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    RoundClosed,
    SumOpened,
    from_record,
)
from coordinator.journal import VERSIONS, Journal
from tests.coordinator.markets import Market, MemoryLog
from tests.coordinator.test_driver import World
from tests.simulation.world.disk import CrashError, SimulatedDisk
from tests.simulation.world.network import InOrder
from tests.vectors.v5.storage import stories
from tests.vectors.v5.storage.generate import plain

DAY = 86_400
TASK = stories.ROUND[0]


def id_of(number: int, what: int) -> bytes:
    """Of something in a round."""
    return number.to_bytes(31, "big") + bytes([what])


def of_round(number: int, task: int = TASK) -> tuple[Event, ...]:
    """A round in which one owner was paid, and another dropped."""
    first, second = (replace(stories.header(i), round=number, task_id=task) for i in range(2))
    ids = [id_of(number, owner) for owner in range(2)]
    batch = id_of(number, 9)
    return (
        HeaderAccepted(ids[0], first, (0, 1, 2)),
        HeaderAccepted(ids[1], second, (0, 1, 2)),
        OwnerDropped(ids[1], "validity: norm above the bound", True),
        BatchProven(task, number, batch, (ids[0],), id_of(number, 1)),
        BatchSettled(batch, True, ""),
        SumOpened(batch, id_of(number, 2)),
        RoundClosed(task, number, ""),
        FeesEnded(task, number),
    )


def folded(log: Any) -> dict[str, Any]:
    return vars(Journal(log)._state)


def test_every_kind_of_event_of_a_round_goes_and_what_is_counted_of_it_stays() -> None:
    log = MemoryLog()
    journal = Journal(log)
    journal.record(*stories.story()[:-1], *of_round(stories.ROUND[1] + 1))
    before = plain(journal._state.task_status(TASK).rejections)
    journal.forget(dict([stories.ROUND]))
    assert log.records[0]["kind"] == "market-named", "it is of no round"
    assert log.records[1:-1] == records_of(of_round(stories.ROUND[1] + 1))
    assert log.records[-1]["kind"] == "rounds-forgotten"
    assert plain(journal._state.task_status(TASK).rejections) == before
    assert vars(journal._state) == folded(log), "a restart knows what the running process does"
    assert not journal._state.submissions.keys() & {stories.submission(i) for i in range(6)}
    assert stories.BATCH not in journal._state.batches


def records_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    log = MemoryLog()
    Journal(log).record(*events)
    return log.records


def test_a_second_time_takes_the_place_of_the_first() -> None:
    log = MemoryLog()
    journal = Journal(log)
    for number in range(6):
        journal.record(*of_round(number))
        if number % 2:
            journal.forget({TASK: number - 1})
            assert vars(journal._state) == folded(log)
    assert [one["kind"] for one in log.records].count("rounds-forgotten") == 1
    assert journal._state.task_status(TASK).rejections == {"validity": 6}
    assert set(journal._state.rounds) == {(TASK, 5)}


def test_other_tasks_are_left_alone() -> None:
    log = MemoryLog()
    journal = Journal(log)
    journal.record(*of_round(0), *of_round(1, task=9))
    journal.forget({TASK: 4})
    assert set(journal._state.rounds) == {(9, 1)}
    assert vars(journal._state) == folded(log)


def test_a_header_for_a_forgotten_round_is_refused_whatever_the_node_says_of_it() -> None:
    journal = Journal(MemoryLog())
    journal.record(*of_round(0), *of_round(1))
    journal.forget({TASK: 0})
    with journal.reading() as state:
        for number in (0, 1):
            with pytest.raises(ClosedError):
                _only_one(state, replace(stories.header(3), round=number))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, InOrder(), depth=2)
    yield made
    made.coordinator.close()


def done(world: World, number: int, *, but: type[Event] | None = None, task: int | None = None) -> list[bytes]:
    """A round that is over, with its results on the disk; their digests."""
    task = world.task if task is None else task
    digests = [world.coordinator.results.put(id_of(number, kind) * 3, task) for kind in (1, 2)]
    for event in of_round(number, task):
        match event:
            case BatchProven():
                world.journal.record(replace(event, bundle_digest=digests[0]))
            case SumOpened():
                world.journal.record(replace(event, payload_digest=digests[1]))
            case _ if but is None or not isinstance(event, but):
                world.journal.record(event)
    return digests


def rounds(world: World, count: int) -> None:
    while len(world.market.chain.opened) < count:
        world.market.chain.open_round(world.network.terms.capacity)


def later(world: World, days: float) -> None:
    world.clock.sleep(days * DAY)
    for _ in range(2):
        world.market.chain.mine()
    world.coordinator.keeping.turn()


def known(world: World) -> set[int]:
    with world.journal.reading() as state:
        return {number for _, number in state.rounds}


def test_rounds_are_forgotten_with_their_results_when_they_are_long_over(world: World) -> None:
    rounds(world, 3)
    digests = [done(world, number) for number in range(3)]
    windows = world.network.terms.windows
    later(world, 90 + (windows.submit + windows.settle) / DAY - 1)
    assert known(world) == {0, 1, 2}
    later(world, 2)
    assert not known(world), "a task that is at its end takes no room for good"
    results = world.coordinator.results
    assert not any(results.has(digest) for pair in digests for digest in pair)
    assert vars(world.journal._state) == folded(world.log)
    assert [one["kind"] for one in world.log.records] == ["rounds-forgotten"]


@pytest.mark.parametrize("what", [RoundClosed, FeesEnded])
def test_a_round_about_which_something_is_left_to_do_is_kept_and_those_behind_it(
    world: World, what: type[Event]
) -> None:
    rounds(world, 4)
    for number in range(4):
        done(world, number, but=what if number == 1 else None)
    later(world, 1000)
    assert known(world) == {1, 2, 3}


def test_an_owner_that_is_to_be_excluded_keeps_its_round(world: World) -> None:
    rounds(world, 2)
    for number in range(2):
        done(world, number)
    world.journal.record(ExclusionSigned(world.task, 0, 5, bytes(32), (0, 1, 2), (bytes(65),) * 3))
    later(world, 1000)
    assert known(world) == {0, 1}
    world.journal.record(ExclusionEnded(world.task, 0, 5))
    later(world, 1)
    assert not known(world)


def test_neither_the_machines_clock_nor_the_chains_alone_has_anything_forgotten(world: World) -> None:
    rounds(world, 2)
    for number in range(2):
        done(world, number)
    world.clock.skew = 1000 * DAY
    later(world, 1)
    assert known(world) == {0, 1}
    world.clock.skew = -1000 * DAY
    later(world, 999)
    assert known(world) == {0, 1}


def test_a_node_that_is_silent_about_one_task_holds_up_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    rounds(world, 2)
    for number in range(2):
        done(world, number)
    world.journal.record(*of_round(0, task=99), *of_round(1, task=99))
    later(world, 1000)
    assert "event=tidy-trouble" in caplog.text
    assert known(world) == {0, 1}
    with world.journal.reading() as state:
        assert (world.task, 0) not in state.rounds


def test_the_log_is_gone_through_once_for_all_tasks_that_are_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has all rounds of all tasks: once for each task would take longer with every task of a stranger's."""
    of_round_, terms_of, gone = Market.round, Market.terms, list[int]()
    monkeypatch.setattr(Market, "round", lambda market, _, number: of_round_(market, world.task, number))
    monkeypatch.setattr(Market, "terms", lambda market, _: terms_of(market, world.task))
    compact = world.log.compact

    def counted(drops: Callable[[Any], bool], records: Any) -> None:
        gone.append(len(records))
        compact(drops, records)

    monkeypatch.setattr(world.log, "compact", counted)
    rounds(world, 2)
    tasks = (world.task, 98, 99)
    stored = [digest for task in tasks for number in range(2) for digest in done(world, number, task=task)]
    world.journal.record(*of_round(2, task=98)[:-1])
    later(world, 1000)
    assert gone == [3]
    with world.journal.reading() as state:
        assert set(state.rounds) == {(98, 2)}
    assert not any(world.coordinator.results.has(digest) for digest in stored)
    assert vars(world.journal._state) == folded(world.log)


def test_models_are_kept_for_rounds_of_which_anything_is_served_and_while_they_are_young(world: World) -> None:
    models, chain = world.coordinator.models, world.market.chain
    used, unused, foreign = models.put(b"used", world.task), models.put(b"unused", world.task), models.put(b"a", 99)
    chain.model_digest = used
    be_young(world, models)
    chain.open_round(world.network.terms.capacity)
    later(world, 80)
    assert all(models.has(digest) for digest in (used, unused, foreign))
    later(world, 10.001)
    assert [models.has(digest) for digest in (used, unused, foreign)] == [True, False, False]
    later(world, 200)
    assert not models.has(used)


def test_a_tasks_manifest_is_kept_as_long_as_the_models_of_its_rounds(world: World) -> None:
    models, chain = world.coordinator.models, world.market.chain
    manifest = models.put(b"a manifest", world.task)
    chain.terms = replace(chain.terms, manifest=manifest)
    be_young(world, models)
    chain.open_round(world.network.terms.capacity)
    later(world, 90.001)
    assert models.has(manifest)
    later(world, 200)
    assert not models.has(manifest)


def refused(log: Any, task: int) -> list[HeaderRefused]:
    return [
        event for event in map(from_record, log.records) if isinstance(event, HeaderRefused) and event.task_id == task
    ]


def test_refusals_go_with_their_rounds_and_stay_counted(world: World) -> None:
    rounds(world, 2)
    for event in of_round(0, world.task):
        world.journal.record(event)
    late = [HeaderRefused(world.task, "closed", bytes([n]) * 32, n) for n in range(2)]
    world.journal.record(*late, HeaderRefused(world.task, "validity", bytes(32), 0))
    world.journal.record(*(replace(event, task_id=99) for event in late))
    before = dict(world.journal._state.rejections[world.task])
    assert before == {"closed": 2, "validity": 2}
    world.market.raises[1] = ChainError("the node is silent about it")
    later(world, 1000)
    assert refused(world.log, world.task) == late[1:]
    assert world.journal._state.refusals == {world.task: {"closed": 1}, 99: {"closed": 2}}
    del world.market.raises[1]
    later(world, 1)
    assert not refused(world.log, world.task), "a round of which headers were refused only is forgotten, too"
    assert world.journal._state.rejections[world.task] == before
    assert world.journal._state.refusals == {99: {"closed": 2}}
    assert len(refused(world.log, 99)) == 2
    assert vars(world.journal._state) == folded(world.log)


def test_what_a_forgotten_task_held_is_free_for_others(world: World) -> None:
    admission = world.coordinator.admission
    admission._quota._most = admission._refusals._most = 2
    for event in of_round(0, world.task):
        world.journal.record(event)
    world.journal.record(*(HeaderRefused(world.task, "closed", bytes([n]) * 32, 0) for n in range(2)))
    admission.recount()
    for quota in (admission._quota, admission._refusals):
        with pytest.raises(FullError):
            quota.require(99, 1)
    later(world, 1000)
    for quota in (admission._quota, admission._refusals):
        quota.require(99, 1)


@pytest.fixture
def nodes(world: World) -> World:
    """It asks three nodes; the first one lies about what a test says, and about the time."""
    world.market.count, world.market.lying = 3, 10**9
    return world


def settled_long_ago(world: World, patch: pytest.MonkeyPatch) -> None:
    honest = Market.round

    def lied(market: Market, task_id: int, number: int) -> RoundRecord:
        record = honest(market, task_id, number)
        return replace(record, settle_deadline=1) if market.lies else record

    patch.setattr(Market, "round", lied)


def task_unknown(world: World, patch: pytest.MonkeyPatch) -> None:
    honest = Market.terms

    def lied(market: Market, task_id: int) -> TaskTerms:
        if market.lies:
            raise UnknownError("the chain knows no such task")
        return honest(market, task_id)

    patch.setattr(Market, "terms", lied)


@pytest.mark.parametrize("lie", [settled_long_ago, task_unknown])
def test_the_word_of_one_node_deletes_nothing(
    nodes: World, lie: Callable[[World, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    models, results, chain = nodes.coordinator.models, nodes.coordinator.results, nodes.market.chain
    chain.model_digest = used = models.put(b"used", nodes.task)
    be_young(nodes, models)
    later(nodes, 1)
    rounds(nodes, 3)
    stored = [digest for number in range(3) for digest in done(nodes, number)]
    later(nodes, 85)
    chain.open_round(nodes.network.terms.capacity)
    lie(nodes, monkeypatch)
    left = results.put(b"left by a crash", nodes.task)
    (path,) = (path for path in files(results) if path.name == left.hex())
    came = nodes.clock.time() + (4.5 - 90 - windows_of(nodes) / 2) * DAY
    os.utime(path, (came, came))
    later(nodes, 4.5)
    assert known(nodes) == {1, 2}, "the first was over long before"
    assert models.has(used)
    assert all(map(results.has, (*stored[2:], left)))
    later(nodes, 300)
    assert not known(nodes)
    assert [models.has(used), results.has(left)] == [False, False], "two of three are enough"


def test_nodes_that_do_not_agree_delete_nothing(nodes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(nodes, 2)
    for number in range(2):
        done(nodes, number)
    honest = Market.round

    def silent(market: Market, task_id: int, number: int) -> RoundRecord:
        if market._node in (1, 2):
            raise ChainError("the node is silent")
        return honest(market, task_id, number)

    monkeypatch.setattr(Market, "round", silent)
    later(nodes, 1000)
    assert known(nodes) == {0, 1}


def test_trouble_with_one_round_keeps_those_behind_it_only(world: World) -> None:
    rounds(world, 4)
    for number in range(4):
        done(world, number)
    world.market.raises[2] = UnknownError("a reorganisation took it back")
    later(world, 1000)
    assert known(world) == {2, 3}


def files(blobs: Blobs) -> list[Path]:
    return [path for path in blobs._directory.rglob("*") if path.is_file()]


def be_young(world: World, blobs: Blobs) -> None:
    """From now on the world's time is at least that of the files, which is this machine's."""
    world.clock.sleep(max(path.stat().st_mtime for path in files(blobs)) - world.clock.time())
    for _ in range(2):
        world.market.chain.mine()


def windows_of(world: World) -> float:
    """Days from a round's opening to its settle deadline."""
    windows = world.network.terms.windows
    return (windows.submit + windows.settle) / DAY


def test_results_of_which_the_log_knows_nothing_stay_until_nobody_may_ask_for_them(world: World) -> None:
    """A crash between a file and its event leaves one; or the log is a fresh one, or an old one."""
    results = world.coordinator.results
    kept, lost, foreign = (
        done(world, 0, but=RoundClosed),
        results.put(b"lost", world.task),
        results.put(b"of another task", 99),
    )
    be_young(world, results)
    later(world, 89)
    assert all(map(results.has, (*kept, lost, foreign)))
    later(world, 1 + windows_of(world) / 2)
    assert [results.has(digest) for digest in (lost, foreign)] == [True, False]
    young = results.put(b"what another coordinator stored meanwhile", world.task)
    path = next(path for path in files(results) if path.name == young.hex())
    os.utime(path, (world.clock.time(), world.clock.time()))
    later(world, 1)
    assert [results.has(digest) for digest in (*kept, lost, young)] == [True, True, False, True]
    with pytest.raises(UnknownError):
        results.get(lost)


def test_beginning_to_lead_deletes_no_result(tmp_path: Path) -> None:
    """The log may be a fresh one, or this coordinator has been asleep while another one led."""
    world = World(tmp_path, InOrder())
    stored = done(world, 0)
    world.coordinator.close()
    (tmp_path / "results" / ".new-half").write_bytes(b"half")
    again = World(tmp_path, InOrder())
    assert all(map(again.coordinator.results.has, stored))
    assert not list((tmp_path / "results").glob(".new-*"))
    again.coordinator.close()


def test_what_was_stored_again_after_it_was_found_old_stays(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, max_bytes=1 << 20)
    digest = blobs.put(b"a sum", TASK)
    (path,) = files(blobs)
    os.utime(path, (1000.0, 1000.0))
    old = blobs.older(TASK, 2000.0)
    blobs.put(b"a sum", TASK)
    blobs.discard(old, TASK, before=2000.0)
    assert blobs.has(digest)
    os.utime(path, (1000.0, 1000.0))
    blobs.discard(old, TASK, before=2000.0)
    assert not blobs.has(digest)


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "full"])
@pytest.mark.parametrize("write", range(3))
def test_forgetting_stands_a_crash_and_a_full_disk_at_every_write(tmp_path: Path, write: int, kind: str) -> None:
    """The log first, then two results."""
    strikes: list[tuple[str, int] | None] = []
    disk = SimulatedDisk(lambda: strikes.pop(0) if strikes else None)
    log = SqliteLog(tmp_path / "log", VERSIONS, disk)
    journal, results = Journal(log), Blobs(tmp_path / "results", max_bytes=1 << 20, disk=disk)
    digests = {results.put(bytes([kind]) * 50, TASK) for kind in range(2)}
    journal.record(*of_round(0), *of_round(1))
    strikes += [None] * write + [(kind, 0)]
    with pytest.raises((CrashError, Exception)):
        journal.forget({TASK: 0})
        results.discard(digests, TASK)
    journal.close()
    again = Journal(SqliteLog(tmp_path / "log", VERSIONS))
    with again.reading() as state:
        assert set(state.rounds) in ({(TASK, 0), (TASK, 1)}, {(TASK, 1)})
        forgotten = (TASK, 0) not in state.rounds
    assert forgotten or write == 0
    if not forgotten:
        again.forget({TASK: 0})
    Blobs(tmp_path / "results", max_bytes=1 << 20).discard(digests, TASK)  # as is done with what no log knows
    assert set(again._state.rounds) == {(TASK, 1)}
    again.close()
    assert not files(Blobs(tmp_path / "results", max_bytes=1 << 20))


def test_a_task_has_no_more_headers_than_four_times_what_it_leaves_free(world: World) -> None:
    """Whoever creates tasks that name this coordinator registers owners there as it likes."""
    quota = world.coordinator.admission._quota
    quota._most = 6
    for owner in range(4):
        quota.require(world.task, 1)
        world.enter([owner])
        world.coordinator.admission.recount()
    with pytest.raises(FullError, match=r"one task may have.*coordinator.max_headers"):
        quota.require(world.task, 1)
    quota.require(99, 1)
    with world.journal.reading() as state:
        assert state.headers() == {world.task: 4}


def test_a_status_of_a_forgotten_submission_is_unknown(world: World) -> None:
    rounds(world, 2)
    for number in range(2):
        done(world, number)
    with world.journal.reading() as state:
        status = state.status_of(id_of(0, 0))
        assert status is not None
        assert status.state is SubmissionState.ACCEPTED
    later(world, 1000)
    with world.journal.reading() as state:
        assert state.status_of(id_of(0, 0)) is None
