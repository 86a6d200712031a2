"""The coordinator's state as a fold of events: which submissions wait, which batches are under way or proven.

Pure.  An event is logged before what follows from it is done, so after a restart the fold says what is left to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from circuits.statement import SubmissionHeader
from commons.protocol.status import BatchStatus, NamedProver, RoundStatus, SubmissionState, SubmissionStatus, TaskStatus
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

RoundKey = tuple[int, int]


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
    """

    submissions: list[bytes] = field(default_factory=list)
    cohort: tuple[bytes, ...] | None = None
    locked: tuple[bytes, ...] | None = None
    failures: int = 0
    last_attempt: int = 0
    trouble: str = ""
    batches: list[bytes] = field(default_factory=list)
    named: list[NamedProver] = field(default_factory=list)
    excluded: set[int] = field(default_factory=set)
    closed: bool = False


class CoordinatorState:
    """The fold.  One thread changes it at a time (see ``coordinator.journal``)."""

    def __init__(self) -> None:
        self.submissions: dict[bytes, Submission] = {}
        self.rounds: dict[RoundKey, Round] = {}
        self.batches: dict[bytes, ProvenBatch] = {}
        self.rejections: dict[int, Counter[str]] = {}

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case HeaderAccepted():
                self._enter(event)
            case HeaderRefused():
                self._count(event.task_id, event.code)
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
                self._close((event.task_id, event.round))

    def _go_on(self, event: CohortBegun | AttemptUsed | CohortFailed | SetLocking, current: Round) -> None:
        """The cohort under way."""
        match event:
            case CohortBegun():
                current.cohort, current.locked, current.failures = event.submissions, None, 0
                self._move(event.submissions, SubmissionState.PROVING)
            case AttemptUsed():
                current.last_attempt = event.attempt
            case CohortFailed():
                current.failures += 1
                current.trouble = event.reason
                if event.final:
                    self._give_up(current, event.reason)
            case SetLocking():
                current.locked = event.submissions

    def _give_up(self, current: Round, reason: str) -> None:
        """End a cohort that can never be proven: provers bind its submissions to it, so no other can have them."""
        left = [s for s in current.cohort or () if self.submissions[s].status.state is SubmissionState.PROVING]
        self._move(left, SubmissionState.EXPIRED, f"expired: {reason}")
        current.cohort, current.locked, current.failures = None, None, 0

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
        members = self._round(key).submissions
        return [s for s in members if self.submissions[s].status.state is SubmissionState.PENDING]

    def of_owner(self, key: RoundKey, owner: bytes) -> SubmissionStatus | None:
        """The last submission of an owner in a round that was not rejected; those before it have expired."""
        for submission in reversed(self._round(key).submissions):
            entry = self.submissions[submission]
            if entry.header.owner == owner and entry.status.state is not SubmissionState.REJECTED:
                return entry.status
        return None

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
        """A task's rounds and rejection counters."""
        keys = sorted(key for key in self.rounds if key[0] == task_id)
        return TaskStatus(tuple(map(self._round_status, keys)), dict(self.rejections.get(task_id, {})))

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
        self._move((event.submission,), SubmissionState.REJECTED, event.reason)
        self._count(self.submissions[event.submission].header.task_id, event.reason.partition(":")[0])

    def _blame(self, event: ProverBlamed) -> None:
        current = self._round((event.task_id, event.round))
        named = NamedProver(event.prover, event.step, event.reason)
        if named not in current.named:
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
        self._move(event.submissions, SubmissionState.PROVEN, batch_id=event.batch_id)
        still = [s for s in left if self.submissions[s].status.state is SubmissionState.PROVING]
        self._move(still, SubmissionState.REJECTED, "unattributed: it was left out of its cohort's batch")

    def _settle(self, event: BatchSettled) -> None:
        batch = self.batches[event.batch_id]
        batch.settled, batch.accepted = True, event.accepted
        if event.accepted:
            self._move(batch.submissions, SubmissionState.ACCEPTED, batch_id=event.batch_id)
        else:
            self._move(batch.submissions, SubmissionState.REJECTED, f"chain: {event.reason}", event.batch_id)
            self._round(batch.round_key).trouble = event.reason

    def _close(self, key: RoundKey) -> None:
        current = self._round(key)
        current.closed, current.cohort = True, None
        ended = (SubmissionState.PENDING, SubmissionState.PROVING, SubmissionState.PROVEN)
        left = [s for s in current.submissions if self.submissions[s].status.state in ended]
        reason = f"expired: the round settled without it; {current.trouble or 'it came too late'}"
        self._move(left, SubmissionState.EXPIRED, reason)

    def _count(self, task_id: int, code: str) -> None:
        self.rejections.setdefault(task_id, Counter())[code] += 1
