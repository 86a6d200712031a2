"""What goes wrong in a run, as data: it can be replayed, printed, and made smaller while the run still fails."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from commons.protocol.messages import Step
from tests.support.faults import REWRITES
from tests.support.gradedlies import graded_lies

NETWORK, DISK, TURN = "network", "disk", "turn"
KINDS: dict[str, tuple[tuple[str, int], ...]] = {
    NETWORK: (("lose-request", 0), ("lose-reply", 0), ("twice", 0), ("late", 30), ("slow", 200)),
    DISK: (("crash-before", 0), ("crash-after", 0), ("full", 6)),
    TURN: (
        ("restart-prover", 3), ("stop-prover", 3), ("restart-coordinator", 0), ("clock", 7200), ("reorganise", 5),
        ("lose-blocks", 5), ("node-down", 8), ("lag", 5), ("submit-again", 3), ("submit-another", 3), ("relay", 0),
        ("pause", 0), ("node-lies", 400), ("node-hangs", 1),
    ),
}  # fmt: skip
"""Kinds of faults by where they strike, with the largest argument.

A turn may also have "lose-shares", for which no seed asks: provers that lose them beyond t may lose a signed set.
"""
GRADED_STEPS = (Step.COMBINE, Step.LOCK, Step.OPEN, Step.PROVE, Step.ATTEST)
"""At which provers of a graded attempt die."""
_RANGE = {NETWORK: 160, DISK: 140, TURN: 14}
"""Within how many opportunities faults strike."""


@dataclass(frozen=True, order=True)
class Strike:
    """One thing that goes wrong.

    Attributes:
        site: where: at a message to a prover, at a write to a disk, at a turn of the coordinator.
        at: at which of them, counted from 0.
        kind: see ``KINDS``.
        arg: seconds, blocks, turns or a prover, by kind.
    """

    site: str
    at: int
    kind: str
    arg: int = 0


@dataclass(frozen=True)
class Lie:
    """A prover that lies in one field, ``times`` times; see ``tests.support.faults``."""

    prover: int
    name: str
    times: int = 1_000_000


@dataclass(frozen=True)
class Death:
    """A prover that dies once it has done a step, before its answer leaves.

    Attributes:
        turns: that it stays away.
        nth: which time that it does the step.
    """

    prover: int
    step: Step
    turns: int = 0
    nth: int = 0


@dataclass(frozen=True)
class Schedule:
    """Everything that makes a run.

    Attributes:
        seed: of gradients, and of the order in which owners come.
        owners: how many submit.
        strikes: what goes wrong, where.
        lies: what corrupt provers do; at most t of them.
        rounds: one, or two that overlap.
        capacity: most owners of a batch.
        least: fewest.
        copies: of the reference of each round, where the task grades; none: it does not.
        deaths: provers that die right after a step.
        private: whether sums are sealed to a key.
    """

    seed: int
    owners: int = 3
    strikes: tuple[Strike, ...] = ()
    lies: tuple[Lie, ...] = ()
    rounds: int = 1
    capacity: int = 4
    least: int = 2
    copies: int = 0
    deaths: tuple[Death, ...] = ()
    private: bool = False

    def __str__(self) -> str:
        """As code, for a named test."""
        graded = f", copies={self.copies}, deaths={self.deaths!r}" if self.copies else ""
        private = ", private=True" if self.private else ""
        return f"Schedule({self.seed}, {self.owners}, {self.strikes!r}, {self.lies!r}, {self.rounds}{graded}{private})"


def drawn(seed: int, *, most: int = 8, lying: bool = True) -> Schedule:
    """The schedule of a seed."""
    source = random.Random(seed)
    strikes = tuple(sorted(_strike(source) for _ in range(source.randint(0, most))))
    lies: tuple[Lie, ...] = ()
    if lying and source.random() < 0.4:
        lies = (Lie(source.randrange(4), source.choice(sorted(REWRITES)), source.choice((1, 1, 1_000_000))),)
    return Schedule(seed, source.randint(2, 4), strikes, lies, 2 if source.random() < 0.3 else 1)


def drawn_graded(seed: int, *, most: int = 8) -> Schedule:
    """The schedule of a seed, of a task that grades."""
    plain, source = drawn(seed, most=most, lying=False), random.Random(-1 - seed)
    lies = (Lie(source.randrange(4), source.choice(sorted(graded_lies())), source.choice((1, 1, 1_000_000))),)
    deaths = (Death(source.randrange(4), source.choice(GRADED_STEPS), source.randint(0, 6)),)
    chosen = (lies, ()) if source.random() < 0.4 else ((), deaths if source.random() < 0.5 else ())
    return replace(plain, lies=chosen[0], deaths=chosen[1], copies=3)


def _strike(source: random.Random) -> Strike:
    site = source.choices((NETWORK, DISK, TURN), (4, 3, 3))[0]
    kind, largest = source.choice(KINDS[site])
    sign = -1 if kind == "clock" and source.random() < 0.5 else 1
    return Strike(site, source.randrange(_RANGE[site]), kind, sign * source.randint(0, largest))


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """A smaller schedule that still fails: without strikes, lies and owners that are not needed."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(schedule):
            if fails(candidate):
                schedule, smaller = candidate, True
                break
    return schedule


def _smaller(schedule: Schedule) -> list[Schedule]:
    strikes, half = schedule.strikes, len(schedule.strikes) // 2
    candidates = []
    if half > 1:
        candidates += [replace(schedule, strikes=part) for part in (strikes[:half], strikes[half:])]
    candidates += [replace(schedule, strikes=strikes[:i] + strikes[i + 1 :]) for i in range(len(strikes))]
    candidates += [replace(schedule, lies=())] if schedule.lies else []
    candidates += [replace(schedule, deaths=())] if schedule.deaths else []
    candidates += [replace(schedule, rounds=1)] if schedule.rounds > 1 else []
    candidates += [replace(schedule, owners=schedule.owners - 1)] if schedule.owners > 2 else []
    return candidates
