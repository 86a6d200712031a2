"""How long a round in trouble is left alone."""

from __future__ import annotations

import pytest

from coordinator.backoff import Backoff
from coordinator.roundstate import RoundKey

ONE, OTHER = (7, 0), (7, 1)


def pauses(backoff: Backoff, key: RoundKey, count: int, start: float = 1000.0) -> list[float]:
    """How long each of several failures in a row keeps a round waiting."""
    now, found = start, []
    for _ in range(count):
        assert backoff.is_due(key, now)
        backoff.extend(key, now)
        pause = next(p / 4 for p in range(1, 1000) if backoff.is_due(key, now + p / 4))
        found.append(pause)
        now += pause
    return found


def test_a_round_that_never_failed_is_due_at_any_time() -> None:
    assert Backoff(1, 60).is_due(ONE, -5.0)


def test_pauses_double_up_to_the_longest() -> None:
    assert pauses(Backoff(1, 10), ONE, 7) == [1, 2, 4, 8, 10, 10, 10]


def test_no_pause_is_longer_than_the_longest_not_even_the_first() -> None:
    assert pauses(Backoff(8, 3), ONE, 3) == [3, 3, 3]


def test_progress_makes_the_next_pause_the_first_again() -> None:
    backoff = Backoff(1, 60)
    pauses(backoff, ONE, 4)
    backoff.extend(ONE, 2000.0)
    assert not backoff.is_due(ONE, 2001.0)
    backoff.clear(ONE)
    assert backoff.is_due(ONE, 2000.0)
    assert pauses(backoff, ONE, 2) == [1, 2]


@pytest.mark.parametrize("first", [ONE, OTHER])
def test_rounds_wait_each_for_itself(first: RoundKey) -> None:
    backoff = Backoff(1, 60)
    second = OTHER if first == ONE else ONE
    assert pauses(backoff, first, 3) == [1, 2, 4]
    assert backoff.is_due(second, 0.0)
    assert pauses(backoff, second, 2) == [1, 2]
    backoff.clear(second)
    backoff.extend(first, 5000.0)
    assert not backoff.is_due(first, 5007.0)
