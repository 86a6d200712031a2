"""What happens to the coordinator, as events of its log; each has one JSON-able form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from circuits.errors import StorageError
from circuits.statement import Context, Graded, SubmissionHeader
from commons.protocol.codec import Codec, RecordError


@dataclass(frozen=True, slots=True)
class HeaderAccepted:
    """A submission entered its round.  ``receipts``: provers that hold their share."""

    kind: ClassVar[str] = "header-accepted"
    submission: bytes
    header: SubmissionHeader
    receipts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShareDelivered:
    """A prover has its share of a submission that had entered without its receipt."""

    kind: ClassVar[str] = "share-delivered"
    submission: bytes
    prover: int


@dataclass(frozen=True, slots=True)
class HeaderRefused:
    """A submission was not taken in; counted once a header and cause.

    Attributes:
        header: digest of everything that its sender says in it, signatures included; empty in logs of version 1.
        round: that the header names; 0 in logs of version 2.
    """

    kind: ClassVar[str] = "header-refused"
    task_id: int
    code: str
    header: bytes
    round: int


@dataclass(frozen=True, slots=True)
class GroupsDrawn:
    """It was drawn who is proven together, of those that waited; who comes later is not put among them.

    Attributes:
        groups: cohorts, in the order in which they are begun.
        mixed: cohorts that come after them, of owners whose shares few provers hold and others that are their company.
        apart: submissions that are in none, and will not be.
    """

    kind: ClassVar[str] = "groups-drawn"
    task_id: int
    round: int
    groups: tuple[tuple[bytes, ...], ...]
    mixed: tuple[tuple[bytes, ...], ...]
    apart: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CohortBegun:
    """These submissions, in order, are projected with one sign matrix from now on, or never."""

    kind: ClassVar[str] = "cohort-begun"
    task_id: int
    round: int
    submissions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OrderDrawn:
    """The order, drawn at random, in which these owners' submissions of a graded round are put together."""

    kind: ClassVar[str] = "order-drawn"
    task_id: int
    round: int
    submissions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AttemptUsed:
    """An attempt number is used up; logged before the first request of the attempt leaves."""

    kind: ClassVar[str] = "attempt-used"
    task_id: int
    round: int
    attempt: int


@dataclass(frozen=True, slots=True)
class OwnerDropped:
    """A submission stays out: ``rejected``, or set aside without anybody being at fault."""

    kind: ClassVar[str] = "owner-dropped"
    submission: bytes
    reason: str
    rejected: bool


@dataclass(frozen=True, slots=True)
class ProverBlamed:
    """A prover was named (``proven``), or is suspected, or was absent."""

    kind: ClassVar[str] = "prover-blamed"
    task_id: int
    round: int
    prover: int
    step: str
    reason: str
    proven: bool


@dataclass(frozen=True, slots=True)
class CohortFailed:
    """The cohort could not be proven; it is tried again, unless it was ``final``.

    Attributes:
        at: the chain's time, seconds since 1970; 0 in logs of version 1.
    """

    kind: ClassVar[str] = "cohort-failed"
    task_id: int
    round: int
    reason: str
    final: bool
    at: int


@dataclass(frozen=True, slots=True)
class SetLocking:
    """Provers are about to be asked to attest these submissions together; they sign no other set with one of them."""

    kind: ClassVar[str] = "set-locking"
    task_id: int
    round: int
    submissions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BatchProven:
    """A batch is proven and attested; its bundle is stored under this digest."""

    kind: ClassVar[str] = "batch-proven"
    task_id: int
    round: int
    batch_id: bytes
    submissions: tuple[bytes, ...]
    bundle_digest: bytes


@dataclass(frozen=True, slots=True)
class BatchGraded:
    """What was opened of the owners of a proven batch, in its order, and what follows.

    Attributes:
        reference: the copy of the reference against which they were graded.
        values: numbers of 41 bits or a few more, with sign.
        levels: by which they are paid, 0 to 3.
        weights: factors of their gradients in the sum, 0 to 3.
    """

    kind: ClassVar[str] = "batch-graded"
    batch_id: bytes
    reference: bytes
    values: tuple[int, ...]
    levels: tuple[int, ...]
    weights: tuple[int, ...]

    @classmethod
    def of(cls, batch_id: bytes, context: Context, graded: Graded) -> BatchGraded:
        """The event of a batch that states this."""
        grades = graded.grades
        return cls(batch_id, graded.reference.digest(context), graded.values, grades.levels, grades.weights)


@dataclass(frozen=True, slots=True)
class TransactionSent:
    """A transaction that carries a batch is under way; logged before waiting for it."""

    kind: ClassVar[str] = "transaction-sent"
    batch_id: bytes
    transaction: bytes


@dataclass(frozen=True, slots=True)
class BatchSettled:
    """The chain accepted a batch, or refused it for good (``reason``)."""

    kind: ClassVar[str] = "batch-settled"
    batch_id: bytes
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SumOpened:
    """The provers released the sum of an accepted batch; the aggregate, or what is sealed of a private one, is stored
    under this digest."""

    kind: ClassVar[str] = "sum-opened"
    batch_id: bytes
    payload_digest: bytes


@dataclass(frozen=True, slots=True)
class SumPublished:
    """The aggregate of a batch is in the chain's log, where its task wants it."""

    kind: ClassVar[str] = "sum-published"
    batch_id: bytes
    transaction: bytes


@dataclass(frozen=True, slots=True)
class RoundClosed:
    """The round takes nothing any more; what was not accepted has expired.

    Attributes:
        reason: why no batch had what still waited; empty in logs of version 1.
    """

    kind: ClassVar[str] = "round-closed"
    task_id: int
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class FeesEnded:
    """Nothing is left to do about the fees of a round's batches."""

    kind: ClassVar[str] = "fees-ended"
    task_id: int
    round: int


@dataclass(frozen=True, slots=True)
class ExclusionSigned:
    """A quorum of provers signed that an owner's dealing is bad.

    Attributes:
        index: registration index.
        submission: digest of the dealing.
        provers: who signed; ``signatures`` are theirs, in this order.
    """

    kind: ClassVar[str] = "exclusion-signed"
    task_id: int
    round: int
    index: int
    submission: bytes
    provers: tuple[int, ...]
    signatures: tuple[bytes, ...]

    @property
    def place(self) -> tuple[int, int, int]:
        """Task, round and registration index."""
        return self.task_id, self.round, self.index


@dataclass(frozen=True, slots=True)
class ExclusionEnded:
    """The owner is excluded for good, or cannot be any more."""

    kind: ClassVar[str] = "exclusion-ended"
    task_id: int
    round: int
    index: int


@dataclass(frozen=True, slots=True)
class RoundsForgotten:
    """Nothing is left to do or to say about a task's rounds up to one; their events are not in the log any more.

    Attributes:
        through: the last of these rounds.
        codes: causes for which submissions of these rounds were dropped or refused; ``counts`` says how many were for
            each.
    """

    kind: ClassVar[str] = "rounds-forgotten"
    task_id: int
    through: int
    codes: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MarketNamed:
    """The log belongs to a deployment of the market, ``circuits.terms.MarketId`` in parts; logged once."""

    kind: ClassVar[str] = "market-named"
    chain_id: int
    market: bytes
    deployment: bytes


OfSubmission = OwnerDropped | ShareDelivered
"""Events that name a submission, whose header an earlier event has."""
OfBatch = TransactionSent | BatchSettled | SumOpened | SumPublished | BatchGraded
"""Events that name a batch, which an earlier event proved."""
OfCohort = GroupsDrawn | OrderDrawn | CohortBegun | AttemptUsed | CohortFailed | SetLocking
"""Events that bring a round's cohorts on."""
OfRound = (
    OfCohort | HeaderAccepted | HeaderRefused | ProverBlamed | BatchProven | RoundClosed | FeesEnded | ExclusionSigned
    | ExclusionEnded | RoundsForgotten
)  # fmt: skip
"""Events that say themselves of which round they are; see ``round_of``."""
Event = OfRound | OfSubmission | OfBatch | MarketNamed
_CODEC: Codec[Event] = Codec(Event)


def round_of(event: OfRound) -> tuple[int, int]:
    """Task and number of the round that an event is about; the last of them where it is about several."""
    match event:
        case HeaderAccepted():
            return event.header.task_id, event.header.round
        case RoundsForgotten():
            return event.task_id, event.through
        case _:
            return event.task_id, event.round


def to_record(event: Event) -> dict[str, Any]:
    """The JSON-able form of an event.  Raises RecordError for a field that its type does not allow."""
    return _CODEC.encode(event)


def from_record(record: Mapping[str, Any]) -> Event:
    """Inverse of ``to_record``.  Raises StorageError for a record of unknown kind or form."""
    try:
        return _CODEC.decode(record)
    except RecordError as error:
        raise StorageError(f"the event log holds an event that is none: {error}; restore a backup") from error


def from_version_1(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of a log of version 1 as one of version 2, which says more."""
    match record.get("kind"):
        case HeaderRefused.kind:
            return {**record, "header": ""}
        case OwnerDropped.kind:
            return {**record, "rejected": not str(record.get("reason")).startswith("unattributed:")}
        case CohortFailed.kind:
            return {**record, "at": 0}
        case RoundClosed.kind:
            return {**record, "reason": ""}
        case _:
            return record


def from_version_2(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of a log of version 2, which lacks three kinds of events, as one of version 3.

    Of which round a refused header was is not known: it goes with the first round that is forgotten.
    """
    return {**record, "round": 0} if record.get("kind") == HeaderRefused.kind else record


def from_version_3(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of a log of version 3, which lacks three kinds of events, as one of version 4."""
    return record
