"""Values that are loaded once: by one of many who ask at the same time, and anew after a failure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from commons.runtime.memo import Memo


def test_many_who_ask_at_once_load_once() -> None:
    memo, loads, started = Memo[str, int](), list[None](), threading.Barrier(8)

    def ask() -> int:
        started.wait()
        return memo.get("key", lambda: loads.append(None) or 7)  # type: ignore[func-returns-value]

    with ThreadPoolExecutor(8) as pool:
        assert {future.result() for future in [pool.submit(ask) for _ in range(8)]} == {7}
    assert len(loads) == 1
    assert memo.values() == (7,)


def test_what_is_forgotten_is_loaded_anew_also_when_it_was_being_loaded() -> None:
    memo = Memo[str, int]()
    assert memo.get("key", lambda: 1) == 1
    memo.forget()
    assert memo.get("key", lambda: memo.forget() or 2) == 2  # type: ignore[func-returns-value]
    assert memo.get("key", lambda: 3) == memo.get("key", lambda: 4) == 3


def test_what_failed_is_loaded_anew() -> None:
    memo = Memo[str, int]()
    with pytest.raises(ZeroDivisionError):
        memo.get("key", lambda: 1 // 0)
    assert memo.values() == ()
    assert memo.get("key", lambda: 3) == memo.get("key", lambda: 1 // 0) == 3


def test_what_may_change_is_loaded_anew_after_a_while() -> None:
    time = [100.0]
    memo = Memo[str, int](seconds=60, monotonic=lambda: time[0])
    assert memo.get("key", lambda: 1) == 1
    time[0] += 60
    assert memo.get("key", lambda: 2) == 1
    time[0] += 1
    assert memo.get("key", lambda: 3) == memo.get("key", lambda: 4) == 3


def test_what_serves_no_more_is_not_kept_for_ever() -> None:
    time = [100.0]
    memo = Memo[str, int](seconds=60, monotonic=lambda: time[0])
    assert (memo.get("first", lambda: 1), memo.get("second", lambda: 2)) == (1, 2)
    assert memo.values() == (1, 2)
    time[0] += 61
    assert memo.get("third", lambda: 3) == 3
    assert memo.values() == (3,)
