"""The prover's ledger: what it has done and must never do again.

A fold over append-only records.  A record is durable before anything that depends on it leaves the prover; after a
restart the fold is rebuilt, so no mask, attempt or submission can be used twice.

Rules about gradients are kept by owner and round, not by submission: an owner's key names deployment, task, round and
owner.  The lock is the rule on which "nothing but the sum" rests: an owner enters one set, and a prover signs no batch
over another with that owner.  Any two quorums share an honest prover, so no two sets that meet can both get a quorum's
signatures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from circuits.errors import ClosedError, RuleViolationError, StorageError, WireError
from circuits.foreignjson import parse_json
from circuits.hashing import keccak, tag, words
from circuits.statement import Context
from commons.protocol.codec import Codec, RecordError
from commons.protocol.ledgerheads import COUNT_LIMIT, LedgerHead

_NO_OLD_COPY = "restore no old copy, which would use masks twice: replace this prover by a new committee"


def owner_key(context: Context, owner: bytes) -> bytes:
    """Key of an owner in one round: deployment, task, round and address."""
    return keccak(words(tag("gradroll/v1/owner"), context.market.deployment, context.task_id, context.round, owner))


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
        weights: the factors of the sum; all one in today's policy.
    """

    owners: tuple[bytes, ...]
    submissions: tuple[bytes, ...]
    weights: tuple[int, ...]

    @classmethod
    def plain(cls, members: Iterable[Member]) -> Selection:
        """The sum in which every owner counts once."""
        chosen = tuple(members)
        return cls(tuple(m.owner for m in chosen), tuple(m.submission for m in chosen), (1,) * len(chosen))

    @property
    def digest(self) -> bytes:
        """Identifier of the set with its weights."""
        head = words(tag("gradroll/v1/selection"), len(self.owners), *self.weights)
        return keccak(head + b"".join(self.owners) + b"".join(self.submissions))


@dataclass(frozen=True, slots=True)
class Locked:
    """The owners of a batch belong to this set for the rest of their round; written before the batch is signed."""

    kind: ClassVar[str] = "locked"
    selection: Selection


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


Entry = CohortJoined | AttemptStarted | Combined | Locked | Released | PeerSeen | HeadSeen | Restored | RoundsClosed
_CODEC: Codec[Entry] = Codec(Entry)
GENESIS = bytes(32)
"""Head of a ledger without records."""
UNNAMED = b""
"""Signer of heads that earlier releases took down."""


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


@dataclass(slots=True)
class LedgerState:
    """The fold.  ``check`` refuses an entry that breaks a rule; ``apply`` checks and records it.

    Attributes:
        cohorts: cohort of every commitment that was ever projected, by owner and commitment.
        live: the submission of each owner that joined a cohort last; all earlier ones are retired.
        attempts: last attempt of each round.
        combined: attempts whose mask row is spent.
        locks: what each owner is locked to.
        released: the set in whose sum each owner is.
        peers: the highest head seen of each peer's ledger, encoded, by the peer's index and signer.
        restored_at: when this ledger was last found to be an old copy, 0 for never.
        lost: heads of this ledger up to this count may be of records that a restore lost.
        closed: the last round of each task that is closed for good, and with it all before.
        heads: this ledger's heads by count.
        count: of the latest head.
    """

    cohorts: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    live: dict[bytes, bytes] = field(default_factory=dict)
    attempts: dict[bytes, int] = field(default_factory=dict)
    combined: set[bytes] = field(default_factory=set)
    locks: dict[bytes, Selection] = field(default_factory=dict)
    released: dict[bytes, Selection] = field(default_factory=dict)
    peers: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    restored_at: int = 0
    lost: int = 0
    closed: dict[int, int] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=lambda: {0: GENESIS}, repr=False)
    count: int = 0

    def check(self, entry: Entry) -> None:
        """Raise RuleViolationError when the entry must not happen."""
        match entry:
            case CohortJoined():
                for member in entry.members:
                    self._check_member(entry.cohort, member)
            case AttemptStarted():
                last = self.attempts.get(entry.round_key, 0)
                if entry.attempt <= last:
                    raise RuleViolationError(f"attempt {entry.attempt} of this round is used up; take one above {last}")
            case Combined():
                if entry.proposal in self.combined:
                    raise RuleViolationError("this attempt's mask is spent: a second combination would unmask it")
            case Locked():
                self.require_live(entry.selection.owners, entry.selection.submissions)
                self._one_set(self.locks, entry.selection, "is locked to another set in this round")
                self._one_set(self.released, entry.selection, "is in the sum of another set already")
            case Released():
                self._one_set(self.released, entry.selection, "is in the sum of another set already")
            case RoundsClosed():
                if entry.through <= self.closed.get(entry.task_id, -1):
                    raise RuleViolationError(f"round {entry.through} of this task is closed already; close later ones")
            case PeerSeen() | HeadSeen() | Restored():
                pass  # knowledge, not an act

    def apply(self, entry: Entry) -> None:
        """Check the entry, then record it."""
        self.check(entry)
        match entry:
            case CohortJoined():
                for member in entry.members:
                    self.cohorts[member.owner, member.commitment] = entry.cohort
                    self.live[member.owner] = member.submission
            case AttemptStarted():
                self.attempts[entry.round_key] = entry.attempt
            case Combined():
                self.combined.add(entry.proposal)
            case Locked():
                self.locks.update(dict.fromkeys(entry.selection.owners, entry.selection))
            case Released():
                self.released.update(dict.fromkeys(entry.selection.owners, entry.selection))
            case PeerSeen():
                with suppress(WireError):  # earlier releases took any count down
                    LedgerHead.decode(entry.head)
                    self.peers[entry.prover, UNNAMED] = entry.head
            case HeadSeen():
                self.peers[entry.prover, entry.signer] = entry.head
            case Restored():
                self.restored_at = max(self.restored_at, entry.at)
            case RoundsClosed():
                self.closed[entry.task_id] = entry.through
        self._advance(entry)

    def _advance(self, entry: Entry) -> None:
        _, head = self.head_after(entry)
        if isinstance(entry, Restored):
            known = entry.count if entry.count < COUNT_LIMIT else 0  # as earlier releases took it down from any head
            self.lost = max(self.lost, known, self.count)
            self.count = self.lost  # so that the next head is above all that peers have on record
        self.count += 1
        self.heads[self.count] = head

    def skip(self, head: bytes) -> None:
        """Pass over a record of which only the head behind it is kept: all that it said is of closed rounds."""
        self.count += 1
        self.heads[self.count] = head

    def require_open(self, task_id: int, round_number: int) -> None:
        """Raise ClosedError for a round of which this ledger keeps no records any more, so that it knows no rule."""
        if round_number <= self.closed.get(task_id, -1):
            raise ClosedError(
                f"round {round_number} is over for good, and this prover has deleted everything of it; ask within the "
                "time for which provers keep results (prover.retention_days)"
            )

    def has(self, entry: CohortJoined) -> bool:
        """Whether a cohort was joined already, and none of its submissions is retired."""
        return all(
            self.cohorts.get((m.owner, m.commitment)) == entry.cohort and self.live.get(m.owner) == m.submission
            for m in entry.members
        )

    def has_released(self, selection: Selection) -> bool:
        """Whether this very sum was released before."""
        return all(self.released.get(owner) == selection for owner in selection.owners)

    def head_after(self, entry: Entry) -> tuple[int, bytes]:
        """Count and digest of the ledger's head when an entry (no `Restored`) is its next record."""
        return self.count + 1, head_over(self.heads[self.count], to_text(entry))

    def lacks(self, count: int, digest: bytes) -> bool:
        """Whether a head that this prover once signed is not in this ledger, nor known to be lost."""
        return count > self.lost and self.heads.get(count) != digest

    def require_live(self, owners: Iterable[bytes], submissions: Iterable[bytes]) -> None:
        """Raise RuleViolationError for a submission that joined no cohort, or whose owner's later one has."""
        for owner, submission in zip(owners, submissions, strict=True):
            if self.live.get(owner) != submission:
                raise RuleViolationError(f"submission 0x{submission.hex()} is retired: a later one took its place")

    def bound_to(self, owner: bytes) -> Selection | None:
        """The set that an owner is locked to or whose sum it is in; only the next round takes another submission."""
        return self.released.get(owner) or self.locks.get(owner)

    def _check_member(self, cohort: bytes, member: Member) -> None:
        known = self.cohorts.get((member.owner, member.commitment))
        name = f"submission 0x{member.submission.hex()}"
        if known is not None and known != cohort:
            raise RuleViolationError(f"{name}: its commitment already belongs to another cohort")
        if known is not None and self.live[member.owner] != member.submission:
            raise RuleViolationError(f"{name} is retired: a later one, or another dealing of it, took its place")
        bound = self.bound_to(member.owner)
        if bound is not None and member.submission not in bound.submissions:
            raise RuleViolationError(f"{name}: its owner is locked to another submission in this round")

    @staticmethod
    def _one_set(known: Mapping[bytes, Selection], wanted: Selection, what: str) -> None:
        for owner, submission in zip(wanted.owners, wanted.submissions, strict=True):
            if known.get(owner, wanted) != wanted:
                raise RuleViolationError(f"the owner of submission 0x{submission.hex()} {what}")
