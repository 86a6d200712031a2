"""A process notices that nothing moves in it, says so, and ends when that does not change."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from commons.runtime.pieces import Pieces, progressed
from commons.runtime.sdnotify import Supervisor
from commons.runtime.supervision import STUCK_STATUS, supervise
from commons.runtime.watchdog import Condition, Watchdog
from commons.runtime.workpool import WorkPool
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
STUCK, END = 100.0, 50.0


@dataclass
class Hands:
    """A clock that is set by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def watchdog(clock: Hands) -> Watchdog:
    return Watchdog(STUCK, END, clock)


@contextmanager
def waiting(name: str) -> Iterator[tuple[threading.Thread, threading.Event]]:
    """A thread that lives until it is let go."""
    free = threading.Event()
    thread = threading.Thread(target=free.wait, name=name, daemon=True)
    yield thread, free
    free.set()
    if thread.ident is not None:
        thread.join()


def test_a_thread_that_says_nothing_is_stuck_and_then_hopeless(clock: Hands, watchdog: Watchdog) -> None:
    with waiting("driver") as (thread, _):
        beat = watchdog.thread(thread, pause=5)
        thread.start()
        clock.now += STUCK + 5
        assert watchdog.look() is Condition.WORKING
        clock.now += 1
        assert watchdog.look() is Condition.STUCK
        assert watchdog.stuck() == {"driver"}
        assert watchdog.idle_for("driver") == STUCK + 6
        beat()
        assert watchdog.look() is Condition.WORKING
        clock.now += STUCK + 5 + END
        assert watchdog.look() is Condition.STUCK
        clock.now += 1
        assert watchdog.look() is Condition.HOPELESS


def test_a_thread_that_has_died_is_hopeless_at_once(watchdog: Watchdog, caplog: pytest.LogCaptureFixture) -> None:
    with waiting("tidy") as (thread, free):
        watchdog.thread(thread)
        assert watchdog.look() is Condition.WORKING, "one that has not started yet is not dead"
        thread.start()
        assert watchdog.look() is Condition.WORKING
        free.set()
        thread.join()
    assert watchdog.look() is Condition.HOPELESS
    assert "event=thread-died threads=tidy" in caplog.text


def test_a_thread_that_waits_for_others_has_only_to_live(clock: Hands, watchdog: Watchdog) -> None:
    with waiting("page") as (thread, free):
        watchdog.living(thread)
        thread.start()
        clock.now += 1e9
        assert watchdog.look() is Condition.WORKING
        free.set()
        thread.join()
    assert watchdog.look() is Condition.HOPELESS


def test_work_is_stuck_only_while_there_is_some(clock: Hands, watchdog: Watchdog) -> None:
    pieces = Pieces(clock)
    watchdog.pieces("steps", pieces, allowed=3 * STUCK)
    clock.now += 1e9
    assert watchdog.look() is Condition.WORKING
    with pieces.piece():
        clock.now += 3 * STUCK
        assert watchdog.look() is Condition.WORKING
        clock.now += 1
        assert watchdog.look() is Condition.STUCK
        progressed()
        assert watchdog.look() is Condition.WORKING
    progressed()  # by a thread that has no piece: nothing
    assert (pieces.count, pieces.slowest(), pieces.longest()) == (0, None, 0)


def test_work_inside_of_work_is_progress_of_both(clock: Hands) -> None:
    outer, inner = Pieces(clock), Pieces(clock)
    with outer.piece():
        clock.now += 10
        with inner.piece():
            assert (outer.longest(), inner.longest()) == (0, 0)
            clock.now += 10
            progressed()
        clock.now += 1
        assert outer.longest() == 1
        progressed()
        assert outer.longest() == 0


def test_a_pool_tells_what_is_under_way_and_what_waits(clock: Hands) -> None:
    pool, free = WorkPool(1, "few", clock), threading.Event()
    running = [pool.submit(free.wait), pool.submit(free.wait)]
    wait_for(lambda: pool.pieces.count == 1)
    assert pool.waiting == 1
    clock.now += 7
    assert pool.pieces.longest() == 7
    assert running[1].cancel()
    assert pool.waiting == 0
    free.set()
    pool.shutdown()
    assert (pool.pieces.count, pool.waiting, running[0].result()) == (0, 0, True)


def test_what_is_logged_of_a_stuck_thread_has_no_values(
    clock: Hands, watchdog: Watchdog, caplog: pytest.LogCaptureFixture
) -> None:
    free, held = threading.Event(), threading.Event()

    def holding_a_share() -> None:
        share = "2718281828"
        held.set()
        free.wait()
        assert share

    thread = threading.Thread(target=holding_a_share, name="holder", daemon=True)
    watchdog.thread(thread)
    thread.start()
    held.wait()
    clock.now += STUCK + 1
    assert watchdog.look() is Condition.STUCK
    lines = [line for line in caplog.messages if "thread=holder" in line]
    assert "event=stuck thread=holder seconds=101" in lines
    assert any(f"{__name__}.holding_a_share:" in line for line in lines)
    assert "2718281828" not in caplog.text
    assert str(Path(__file__).parent) not in caplog.text
    told = len(caplog.messages)
    watchdog.look()
    assert len(caplog.messages) == told, "once is enough"
    free.set()
    thread.join()


def test_what_is_left_alone_during_a_look_does_not_end_it(clock: Hands, watchdog: Watchdog) -> None:
    """A coordinator that leads no more leaves its pools while the main thread looks."""

    class Leaving(Pieces):
        def slowest(self) -> float | None:
            watchdog.leave("steps")
            return super().slowest()

    pieces = Leaving(clock)
    watchdog.pieces("steps", pieces)
    names = watchdog.names
    with pieces.piece():
        clock.now += STUCK + 1
        assert watchdog.look() is Condition.STUCK
        assert watchdog.look() is Condition.WORKING
    assert [watchdog.idle_for(name) for name in names] == [0.0], "as for a page of metrics that had its name before"


def test_a_thread_that_leaves_and_ends_during_a_look_has_not_died(watchdog: Watchdog) -> None:
    class Leaving(threading.Thread):
        def is_alive(self) -> bool:
            watchdog.leave(self.name)
            return False

    thread = Leaving(target=int, name="driver")
    thread.start()
    threading.Thread.join(thread)
    watchdog.living(thread)
    assert watchdog.look() is Condition.WORKING


class Health:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[bool] = []

    def works(self, moving: bool) -> None:
        self.said.append(moving)


def test_a_process_that_nothing_moves_in_stops_serving_and_ends_with_its_own_status(
    clock: Hands, watchdog: Watchdog
) -> None:
    pieces, health, ended = Pieces(clock), Health(), list[int]()
    watchdog.pieces("steps", pieces)

    def works(moving: bool) -> None:
        health.works(moving)
        clock.now += STUCK / 2

    with pieces.piece():
        supervise(threading.Event(), watchdog, works, end=ended.append, supervisor=Supervisor({}), every=0)
    assert ended == [STUCK_STATUS]
    assert health.said[0] is True
    assert health.said[-2:] == [False, False]


def test_a_process_that_is_told_to_stop_is_not_ended(watchdog: Watchdog) -> None:
    stop, ended = threading.Event(), list[int]()
    supervise(stop, watchdog, lambda _: stop.set(), end=ended.append, supervisor=Supervisor({}), every=0)
    assert not ended


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def test_systemd_is_told_that_a_process_is_ready_alive_and_stops(watchdog: Watchdog, systemd: socket.socket) -> None:
    stop = threading.Event()
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.getsockname()})
    supervise(stop, watchdog, lambda _: stop.set(), supervisor=supervisor, every=0)
    assert [systemd.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_systemd_is_told_no_more_that_a_process_is_alive_that_has_ended_itself(
    watchdog: Watchdog, systemd: socket.socket
) -> None:
    dead = threading.Thread(target=int)
    watchdog.living(dead)
    dead.start()
    dead.join()
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.getsockname()})
    supervise(threading.Event(), watchdog, lambda _: None, end=lambda _: None, supervisor=supervisor, every=0)
    assert systemd.recv(64) == b"READY=1"
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(64)


@pytest.mark.parametrize("address", ["", "relative", "/nobody/listens", "@gradroll-nobody-listens"])
def test_where_nobody_listens_nothing_is_told_and_nothing_fails(address: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Supervisor({"NOTIFY_SOCKET": address}).ready()
    assert not caplog.messages


ENDING = """
import threading
from commons.runtime.supervision import supervise
from commons.runtime.watchdog import Watchdog

watchdog, never = Watchdog(0.01, 0.01), threading.Event()
threading.Thread(target=never.wait).start()  # the interpreter would wait for it
watchdog.thread(threading.current_thread())
supervise(never, watchdog, lambda _: None, every=0.05)
"""


def test_a_real_process_ends_although_a_thread_of_it_never_would() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == STUCK_STATUS
    assert "event=ended-by-watchdog" in ended.stderr
