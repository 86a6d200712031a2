"""The coordinator's state as a fold of events: which submissions wait, which batches are under way or proven.

Pure.  An event is logged before what follows from it is done, so after a restart the fold says what is left to do.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from circuits.statement import SubmissionHeader
from circuits.terms import MarketId
from commons.protocol.status import Rejection, RoundStatus, SubmissionState, SubmissionStatus, TaskStatus
from coordinator.events import (
    AttemptUsed,
    BatchGraded,
    BatchProven,
    BatchSettled,
    CohortBegun,
    CohortFailed,
    Event,
    ExclusionEnded,
    ExclusionSigned,
    FeesEnded,
    GroupsDrawn,
    HeaderAccepted,
    HeaderRefused,
    MarketNamed,
    OfBatch,
    OfCohort,
    OrderDrawn,
    OwnerDropped,
    ProverBlamed,
    RoundClosed,
    RoundsForgotten,
    SetLocking,
    ShareDelivered,
    SumOpened,
    SumPublished,
    TransactionSent,
    round_of,
)
from coordinator.roundstate import WEIGHTLESS, ProvenBatch, Round, RoundKey, Submission
from native import G1

RECENT = 100
"""Dropped submissions of a task that its status names; earlier ones are only counted."""
LISTED = 1024
"""Rounds of a task that its status has, the latest; and how many of them, with their batches and all words against
provers, it tells more of than numbers.  The status is one message on the wire."""
_DROPPED = (SubmissionState.REJECTED, SubmissionState.EXPIRED)


class CoordinatorState:
    """The fold.  One thread changes it at a time (see ``coordinator.journal``).

    Attributes:
        submissions: those of rounds that are not closed, and the last one of each that is.
        ended: what became of the others.
        market: the deployment to which the log belongs; None while that is not on record.
        refused: by round, headers and causes of refusals, and how often they were counted.
        refusals: how many of these there are, by task and cause.
        fees_open: rounds with accepted batches whose fees may not be settled yet.
        exclusions: what provers have signed of owners, by task, round and registration index, until all is done.
        forgotten: by task, the last round of which nothing is known any more, and what was counted of all those.
    """

    def __init__(self) -> None:
        self.submissions: dict[bytes, Submission] = {}
        self.ended: dict[bytes, SubmissionStatus] = {}
        self.rounds: dict[RoundKey, Round] = {}
        self.batches: dict[bytes, ProvenBatch] = {}
        self.rejections: dict[int, Counter[str]] = {}
        self.recent: dict[int, deque[Rejection]] = {}
        self.market: MarketId | None = None
        self.refused: dict[RoundKey, Counter[tuple[bytes, str]]] = {}
        self.refusals: dict[int, Counter[str]] = {}
        self.fees_open: set[RoundKey] = set()
        self.exclusions: dict[tuple[int, int, int], ExclusionSigned] = {}
        self.forgotten: dict[int, RoundsForgotten] = {}

    def apply(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case HeaderAccepted() | ShareDelivered() | HeaderRefused():
                self._come_in(event)
            case OwnerDropped():
                self._drop(event)
            case ProverBlamed():
                current = self._round(round_of(event))
                current.blame(event.prover, event.step, event.reason, proven=event.proven)
            case GroupsDrawn() | OrderDrawn() | CohortBegun() | AttemptUsed() | CohortFailed() | SetLocking():
                self._go_on(event, self._round(round_of(event)))
            case BatchProven():
                self._prove(event)
            case TransactionSent() | BatchSettled() | SumOpened() | SumPublished() | BatchGraded():
                self._finish(event, self.batches[event.batch_id])
            case RoundClosed():
                self._close(round_of(event), event.reason)
            case FeesEnded():
                self.fees_open.discard(round_of(event))
            case ExclusionSigned():
                self.exclusions[event.place] = event
            case ExclusionEnded():
                self.exclusions.pop((*round_of(event), event.index), None)
            case RoundsForgotten():
                self._forget(event)
            case MarketNamed():
                self.market = MarketId(event.chain_id, event.market, event.deployment)

    def _come_in(self, event: HeaderAccepted | ShareDelivered | HeaderRefused) -> None:
        """What owners hand in."""
        match event:
            case HeaderAccepted():
                self._enter(event)
            case ShareDelivered():
                self._deliver(event)
            case HeaderRefused():
                self._refuse(event)

    def _go_on(self, event: OfCohort, current: Round) -> None:
        """The cohort under way, and those after it."""
        match event:
            case GroupsDrawn() | OrderDrawn():
                current.draw(event)
            case CohortBegun():
                current.begin(event.submissions)
                self._move(event.submissions, SubmissionState.PROVING)
            case AttemptUsed():
                current.last_attempt = event.attempt
            case CohortFailed():
                current.fail(event.reason, event.at)
                if event.final:
                    self._give_up(current, event.reason)
            case SetLocking():
                current.locked = event.submissions

    def _give_up(self, current: Round, reason: str) -> None:
        """End a cohort that is not tried again: provers bind its submissions to it, so no other can have them."""
        self._move(self._in(SubmissionState.PROVING, current.cohort or ()), SubmissionState.EXPIRED, reason)
        current.bound |= {self.submissions[s].header.owner for s in current.owners(current.locked or ())}
        current.give_up()

    def _finish(self, event: OfBatch, batch: ProvenBatch) -> None:
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
            case BatchGraded():
                batch.values, batch.weights = event.values, event.weights
                self._round(batch.round_key).spend((event.reference,))
                self._move((event.reference,), SubmissionState.PROVEN, batch_id=batch.batch_id)
                self._move(batch.weightless, SubmissionState.PROVEN, WEIGHTLESS, batch.batch_id)

    def status_of(self, submission: bytes) -> SubmissionStatus | None:
        """What became of a submission, None for one that was never entered."""
        entry = self.submissions.get(submission)
        return self.ended.get(submission) if entry is None else entry.status

    def pending(self, key: RoundKey) -> list[bytes]:
        """Submissions of a round that wait for a batch, in order of arrival."""
        return list(self._round(key).waiting)

    def most_of_one_owner(self, key: RoundKey) -> int:
        """How many submissions of a round the owner has handed in, of those in the cohort under way, that has most."""
        current = self._round(key)
        members = self._in(SubmissionState.PROVING, current.owners(current.cohort or ()))
        return max((len(current.by_owner[self.submissions[s].header.owner]) for s in members), default=0)

    def of_owner(self, key: RoundKey, owner: bytes) -> SubmissionStatus | None:
        """The last submission of an owner in a round that was not rejected; those before it have expired."""
        for submission in reversed(self._round(key).by_owner.get(owner, ())):
            status = self.submissions[submission].status
            if status.state is not SubmissionState.REJECTED:
                return status
        return None

    def commitments_of(self, key: RoundKey, owner: bytes) -> set[G1]:
        """Commitments of all submissions of an owner in a round."""
        return {self.submissions[s].header.commitment for s in self._round(key).by_owner.get(owner, ())}

    def unsettled(self, key: RoundKey) -> Iterator[ProvenBatch]:
        """Proven batches of a round that the chain has not settled."""
        return (batch for batch in self.batches_of(key) if not batch.settled)

    def accepted(self, key: RoundKey) -> int:
        """Gradients in accepted batches of a round."""
        return sum(len(batch.submissions) for batch in self.batches_of(key) if batch.accepted)

    def unreleased(self, key: RoundKey, *, publish: bool) -> Iterator[ProvenBatch]:
        """Accepted batches of a round whose aggregate is not opened, or not published where it is to be."""
        accepted = (batch for batch in self.batches_of(key) if batch.accepted)
        return (b for b in accepted if b.payload_digest is None or (publish and not b.published))

    def batches_of(self, key: RoundKey) -> Iterator[ProvenBatch]:
        """Proven batches of a round, in order."""
        return (self.batches[b] for b in self._round(key).batches)

    def open_rounds(self) -> list[RoundKey]:
        """Rounds that are not closed."""
        return [key for key, current in self.rounds.items() if not current.closed]

    def task_status(self, task_id: int) -> TaskStatus:
        """A task's latest rounds, rejection counters and latest rejections."""
        keys = sorted(key for key in self.rounds if key[0] == task_id)[-LISTED:]
        return TaskStatus(
            tuple(self._round_statuses(keys)),
            dict(self.rejections.get(task_id, {})),
            tuple(self.recent.get(task_id, ())),
        )

    def _round_statuses(self, keys: list[RoundKey]) -> list[RoundStatus]:
        statuses: list[RoundStatus] = []
        told = 0
        for key in reversed(keys):
            current = self.rounds[key]
            told += 1 + len(current.batches) + len(current.named)
            statuses.append(current.status(key[1], self.batches_of(key), whole=told <= LISTED))
        return statuses[::-1]

    def headers(self) -> Counter[int]:
        """How many headers the log has of each task."""
        found: Counter[int] = Counter()
        for (task_id, _), current in self.rounds.items():
            found[task_id] += len(current.gone) + len(current.submissions) + len(current.references)
        return found

    def is_forgotten(self, key: RoundKey) -> bool:
        """Whether all that was known of a round is deleted."""
        forgotten = self.forgotten.get(key[0])
        return forgotten is not None and key[1] <= forgotten.through

    def forgetting(self, task_id: int, through: int) -> RoundsForgotten:
        """The event by which a task's rounds up to one are forgotten, with what is counted of them."""
        counted = self._forgotten_counts(task_id)
        for key in self._until(task_id, through):
            counted.update(self._counts_of(key))
        codes = tuple(sorted(counted))
        return RoundsForgotten(task_id, through, codes, tuple(counted[code] for code in codes))

    def _forgotten_counts(self, task_id: int) -> Counter[str]:
        known = self.forgotten.get(task_id)
        return Counter(dict(zip(known.codes, known.counts, strict=True))) if known else Counter()

    def _until(self, task_id: int, through: int) -> list[RoundKey]:
        known = self.rounds.keys() | self.refused.keys()
        return [key for key in known if key[0] == task_id and key[1] <= through]

    def _counts_of(self, key: RoundKey) -> Counter[str]:
        """How many submissions of a round were dropped or refused for each cause."""
        counted = self._refusals_of(key)
        if key in self.rounds:
            counted.update(self.rounds[key].dropped)
        return counted

    def _refusals_of(self, key: RoundKey) -> Counter[str]:
        counted: Counter[str] = Counter()
        for (_, code), count in self.refused.get(key, {}).items():
            counted[code] += count
        return counted

    def _forget(self, event: RoundsForgotten) -> None:
        """Leave of the rounds what a log without their events gives."""
        counted = self.rejections.setdefault(event.task_id, Counter())
        counted.subtract(self._forgotten_counts(event.task_id))
        for key in self._until(event.task_id, event.through):
            counted.subtract(self._counts_of(key))
            self._forget_refusals(key)
            current = self.rounds.pop(key, Round())
            for submission in (*current.gone, *current.submissions, *current.references):
                self.ended.pop(submission, None)
                self.submissions.pop(submission, None)
            for batch_id in current.batches:
                self.batches.pop(batch_id, None)
            self.fees_open.discard(key)
            for place in [place for place in self.exclusions if place[:2] == key]:
                del self.exclusions[place]
        counted.update(dict(zip(event.codes, event.counts, strict=True)))
        self.rejections[event.task_id] = +counted
        self.recent[event.task_id] = deque(
            (one for one in self.recent.get(event.task_id, ()) if one.round > event.through), maxlen=RECENT
        )
        self.forgotten[event.task_id] = event

    def _forget_refusals(self, key: RoundKey) -> None:
        if key in self.refused:
            left = self.refusals[key[0]] - self._refusals_of(key)
            del self.refused[key], self.refusals[key[0]]
            if left:
                self.refusals[key[0]] = left

    def _in(self, state: SubmissionState, submissions: Iterable[bytes]) -> list[bytes]:
        """Those of the submissions that are in a state."""
        return [s for s in submissions if self.submissions[s].status.state is state]

    def _round(self, key: RoundKey) -> Round:
        return self.rounds.setdefault(key, Round())

    def _enter(self, event: HeaderAccepted) -> None:
        if self.status_of(event.submission) is not None:
            return
        status = SubmissionStatus(event.submission, SubmissionState.PENDING)
        self.submissions[event.submission] = Submission(event.header, event.receipts, status)
        self._round(_key(event.header)).enter(event.submission, event.header)

    def _deliver(self, event: ShareDelivered) -> None:
        entry = self.submissions.get(event.submission)  # its round may have closed meanwhile
        if entry is not None and event.prover not in entry.receipts:
            entry.receipts = tuple(sorted((*entry.receipts, event.prover)))

    def _move(
        self, submissions: Iterable[bytes], state: SubmissionState, reason: str = "", batch_id: bytes | None = None
    ) -> None:
        """Submissions stand elsewhere now; of a batch that somebody else handed in, some may never have come here."""
        for submission in submissions:
            entry = self.submissions.get(submission)
            if entry is not None:
                self._round(_key(entry.header)).move(submission, entry.status.state, state)
                entry.status = SubmissionStatus(submission, state, reason, batch_id)

    def _drop(self, event: OwnerDropped) -> None:
        """A cohort that is tried again may drop the same submission again: it was dropped once."""
        entry = self.submissions[event.submission]
        if entry.status.state in _DROPPED:
            return
        state = SubmissionState.REJECTED if event.rejected else SubmissionState.EXPIRED
        self._move((event.submission,), state, event.reason)
        code = event.reason.partition(":")[0]
        self._round(_key(entry.header)).dropped[code] += 1
        self.rejections.setdefault(entry.header.task_id, Counter())[code] += 1
        self._name(entry.header, event.reason)

    def _refuse(self, event: HeaderRefused) -> None:
        self.refused.setdefault(round_of(event), Counter())[event.header, event.code] += 1
        self.refusals.setdefault(event.task_id, Counter())[event.code] += 1
        self.rejections.setdefault(event.task_id, Counter())[event.code] += 1

    def _prove(self, event: BatchProven) -> None:
        key = round_of(event)
        current = self._round(key)
        self.batches[event.batch_id] = ProvenBatch(event.batch_id, key, event.submissions, event.bundle_digest)
        current.batches.append(event.batch_id)
        left = set(current.cohort or ()) - set(event.submissions)
        if len(left) < len(current.cohort or ()):  # not so for a batch of an earlier cohort, handed in by somebody else
            current.end_cohort()
            current.trouble = ""
            still = self._in(SubmissionState.PROVING, current.owners(left))
            self._move(still, SubmissionState.EXPIRED, "unattributed: it was left out of its cohort's batch")
        self._move(event.submissions, SubmissionState.PROVEN, batch_id=event.batch_id)

    def _settle(self, event: BatchSettled) -> None:
        batch = self.batches[event.batch_id]
        batch.settled, batch.accepted = True, event.accepted
        if event.accepted:
            self.fees_open.add(batch.round_key)
            self._move(batch.submissions, SubmissionState.ACCEPTED, batch_id=event.batch_id)
            self._move(batch.weightless, SubmissionState.ACCEPTED, WEIGHTLESS, event.batch_id)
        else:
            self._refused(batch, event.reason)

    def _refused(self, batch: ProvenBatch, trouble: str) -> None:
        """Owners of a refused batch are bound to it; unless they were accepted in another one of the same set."""
        current, reason = self._round(batch.round_key), f"chain: {trouble}"
        left = self._in(SubmissionState.PROVEN, batch.submissions)
        self._move(left, SubmissionState.REJECTED, reason, batch.batch_id)
        for header in (self.submissions[s].header for s in left):
            self._name(header, reason)
            current.bound.add(header.owner)
        if left or not batch.submissions:
            current.trouble = trouble

    def _close(self, key: RoundKey, reason: str) -> None:
        current = self._round(key)
        proving = f"could not be proven: {current.trouble}" if current.trouble else "was being proven"
        reasons = {
            SubmissionState.PENDING: "the round ended before a batch took it" + (f": {reason}" if reason else ""),
            SubmissionState.PROVING: f"the round's time ended while its cohort {proving}",
            SubmissionState.PROVEN: "the round's time ended before the chain had accepted its batch",
        }
        for state, why in reasons.items():
            copies = () if state is SubmissionState.PROVEN else tuple(current.references)
            self._move(self._in(state, (*current.submissions, *copies)), SubmissionState.EXPIRED, why)
        current.closed, current.cohort = True, None
        for submission in current.forget_submissions():
            self.ended[submission] = self.submissions.pop(submission).status

    def _name(self, header: SubmissionHeader, reason: str) -> None:
        recent = self.recent.setdefault(header.task_id, deque(maxlen=RECENT))
        recent.append(Rejection(header.owner, header.round, reason))


def _key(header: SubmissionHeader) -> RoundKey:
    return header.task_id, header.round
