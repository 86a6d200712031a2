"""The reward tree: every slot's proof holds, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, words
from gradroll.rewards import Reward, RewardTree, leaf, proof_holds
from tests.support.plain_batch import seed_of

BATCH = seed_of("batch")


def rewards(count: int) -> list[Reward]:
    return [Reward(slot, seed_of("owner", slot)[:20], 1000 + slot) for slot in range(count)]


@given(st.integers(1, 70))
@settings(max_examples=40, deadline=None)
def test_every_slot_proves_its_own_leaf_only(count: int) -> None:
    entries = rewards(count)
    tree = RewardTree.of(BATCH, entries)
    for reward in entries:
        proof = tree.proof(reward.slot)
        assert len(proof) <= (count - 1).bit_length()
        assert proof_holds(tree.root, leaf(BATCH, reward), proof)
        assert not proof_holds(tree.root, leaf(BATCH, Reward(reward.slot, reward.owner, reward.amount + 1)), proof)
        assert not proof_holds(tree.root, leaf(seed_of("other"), reward), proof)


def test_the_tree_of_three_by_hand() -> None:
    a, b, c = (leaf(BATCH, reward) for reward in rewards(3))
    pair = keccak(min(a, b) + max(a, b))
    root = keccak(min(pair, c) + max(pair, c))
    tree = RewardTree.of(BATCH, rewards(3))
    assert tree.root == root
    assert tree.proof(2) == (pair,)
    assert a == keccak(keccak(words(BATCH, 0, seed_of("owner", 0)[:20], 1000)))


@pytest.mark.parametrize("entries", [[], rewards(3)[1:], rewards(2)[::-1]])
def test_incomplete_slots_are_refused(entries: list[Reward]) -> None:
    with pytest.raises(InvalidInputError):
        RewardTree.of(BATCH, entries)


@pytest.mark.parametrize("slot", [-1, 3])
def test_an_unknown_slot_is_refused(slot: int) -> None:
    with pytest.raises(InvalidInputError, match="slot"):
        RewardTree.of(BATCH, rewards(3)).proof(slot)
