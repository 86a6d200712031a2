"""What is committed to, signed and decided in a data market: as ``Contributions.sol`` and the log of campaigns have it.

docs/protocol-data.md, section "Commitments".  A campaign's identifier binds chain, contract and deployment, so what
binds the campaign is worth nothing elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from circuits.hashing import keccak, tag, typed_digest, words

__all__ = ["ALL_SAMPLES", "BUNDLE_RECEIPT_TYPE", "EMPTY_LOG", "BundleReceipt", "Decision", "Ground", "Outcome",
           "bundle_commitment", "challenge_commitment"]  # fmt: skip

BUNDLE_RECEIPT_TYPE = (
    "BundleReceipt(bytes32 campaign,uint256 bundle,bytes32 root,bytes32 contentDigest,uint256 count,bytes32 schemaHash)"
)
"""By members of a campaign's committee, which hold a bundle that fits its root, its count and the schema."""
ALL_SAMPLES = 2**32 - 1
"""Index of a decision about all samples of a bundle that nobody challenged."""
EMPTY_LOG = bytes(32)
"""Hash of a log without decisions."""
_BUNDLE, _CHALLENGE = tag("gradroll/v1/data-bundle"), tag("gradroll/v1/data-challenge")


class Ground(IntEnum):
    """Ground of a challenge."""

    JUDGED = 0
    SCHEMA = 1
    DUPLICATE = 2


class Outcome(IntEnum):
    """What was decided of samples."""

    NONE = 0
    ACCEPTED = 1
    BAD = 2
    VOID = 3
    """A copy of what its contributor could not know."""
    CORRECTED = 4
    """The sample is bad; its correction counts in its place."""


def bundle_commitment(
    campaign: bytes, root: bytes, content_digest: bytes, count: int, contributor: bytes, salt: bytes
) -> bytes:
    """32 bytes that a contributor commits to.

    Args:
        campaign, root, salt: 32 bytes each; the salt is secret and random, or what a bundle holds could be guessed.
        content_digest: 32 bytes, SHA-256 of the file; zero for samples that are opened in the chain.
        contributor: 20-byte address; nobody else can open the commitment, so copying it is worth nothing.

    Raises:
        ValueError: a part has another length.
    """
    head = (_BUNDLE, _word(campaign), _word(root), _word(content_digest))
    return keccak(words(*head, count, _address(contributor), _word(salt)))


def challenge_commitment(
    campaign: bytes, bundle: int, root: bytes, index: int, ground: Ground, correction: bytes, challenger: bytes,
    salt: bytes,
) -> bytes:  # fmt: skip
    """32 bytes that a challenger commits to.

    Args:
        root: the bundle's; after a reorganisation its number may be another bundle's.
        correction: 32 bytes, Keccak-256 of the corrected sample; zero for none.

    Raises:
        ValueError: a part has another length.
    """
    head = (_CHALLENGE, _word(campaign), bundle, _word(root), index, ground, _word(correction))
    return keccak(words(*head, _address(challenger), _word(salt)))


@dataclass(frozen=True, slots=True)
class BundleReceipt:
    """That a member of a committee holds a bundle, which is what was opened and fits the schema.

    Attributes:
        campaign: 32-byte identifier.
        bundle: its number.
        root, content_digest, schema_digest: 32 bytes each.
        count: its samples.
    """

    kind: ClassVar[str] = "bundle-receipt"
    campaign: bytes
    bundle: int
    root: bytes
    content_digest: bytes
    count: int
    schema_digest: bytes

    def digest(self, domain: bytes) -> bytes:
        """What the member signs, under the domain of ``DataCampaigns``.  Raises ValueError for other lengths."""
        head = (_word(self.campaign), self.bundle, _word(self.root), _word(self.content_digest), self.count)
        return typed_digest(domain, BUNDLE_RECEIPT_TYPE, (*head, _word(self.schema_digest)))


@dataclass(frozen=True, slots=True)
class Decision:
    """An entry of a campaign's log.

    Attributes:
        bundle: its number.
        index: place of the sample, or ``ALL_SAMPLES``.
        outcome: what was decided; never ``NONE``.
        count: samples that it is about.
        root: 32 bytes, the bundle's.
        correction: 32 bytes, Keccak-256 of the corrected sample; zero but for ``CORRECTED``.
    """

    bundle: int
    index: int
    outcome: Outcome
    count: int
    root: bytes
    correction: bytes = bytes(32)

    def after(self, log: bytes) -> bytes:
        """Hash of a log, 32 bytes, that ends with this decision; ``log`` is that of the decisions before."""
        head = (_word(log), self.bundle, self.index, self.outcome, self.count)
        return keccak(words(*head, _word(self.root), _word(self.correction)))


def _word(value: bytes) -> bytes:
    if len(value) != 32:
        raise ValueError(f"{len(value)} bytes where 32 belong")
    return value


def _address(value: bytes) -> bytes:
    if len(value) != 20:
        raise ValueError(f"{len(value)} bytes where an address of 20 belongs")
    return value
