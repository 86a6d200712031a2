"""The prover's ledger: what it has done and must never do again.

A fold over append-only records.  A record is durable before anything that depends on it leaves the prover; after a
restart the fold is rebuilt, so no mask, attempt or submission can be used twice.

Rules about gradients are kept by owner and round, not by submission: an owner's key names deployment, task, round and
owner.  The lock is the rule on which "nothing but the sum" rests: an owner enters one set, and a prover signs no batch
over another with that owner.  Any two quorums share an honest prover, so no two sets that meet can both get a quorum's
signatures.  Where owners are graded a quorum locks the set before the first number of it is opened, so that there is
one set whose numbers are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from circuits.errors import ClosedError, RuleViolationError, WireError
from commons.protocol.ledgerheads import COUNT_LIMIT, LedgerHead
from commons.protocol.lockedsets import owner_key
from provers.party.entries import (
    AttemptStarted,
    CohortJoined,
    Combined,
    Entry,
    GradedLocked,
    GradedSet,
    HeadSeen,
    Locked,
    Member,
    PeerSeen,
    Released,
    Restored,
    RoundsClosed,
    Selection,
    dealer_of,
    from_record,
    from_text,
    head_over,
    header_key,
    joined_cohort,
    round_key,
    to_record,
    to_text,
)

__all__ = [
    "GENESIS",
    "UNNAMED",
    "AttemptStarted",
    "CohortJoined",
    "Combined",
    "Entry",
    "GradedLocked",
    "GradedSet",
    "HeadSeen",
    "LedgerState",
    "Locked",
    "Member",
    "PeerSeen",
    "Released",
    "Restored",
    "RoundsClosed",
    "Selection",
    "dealer_of",
    "from_record",
    "from_text",
    "head_over",
    "header_key",
    "joined_cohort",
    "owner_key",
    "round_key",
    "to_record",
    "to_text",
]

GENESIS = bytes(32)
"""Head of a ledger without records."""
UNNAMED = b""
"""Signer of heads that earlier releases took down."""
S = TypeVar("S", Selection, GradedSet)


@dataclass(slots=True)
class LedgerState:
    """The fold.  ``check`` refuses an entry that breaks a rule; ``apply`` checks and records it.

    Attributes:
        cohorts: cohort of every commitment that was ever projected, by owner and commitment.
        live: the submission of each owner that joined a cohort last; all earlier ones are retired.
        attempts: last attempt of each round.
        combined: attempts whose mask row is spent.
        locks: what each owner is locked to.
        graded: the set in which each owner's number may be opened.
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
    graded: dict[bytes, GradedSet] = field(default_factory=dict)
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
                self._same_graded(entry.selection)
            case GradedLocked():
                self._check_graded(entry.selection)
            case Released():
                self._one_set(self.released, entry.selection, "is in the sum of another set already")
                # What it is graded in is not asked: a certified set is the one that a quorum was bound to, so of any
                # other that this prover is bound to nothing was opened and nothing will be.
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
            case GradedLocked():
                self.graded.update(dict.fromkeys(entry.selection.owners, entry.selection))
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

    def bound_to(self, owner: bytes) -> Selection | GradedSet | None:
        """The set that an owner is locked to or whose sum it is in; only the next round takes another submission."""
        return self.released.get(owner) or self.locks.get(owner) or self.graded.get(owner)

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

    def _check_graded(self, wanted: GradedSet) -> None:
        """A set is graded once; what was signed or released of its owners is a sum over just this set."""
        self.require_live(wanted.owners, wanted.submissions)
        self._one_set(self.graded, wanted, "is graded in another set in this round")
        for owner, submission in zip(wanted.owners, wanted.submissions, strict=True):
            for known in (self.locks.get(owner), self.released.get(owner)):
                if known is not None and not wanted.has_sum(known):
                    raise _bound_elsewhere(submission, "is in the sum of another set already")

    def _same_graded(self, selection: Selection) -> None:
        for owner, submission in zip(selection.owners, selection.submissions, strict=True):
            known = self.graded.get(owner)
            if known is not None and not known.has_sum(selection):
                raise _bound_elsewhere(submission, "is graded in another set in this round")

    @staticmethod
    def _one_set(known: Mapping[bytes, S], wanted: S, what: str) -> None:
        for owner, submission in zip(wanted.owners, wanted.submissions, strict=True):
            if known.get(owner, wanted) != wanted:
                raise _bound_elsewhere(submission, what)


def _bound_elsewhere(submission: bytes, what: str) -> RuleViolationError:
    return RuleViolationError(f"the owner of submission 0x{submission.hex()} {what}")
