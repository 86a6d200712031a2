"""Claiming an owner's pay from the chain's own records; anyone may send the claim, the money goes to the owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.errors import ProofError
from coordinator.chain import Chain
from gradroll.rewards import Reward, RewardTree
from provers.chain import AcceptedBatch, ChainView


@dataclass(frozen=True, slots=True)
class Claim:
    """One reward with the proof that the contract checks."""

    batch: AcceptedBatch
    reward: Reward
    proof: tuple[bytes, ...]


def reward_tree(batch: AcceptedBatch) -> tuple[tuple[Reward, ...], RewardTree]:
    """The rewards of a batch and their tree, checked against the root on the chain.

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


def open_claims(view: ChainView, batches: Iterable[AcceptedBatch], owner: bytes) -> tuple[Claim, ...]:
    """An owner's rewards in accepted batches that are neither claimed nor empty."""
    claims = []
    for batch in batches:
        if owner not in batch.owners:
            continue
        rewards, tree = reward_tree(batch)
        _, claimed = view.batch(batch.task_id, batch.round, batch.batch_index)
        claims += [
            Claim(batch, reward, tree.proof(reward.slot))
            for reward in rewards
            if reward.owner == owner and reward.amount > 0 and not claimed >> reward.slot & 1
        ]
    return tuple(claims)


def claim_all(chain: Chain, batches: Iterable[AcceptedBatch], owner: bytes) -> int:
    """Claim everything that batches owe an owner; returns the wei paid.  Calling it again pays nothing twice.

    Raises:
        ProofError: the node's events do not fit the root on the chain.
        ChainError: the market refused a claim.
    """
    claims = open_claims(chain.view, batches, owner)
    for claim in claims:
        reward, batch = claim.reward, claim.batch
        chain.claim(
            batch.task_id,
            batch.round,
            batch.batch_index,
            batch.record,
            reward.slot,
            owner,
            reward.amount,
            claim.proof,
        )
    return sum(claim.reward.amount for claim in claims)
