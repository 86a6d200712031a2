"""Has the owners of a graded round put together: draws their order, and takes the next cohort from it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from coordinator.events import OrderDrawn
from coordinator.gradedplan import Held, Limits, needs_order, next_graded
from coordinator.journal import Journal
from coordinator.machine import Resources
from coordinator.roundstate import RoundKey

NO_GRADED = (
    "no graded cohort can be made of the submissions that wait: too few owners, or none of the copies of the reference "
    "that are left, is held by enough provers that answer"
)
Draw = Callable[[Sequence[bytes]], Sequence[bytes]]


def drawn(submissions: Sequence[bytes]) -> Sequence[bytes]:
    """All of them in a random order, by the system's entropy."""
    return secrets.SystemRandom().sample(submissions, len(submissions))


class GradedGathering:
    """Args:
    draw: gives an order that nobody outside can foresee.
    """

    def __init__(self, journal: Journal, draw: Draw = drawn) -> None:
        self._journal = journal
        self._draw = draw

    def gather(self, key: RoundKey, held: Held, ready: frozenset[int], limits: Limits) -> tuple[bytes, ...]:
        """A copy of the reference and the owners that are graded against it; empty while there are none.

        Args:
            held: by submission that waits, and by copy that no cohort has had, the provers that have a share of it.
        """
        with self._journal.reading() as state:
            current = state.rounds[key]
            copies = [copy for copy in current.unspent if copy in held]
            waiting = [s for s in held if s not in current.references]
            if needs_order(current.order, waiting):
                self._journal.record(OrderDrawn(*key, tuple(self._draw(waiting))))
            order = [s for s in current.order if s in held]
        plan = next_graded(order, held, copies, ready, limits)
        return () if plan is None else (plan.reference, *plan.owners)


def limits_of(resources: Resources) -> Limits:
    """What a cohort of the task has to be; one row of the circuit is the reference's."""
    committee, terms = resources.committee, resources.terms
    most = terms.largest_batch(resources.policy.capacity)
    return Limits(committee.quorum, committee.threshold, most, terms.min_owners)
