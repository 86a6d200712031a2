"""Hidden tests of a campaign: groups of samples that its owner commits to when it is opened, and shows at its end.

docs/protocol-data.md, section "Hidden tests".  A group is a bundle's file.  Its leaf binds the file and the root over
its samples, so a contract can be shown one sample after the other, and a salt, since few samples can be guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from circuits.hashing import keccak, tag, words
from commons.samples.merkletrees import MAX_LEAVES

__all__ = ["MAX_TEST_GROUPS", "HiddenTests", "commit_to_tests"]

MAX_TEST_GROUPS = 64
_GROUP = tag("gradroll/v1/data-test-group")


@dataclass(frozen=True, slots=True)
class HiddenTests:
    """A group as it is shown.

    Attributes:
        salt: 32 secret random bytes.
        root: 32 bytes, over its samples.
        content_digest: 32 bytes, SHA-256 of its file.
        count: its samples, 1 to 65,536.
    """

    salt: bytes = field(repr=False)
    root: bytes
    content_digest: bytes
    count: int

    @property
    def leaf(self) -> bytes:
        """32 bytes that stand for the group in the commitment.  Raises ValueError for other lengths."""
        parts = (self.salt, self.root, self.content_digest)
        if any(len(part) != 32 for part in parts) or not 1 <= self.count <= MAX_LEAVES:
            raise ValueError(f"a group has salt, root and digest of 32 bytes, and 1 to {MAX_LEAVES} samples")
        return keccak(words(_GROUP, *parts, self.count))


def commit_to_tests(leaves: Sequence[bytes]) -> bytes:
    """Keccak-256 of all leaves, one after the other: ``tests`` of a campaign's terms.

    Raises:
        ValueError: there are not 1 to 64, or one has not 32 bytes.
    """
    if not 1 <= len(leaves) <= MAX_TEST_GROUPS or any(len(leaf) != 32 for leaf in leaves):
        raise ValueError(f"a campaign commits to 1 to {MAX_TEST_GROUPS} groups, by leaves of 32 bytes")
    return keccak(b"".join(leaves))
