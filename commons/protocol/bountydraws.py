"""Bounties' commitments to hidden groups of data, and which of them chance draws: as ``BountyDraws.sol`` has it.

docs/protocol-models.md, section "Bounties".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from circuits.hashing import keccak, tag, words

__all__ = [
    "MAX_GROUPS", "TESTS", "TRAINING", "HiddenGroup", "commitment", "draw_entropy", "drawn_groups", "seed_commitment",
    "stage_seed",
]  # fmt: skip

MAX_GROUPS = 64
TRAINING = 1
"""Stage of the groups that are shown before the entries."""
TESTS = 2
"""Stage of the groups that are shown after them."""

_GROUP, _DRAW = tag("gradroll/v1/bounty-group"), tag("gradroll/v1/bounty-draw")
_SEED = tag("gradroll/v1/bounty-seed")


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


def stage_seed(secret: bytes, stage: int) -> bytes:
    """The owner's seed of a draw, 32 bytes: s1 = F(s0) for ``TRAINING``, s0 for ``TESTS``.

    Args:
        secret: s0, 32 random bytes.

    Raises:
        ValueError: there is no such stage, or the secret has not 32 bytes.
    """
    _require_stage(stage)
    return _successor(secret) if stage == TRAINING else _word(secret)


def seed_commitment(secret: bytes) -> bytes:
    """F(F(s0)), the ``seed_commitment`` of a bounty's terms.  Raises ValueError unless the secret has 32 bytes."""
    return _successor(_successor(secret))


def draw_entropy(bounty: bytes, stage: int, seed: bytes, block_hash: bytes) -> bytes:
    """32 bytes that decide a draw.

    Args:
        bounty: the bounty's 32-byte identifier.
        stage: ``TRAINING`` or ``TESTS``.
        seed: the owner's, ``stage_seed``.
        block_hash: hash of the block ``anchor``, as it was pinned.

    Raises:
        ValueError: there is no such stage, or one of the others has not 32 bytes.
    """
    _require_stage(stage)
    return keccak(words(_DRAW, _word(bounty), stage, _word(seed), _word(block_hash)))


def drawn_groups(entropy: bytes, available: Iterable[int], count: int) -> tuple[int, ...]:
    """Indices that are drawn, ascending: the first steps of a Fisher-Yates shuffle of the available ones.

    Args:
        entropy: ``draw_entropy``.
        available: indices below 64, of which none is drawn twice: all groups, then all but the training groups.
        count: how many.

    Raises:
        ValueError: fewer are available, an index is out of range, or the entropy has not 32 bytes.
    """
    left = sorted(set(available))
    if not 0 <= count <= len(left) or any(not 0 <= index < MAX_GROUPS for index in left):
        raise ValueError(f"{count} groups cannot be drawn of {left}")
    for i in range(count):
        picked = i + int.from_bytes(keccak(words(_word(entropy), i)), "big") % (len(left) - i)
        left[i], left[picked] = left[picked], left[i]
    return tuple(sorted(left[:count]))


def _successor(seed: bytes) -> bytes:
    return keccak(words(_SEED, _word(seed)))


def _require_stage(stage: int) -> None:
    if stage not in (TRAINING, TESTS):
        raise ValueError(f"a bounty draws in stages {TRAINING} and {TESTS}, not {stage}")


def _word(value: bytes) -> bytes:
    if len(value) != 32:
        raise ValueError(f"{len(value)} bytes where 32 belong")
    return value
