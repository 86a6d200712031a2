"""Pieces of work beside the rounds: one at a time, and when it is time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from coordinator.turns import Turn
from tests.simulation.world.clock import NodeClock, WorldClock

INTERVAL = 10.0


class Slow(Executor):
    """Is at what it was given last until ``end``."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []
        self.running: Future[Any] = Future()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given.append(args)
        self.running = Future()
        return self.running

    def end(self) -> None:
        self.running.set_result(None)


def begun() -> tuple[Turn, Slow, NodeClock]:
    pool, clock = Slow(), NodeClock(WorldClock())
    turn = Turn(clock, pool, INTERVAL)
    assert turn.may_begin(), "the first is not waited for"
    turn.begin(print, "work")
    assert pool.given == [("work",)]
    return turn, pool, clock


def test_pieces_begin_an_interval_after_each_other() -> None:
    turn, pool, clock = begun()
    pool.end()
    assert not turn.may_begin()
    assert turn.may_begin(at_once=True)
    clock.sleep(INTERVAL)
    assert turn.may_begin()


def test_two_are_never_under_way() -> None:
    turn, pool, clock = begun()
    clock.sleep(2 * INTERVAL)
    assert not turn.may_begin()
    assert not turn.may_begin(at_once=True)
    pool.end()
    assert turn.may_begin()


def test_the_next_may_be_hastened_but_not_put_off() -> None:
    turn, pool, clock = begun()
    turn.hasten(INTERVAL / 2)
    turn.hasten(2 * INTERVAL)
    pool.end()
    clock.sleep(INTERVAL / 2 - 1)
    assert not turn.may_begin()
    clock.sleep(1)
    assert turn.may_begin()
