"""Play schedules of the simulation one after the other: `make worlds WORLDS_FLAGS='--minutes 10 --seed 1000'`.

Says what happened how often, and for each seed that fails the smallest schedule that still does, as code for a named
test.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from io import StringIO

from commons.protocol.status import SubmissionState
from tests.simulation.world.gradedworld import GradedWorld, numbers_agree
from tests.simulation.world.invariants import always, in_the_end, statuses
from tests.simulation.world.schedule import Schedule, drawn, drawn_graded, shrunk
from tests.simulation.world.world import World

Play = Callable[[Schedule], tuple[Counter[str], object]]


def play(schedule: Schedule) -> tuple[Counter[str], list[SubmissionState]]:
    """Run a schedule to its end: what happened, and what became of the submissions.  Raises whatever is wrong."""
    with GradedWorld(schedule) if schedule.copies else World(schedule) as world:
        world.run(always)
        in_the_end(world)
        if isinstance(world, GradedWorld):
            numbers_agree(world)
        assert world.coordinator is not None
        with world.coordinator.journal.reading() as state:
            told = statuses(state)
        return world.events, [told[submission].state for submission in world.headers if submission in told]


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed whose run went wrong.

    Attributes:
        smallest: what is left of its schedule when all that is not needed is taken away.
        reason: the complaint, in one line.
    """

    seed: int
    smallest: Schedule
    reason: str


@dataclass(slots=True)
class Tally:
    """What a number of runs came to."""

    runs: int = 0
    events: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


def seeds(first: int, count: int | None, seconds: float | None, now: Callable[[], float]) -> Iterator[int]:
    """Seeds from ``first`` on: ``count`` of them, or as many as begin within ``seconds``, whichever ends first."""
    until = None if seconds is None else now() + seconds
    for seed in itertools.count(first) if count is None else range(first, first + count):
        if until is not None and now() >= until:
            return
        yield seed


def play_all(
    chosen: Iterator[int], run: Play, say: Callable[[str], object], draw: Callable[[int], Schedule] = drawn
) -> Tally:
    """Play each seed's schedule; what fails is made smaller at once and told, and the next one is played."""
    tally = Tally()
    for seed in chosen:
        schedule = draw(seed)
        reason, events = _outcome(run, schedule)
        tally.runs += 1
        tally.events += events
        if reason:
            smallest = shrunk(schedule, lambda tried: bool(_outcome(run, tried)[0]))
            tally.failures.append(Failure(seed, smallest, reason))
            say(f"seed {seed} failed: {reason}\n  {smallest}")
    return tally


def _outcome(run: Play, schedule: Schedule) -> tuple[str, Counter[str]]:
    """Why a run failed, empty if it did not, and what happened in it."""
    try:
        return "", run(schedule)[0]
    except Exception as error:
        lines = str(error).splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}", Counter()


def told(tally: Tally) -> str:
    """The table that is printed in the end."""
    rows = [f"{kind:24} {count:8}" for kind, count in sorted(tally.events.items())]
    total = f"{tally.runs} schedules, {sum(tally.events.values())} events, {len(tally.failures)} failures"
    return "\n".join([*rows, total, *(f"  seed {failure.seed}: {failure.reason}" for failure in tally.failures)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 when any schedule failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.playing", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first one; the next ones follow (default 0)")
    parser.add_argument("--minutes", type=float, help="begin no further schedule after this time")
    parser.add_argument("--count", type=int, help="how many schedules (default 100, or as many as --minutes allows)")
    parser.add_argument("--graded", action="store_true", help="schedules of tasks that grade their owners")
    chosen = parser.parse_args(arguments)
    if chosen.seed < 0 or any(given is not None and given <= 0 for given in (chosen.minutes, chosen.count)):
        parser.error("--seed cannot be negative, --minutes and --count have to be positive")
    count = 100 if chosen.count is None and chosen.minutes is None else chosen.count
    seconds = None if chosen.minutes is None else 60 * chosen.minutes

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with redirect_stderr(StringIO()):  # what nodes warn of in trouble
        draw = drawn_graded if chosen.graded else drawn
        tally = play_all(seeds(chosen.seed, count, seconds, time.monotonic), play, say, draw)
    say(told(tally))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
