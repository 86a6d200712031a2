"""Pay by contribution: a batch's reward tree, rebuilt from what the chain shows, and the proof that claims from it.

Leaf: keccak(keccak(batch id, slot, owner, amount)) over 32-byte words; inner nodes hash the sorted pair; a node without
sibling moves up.  Hashing leaves twice keeps a leaf from being read as an inner node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, words


@dataclass(frozen=True, slots=True)
class Reward:
    """What one owner of a batch is owed, in wei."""

    slot: int
    owner: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class RewardTree:
    """All levels of a batch's tree, leaves first."""

    levels: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, batch_id: bytes, rewards: Sequence[Reward]) -> RewardTree:
        """The tree over a batch's rewards in slot order.

        Raises:
            InvalidInputError: no rewards, or slots that are not 0, 1, 2, ...
        """
        if not rewards or [r.slot for r in rewards] != list(range(len(rewards))):
            raise InvalidInputError("a reward tree needs the rewards of every slot in order")
        level = tuple(leaf(batch_id, reward) for reward in rewards)
        levels = [level]
        while len(level) > 1:
            level = tuple(_parent(level[i : i + 2]) for i in range(0, len(level), 2))
            levels.append(level)
        return cls(tuple(levels))

    @property
    def root(self) -> bytes:
        """What the market contract records."""
        return self.levels[-1][0]

    def proof(self, slot: int) -> tuple[bytes, ...]:
        """Siblings from a slot's leaf up to the root."""
        if not 0 <= slot < len(self.levels[0]):
            raise InvalidInputError(f"the batch has no slot {slot}")
        siblings, at = [], slot
        for level in self.levels[:-1]:
            if at ^ 1 < len(level):
                siblings.append(level[at ^ 1])
            at //= 2
        return tuple(siblings)


def leaf(batch_id: bytes, reward: Reward) -> bytes:
    """The leaf of one reward."""
    return keccak(keccak(words(batch_id, reward.slot, reward.owner, reward.amount)))


def proof_holds(root: bytes, node: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a leaf and its siblings hash to the root, as the contract checks it."""
    for sibling in proof:
        node = _parent((node, sibling))
    return node == root


def _parent(pair: Sequence[bytes]) -> bytes:
    return pair[0] if len(pair) == 1 else keccak(b"".join(sorted(pair)))
