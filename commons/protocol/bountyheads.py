"""What a member of a committee is told before the data of a bounty's group, or the sealed row of its winner, come."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.errors import RuleViolationError
from commons.protocol.bountydraws import HiddenGroup, commitment
from native import G1

MAX_GROUP_BYTES = (4 << 20) + (1 << 16)
"""Of a group's file: 4,096 samples of 512 features of 16 bits, their labels, and what frames them."""
MAX_ROW_BYTES = MAX_GROUP_BYTES
"""Of a sealed row; those of the largest size class have 2.2 MB."""


@dataclass(frozen=True, slots=True)
class GroupHead:
    """A group that a bounty drew.

    Attributes:
        bounty: 32 bytes.
        stage: ``bountydraws.TRAINING`` or ``TESTS``.
        index: the group's, in the commitment.
        leaves: of all groups of the commitment, 32 bytes each.
        length: bytes of its file.
    """

    bounty: bytes
    stage: int
    index: int
    group: HiddenGroup
    leaves: tuple[bytes, ...] = field(repr=False)
    length: int

    def require_committed(self, committed: bytes) -> None:
        """Raise RuleViolationError unless a bounty committed to this group; ``committed`` is 32 bytes of its terms."""
        opened = self.index < len(self.leaves) and self.leaves[self.index] == self.group.leaf
        if not opened or commitment(self.leaves) != committed:
            raise RuleViolationError(
                f"group {self.index} is none that the bounty committed to; send the salt, the hashes and the leaves as "
                "they were when the bounty was opened"
            )


@dataclass(frozen=True, slots=True)
class WinnerHead:
    """A winner's offer to the owner of its bounty.

    Attributes:
        bounty, listing: 32 bytes each.
        public: K'.
        offer: digest of the sealed row, 32 bytes.
        blinding: x, a secret until the owner has it.
        signature: the winner's over its ``BountyOffer``: 65 bytes, or what a contract takes (ERC-1271).
        length: bytes of the sealed row.
    """

    bounty: bytes
    listing: bytes
    public: G1
    offer: bytes
    blinding: int = field(repr=False)
    signature: bytes
    length: int
