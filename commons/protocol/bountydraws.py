"""Bounties' commitments to hidden groups of data, and which of them chance draws: as ``BountyDraws.sol`` has it.

docs/protocol-models.md, section "Bounties".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from circuits.hashing import keccak, tag, words

__all__ = ["MAX_GROUPS", "TESTS", "TRAINING", "HiddenGroup", "commitment", "draw_seed", "drawn_groups"]

MAX_GROUPS = 64
TRAINING = 1
"""Stage of the groups that are shown before the entries."""
TESTS = 2
"""Stage of the groups that are shown after them."""

_GROUP, _DRAW = tag("gradroll/v1/bounty-group"), tag("gradroll/v1/bounty-draw")


@dataclass(frozen=True, slots=True)
class HiddenGroup:
    """A group of data that an owner commits to.

    Attributes:
        salt: 32 secret random bytes; what is hidden can otherwise be guessed from its hash.
        group_hash: 32 bytes, what the registry keeps of the group: its samples and the commitments to its chunks.
        file_digest: 32 bytes, digest of the file of the data.
        samples: its samples, which ``group_hash`` binds.
    """

    salt: bytes = field(repr=False)
    group_hash: bytes
    file_digest: bytes
    samples: int

    @property
    def leaf(self) -> bytes:
        """32 bytes that stand for the group in the commitment."""
        return keccak(words(_GROUP, *(_word(part) for part in (self.salt, self.group_hash, self.file_digest))))


def commitment(leaves: Sequence[bytes]) -> bytes:
    """Keccak-256 of all leaves, one after the other: the ``commitment`` of a bounty's terms.

    Raises:
        ValueError: there are not 2 to 64, or one has not 32 bytes.
    """
    if not 2 <= len(leaves) <= MAX_GROUPS:
        raise ValueError(f"a bounty commits to 2 to {MAX_GROUPS} groups, not to {len(leaves)}")
    return keccak(b"".join(map(_word, leaves)))


def draw_seed(bounty: bytes, stage: int, block_hash: bytes) -> bytes:
    """32 bytes that decide a draw.

    Args:
        bounty: the bounty's 32-byte identifier.
        stage: ``TRAINING`` or ``TESTS``.
        block_hash: hash of the block ``anchor``.

    Raises:
        ValueError: there is no such stage, or one of the others has not 32 bytes.
    """
    if stage not in (TRAINING, TESTS):
        raise ValueError(f"a bounty draws in stages {TRAINING} and {TESTS}, not {stage}")
    return keccak(words(_DRAW, _word(bounty), stage, _word(block_hash)))


def drawn_groups(seed: bytes, available: Iterable[int], count: int) -> tuple[int, ...]:
    """Indices that a seed draws, ascending: the first steps of a Fisher-Yates shuffle of the available ones.

    Args:
        seed: ``draw_seed``.
        available: indices below 64, of which none is drawn twice: all groups, then all but the training groups.
        count: how many.

    Raises:
        ValueError: fewer are available, an index is out of range, or the seed has not 32 bytes.
    """
    left = sorted(set(available))
    if not 0 <= count <= len(left) or any(not 0 <= index < MAX_GROUPS for index in left):
        raise ValueError(f"{count} groups cannot be drawn of {left}")
    for i in range(count):
        picked = i + int.from_bytes(keccak(words(_word(seed), i)), "big") % (len(left) - i)
        left[i], left[picked] = left[picked], left[i]
    return tuple(sorted(left[:count]))


def _word(value: bytes) -> bytes:
    if len(value) != 32:
        raise ValueError(f"{len(value)} bytes where 32 belong")
    return value
