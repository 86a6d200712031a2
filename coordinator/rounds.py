"""The coordinator's state as a fold of events: which submissions wait, which batches are under way or proven.

Pure.  An event is logged before what follows from it is done, so after a restart the fold says what is left to do.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from circuits.statement import SubmissionHeader
from commons.protocol.status import (
    BatchStatus,
    NamedProver,
    Rejection,
    RoundStatus,
    SubmissionState,
    SubmissionStatus,
    TaskStatus,
)
from coordinator.events import (
    AttemptUsed,
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    HeaderAccepted,
    HeaderRefused,
    OwnerDropped,
    ProverBlamed,
    RoundClosed,
    SetLocking,
    SumOpened,
    SumPublished,
    TransactionSent,
)
from native import G1

RoundKey = tuple[int, int]
RECENT = 100
"""Dropped submissions of a task that its status names; earlier ones are only counted."""
_TOLD = 16
"""Entries of one prover without proof in a round's status: it words its refusals itself, each another if it likes."""


@dataclass(slots=True)
class Submission:
    """A submission and what became of it."""

    header: SubmissionHeader
    receipts: tuple[int, ...]
    status: SubmissionStatus


@dataclass(slots=True)
class ProvenBatch:
    """A batch that is proven, and what became of it.

    Attributes:
        settled: the chain accepted it, or refused it for good.
        payload_digest: of its aggregate, None until the provers have released it.
        published: whether the aggregate is in the chain's log.
    """

    batch_id: bytes
    round_key: RoundKey
    submissions: tuple[bytes, ...]
    bundle_digest: bytes
    transaction: bytes | None = None
    settled: bool = False
    accepted: bool = False
    payload_digest: bytes | None = None
    published: bool = False


@dataclass(slots=True)
class Round:
    """A round: its submissions in order of arrival, the cohort under way, the batches.

    Attributes:
        cohort: submissions of the cohort that is not proven yet; None when there is none.
        locked: those of them that provers were asked to attest together; None before.
        failures: how often that cohort has failed in a row.
        failing_since: the chain's time of the first of these failures; 0 when it is not known.
        trouble: why the round does not move, or why the last cohort was given up.
        bound: owners whom provers may have locked to a set that came to nothing, so that they take no other submission.
    """

    submissions: list[bytes] = field(default_factory=list)
    cohort: tuple[bytes, ...] | None = None
    locked: tuple[bytes, ...] | None = None
    failures: int = 0
    failing_since: int = 0
    last_attempt: int = 0
    trouble: str = ""
    batches: list[bytes] = field(default_factory=list)
    named: list[NamedProver] = field(default_factory=list)
    excluded: set[int] = field(default_factory=set)
    bound: set[bytes] = field(default_factory=set)
    closed: bool = False


_DROPPED = (SubmissionState.REJECTED, SubmissionState.EXPIRED)


class CoordinatorState:
    """The fold.  One thread changes it at a time (see ``coordinator.journal``)."""

    def __init__(self) -> None:
        self.submissions: dict[bytes, Submission] = {}
        self.rounds: dict[RoundKey, Round] = {}
        self.batches: dict[bytes, ProvenBatch] = {}
        self.rejections: dict[int, Counter[str]] = {}
        self.recent: dict[int, deque[Rejection]] = {}
        self.refused: set[tuple[bytes, str]] = set()  # headers and causes of refusals; as many as are counted

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case HeaderAccepted():
                self._enter(event)
            case HeaderRefused():
                self._refuse(event)
            case OwnerDropped():
                self._drop(event)
            case ProverBlamed():
                self._blame(event)
            case CohortBegun() | AttemptUsed() | CohortFailed() | SetLocking():
                self._go_on(event, self._round((event.task_id, event.round)))
            case BatchProven():
                self._prove(event)
            case TransactionSent() | BatchSettled() | SumOpened() | SumPublished():
                self._finish(event, self.batches[event.batch_id])
            case RoundClosed():
                self._close((event.task_id, event.round), event.reason)

    def _go_on(self, event: CohortBegun | AttemptUsed | CohortFailed | SetLocking, current: Round) -> None:
        """The cohort under way."""
        match event:
            case CohortBegun():
                current.cohort, current.locked, current.failures = event.submissions, None, 0
                current.failing_since = 0
                self._move(event.submissions, SubmissionState.PROVING)
            case AttemptUsed():
                current.last_attempt = event.attempt
            case CohortFailed():
                current.failing_since = current.failing_since if current.failures else event.at
                current.failures += 1
                current.trouble = event.reason
                if event.final:
                    self._give_up(current, event.reason)
            case SetLocking():
                current.locked = event.submissions

    def _give_up(self, current: Round, reason: str) -> None:
        """End a cohort that is not tried again: provers bind its submissions to it, so no other can have them."""
        self._move(self._in(SubmissionState.PROVING, current.cohort or ()), SubmissionState.EXPIRED, reason)
        current.bound |= {self.submissions[s].header.owner for s in current.locked or ()}
        current.cohort, current.locked, current.failures, current.failing_since = None, None, 0, 0

    def _finish(self, event: TransactionSent | BatchSettled | SumOpened | SumPublished, batch: ProvenBatch) -> None:
        """What becomes of a proven batch."""
        match event:
            case TransactionSent():
                batch.transaction = event.transaction
            case BatchSettled():
                self._settle(event)
            case SumOpened():
                batch.payload_digest = event.payload_digest
            case SumPublished():
                batch.published = True

    def pending(self, key: RoundKey) -> list[bytes]:
        """Submissions of a round that wait for a batch, in order of arrival."""
        return self._in(SubmissionState.PENDING, self._round(key).submissions)

    def most_of_one_owner(self, key: RoundKey) -> int:
        """How many submissions of a round the owner has handed in, of those in the cohort under way, that has most."""
        current = self._round(key)
        counted = Counter(self.submissions[s].header.owner for s in current.submissions)
        members = self._in(SubmissionState.PROVING, current.cohort or ())
        return max((counted[self.submissions[s].header.owner] for s in members), default=0)

    def of_owner(self, key: RoundKey, owner: bytes) -> SubmissionStatus | None:
        """The last submission of an owner in a round that was not rejected; those before it have expired."""
        for submission in reversed(self._round(key).submissions):
            entry = self.submissions[submission]
            if entry.header.owner == owner and entry.status.state is not SubmissionState.REJECTED:
                return entry.status
        return None

    def commitments_of(self, key: RoundKey, owner: bytes) -> set[G1]:
        """Commitments of all submissions of an owner in a round."""
        headers = (self.submissions[s].header for s in self._round(key).submissions)
        return {header.commitment for header in headers if header.owner == owner}

    def unsettled(self, key: RoundKey) -> Iterator[ProvenBatch]:
        """Proven batches of a round that the chain has not settled."""
        return (self.batches[b] for b in self._round(key).batches if not self.batches[b].settled)

    def unreleased(self, key: RoundKey, *, publish: bool) -> Iterator[ProvenBatch]:
        """Accepted batches of a round whose aggregate is not opened, or not published where it is to be."""
        batches = (self.batches[b] for b in self._round(key).batches)
        return (b for b in batches if b.accepted and (b.payload_digest is None or (publish and not b.published)))

    def open_rounds(self) -> list[RoundKey]:
        """Rounds that are not closed."""
        return [key for key, current in self.rounds.items() if not current.closed]

    def task_status(self, task_id: int) -> TaskStatus:
        """A task's rounds, rejection counters and latest rejections."""
        keys = sorted(key for key in self.rounds if key[0] == task_id)
        return TaskStatus(
            tuple(map(self._round_status, keys)),
            dict(self.rejections.get(task_id, {})),
            tuple(self.recent.get(task_id, ())),
        )

    def _in(self, state: SubmissionState, submissions: Iterable[bytes]) -> list[bytes]:
        """Those of the submissions that are in a state."""
        return [s for s in submissions if self.submissions[s].status.state is state]

    def _round_status(self, key: RoundKey) -> RoundStatus:
        current = self.rounds[key]
        states = [self.submissions[s].status.state for s in current.submissions]
        waiting = (SubmissionState.PENDING, SubmissionState.PROVING)
        batches = [self.batches[b] for b in current.batches]
        return RoundStatus(
            key[1], sum(s in waiting for s in states), states.count(SubmissionState.REJECTED), current.last_attempt,
            current.trouble,
            tuple(
                BatchStatus(b.batch_id, b.payload_digest, len(b.submissions), b.accepted, b.transaction)
                for b in batches
            ),
            tuple(current.named),
        )  # fmt: skip

    def _round(self, key: RoundKey) -> Round:
        return self.rounds.setdefault(key, Round())

    def _enter(self, event: HeaderAccepted) -> None:
        if event.submission not in self.submissions:
            self._round((event.header.task_id, event.header.round)).submissions.append(event.submission)
        status = SubmissionStatus(event.submission, SubmissionState.PENDING)
        self.submissions[event.submission] = Submission(event.header, event.receipts, status)

    def _move(
        self, submissions: Iterable[bytes], state: SubmissionState, reason: str = "", batch_id: bytes | None = None
    ) -> None:
        for submission in submissions:
            self.submissions[submission].status = SubmissionStatus(submission, state, reason, batch_id)

    def _drop(self, event: OwnerDropped) -> None:
        """A cohort that is tried again may drop the same submission again: it was dropped once."""
        entry = self.submissions[event.submission]
        if entry.status.state in _DROPPED:
            return
        state = SubmissionState.REJECTED if event.rejected else SubmissionState.EXPIRED
        self._move((event.submission,), state, event.reason)
        self._count(entry.header.task_id, event.reason.partition(":")[0])
        self._name(entry.header, event.reason)

    def _refuse(self, event: HeaderRefused) -> None:
        self.refused.add((event.header, event.code))
        self._count(event.task_id, event.code)

    def _blame(self, event: ProverBlamed) -> None:
        current = self._round((event.task_id, event.round))
        named = NamedProver(event.prover, event.step, event.reason)
        told = sum(known.prover == event.prover for known in current.named)
        if named not in current.named and (event.proven or told < _TOLD):
            current.named.append(named)
        if event.proven:
            current.excluded.add(event.prover)

    def _prove(self, event: BatchProven) -> None:
        key = (event.task_id, event.round)
        current = self._round(key)
        batch = ProvenBatch(event.batch_id, key, event.submissions, event.bundle_digest)
        self.batches[event.batch_id] = batch
        current.batches.append(event.batch_id)
        left = set(current.cohort or ()) - set(event.submissions)
        current.cohort, current.locked, current.failures, current.trouble = None, None, 0, ""
        current.failing_since = 0
        self._move(event.submissions, SubmissionState.PROVEN, batch_id=event.batch_id)
        still = self._in(SubmissionState.PROVING, left)
        self._move(still, SubmissionState.EXPIRED, "unattributed: it was left out of its cohort's batch")

    def _settle(self, event: BatchSettled) -> None:
        batch = self.batches[event.batch_id]
        batch.settled, batch.accepted = True, event.accepted
        if event.accepted:
            self._move(batch.submissions, SubmissionState.ACCEPTED, batch_id=event.batch_id)
        else:
            reason = f"chain: {event.reason}"
            self._move(batch.submissions, SubmissionState.REJECTED, reason, event.batch_id)
            current = self._round(batch.round_key)
            for header in (self.submissions[s].header for s in batch.submissions):
                self._name(header, reason)
                current.bound.add(header.owner)
            current.trouble = event.reason

    def _close(self, key: RoundKey, reason: str) -> None:
        current = self._round(key)
        current.closed, current.cohort = True, None
        proving = f"could not be proven: {current.trouble}" if current.trouble else "was being proven"
        reasons = {
            SubmissionState.PENDING: "the round ended before a batch took it" + (f": {reason}" if reason else ""),
            SubmissionState.PROVING: f"the round's time ended while its cohort {proving}",
            SubmissionState.PROVEN: "the round's time ended before the chain had accepted its batch",
        }
        for state, why in reasons.items():
            self._move(self._in(state, current.submissions), SubmissionState.EXPIRED, why)

    def _name(self, header: SubmissionHeader, reason: str) -> None:
        recent = self.recent.setdefault(header.task_id, deque(maxlen=RECENT))
        recent.append(Rejection(header.owner, header.round, reason))

    def _count(self, task_id: int, code: str) -> None:
        self.rejections.setdefault(task_id, Counter())[code] += 1
