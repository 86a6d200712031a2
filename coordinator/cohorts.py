"""Proves one cohort of a round after the other: gathers it, has it proven, judges whether a failure is its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from circuits.errors import ChainError
from circuits.policies.registry import compiled
from circuits.statement import Committee, Context
from circuits.terms import TaskTerms
from commons.chain.ports import MarketReader
from commons.protocol.status import SubmissionState
from commons.settings.values import Depth
from commons.storage.parameters import PublicParameters
from coordinator.batcher import Batcher, Plan, Unproven
from coordinator.events import CohortFailed
from coordinator.fleet import Fleets
from coordinator.gathering import Needs, Shuffle
from coordinator.giving_up import SUBMISSIONS_A_ROUND, Outlook, Trouble, advice, gives_up
from coordinator.gradedgathering import NO_GRADED, GradedGathering, limits_of
from coordinator.groups import Groups
from coordinator.journal import Journal
from coordinator.lasting import Lasting
from coordinator.machine import Resources
from coordinator.next_action import Gather, Prove, RoundFacts, too_early
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import RoundKey, named

_log = logging.getLogger(__name__)
_OTHER_ROUND = "the coordinator's node shows another round than the one that owners signed for"


@dataclass(frozen=True, slots=True)
class Early:
    """No cohort is begun yet, and why not; more submissions may come."""

    reason: str


class Cohorts:
    """Has cohorts proven.

    Args:
        authorize: signs with the account that tasks name as their coordinator.
        payee: address to which the fees of batches go.
        depth: how deep a block must be before what was so in it, and still is, ends a cohort.
        shuffle: by chance from the operating system; by it who is proven together is drawn.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        batcher: Batcher,
        fleets: Fleets,
        parameters: PublicParameters,
        authorize: Callable[[bytes], bytes],
        payee: bytes,
        depth: Depth,
        shuffle: Shuffle,
    ) -> None:
        self._view = view
        self._journal = journal
        self._batcher = batcher
        self._fleets = fleets
        self._parameters = parameters
        self._authorize = authorize
        self._payee = payee
        self._troubles = Lasting(view, depth)
        self._groups = Groups(view, journal, shuffle)
        self._graded = GradedGathering(view, journal, shuffle)

    def prove(
        self, key: RoundKey, terms: TaskTerms, action: Prove | Gather, facts: RoundFacts
    ) -> Unproven | Early | None:
        """Prove a cohort; None when it is proven.

        Raises:
            StoppedError: the coordinator stops.
            UnavailableError: the committee's shared keys are not set up.
        """
        fleet = self._fleets.of(terms.committee_id, facts.epoch)
        ready = fleet.ready_provers()
        resources = self._resources(fleet.committee, key[0], terms)
        submissions = action.submissions
        if isinstance(action, Gather):
            if terms.grading is None:
                submissions = self._groups.following(key, action, _needs(resources), ready, facts.seats)
            else:
                submissions = self._graded.following(key, action, limits_of(resources), ready)
            if not submissions:
                return self._none(resources, action, ready, facts)
        plan, context = self._plan(key, submissions, ready, again=isinstance(action, Prove)), self._view.context(*key)
        if not self._fit(submissions, context):
            return Unproven(_OTHER_ROUND, Trouble.NO_QUORUM)
        unproven = self._batcher.prove(resources, fleet, context, plan)
        if unproven is None:
            self._troubles.forget(key)
        return unproven

    def ends(self, key: RoundKey, terms: TaskTerms, facts: RoundFacts, unproven: Unproven) -> bool:
        """Note a failure, and whether it ends its cohort; if so, the round goes on at once."""
        now = self._view.now()  # attempts take their time
        with self._journal.reading() as state:
            current = state.rounds[key]
            fixed = current.cohort is not None
            outlook = Outlook(
                now, current.failing_since or now, facts.submit_deadline, facts.settle_deadline,
                locked=current.locked is not None,
                again=state.most_of_one_owner(key) < SUBMISSIONS_A_ROUND,
                others=len(current.waiting) >= terms.min_owners and (terms.grading is None or bool(current.unspent)),
            )  # fmt: skip
        final = fixed and self._gives_up(key, unproven.trouble, outlook)
        reason = f"{unproven.reason}; {advice(outlook)}" if final else unproven.reason
        self.note_failure(CohortFailed(*key, reason, final, now))
        if final:
            trouble = unproven.trouble.name.lower()
            _log.warning("event=cohort-given-up task=%s round=%d trouble=%s", *named(key), trouble)
        return final

    def _gives_up(self, key: RoundKey, trouble: Trouble, outlook: Outlook) -> bool:
        """Whether a cohort ends.  A node of a prover's or of the coordinator's may be the trouble, or a branch of the
        chain: but where nothing can help the trouble must last until its block is deep, and most nodes must tell times
        by which it is to end.
        """
        if not gives_up(trouble, outlook):
            self._troubles.forget(key)
            return False
        if trouble is Trouble.LOST:
            return True
        try:
            ends = self._troubles.holds(key) and bool(self._view.most(lambda: self._times_up(key, trouble, outlook)))
        except ChainError as error:
            _log.warning("event=cohort-kept task=%s round=%d reason=%r", *named(key), str(error))
            return False
        if ends:
            self._troubles.forget(key)
        return ends

    def _times_up(self, key: RoundKey, trouble: Trouble, outlook: Outlook) -> bool | None:
        """Whether it ends by a node's times, too."""
        record, now = self._view.round(*key), self._view.now()
        told = replace(outlook, now=now, submit_deadline=record.submit_deadline, settle_deadline=record.settle_deadline)
        return gives_up(trouble, told) or None

    def _fit(self, submissions: tuple[bytes, ...], context: Context) -> bool:
        """Whether they are of the round that the node shows: else provers, by their nodes, refuse all of them."""
        with self._journal.reading() as state:
            return all(state.submissions[s].header.digest(context) == s for s in submissions)

    def note_failure(self, failure: CohortFailed) -> None:
        """Record a failure; one that is like the last only if it is the first of its cohort, or ends it."""
        with self._journal.reading() as state:
            current = state.rounds[failure.task_id, failure.round]
            news = failure.final or current.failures == 0 or current.trouble != failure.reason
        if news:
            self._journal.record(failure)

    def _resources(self, committee: Committee, task_id: int, terms: TaskTerms) -> Resources:
        policy = self._view.policy(task_id)
        verifying = self._parameters.verifying_key(policy.key_hash)
        compiled(verifying.policy, verifying.capacity).require_bound(terms.bound)
        return Resources(
            committee, terms, policy, self._parameters.commitment_key(terms.dimension), verifying,
            self._parameters.srs, self._authorize, self._payee,
        )  # fmt: skip

    def _none(self, resources: Resources, action: Gather, ready: frozenset[int], facts: RoundFacts) -> Unproven | Early:
        """Why there is no cohort."""
        if not action.last:
            return Early(too_early(len(action.submissions), facts))
        quorum, waiting = resources.committee.quorum, len(action.submissions)
        if len(ready) < quorum:
            reason = f"too few provers: {len(ready)} of {resources.committee.size} answer, {quorum} are needed"
            return Unproven(reason, Trouble.NO_QUORUM)
        if resources.terms.grading is not None:
            return Unproven(NO_GRADED, Trouble.AWAY)
        reason = (
            f"too few owners: of the {waiting} submissions that wait, fewer than {resources.terms.min_owners} are held "
            f"together by {quorum} provers that answer, or those that are want company of others"
        )
        return Unproven(reason, Trouble.AWAY)

    def _plan(self, key: RoundKey, submissions: tuple[bytes, ...], ready: frozenset[int], *, again: bool) -> Plan:
        with self._journal.reading() as state:
            current = state.rounds[key]
            return Plan(
                key, submissions, again, current.locked if again else None,
                _rejected(state, submissions), _receipts(state, submissions),
                frozenset(current.excluded), ready - current.excluded,
            )  # fmt: skip


def _needs(resources: Resources) -> Needs:
    committee = resources.committee
    return Needs(committee.quorum, committee.threshold, resources.policy.capacity, resources.terms.min_owners)


def _rejected(state: CoordinatorState, submissions: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(s for s in submissions if state.submissions[s].status.state is SubmissionState.REJECTED)


def _receipts(state: CoordinatorState, submissions: Iterable[bytes]) -> dict[int, frozenset[bytes]]:
    holders: dict[int, set[bytes]] = {}
    for submission in submissions:
        for prover in state.submissions[submission].receipts:
            holders.setdefault(prover, set()).add(submission)
    return {prover: frozenset(held) for prover, held in holders.items()}
