"""What to do next with a round.  Pure: facts in, one action out."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.terms import TaskTerms
from commons.runtime.amounts import utc
from coordinator.gathering import reserve
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import RoundKey

_STRAGGLERS = "submissions have ended, and the last ones are waited for"
_ENDING = "the round's time is up; until that is final on the chain, nothing is decided"
_UNSEEN = (
    "the chain has a batch of this round that is not known here yet; the provers that attested it are asked for it"
)
_SHALLOW = "that counts once it is final on the chain"
_REPLACED = "the model owner has named another coordinator; hand the gradient in there"


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """What the chain says of a round.  Times are seconds since 1970.

    Attributes:
        now: time of the latest block.
        settled: time of the latest block that is deep enough to rely on.
        seats: most gradients that it accepts.
        accepted: gradients that it has accepted.
        batches: batches that it has accepted.
        closed: whether its settle deadline has passed, by the same answer of the node as ``batches``.
        epoch: of the committee; its members run and attest the round's batches.
        ours: whether this coordinator is the task's at present; provers answer to no other.
        mined: batches that a block has which is not deep enough yet.
        refused: batches that were handed in since the last look, in vain; others do not wait for them.
        quiet: whether stragglers were waited for since submissions ended, or since the last cohort.
    """

    now: int
    settled: int
    submit_deadline: int
    settle_deadline: int
    seats: int
    accepted: int
    batches: int
    closed: bool
    finalized: bool
    epoch: int
    ours: bool
    mined: frozenset[bytes] = frozenset()
    refused: frozenset[bytes] = frozenset()
    quiet: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the round takes no batch any more."""
        return self.finalized or self.closed or self.now > self.settle_deadline

    @property
    def is_over_for_good(self) -> bool:
        """Whether no reorganisation changes that, and the node that counts its batches knows it too."""
        return self.closed and self.settled > self.settle_deadline


@dataclass(frozen=True, slots=True)
class Close:
    """The round is over: its time is up, or it has no room for another batch.  ``reason``: why none took the rest."""

    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Hand these proven batches to the chain."""

    batches: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """Have the provers release the sums of these accepted batches."""

    batches: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Prove:
    """Prove these submissions together once more: their cohort is fixed already."""

    submissions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Prove some of these submissions together, all of which wait.

    Attributes:
        last: no more are expected, so that what is left over now is left for good.
    """

    submissions: tuple[bytes, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do yet."""

    reason: str


Action = Close | Settle | Release | Prove | Gather | Wait


def next_action(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, capacity: int, *, release_patience: int
) -> Action:
    """Decide about one round.

    Args:
        capacity: most owners of one batch, by the policy's circuit; anything for a round that is over.
        release_patience: seconds after the settle deadline in which sums, and batches that others handed in, are
            still asked for.
    """
    patient = facts.now <= facts.settle_deadline + release_patience
    action = _toward_acceptance(state, key, facts, terms, capacity, patient=patient)
    unreleased = tuple(batch.batch_id for batch in state.unreleased(key, publish=terms.inline_payload))
    return Release(unreleased) if isinstance(action, Close | Wait) and unreleased and patient else action


def _toward_acceptance(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, capacity: int, *, patient: bool
) -> Close | Settle | Prove | Gather | Wait:
    if facts.is_over:
        return _at_its_end(state, key, facts, terms, patient=patient)
    done = facts.mined | facts.refused
    unsettled = tuple(batch.batch_id for batch in state.unsettled(key) if batch.batch_id not in done)
    if unsettled:
        return Settle(unsettled)
    if not facts.ours:
        return Wait(_REPLACED)
    cohort = state.rounds[key].cohort
    if cohort is not None:
        return Prove(cohort)
    return _new_cohort(state, key, facts, terms, capacity)


def _at_its_end(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, *, patient: bool
) -> Close | Wait:
    if not facts.is_over_for_good:
        return Wait(_ENDING)
    if patient and facts.batches > sum(batch.accepted for batch in state.batches_of(key)):
        return Wait(_UNSEEN)  # its owners are paid, and would be told that they came too late
    return Close(_why_none(state, key, terms))


def _new_cohort(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, capacity: int
) -> Close | Gather | Wait:
    """A batch is made as soon as it is full and half the seats' worth of others wait behind it; when no more are
    expected, of those that are left, so that nobody who could have been put with them comes too late.
    """
    # A batch that the chain had, and took back, has its seats: it is handed in again.
    accepted, waiting = max(facts.accepted, state.accepted(key)), state.pending(key)
    room = facts.seats - accepted
    if room < terms.min_owners:
        full = f"{accepted} of {facts.seats} gradients are in"
        reason = f"the round has no room for another batch: {full}, and a batch needs {terms.min_owners}"
        lasting = facts.seats - state.accepted(key) < terms.min_owners
        return Close(reason) if lasting else Wait(f"{reason}; {_SHALLOW}")
    ended = facts.now > facts.submit_deadline
    if ended and len(waiting) < terms.min_owners:
        return Wait(_too_few(len(waiting), terms))
    if terms.grading is not None:  # provers open numbers once nobody can answer them with another submission
        over = (facts.quiet or len(waiting) >= room) and facts.settled > facts.submit_deadline
        return Gather(tuple(waiting), last=True) if over else Wait(too_early(len(waiting), facts))
    last = bool(state.rounds[key].drawn()) or len(waiting) >= room or (ended and facts.quiet)
    if not last and len(waiting) < capacity + reserve(facts.seats, terms.min_owners):
        return Wait(too_early(len(waiting), facts))
    return Gather(tuple(waiting), last)


def too_early(waiting: int, facts: RoundFacts) -> str:
    """Why no batch is made yet of those that are there."""
    ended = facts.now > facts.submit_deadline
    until = f"the submit window is open until {utc(facts.submit_deadline)}"
    return f"{waiting} of {facts.seats - facts.accepted} submissions are in; {_STRAGGLERS if ended else until}"


def _why_none(state: CoordinatorState, key: RoundKey, terms: TaskTerms) -> str:
    """Why no batch took the submissions that still wait when the round's time is over."""
    waiting = len(state.pending(key))
    return _too_few(waiting, terms) if 0 < waiting < terms.min_owners else state.rounds[key].trouble


def _too_few(waiting: int, terms: TaskTerms) -> str:
    return f"too few owners: {waiting} of the {terms.min_owners} that a batch needs"
