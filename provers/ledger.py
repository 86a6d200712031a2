"""The prover's ledger: what it has done and must never do again.

A fold over append-only records.  A record is durable before anything that depends on it leaves the prover; after a
restart the fold is rebuilt, so no mask, attempt or submission can be used twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from circuits.errors import RuleViolationError, StorageError
from circuits.hashing import keccak


def set_digest(submissions: tuple[bytes, ...]) -> bytes:
    """Identifier of a set of submissions, whatever their order."""
    return keccak(b"".join(sorted(submissions)))


@dataclass(frozen=True, slots=True)
class CohortJoined:
    """Submissions whose sign matrix is fixed from now on."""

    kind: ClassVar[str] = "cohort-joined"
    cohort: bytes
    submissions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An attempt's number and masks are used up.  ``round_key`` names chain, market, task and round."""

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
class ContributionsOpened:
    """Contributions of a set were opened; its submissions' contributions to other sets stay closed."""

    kind: ClassVar[str] = "contributions-opened"
    submissions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Aggregated:
    """The sum over a set was released; its submissions enter no other aggregate."""

    kind: ClassVar[str] = "aggregated"
    submissions: tuple[bytes, ...]


Entry = CohortJoined | AttemptStarted | Combined | ContributionsOpened | Aggregated
_KINDS: Mapping[str, type[Entry]] = {
    c.kind: c for c in (CohortJoined, AttemptStarted, Combined, ContributionsOpened, Aggregated)
}


def to_record(entry: Entry) -> dict[str, Any]:
    """A JSON-able form of an entry (bytes as hex)."""
    fields = {name: _plain(value) for name, value in asdict(entry).items()}
    return {"kind": entry.kind, **fields}


def from_record(record: Mapping[str, Any]) -> Entry:
    """Inverse of ``to_record``.  Raises StorageError for a record of unknown kind or form."""
    try:
        kind = _KINDS[record["kind"]]
        return kind(**{name: _rich(value) for name, value in record.items() if name != "kind"})
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(
            f"the ledger holds a record that is none: {error}; restore no old copy, which would use masks twice: "
            "replace this prover by a new committee"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, list):
        return tuple(_rich(v) for v in value)
    return value


@dataclass(slots=True)
class LedgerState:
    """The fold.  ``check`` refuses an entry that breaks a rule; ``apply`` checks and records it."""

    cohorts: dict[bytes, bytes] = field(default_factory=dict)
    attempts: dict[bytes, int] = field(default_factory=dict)
    combined: set[bytes] = field(default_factory=set)
    sets: dict[bytes, bytes] = field(default_factory=dict)

    def check(self, entry: Entry) -> None:
        """Raise RuleViolationError when the entry must not happen."""
        match entry:
            case CohortJoined():
                self._one_set(self.cohorts, entry.submissions, entry.cohort, "already belongs to another cohort")
            case AttemptStarted():
                last = self.attempts.get(entry.round_key, 0)
                if entry.attempt <= last:
                    raise RuleViolationError(f"attempt {entry.attempt} of this round is used up; take one above {last}")
            case Combined():
                if entry.proposal in self.combined:
                    raise RuleViolationError("this attempt's mask is spent: a second combination would unmask it")
            case ContributionsOpened() | Aggregated():
                wanted = set_digest(entry.submissions)
                self._one_set(self.sets, entry.submissions, wanted, "was already opened or aggregated in another set")

    def apply(self, entry: Entry) -> None:
        """Check the entry, then record it."""
        self.check(entry)
        match entry:
            case CohortJoined():
                self.cohorts.update(dict.fromkeys(entry.submissions, entry.cohort))
            case AttemptStarted():
                self.attempts[entry.round_key] = entry.attempt
            case Combined():
                self.combined.add(entry.proposal)
            case ContributionsOpened() | Aggregated():
                self.sets.update(dict.fromkeys(entry.submissions, set_digest(entry.submissions)))

    @staticmethod
    def _one_set(known: Mapping[bytes, bytes], submissions: tuple[bytes, ...], wanted: bytes, what: str) -> None:
        for submission in submissions:
            if known.get(submission, wanted) != wanted:
                raise RuleViolationError(f"submission 0x{submission.hex()} {what}")
