"""What the coordinator tells owners and model owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from circuits.hashing import keccak, tag, words
from circuits.statement import MarketId


@dataclass(frozen=True, slots=True)
class ModelOpening:
    """Announces a model that its task's model owner hands in.

    Attributes:
        length: bytes.
        digest: Keccak-256 of the model.
        signature: the model owner's, over ``publication_digest``.
    """

    task_id: int
    length: int
    digest: bytes
    signature: bytes = field(repr=False)


def publication_digest(market: MarketId, task_id: int, digest: bytes) -> bytes:
    """What a model owner signs to have a coordinator store and serve a model."""
    return keccak(words(tag("gradroll/v1/model"), market.domain, task_id, digest))


class SubmissionState(IntEnum):
    """Where a submission stands."""

    PENDING = 1
    PROVING = 2
    PROVEN = 3
    ACCEPTED = 4
    REJECTED = 5
    EXPIRED = 6


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """What became of a submission.

    Attributes:
        reason: why it was rejected or has expired; begins with a stable word and a colon.
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
    """

    round: int
    pending: int
    rejected: int
    attempts: int
    trouble: str
    batches: tuple[BatchStatus, ...]
    named: tuple[NamedProver, ...]


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """A task at the coordinator.  ``rejections`` counts refused and dropped submissions by cause."""

    rounds: tuple[RoundStatus, ...]
    rejections: Mapping[str, int]
