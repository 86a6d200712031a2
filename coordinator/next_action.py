"""What to do next with a round.  Pure: facts in, one action out."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.statement import TaskTerms
from commons.runtime.amounts import utc
from coordinator.rounds import CoordinatorState, RoundKey


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """What the chain says of a round.  Times are seconds since 1970; ``accepted`` counts gradients."""

    now: int
    submit_deadline: int
    settle_deadline: int
    accepted: int
    finalized: bool

    @property
    def is_over(self) -> bool:
        """Whether the round takes no batch any more."""
        return self.finalized or self.now > self.settle_deadline


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
    """Prove these submissions together.  ``again``: their cohort is fixed already, it is tried once more."""

    submissions: tuple[bytes, ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do yet."""

    reason: str


Action = Close | Settle | Release | Prove | Wait


def next_action(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, capacity: int, *, release_patience: int
) -> Action:
    """Decide about one round.

    Args:
        capacity: most owners of one batch, by the policy's circuit; anything for a round that is over.
        release_patience: seconds after the settle deadline in which sums are still asked for.
    """
    action = _toward_acceptance(state, key, facts, terms, capacity)
    unreleased = tuple(batch.batch_id for batch in state.unreleased(key, publish=terms.inline_payload))
    patient = facts.now <= facts.settle_deadline + release_patience
    return Release(unreleased) if isinstance(action, Close | Wait) and unreleased and patient else action


def _toward_acceptance(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, capacity: int
) -> Close | Settle | Prove | Wait:
    if facts.is_over:
        return Close(_why_none(state, key, terms))
    unsettled = tuple(batch.batch_id for batch in state.unsettled(key))
    if unsettled:
        return Settle(unsettled)
    cohort = state.rounds[key].cohort
    if cohort is not None:
        return Prove(cohort, again=True)
    return _new_cohort(state, key, facts, terms, capacity)


def _new_cohort(
    state: CoordinatorState, key: RoundKey, facts: RoundFacts, terms: TaskTerms, capacity: int
) -> Close | Prove | Wait:
    room = terms.max_owners_per_round - facts.accepted
    waiting = state.pending(key)[:room]
    if room < terms.min_owners:
        return Close(f"the round is full: it has {facts.accepted} of {terms.max_owners_per_round} gradients")
    if len(waiting) < room and facts.now <= facts.submit_deadline:
        until = f"the submit window is open until {utc(facts.submit_deadline)}"
        return Wait(f"{len(waiting)} of {room} submissions are in; {until}")
    if len(waiting) < terms.min_owners:
        return Wait(_too_few(len(waiting), terms))
    size = group_size(len(waiting), capacity, terms.min_owners)
    chosen = sorted(waiting[:size], key=lambda s: state.submissions[s].header.owner_index)
    return Prove(tuple(chosen), again=False)


def _why_none(state: CoordinatorState, key: RoundKey, terms: TaskTerms) -> str:
    """Why no batch took the submissions that still wait when the round's time is over."""
    waiting = len(state.pending(key))
    return _too_few(waiting, terms) if 0 < waiting < terms.min_owners else state.rounds[key].trouble


def _too_few(waiting: int, terms: TaskTerms) -> str:
    return f"too few owners: {waiting} of the {terms.min_owners} that a batch needs"


def group_size(waiting: int, capacity: int, least: int) -> int:
    """Owners of the next batch: all, or an even part, so that the last batch is not left with too few."""
    groups = -(-waiting // capacity)
    even = -(-waiting // groups)
    return even if waiting // groups >= least else min(capacity, waiting)
