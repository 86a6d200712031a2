"""Has the owners of a graded round put together: draws their order, and takes the next cohort from it."""

from __future__ import annotations

import logging

from commons.chain.ports import MarketReader
from coordinator.events import OrderDrawn
from coordinator.gathering import Shuffle
from coordinator.gradedplan import GradedPlan, Limits, needs_order, next_graded
from coordinator.groups import taken_back
from coordinator.journal import Journal
from coordinator.machine import Resources
from coordinator.next_action import Gather
from coordinator.roundstate import RoundKey, named

_log = logging.getLogger(__name__)
NO_GRADED = (
    "no graded cohort can be made of the submissions that wait: too few owners, or none of the copies of the reference "
    "that are left, is held by enough provers that answer"
)


class GradedGathering:
    """Args:
    shuffle: by chance from the operating system, which nobody foresees.
    """

    def __init__(self, view: MarketReader, journal: Journal, shuffle: Shuffle) -> None:
        self._view = view
        self._journal = journal
        self._shuffle = shuffle

    def following(self, key: RoundKey, action: Gather, limits: Limits, ready: frozenset[int]) -> tuple[bytes, ...]:
        """A copy of the reference and the owners that are graded against it, in the order of a batch; empty while there
        are none.  Without those whose place on the chain was taken back since.
        """
        gone: set[bytes] = set()
        while True:
            plan = self._planned(key, action, limits, ready, gone)
            if plan is None:
                return ()
            with self._journal.reading() as state:
                headers = {s: state.submissions[s].header for s in (plan.reference, *plan.owners)}
            lost = taken_back(self._view, key, headers)
            if not lost:
                return (plan.reference, *sorted(plan.owners, key=lambda s: headers[s].owner_index))
            _log.warning("event=submissions-taken-back task=%s round=%d count=%d", *named(key), len(lost))
            gone |= lost

    def _planned(
        self, key: RoundKey, action: Gather, limits: Limits, ready: frozenset[int], gone: set[bytes]
    ) -> GradedPlan | None:
        with self._journal.reading() as state:
            current = state.rounds[key]
            if needs_order(current.order, action.submissions):
                order = list(action.submissions)
                self._shuffle(order)
                self._journal.record(OrderDrawn(*key, tuple(order)))
            held = {
                s: frozenset(state.submissions[s].receipts)
                for s in (*action.submissions, *current.unspent)
                if s not in gone
            }
            order = [s for s in current.order if s in held]
            copies = [copy for copy in current.unspent if copy in held]
            return next_graded(order, held, copies, ready - current.excluded, limits)


def limits_of(resources: Resources) -> Limits:
    """What a cohort of the task has to be; one row of the circuit is the reference's."""
    committee, terms = resources.committee, resources.terms
    most = terms.largest_batch(resources.policy.capacity)
    return Limits(committee.quorum, committee.threshold, most, terms.min_owners)
