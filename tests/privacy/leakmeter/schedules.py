"""Who is asked what: every order that matters for one committee of three, orders at random for larger ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain, combinations, permutations

from commons.protocol.messages import Step
from provers.party import Party
from provers.party.ledger import LedgerState
from tests.privacy.leakmeter.adversary import TRUTH, Coordinator, Lie
from tests.privacy.leakmeter.allowed import excess
from tests.privacy.leakmeter.stage import Stage
from tests.privacy.leakmeter.world import World

_WITH_REFERENCE = 0.9
"""Chance that an attempt of a graded cohort keeps the reference on purpose."""
Check = Callable[[Coordinator, str], None]
"""Called at the end of every schedule, with a description of it."""


class LeakError(AssertionError):
    """A schedule gave the adversary more than the sums of accepted batches."""


@dataclass
class Coverage:
    """What schedules have exercised.

    Attributes:
        schedules: how many were run to their end.
        subsets: the distinct sets of honest messages that the adversary held at an end.
        steps: how many honest answers of each step the ends hold.
        refusals: how many requests honest provers refused.
    """

    schedules: int = 0
    subsets: set[frozenset[tuple[int, Step, int]]] = field(default_factory=set)
    steps: Counter[Step] = field(default_factory=Counter)
    refusals: int = 0

    def note(self, adversary: Coordinator) -> None:
        """Count one schedule."""
        world = adversary.world
        sessions = (*world.cohorts, *world.proposals, *world.certificates)
        asked = frozenset((sessions.index(session), step, prover) for session, step, prover in world.asked)
        self.schedules += 1
        self.subsets.add(asked)
        self.steps.update(step for _, step, _ in asked)
        self.refusals += adversary.refused

    def __str__(self) -> str:
        steps = " ".join(f"{step.name}={self.steps[step]}" for step in sorted(self.steps))
        return f"{self.schedules} schedules, {len(self.subsets)} message subsets, {self.refusals} refusals; {steps}"


def check_sealed(adversary: Coordinator, schedule: str) -> None:
    """Raise LeakError if more than accepted sums and tests of validity leaks."""
    found = excess(adversary.world, adversary.world.accepted)
    if found:
        raise LeakError(f"{found} dimensions leak beyond what may leak: {schedule}")


# --- every order, one committee of three --------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """One attempt of an enumeration: which owners, and what the corrupt provers say in it."""

    kept: tuple[int, ...]
    lie: Lie = TRUTH


def enumerate_stops(adversary: Coordinator, cohort: bytes, trials: Sequence[Trial], end: Check, path: str = "") -> None:
    """Run attempts one after the other; each stops after any step, the next step asked of any honest provers or none.

    Every stop of one attempt is combined with every stop of those behind it.  At each end the schedule is checked as
    it is, and again after the adversary has asked for all that is left, attempts in every order.
    """
    if not trials:
        end(adversary, path)
        _run_on(adversary, end, path)
        return
    trial, *rest = trials
    active = range(adversary.world.stage.shape.size)
    session = adversary.propose(cohort, trial.kept, active, trial.lie)
    name = f"{path} | owners {trial.kept} {trial.lie or ''}"
    for stopped, where in _stops(adversary, session):
        enumerate_stops(stopped, cohort, rest, end, f"{name} {where}")


def _stops(adversary: Coordinator, session: bytes) -> Iterator[tuple[Coordinator, str]]:
    """The adversary after each way to stop an attempt."""
    honest = adversary.world.stage.shape.honest
    for step in adversary.steps(session):
        for asked in _proper_subsets(honest):
            stopped = adversary.fork()
            if all(stopped.ask(session, step, p) for p in asked):
                yield stopped, f"until {step.name} of {asked}"
        adversary = adversary.fork()
        if not adversary.ask_all(session, step):
            break
    yield adversary, f"until {step.name} of all"


def _proper_subsets(provers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return chain.from_iterable(combinations(provers, size) for size in range(len(provers)))


def _run_on(adversary: Coordinator, end: Check, path: str) -> None:
    sessions = list(adversary.world.proposals)
    for order in permutations(sessions):
        again = adversary.fork()
        if squeeze(again, order):
            end(again, f"{path} | then all that is left, attempts in order {[sessions.index(s) for s in order]}")


def squeeze(adversary: Coordinator, sessions: Sequence[bytes]) -> bool:
    """Ask every prover for every step of every attempt that it still answers; whether any did."""
    before = adversary.world.asked
    for session in sessions:
        for step in adversary.steps(session):
            for prover in adversary.missing(session, step):
                adversary.ask(session, step, prover)
    return adversary.world.asked != before


# --- at random -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """How long and how wild a random schedule is.

    Attributes:
        damage: chance that one honest prover's copy of a share is damaged; that prover counts as corrupt.
        probes: chance that an attempt is a probe.
        overlap: whether submissions stand in several cohorts, and each cohort is opened with some provers only.
    """

    attempts: int = 3
    cohorts: int = 1
    moves: int = 40
    damage: float = 0
    probes: float = 0.2
    overlap: bool = False


def random_schedule(stage: Stage, plan: Plan, seed: int) -> Coordinator:
    """An adversary that has asked at random, and then for all that is left."""
    player = _Player(stage, plan, random.Random(seed))
    for _ in range(plan.moves):
        player.move()
    sessions = list(player.adversary.world.proposals)
    player.random.shuffle(sessions)
    squeeze(player.adversary, sessions)
    return player.adversary


class _Player:
    """Chooses at random what to do next."""

    def __init__(self, stage: Stage, plan: Plan, source: random.Random) -> None:
        self.adversary = Coordinator(World(stage))
        self.random = source
        self._plan = plan
        self._stage = stage
        self._saved: dict[int, LedgerState] = {}
        self._memories: dict[int, Party] = {}
        self._parts = self._cut()
        self._damage()
        self._cohorts = [self._open(part) for part in self._parts]

    def _cut(self) -> list[list[int]]:
        """Submissions of each cohort, no owner twice in one; with ``overlap``, some in several."""
        numbers = list(range(len(self._stage.submissions)))
        self.random.shuffle(numbers)
        parts: list[list[int]] = [[] for _ in range(self._plan.cohorts)]
        for number in numbers:
            owner = self._stage.submissions[number].owner
            free = [part for part in parts if all(self._stage.submissions[i].owner != owner for i in part)]
            for part in free if self._plan.overlap else free[:1]:
                part.append(number)
            parts = parts[1:] + parts[:1]
        return [part for part in parts if part]

    def _open(self, part: list[int]) -> bytes:
        """A cohort; with ``overlap``, only some provers are asked, so that others may join another."""
        size = self._stage.shape.size
        asked = self.random.randint(self._stage.committee.quorum - 1, size) if self._plan.overlap else size
        return self.adversary.open_cohort(part, self.random.sample(range(size), asked), self._copy(part))

    def _copy(self, part: list[int]) -> int:
        """A copy of the reference for each cohort as far as there are any."""
        return min(self._parts.index(part), max(0, self._stage.shape.copies - 1))

    def _damage(self) -> None:
        """A bit of one honest prover's expanded share is wrong from the start."""
        if self.random.random() < self._plan.damage:
            at = self.random.choice([key for key in self._stage.payloads if key[0] in self._stage.shape.honest])
            self.adversary.world.damage(*at)

    def move(self) -> None:
        """One request, or one accident."""
        moves = {
            self._propose: 2, self._step: 12, self._ask: 10,
            self._reveal: 1, self._restart: 1, self._rewind: 1, self._recall: 1,
        }  # fmt: skip
        (chosen,) = self.random.choices(list(moves), weights=list(moves.values()))
        chosen()

    def _propose(self) -> None:
        if len(self.adversary.world.proposals) >= self._plan.attempts:
            return
        nth = self.random.randrange(len(self._cohorts))
        graded, committee = self.adversary.graded, self._stage.committee
        count = len(self._parts[nth]) + graded
        kept = sorted(self.random.sample(range(count), self.random.randint(1, count)))
        if graded and self.random.random() < _WITH_REFERENCE:
            kept = sorted({0, *kept})
        joined = self.adversary.joined(self._cohorts[nth])
        willing = joined if len(joined) >= committee.quorum else range(committee.size)
        active = sorted(self.random.sample(willing, self.random.randint(committee.quorum, len(willing))))
        lie = Lie(self.random.randrange(2), self.random.randrange(2), self.random.randrange(2 * len(kept) + 1))
        roots = (Lie(stretch=3), Lie(apart=1)) if graded else ()
        lie = self.random.choice((TRUTH, TRUTH, lie, *roots))
        self.adversary.propose(self._cohorts[nth], kept, active, lie, probe=self.random.random() < self._plan.probes)

    def _session(self) -> tuple[bytes, Sequence[Step]] | None:
        proposals = self.adversary.world.proposals
        if not proposals:
            return None
        session = self.random.choice(list(proposals))
        return session, self.adversary.steps(session)

    def _step(self) -> None:
        """Everybody, the first step that somebody has not answered."""
        session, steps = self._session() or (b"", ())
        for step in steps:
            if self.adversary.missing(session, step):
                self.adversary.ask_all(session, step)
                return

    def _ask(self) -> None:
        """One honest prover, any step."""
        if (chosen := self._session()) is not None:
            session, steps = chosen
            self.adversary.ask(session, self.random.choice(steps), self.random.choice(self._stage.shape.honest))

    def _reveal(self) -> None:
        nth = self.random.randrange(len(self._cohorts))
        owner = self.random.randrange(len(self._parts[nth]))
        self.adversary.reveal(self._cohorts[nth], owner, self.random.choice(self._stage.shape.honest))

    def _restart(self) -> None:
        """A prover forgets what is not durable, and learns its cohorts again."""
        prover = self.random.choice(self._stage.shape.honest)
        self.adversary.world.restart(prover)
        for part in self._parts:
            self.adversary.open_cohort(part, [prover], self._copy(part))

    def _recall(self) -> None:
        """A prover gets an old memory back, as from a machine's snapshot, but no old ledger."""
        prover, parties = self.random.choice(self._stage.shape.honest), self.adversary.world.parties
        parties[prover], self._memories[prover] = self._memories.get(prover, parties[prover]), parties[prover]

    def _rewind(self) -> None:
        """One prover that counts as corrupt, but is not, gets an old copy of its ledger back."""
        for prover in self._stage.shape.rewound:
            ledgers = self.adversary.world.ledgers
            ledgers[prover], self._saved[prover] = self._saved.get(prover, LedgerState()), deepcopy(ledgers[prover])
