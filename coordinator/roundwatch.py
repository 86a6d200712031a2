"""What each round waits for and since when: for its owners, for the operator, for metrics.  Nothing rests on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.runtime.amounts import utc
from commons.runtime.clock import Clock
from coordinator.events import BatchProven, BatchSettled, CohortBegun, Event, HeaderAccepted, RoundClosed, SumOpened
from coordinator.phases import Phase, phase_of
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import RoundKey, named

_UNFINISHED = (SubmissionState.PENDING, SubmissionState.PROVING, SubmissionState.PROVEN)


@dataclass(slots=True)
class _Standing:
    """Attributes:
    reason: what the round waits for; empty while it is worked on.
    since: since when, seconds since 1970.
    step: that provers work on; empty when none is.
    silent: those of them that have not answered.
    asked: when they were asked.
    moved: when the round last came further, as far as this process has seen.
    """

    since: float
    moved: float
    reason: str = ""
    step: str = ""
    silent: set[int] = field(default_factory=set)
    asked: float = 0.0


@dataclass(frozen=True, slots=True)
class LastBatch:
    """A batch that the chain accepted, and when that was recorded."""

    batch_id: bytes
    owners: int
    at: float


class RoundWatch:
    """Told by driver, batcher and journal how the rounds go.  Thread-safe.

    Args:
        clock: of this machine; what it says is shown and nothing else.
        stepped: told a step's name and the seconds until the last prover had answered.
        troubled: told the code of what a round was in trouble with.
        taken_back: told of each batch that the chain took back though it was final.
    """

    def __init__(
        self,
        clock: Clock,
        stepped: Callable[[str, float], None] = lambda _step, _seconds: None,
        troubled: Callable[[str], None] = lambda _code: None,
        taken_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock, self._stepped, self.troubled, self.taken_back = clock, stepped, troubled, taken_back
        self._lock = threading.Lock()
        self._rounds: dict[RoundKey, _Standing] = {}
        self._started = clock.time()
        self.last_batch: LastBatch | None = None

    def say(self, key: RoundKey, reason: str) -> None:
        """What a round waits for; nothing while it is worked on."""
        with self._lock:
            one = self._standing(key)
            if one.reason != reason:
                one.reason, one.since = reason, self._clock.time()

    @contextmanager
    def asking(self, key: RoundKey, step: str, provers: Iterable[int]) -> Iterator[Callable[[int], None]]:
        """Provers are asked for a step; the block is given what takes down that one has answered."""
        begun = self._clock.monotonic()
        with self._lock:
            one = self._standing(key)
            one.step, one.silent, one.asked = step, set(provers), self._clock.time()

        def answered(prover: int) -> None:
            with self._lock:
                one.silent.discard(prover)

        try:
            yield answered
        finally:
            with self._lock:
                one.step, one.silent = "", set()
            self._stepped(step, max(self._clock.monotonic() - begun, 0.0))

    def heard(self, event: Event, state: CoordinatorState) -> None:
        """An event was recorded."""
        match event:
            case RoundClosed():
                with self._lock:
                    self._rounds.pop((event.task_id, event.round), None)
            case HeaderAccepted():
                key = (event.header.task_id, event.header.round)
                if phase_of(state, key) is Phase.GATHERING:  # or who submits could hide that nothing is proven
                    self._moved(key)
            case CohortBegun() | BatchProven():
                self._moved((event.task_id, event.round))
            case BatchSettled() | SumOpened():
                batch = state.batches[event.batch_id]
                self._moved(batch.round_key)
                if isinstance(event, BatchSettled) and event.accepted:
                    self.last_batch = LastBatch(event.batch_id, len(batch.submissions), self._clock.time())

    def waits(self, key: RoundKey) -> str:
        """What a round waits for, in words; empty while it is worked on, and before it was looked at."""
        with self._lock:
            one = self._rounds.get(key)
            return "" if one is None else one.reason

    def words(self, key: RoundKey) -> str:
        """The same with the time since when, or who is waited for in the step that is under way."""
        with self._lock:
            one = self._rounds.get(key)
            if one is None:
                return ""
            if one.step and one.silent:
                who = ", ".join(map(str, sorted(one.silent)))
                return f"step {one.step}: prover{'s' if len(one.silent) > 1 else ''} {who} asked {_since(one.asked)}"
            return f"{one.reason} ({_since(one.since)})" if one.reason else ""

    def unmoved(self, key: RoundKey) -> float:
        """Seconds since the round last came further, or since this process started."""
        with self._lock:
            one = self._rounds.get(key)
            return max(self._clock.time() - (self._started if one is None else one.moved), 0.0)

    def explained(self, status: SubmissionStatus, key: RoundKey, trouble: str) -> SubmissionStatus:
        """The status of a submission, with why it has no end yet.

        Args:
            trouble: why the round's cohort could not be proven the last time.
        """
        if status.state not in _UNFINISHED or status.reason:
            return status
        told = [words for words in (self.words(key), trouble and f"the last try failed: {trouble}") if words]
        return SubmissionStatus(status.submission, status.state, "; ".join(told), status.batch_id)

    def rounds(self, state: CoordinatorState) -> list[dict[str, object]]:
        """The rounds that are not closed, for the operator."""
        return [self._told(state, key) for key in state.open_rounds()]

    def longest_unmoved(self, state: CoordinatorState) -> dict[str, float]:
        """For each phase, how long the round in it has not moved that has not for longest."""
        found = dict.fromkeys(map(str, Phase), 0.0)
        for key in state.open_rounds():
            phase = str(phase_of(state, key))
            found[phase] = max(found[phase], self.unmoved(key))
        return found

    def _told(self, state: CoordinatorState, key: RoundKey) -> dict[str, object]:
        current, (task, number) = state.rounds[key], named(key)
        return {
            "task": task, "round": number, "phase": str(phase_of(state, key)), "waits": self.words(key),
            "unmoved_seconds": round(self.unmoved(key)), "trouble": current.trouble, "attempts": current.last_attempt,
            **{str(one): current.counts[one] for one in SubmissionState},
        }  # fmt: skip

    def _moved(self, key: RoundKey) -> None:
        with self._lock:
            self._standing(key).moved = self._clock.time()

    def _standing(self, key: RoundKey) -> _Standing:
        now = self._clock.time()
        return self._rounds.setdefault(key, _Standing(now, now))


def _since(at: float) -> str:
    return f"since {utc(int(at))}"
