"""`make worlds` plays what it says, counts what happened, and makes what fails small."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest

from tests.simulation.playing import main, play_all, seeds, told
from tests.simulation.world.schedule import Schedule, drawn


def never(schedule: Schedule) -> tuple[Counter[str], None]:
    return Counter(strike.kind for strike in schedule.strikes), None


def breaks_on_pauses(schedule: Schedule) -> tuple[Counter[str], None]:
    assert all(strike.kind != "pause" for strike in schedule.strikes), "acceptance was paused\nmore of it"
    return never(schedule)


def test_a_seed_that_fails_is_told_with_the_smallest_schedule_that_still_does() -> None:
    said: list[str] = []
    paused = [seed for seed in range(60) if any(strike.kind == "pause" for strike in drawn(seed).strikes)]
    assert paused
    tally = play_all(iter(range(60)), breaks_on_pauses, said.append)
    assert [failure.seed for failure in tally.failures] == paused
    assert {failure.reason for failure in tally.failures} == {"AssertionError: acceptance was paused"}
    for failure, text in zip(tally.failures, said, strict=True):
        assert [strike.kind for strike in failure.smallest.strikes] == ["pause"]
        assert str(failure.smallest) in text
    assert f"{len(paused)} failures" in told(tally)


def test_events_of_all_schedules_are_counted() -> None:
    tally = play_all(iter(range(20)), never, lambda _: None)
    assert tally.runs == 20
    assert tally.events == sum((never(drawn(seed))[0] for seed in range(20)), Counter())
    assert not tally.failures


def test_seeds_end_by_number_or_by_time_whichever_is_first() -> None:
    assert list(seeds(5, 3, None, count().__next__)) == [5, 6, 7]
    assert list(seeds(0, None, 4, count().__next__)) == [0, 1, 2]
    assert list(seeds(0, 2, 1000, count().__next__)) == [0, 1]
    assert list(seeds(0, 9, 3, count().__next__)) == [0, 1]


def test_real_schedules_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "0", "--count", "1"]) == 0
    assert "1 schedules" in capsys.readouterr().out


def test_real_graded_schedules_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--graded", "--seed", "3", "--count", "1"]) == 0
    assert "1 schedules" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--minutes", "0"], ["--count", "-1"], ["--seed", "-2"]])
def test_what_cannot_be_played_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
