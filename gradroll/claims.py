"""Claiming an owner's pay from the chain's own records; anyone may send the claim, the money goes to the owner.

Where every accepted gradient is paid the same, the contract knows who is owed: one bit an owner and a round.  Where pay
goes by contribution, the reward tree of the batch is rebuilt from events and the claim proves its leaf.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.errors import ProofError
from coordinator.chain import Chain
from gradroll.rewards import Reward, RewardTree
from provers.chain import AcceptedBatch, ChainView


@dataclass(frozen=True, slots=True)
class EqualClaim:
    """The reward per gradient, owed to the owner with a registration index for one round."""

    task_id: int
    round: int
    index: int
    amount: int

    def send(self, chain: Chain) -> None:
        """Have it paid."""
        chain.claim(self.task_id, self.round, self.index)


@dataclass(frozen=True, slots=True)
class ContributionClaim:
    """One reward by contribution with the proof that the contract checks."""

    batch: AcceptedBatch
    reward: Reward
    proof: tuple[bytes, ...]

    @property
    def amount(self) -> int:
        """Wei."""
        return self.reward.amount

    def send(self, chain: Chain) -> None:
        """Have it paid."""
        reward, batch = self.reward, self.batch
        chain.claim_contribution(
            batch.task_id,
            batch.round,
            batch.batch_index,
            batch.record,
            reward.slot,
            reward.owner,
            reward.amount,
            self.proof,
        )


Claim = EqualClaim | ContributionClaim


def reward_tree(batch: AcceptedBatch) -> tuple[tuple[Reward, ...], RewardTree]:
    """The rewards by contribution of a batch and their tree, checked against the root that the chain logged.

    Raises:
        ProofError: the rebuilt root is another; the node leaves out or invents events.
    """
    paid = zip(batch.owners, batch.amounts, strict=True)
    rewards = tuple(Reward(slot, owner, amount) for slot, (owner, amount) in enumerate(paid))
    tree = RewardTree.of(batch.record.batch_id, rewards)
    if tree.root != batch.record.rewards_root:
        raise ProofError(
            f"the rewards of batch 0x{batch.record.batch_id.hex()} do not hash to the root on the "
            f"chain; ask another node"
        )
    return rewards, tree


def open_claims(view: ChainView, task_id: int, rounds: Iterable[int], owner: bytes) -> tuple[Claim, ...]:
    """An owner's rewards in the given rounds that are neither claimed nor empty."""
    if view.policy(task_id).opens_contributions:
        batches = (batch for number in rounds for batch in view.accepted(task_id, number))
        return tuple(claim for batch in batches if owner in batch.owners for claim in _of_batch(view, batch, owner))
    index, amount = view.owner_index(task_id, owner), view.terms(task_id).reward_per_gradient
    if index is None or amount == 0:
        return ()
    return tuple(
        EqualClaim(task_id, number, index, amount)
        for number in rounds
        if view.consumed(task_id, number, index) and not view.claimed(task_id, number, index)
    )


def claim_all(chain: Chain, task_id: int, rounds: Iterable[int], owner: bytes) -> int:
    """Claim everything that rounds owe an owner; returns the wei paid.  Calling it again pays nothing twice.

    Raises:
        ProofError: the node's events do not fit the root on the chain.
        ChainError: the market refused a claim.
    """
    claims = open_claims(chain.view, task_id, rounds, owner)
    for claim in claims:
        claim.send(chain)
    return sum(claim.amount for claim in claims)


def _of_batch(view: ChainView, batch: AcceptedBatch, owner: bytes) -> list[ContributionClaim]:
    rewards, tree = reward_tree(batch)
    _, claimed = view.batch(batch.task_id, batch.round, batch.batch_index)
    return [
        ContributionClaim(batch, reward, tree.proof(reward.slot))
        for reward in rewards
        if reward.owner == owner and reward.amount > 0 and not claimed >> reward.slot & 1
    ]
