"""What a task offers its data owners, and what they risk, before they register: facts of the chain, put together.

Nothing of it is the model owner's word: terms are fixed, pay is in escrow once a round is open, and the verifier is
compared with the code of this release.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.statement import Policy
from commons.chain.facts import CommitteeRecord, TaskRecord
from commons.chain.view import ChainView

LEVELS = range(4)
"""Levels that a proof gives a gradient, where its policy has levels."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A task as somebody sees it who may take part.

    Attributes:
        committee: who computes on the shares; more than its threshold of them together could read gradients.
        policy: what is proven; its verifier has this release's code.
        levelled: whether proofs give levels, by which the bonus is divided.
    """

    task: TaskRecord
    committee: CommitteeRecord
    policy: Policy
    levelled: bool

    @classmethod
    def of(cls, view: ChainView, task_id: int) -> Offer:
        """Read it from the chain.

        Raises:
            UnknownError: no such task.
            ChainError: its verifier is not this release's code.
        """
        task = view.task(task_id)
        return cls(
            task, view.committee_record(task.terms.committee_id), view.policy(task_id),
            view.is_levelled(task.terms.verifier),
        )  # fmt: skip

    def floor(self, level: int) -> int:
        """What an accepted gradient of a level earns at least, whoever else takes part in its round."""
        pay = self.task.terms.pay
        return pay.base + pay.bonus * level // LEVELS[-1] if self.levelled else pay.flat

    @property
    def free_places(self) -> int:
        """Owners that can still register."""
        return self.task.terms.capacity - self.task.active_owners

    @property
    def rounds_left(self) -> int:
        """Rounds that the model owner may still open; it need not."""
        return self.task.terms.rounds - self.task.rounds_opened

    @property
    def rounds_in_escrow(self) -> int:
        """How many further rounds of all places the free escrow pays for."""
        reserve = self.task.reserve(self.task.terms.capacity)
        return min(self.rounds_left, self.task.balance // reserve) if reserve else self.rounds_left
