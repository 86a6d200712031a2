"""Merkle trees as OpenZeppelin's, whose ``MerkleProof.verify`` the contract uses.

Source: OpenZeppelin's merkle-tree, ``StandardMerkleTree.of([[index, hash], ..], ["uint256", "bytes32"], {sortLeaves:
false})``.  Leaves are hashed twice and nodes once, so no node is a leaf; pairs are sorted, so a proof needs no sides.
The leaf has its index, so a proof shows a place, and two equal samples are two leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, words

__all__ = ["MAX_LEAVES", "MAX_PROOF", "MerkleTree", "merkle_root", "sample_leaf", "verify_proof"]

MAX_LEAVES = 1 << 16
MAX_PROOF = 16
"""Hashes of a proof at most: the tree's depth."""


def sample_leaf(index: int, sample: bytes) -> bytes:
    """32 bytes that stand for the sample at a place of a bundle."""
    return keccak(keccak(words(index) + keccak(sample)))


class MerkleTree:
    """All nodes above 1 to 65,536 leaves of 32 bytes.

    Raises:
        InvalidInputError: there are none, or more, or one has another length.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not 1 <= len(leaves) <= MAX_LEAVES or any(len(leaf) != 32 for leaf in leaves):
            raise InvalidInputError(f"a Merkle tree has 1 to {MAX_LEAVES} leaves of 32 bytes, not {len(leaves)}")
        self._count = len(leaves)
        nodes = [b""] * (self._count - 1) + list(reversed(leaves))
        for at in reversed(range(self._count - 1)):
            nodes[at] = _parent(nodes[2 * at + 1], nodes[2 * at + 2])
        self._nodes = nodes

    @property
    def root(self) -> bytes:
        """32 bytes."""
        return self._nodes[0]

    def proof(self, index: int) -> tuple[bytes, ...]:
        """Hashes beside the way from a leaf to the root, upwards.

        Raises:
            InvalidInputError: there is no such leaf.
        """
        if not 0 <= index < self._count:
            raise InvalidInputError(f"there is no leaf {index} in a Merkle tree of {self._count}")
        at, beside = 2 * self._count - 2 - index, []
        while at > 0:
            beside.append(self._nodes[at + 1 if at % 2 else at - 1])
            at = (at - 1) // 2
        return tuple(beside)


def merkle_root(samples: Sequence[bytes]) -> bytes:
    """Root over the samples of a bundle, in their order."""
    return MerkleTree([sample_leaf(index, sample) for index, sample in enumerate(samples)]).root


def verify_proof(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof leads from a leaf to a root; it says nothing of how many leaves there are."""
    if len(proof) > MAX_PROOF or any(len(each) != 32 for each in (root, leaf, *proof)):
        return False
    for beside in proof:
        leaf = _parent(leaf, beside)
    return leaf == root


def _parent(one: bytes, other: bytes) -> bytes:
    return keccak(one + other if one < other else other + one)
