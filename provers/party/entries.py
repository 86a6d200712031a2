"""The records of a prover's ledger: what they say and how they are stored; ``provers.party.ledger`` has the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from circuits.errors import StorageError
from circuits.foreignjson import parse_json
from circuits.hashing import keccak, tag, words
from circuits.statement import Context, SubmissionHeader
from commons.protocol.codec import Codec, RecordError
from commons.protocol.lockedsets import graded_set_digest, owner_key

_NO_OLD_COPY = "restore no old copy, which would use masks twice: replace this prover by a new committee"


def header_key(context: Context, header: SubmissionHeader) -> bytes:
    """Key of whoever dealt a submission, in one round: an owner's, or that of a copy of the round's reference.

    A copy's is its number and not the address that signed its header: nothing ties that to the round, so by another one
    a copy's commitment would join a second cohort, and its masks would hide two projections.
    """
    return owner_key(context, dealer_of(header))


def dealer_of(header: SubmissionHeader) -> bytes:
    """Under which 20 bytes a submission is kept: its owner's address, or the number of a copy of the reference."""
    return header.owner_index.to_bytes(20, "big") if header.is_reference else header.owner


def round_key(context: Context) -> bytes:
    """Key of a round, in which attempts are counted: deployment, task and round."""
    return keccak(words(tag("gradroll/v1/round"), context.market.deployment, context.task_id, context.round))


def joined_cohort(cohort: bytes, reference: bytes, keys: bytes) -> bytes:
    """What a commitment joins: a cohort with the shared keys of one list of members, on which the coin depends.

    Else a cohort that is begun again with others, of another list or of this one after a keystore was restored, would
    have another coin, and so another sign matrix.

    Args:
        cohort: its identifier.
        reference: digest that names the list (``CommitteeReference.digest``).
        keys: digest of what this prover holds (``keypackages.keys_digest``).
    """
    return keccak(words(tag("gradroll/v1/joined"), cohort, reference, keys))


@dataclass(frozen=True, slots=True)
class Member:
    """A submission as the ledger knows it.

    Attributes:
        owner: its ``owner_key``.
        commitment: Keccak-256 of the commitment; dealings of one commitment share their masks.
        submission: its identifier, the digest of its dealing.
    """

    owner: bytes
    commitment: bytes
    submission: bytes


@dataclass(frozen=True, slots=True)
class CohortJoined:
    """Submissions whose sign matrix is fixed from now on; earlier ones of the same owners are retired.

    Attributes:
        cohort: ``joined_cohort``.  Records of earlier releases do not say with which keys its coin was tossed: its
            submissions join nothing more.
    """

    kind: ClassVar[str] = "cohort-joined"
    cohort: bytes
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An attempt's number and masks are used up."""

    kind: ClassVar[str] = "attempt-started"
    round_key: bytes
    attempt: int
    proposal: bytes


@dataclass(frozen=True, slots=True)
class Combined:
    """The one combination that an attempt's mask row protects has been released."""

    kind: ClassVar[str] = "combined"
    proposal: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """A set of submissions with the weights of its sum: what a lock binds owners to, and what a release opens.

    Attributes:
        owners: their keys, in batch order.
        submissions: their submissions, in the same order.
        weights: the factors of the sum; all one where the task does not grade.
    """

    owners: tuple[bytes, ...]
    submissions: tuple[bytes, ...]
    weights: tuple[int, ...]

    @classmethod
    def plain(cls, members: Iterable[Member]) -> Selection:
        """The sum in which every owner counts once."""
        chosen = tuple(members)
        return cls.weighted(chosen, (1,) * len(chosen))

    @classmethod
    def weighted(cls, members: Sequence[Member], weights: tuple[int, ...]) -> Selection:
        """The sum in which each owner counts so often; some may not count at all."""
        return cls(tuple(m.owner for m in members), tuple(m.submission for m in members), weights)

    @property
    def digest(self) -> bytes:
        """Identifier of the set with its weights."""
        head = words(tag("gradroll/v1/selection"), len(self.owners), *self.weights)
        return keccak(head + b"".join(self.owners) + b"".join(self.submissions))


@dataclass(frozen=True, slots=True)
class GradedSet:
    """A set of submissions that are graded against one copy of the reference; their numbers are opened for it alone.

    Attributes:
        reference: digest of the copy's dealing.
        owners: their keys, in batch order.
        submissions: their submissions, in the same order.
    """

    reference: bytes
    owners: tuple[bytes, ...]
    submissions: tuple[bytes, ...]

    @classmethod
    def of(cls, members: Sequence[Member]) -> GradedSet:
        """The set of a batch's rows: the reference, then the owners."""
        reference, *owners = members
        return cls(reference.submission, tuple(m.owner for m in owners), tuple(m.submission for m in owners))

    @property
    def digest(self) -> bytes:
        """Identifier of the set, without weights: these follow from what is opened of it."""
        return graded_set_digest(self.reference, self.owners, self.submissions)

    def has_sum(self, selection: Selection) -> bool:
        """Whether a sum is over this set, with whatever weights."""
        return (self.owners, self.submissions) == (selection.owners, selection.submissions)


@dataclass(frozen=True, slots=True)
class Locked:
    """The owners of a batch belong to this set for the rest of their round; written before the batch is signed."""

    kind: ClassVar[str] = "locked"
    selection: Selection


@dataclass(frozen=True, slots=True)
class GradedLocked:
    """The owners of a graded batch belong to this set for their round; written before a number of it is opened."""

    kind: ClassVar[str] = "graded-locked"
    selection: GradedSet


@dataclass(frozen=True, slots=True)
class Released:
    """The share of the sum over a set was sent; its owners enter no other sum."""

    kind: ClassVar[str] = "released"
    selection: Selection


@dataclass(frozen=True, slots=True)
class PeerSeen:
    """As ``HeadSeen``, without its signer: earlier releases wrote it, none is written any more."""

    kind: ClassVar[str] = "peer-seen"
    prover: int
    head: bytes


@dataclass(frozen=True, slots=True)
class HeadSeen:
    """The head of a peer's ledger, as that peer signed it.

    Attributes:
        prover: the peer's index, at which others may have been before and may come after it.
        signer: its 20-byte address.
        head: ``commons.protocol.ledgerheads.LedgerHead``, encoded.
    """

    kind: ClassVar[str] = "head-seen"
    prover: int
    signer: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """This ledger was found to be an old copy: peers hold a later head of it.

    Attributes:
        at: time of the finding, seconds since 1970; rounds opened by then are lost to this prover.
        count: records that the later ledger had.
    """

    kind: ClassVar[str] = "restored"
    at: int
    count: int


@dataclass(frozen=True, slots=True)
class RoundsClosed:
    """Every step of these rounds is refused from now on, so that their records need not be kept.

    Attributes:
        through: the last of them; those before it are closed with it, whether they are known here or not.
    """

    kind: ClassVar[str] = "rounds-closed"
    task_id: int
    through: int


Entry = (
    CohortJoined
    | AttemptStarted
    | Combined
    | Locked
    | GradedLocked
    | Released
    | PeerSeen
    | HeadSeen
    | Restored
    | RoundsClosed
)
_CODEC: Codec[Entry] = Codec(Entry)


def to_record(entry: Entry) -> dict[str, Any]:
    """The JSON-able form of an entry.  Raises RecordError for a field that its type does not allow."""
    return _CODEC.encode(entry)


def from_record(record: Mapping[str, Any]) -> Entry:
    """Inverse of ``to_record``.  Raises StorageError for a record of unknown kind or form."""
    try:
        return _CODEC.decode(record)
    except RecordError as error:
        raise StorageError(f"the ledger holds a record that is none: {error}; {_NO_OLD_COPY}") from error


def to_text(entry: Entry) -> str:
    """An entry as it is stored and as heads cover it: its record in JSON with sorted keys.  Raises as ``to_record``."""
    return json.dumps(to_record(entry), sort_keys=True)


def from_text(text: str) -> Entry:
    """Inverse of ``to_text``.

    Raises:
        StorageError: another text than ``to_text`` gives; heads signed over it would not be this ledger's.
    """
    try:
        entry = from_record(parse_json(text))
    except ValueError as error:
        raise StorageError(f"the ledger holds a row that is not JSON; {_NO_OLD_COPY}") from error
    if to_text(entry) != text:
        raise StorageError(f"the ledger holds a record that is none: it is not as it was written; {_NO_OLD_COPY}")
    return entry


def head_over(head: bytes, text: str) -> bytes:
    """Digest of the head after a record, from the one before."""
    return keccak(head + text.encode())
