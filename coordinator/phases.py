"""What a round is in, for people and metrics; ``next_action`` decides what is done.  Pure."""

from __future__ import annotations

from enum import StrEnum, unique

from coordinator.rounds import CoordinatorState
from coordinator.roundstate import RoundKey


@unique
class Phase(StrEnum):
    """Of a round that is not closed, the first that fits."""

    PROVING = "proving"
    SETTLING = "settling"
    RELEASING = "releasing"
    GATHERING = "gathering"


def phase_of(state: CoordinatorState, key: RoundKey) -> Phase:
    """A cohort is proven; else a proven batch waits for the chain; else a sum for provers; else nothing but owners."""
    if state.rounds[key].cohort is not None:
        return Phase.PROVING
    batches = list(state.batches_of(key))
    if any(not batch.settled for batch in batches):
        return Phase.SETTLING
    if any(batch.accepted and batch.payload_digest is None for batch in batches):
        return Phase.RELEASING
    return Phase.GATHERING
