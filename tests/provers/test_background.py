"""What is done behind the answers: one piece after another, and not more than there is room for."""

from __future__ import annotations

import time
from functools import partial
from threading import Event

from provers.background import Background


def test_strangers_cannot_pile_work_up() -> None:
    done = list[int]()
    background, free, last = Background("work", 3), Event(), Event()

    def work(nth: int) -> None:
        free.wait()
        done.append(nth)

    for nth in range(3):
        assert background.start(partial(work, nth))
    assert not background.start(partial(work, 3))
    free.set()
    while not background.start(last.set):
        pass
    last.wait()
    background.close()
    assert done == [0, 1, 2]


def test_work_that_fails_makes_room_and_is_in_nobodys_way() -> None:
    background, last = Background("work", 1), Event()

    def mistaken() -> None:
        raise ValueError("a mistake")

    assert background.start(mistaken)
    while not background.start(last.set):
        pass
    last.wait()
    background.close()


def test_what_is_under_way_ends_before_it_is_closed_and_nothing_begins_after() -> None:
    done = list[str]()
    background, begun = Background("work", 1 << 16), Event()

    def slow() -> None:
        begun.set()
        while background.start(partial(done.append, "waiting")):
            time.sleep(0.001)
        done.append("slow")

    background.start(slow)
    begun.wait()
    background.close()
    assert not background.start(partial(done.append, "late"))
    assert done == ["slow"]
