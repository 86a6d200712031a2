"""What a coordinator and a prover tell of themselves and of what became of a submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum


class SubmissionState(IntEnum):
    """Where a submission stands."""

    PENDING = 1
    PROVING = 2
    PROVEN = 3
    ACCEPTED = 4
    REJECTED = 5
    EXPIRED = 6

    def __str__(self) -> str:
        """The state as people read it."""
        return self.name.lower()

    __format__ = Enum.__format__


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """What became of a submission.

    Attributes:
        reason: why it was rejected, beginning with a stable word and a colon, or why it has expired.
        batch_id: the batch it is proven in, None before.
    """

    submission: bytes
    state: SubmissionState
    reason: str = ""
    batch_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A proven batch.

    Attributes:
        payload_digest: Keccak-256 of its aggregate, None before the provers have released it.
        transaction: hash of the last transaction that carries the batch, None before.
    """

    batch_id: bytes
    payload_digest: bytes | None
    owners: int
    accepted: bool
    transaction: bytes | None


@dataclass(frozen=True, slots=True)
class NamedProver:
    """A prover that deviated, or is suspected to: which step, and the evidence in words."""

    prover: int
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class RoundStatus:
    """A round at the coordinator.

    Attributes:
        attempts: number of the last attempt used.
        trouble: why the round does not move; empty when it does.
        waits: what the round waits for, in words; empty while it is worked on.
    """

    round: int
    pending: int
    rejected: int
    attempts: int
    trouble: str
    batches: tuple[BatchStatus, ...]
    named: tuple[NamedProver, ...]
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A submission that was dropped: of which owner (its address), in which round, and why."""

    owner: bytes
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """A task at the coordinator.

    Attributes:
        rejections: refused and dropped submissions, counted by cause.
        recent: the latest dropped ones, oldest first; refused ones are not among them, for anybody may name any owner.
    """

    rounds: tuple[RoundStatus, ...]
    rejections: Mapping[str, int]
    recent: tuple[Rejection, ...] = ()


@dataclass(frozen=True, slots=True)
class ProverStatus:
    """What a prover says of itself.

    Attributes:
        prover: its committee index.
        keys_ready: whether the committee's shared keys are confirmed.
        refusals: refused calls since the start, by error code.
    """

    address: bytes
    chain_id: int
    market: bytes
    committee_id: int
    prover: int
    version: str
    keys_ready: bool
    submissions: int
    stored_bytes: int
    refusals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OfferStatus:
    """Where an upload stands that a coordinator hands on.

    Attributes:
        receipts: the provers' signatures, by committee index; whose they are, the reader checks.
        undelivered: why each other prover has not its share; empty while it is being handed on.
        moved: chunks handed on so far.
    """

    receipts: Mapping[int, bytes]
    undelivered: Mapping[int, str]
    moved: int
