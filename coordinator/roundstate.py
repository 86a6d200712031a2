"""One round as the coordinator keeps it: submissions and where they stand, the cohort under way, the batches.

A round may have tens of thousands of owners, so what is asked for at every header or turn is kept, not counted anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from circuits.statement import REFERENCE_INDEX, SubmissionHeader
from commons.protocol.status import BatchStatus, NamedProver, RoundStatus, SubmissionState, SubmissionStatus
from commons.runtime.identifiers import shown
from coordinator.events import GroupsDrawn, OrderDrawn

RoundKey = tuple[int, int]
WEIGHTLESS = "weight: it counts in no sum, as its number is too low or too few others have its level"
"""Why a submission is in a batch, and its gradient is not in the sum."""
_TOLD = 16
"""Entries of one prover without proof in a round's status: it words its refusals itself, each another if it likes."""
_WORDS = 512
"""Most characters of them, for the same reason."""


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
        payload_digest: of its aggregate, or of the sealed shares of a private one; None until the provers released it.
        values: what was opened of its owners, in order; empty where nobody is graded.
        weights: factors of their gradients in the sum; empty where nobody is graded.
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
    values: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()

    @property
    def weightless(self) -> frozenset[bytes]:
        """Submissions that are in the batch, and not in its sum."""
        return frozenset(s for s, weight in zip(self.submissions, self.weights, strict=False) if not weight)

    @property
    def status(self) -> BatchStatus:
        """What is told of it."""
        return BatchStatus(
            self.batch_id, self.payload_digest, len(self.submissions), self.accepted, self.transaction
        )  # fmt: skip


@dataclass(slots=True)
class Round:
    """A round.

    Attributes:
        submissions: in order of arrival; of a round that is closed only the last one.
        waiting: those that wait for a batch, in order of arrival.
        by_owner: those of each owner (its address), in order of arrival.
        counts: how many stand where.
        groups: who is proven together, as it was drawn, also of cohorts that are past.
        mixed: the same, after those, of owners who have company.
        apart: submissions that have no part in any, and will have none.
        cautious: whether a cohort has failed for good since, so that nobody is to have company.
        cohort: submissions of the cohort that is not proven yet; None when there is none.
        locked: those of them that provers were asked to attest together; None before.
        failures: how often that cohort has failed in a row.
        failing_since: the chain's time of the first of these failures; 0 when it is not known.
        given_up: how many cohorts have failed for good.
        trouble: why the round does not move, or why the last cohort was given up.
        dropped: how many submissions stay out for each cause.
        gone: submissions of a round that is closed, but for the last.
        bound: owners whom provers may have locked to a set that came to nothing, so that they take no other submission.
        references: copies of the round's reference, and the number of each; they are counted nowhere else.
        spent: numbers of the copies against which a cohort was graded, or is.
        order: in which submissions of a graded round are put together, as it was drawn at random.
    """

    submissions: list[bytes] = field(default_factory=list)
    waiting: dict[bytes, None] = field(default_factory=dict)
    by_owner: dict[bytes, list[bytes]] = field(default_factory=dict)
    counts: Counter[SubmissionState] = field(default_factory=Counter)
    groups: tuple[tuple[bytes, ...], ...] = ()
    mixed: tuple[tuple[bytes, ...], ...] = ()
    apart: set[bytes] = field(default_factory=set)
    cautious: bool = False
    cohort: tuple[bytes, ...] | None = None
    locked: tuple[bytes, ...] | None = None
    failures: int = 0
    failing_since: int = 0
    given_up: int = 0
    last_attempt: int = 0
    trouble: str = ""
    batches: list[bytes] = field(default_factory=list)
    named: list[NamedProver] = field(default_factory=list)
    excluded: set[int] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)
    gone: list[bytes] = field(default_factory=list)
    bound: set[bytes] = field(default_factory=set)
    closed: bool = False
    references: dict[bytes, int] = field(default_factory=dict)
    spent: set[int] = field(default_factory=set)
    order: tuple[bytes, ...] = ()

    def enter(self, submission: bytes, header: SubmissionHeader) -> None:
        """A submission came in; it waits."""
        if header.is_reference:
            self.references[submission] = header.owner_index - REFERENCE_INDEX
            return
        self.submissions.append(submission)
        self.by_owner.setdefault(header.owner, []).append(submission)
        self.waiting[submission] = None
        self.counts[SubmissionState.PENDING] += 1

    def move(self, submission: bytes, before: SubmissionState, after: SubmissionState) -> None:
        """A submission stands elsewhere now; it never waits again."""
        if submission in self.references:
            return
        self.waiting.pop(submission, None)
        self.counts[before] -= 1
        self.counts[after] += 1

    def draw(self, drawn: GroupsDrawn | OrderDrawn) -> None:
        """It is drawn who is proven together, or in which order they are put together."""
        if isinstance(drawn, OrderDrawn):
            self.order = drawn.submissions
            return
        self.groups, self.mixed, self.cautious = drawn.groups, drawn.mixed, False
        self.apart.update(drawn.apart)

    def drawn(self) -> list[tuple[bytes, ...]]:
        """The groups that have not begun."""
        return [group for group in (*self.groups, *self.mixed) if any(s in self.waiting for s in group)]

    def undrawn(self) -> list[bytes]:
        """Those that wait and came too late for the groups, or could be in none of any kind, in order of arrival."""
        known = self.apart.union(*self.groups, *self.mixed)
        return [s for s in self.waiting if s not in known]

    def begin(self, cohort: tuple[bytes, ...]) -> None:
        """A cohort is fixed."""
        self.end_cohort()
        self.cohort = cohort
        self.spend(cohort)

    @property
    def unspent(self) -> tuple[bytes, ...]:
        """Copies of the reference that no cohort has had, in order of their numbers."""
        copies = sorted((number, submission) for submission, number in self.references.items())
        return tuple(submission for number, submission in copies if number not in self.spent)

    def spend(self, submissions: Iterable[bytes]) -> None:
        """The copies of the reference among them belong to a cohort now, and to no other."""
        self.spent |= {self.references[s] for s in submissions if s in self.references}

    def owners(self, submissions: Iterable[bytes]) -> tuple[bytes, ...]:
        """Those of them that are owners'."""
        return tuple(s for s in submissions if s not in self.references)

    def fail(self, reason: str, at: int) -> None:
        """It could not be proven this time."""
        self.failing_since = self.failing_since if self.failures else at
        self.failures += 1
        self.trouble = reason

    def give_up(self) -> None:
        """The cohort under way has failed for good."""
        self.given_up += 1
        self.cautious = True
        self.end_cohort()

    def end_cohort(self) -> None:
        """There is none under way any more."""
        self.cohort, self.locked, self.failures, self.failing_since = None, None, 0, 0

    def blame(self, prover: int, step: str, reason: str, *, proven: bool) -> None:
        """Something is held against a prover."""
        named = NamedProver(prover, step, reason if proven else reason[:_WORDS])
        told = sum(known.prover == prover for known in self.named)
        if named not in self.named and (proven or told < _TOLD):
            self.named.append(named)
        if proven:
            self.excluded.add(prover)

    def forget_submissions(self) -> list[bytes]:
        """All but the last one, which tells of which deployment the round is: nobody asks for the others any more."""
        self.gone, self.submissions = [*self.references, *self.submissions[:-1]], self.submissions[-1:]
        self.groups, self.mixed = (), ()
        self.apart.clear()
        self.by_owner.clear()
        self.references.clear()
        return self.gone

    def status(self, number: int, batches: Iterable[ProvenBatch], *, whole: bool) -> RoundStatus:
        """What is told of it; ``whole``: with its batches, its trouble, and what is held against provers."""
        counts = self.counts
        waiting = counts[SubmissionState.PENDING] + counts[SubmissionState.PROVING]
        return RoundStatus(
            number, waiting, counts[SubmissionState.REJECTED], self.last_attempt, self.trouble if whole else "",
            tuple(batch.status for batch in batches) if whole else (), tuple(self.named) if whole else (),
        )  # fmt: skip


def named(key: RoundKey) -> tuple[str, int]:
    """A round as log lines name it."""
    return shown(key[0]), key[1]
