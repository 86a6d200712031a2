"""What the contracts hold, as values: tasks, rounds, committees, accepted batches; and the terms of a new task."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.statement import Committee, TaskTerms
from native import G1

ROSTER_CHUNK = 1024
"""Owners of a chunk of a task's roster (`contracts/src/libraries/Roster.sol`)."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task as the market holds it.  Amounts are wei."""

    terms: TaskTerms
    model_owner: bytes
    balance: int
    reserved: int
    rounds_opened: int
    owners: int


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """A round as the market holds it.

    Attributes:
        submit_deadline: seconds since 1970; after it the batch is made of what is there.
        settle_deadline: seconds since 1970; after it no batch is accepted.
        owners: gradients accepted so far.
        spent: wei assigned to owners so far.
        aggregate: sum of the commitments of all accepted gradients.
    """

    model_digest: bytes
    submit_deadline: int
    settle_deadline: int
    batches: int
    owners: int
    spent: int
    aggregate: G1
    finalized: bool


@dataclass(frozen=True, slots=True)
class CommitteeRecord:
    """A committee with what its members published; empty for members that have not joined."""

    committee: Committee
    endpoints: tuple[str, ...]
    hpke_keys: tuple[bytes, ...]
    ready: bool


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """An accepted batch as its event states it.

    Attributes:
        commitment: sum of the owners' commitments, which the aggregate opens.
        indices: registration index of the owner in each slot.
    """

    batch_index: int
    batch_id: bytes
    commitment: G1
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """An accepted batch with its owners.

    Attributes:
        owners: address of the owner in each slot.
        reward: wei that each of them is paid.
        published: what anybody published as its aggregate, where the task puts aggregates on chain; not to be believed.
    """

    task_id: int
    round: int
    record: RecordedBatch
    owners: tuple[bytes, ...]
    reward: int
    published: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewTask:
    """Terms of a task to be created; see ``circuits.statement.TaskTerms``."""

    committee_id: int
    verifier: bytes
    coordinator: bytes
    dimension: int
    fraction_bits: int
    bound: int
    min_owners: int
    max_owners_per_round: int
    rounds: int
    reward_per_gradient: int
    submit_window: int
    settle_window: int
    permissioned: bool = False
    inline_payload: bool = False
