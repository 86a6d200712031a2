"""A task as its model owner thinks of it: a norm in the gradient's units, and usual terms as defaults."""

from __future__ import annotations

from dataclasses import dataclass

from commons.chain.facts import NewTask
from gradroll.model_owner.capacity import quantised_bound


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """Terms of a task to be created.

    Attributes:
        committee: number of the committee that proves.
        verifier: 20-byte address of the policy's verifier contract.
        relay: 20-byte address of the coordinator's account.
        dimension: coordinates of the model.
        norm: largest L2 norm of a gradient, in its own units; larger ones are shrunk to it.
        reward: wei for a gradient.
        fraction_bits: f; gradients are rounded to multiples of 2^-f.
        min_owners: fewest owners of a batch.
        max_owners: most owners of a round.
        rounds: how many rounds may be opened.
        submit_window: seconds in which a round takes gradients.
        settle_window: seconds after that in which batches are accepted.
        permissioned: only owners that the model owner admits.
        inline_payload: sums of up to 16 KiB are put into the chain's log.
    """

    committee: int
    verifier: bytes
    relay: bytes
    dimension: int
    norm: float
    reward: int
    fraction_bits: int = 16
    min_owners: int = 2
    max_owners: int = 16
    rounds: int = 100
    submit_window: int = 600
    settle_window: int = 600
    permissioned: bool = False
    inline_payload: bool = False

    def __post_init__(self) -> None:
        """Raises InvalidInputError for a norm that no bound stands for."""
        quantised_bound(self.norm, self.fraction_bits)

    @property
    def reserve(self) -> int:
        """Wei that each round reserves of the escrow."""
        return self.max_owners * self.reward

    def terms(self) -> NewTask:
        """The terms as the market takes them."""
        return NewTask(
            committee_id=self.committee,
            verifier=self.verifier,
            coordinator=self.relay,
            dimension=self.dimension,
            fraction_bits=self.fraction_bits,
            bound=quantised_bound(self.norm, self.fraction_bits),
            min_owners=self.min_owners,
            max_owners_per_round=self.max_owners,
            rounds=self.rounds,
            reward_per_gradient=self.reward,
            submit_window=self.submit_window,
            settle_window=self.settle_window,
            permissioned=self.permissioned,
            inline_payload=self.inline_payload,
        )
