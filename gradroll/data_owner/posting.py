"""An owner that no coordinator takes shows on the chain that it has dealt.

The coordinator sees it there, and takes the submission, or has a quorum exclude the owner, or loses a part of its fees.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import ClosedError, NotReadyError, UnknownError
from commons.chain.exclusions import posting_gas
from commons.chain.writer import ChainWriter
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.storage.submissions import SavedSubmission, SubmissionStore
from commons.wire.published import opened_round


@dataclass(frozen=True, slots=True)
class Posted:
    """A submission that was posted.

    Attributes:
        until: chain time until which the coordinator can have it accepted.
    """

    submission: bytes
    round: int
    until: int


class Poster:
    """Posts the submissions of one key that its state directory remembers.

    Args:
        chain: signs for the owner's signer and sends its transactions.
        store: of the submissions; not used by another process at the same time.
    """

    def __init__(self, chain: ChainWriter, store: SubmissionStore) -> None:
        self._chain = chain
        self._view = chain.view
        self._store = store

    def cost(self, task_id: int, number: int | None = None) -> int:
        """Wei that posting costs at most, at the present price of gas, for a round, by default the latest.

        Raises UnknownError for no such task or round.
        """
        committee = self._view.committee_of_round(task_id, opened_round(self._view, task_id, number))
        return posting_gas(committee.quorum) * self._view.gas_price()

    def is_ready(self, task_id: int, number: int | None = None) -> bool:
        """Whether there is something to post for a round, by default the latest, and still time."""
        try:
            self._ready(task_id, opened_round(self._view, task_id, number))
        except (ClosedError, NotReadyError, UnknownError):
            return False
        return True

    def post(self, task_id: int, number: int | None = None) -> Posted:
        """Post the submission for a round, by default the latest.

        Raises:
            UnknownError: no such task or round, or nothing was begun here for it.
            NotReadyError: fewer provers than a quorum hold their share.
            ClosedError: the submit window is over, or the owner is accepted already.
            ContractError: the market refuses, for instance because it was posted before.
        """
        chosen = opened_round(self._view, task_id, number)
        saved, quorum = self._ready(task_id, chosen)
        receipts = dict(sorted(saved.receipts.items())[:quorum])  # each costs gas
        self._chain.post_submission(saved.header, receipts)
        submission = saved.header.digest(self._view.context(task_id, chosen))
        return Posted(submission, chosen, self._view.round(task_id, chosen).settle_deadline)

    def _ready(self, task_id: int, number: int) -> tuple[SavedSubmission, int]:
        saved = self._store.load(task_id, number, self._chain.address)
        if saved is None:
            raise UnknownError(
                f"this state directory has no submission for round {number} of task {shown(task_id)}: gradroll submit "
                "begins one, and hands its shares to the provers, whose receipts are posted"
            )
        quorum = self._view.committee_of_round(task_id, number).quorum
        if len(saved.receipts) < quorum:
            raise NotReadyError(
                f"{len(saved.receipts)} provers hold their share, {quorum} are needed: gradroll submit hands it to more"
            )
        deadline, now = self._view.round(task_id, number).submit_deadline, self._view.now()
        if now > deadline:
            raise ClosedError(
                f"submissions to round {number} of task {shown(task_id)} could be posted until {utc(deadline)}, it is "
                f"{utc(now)}; submit to the next round"
            )
        if self._view.consumed(task_id, number, saved.header.owner_index):
            raise ClosedError(f"this owner is in an accepted batch of round {number} already; nothing is left to do")
        return saved, quorum
