"""What goes ahead of a stream: whose bytes follow, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from circuits.hashing import keccak, tag, words
from circuits.statement import SubmissionHeader
from circuits.terms import MarketId
from commons.protocol.manifests import Manifest


@dataclass(frozen=True, slots=True)
class ShareHead:
    """Announces a prover's share of a submission.

    Attributes:
        part: what is sealed to the prover; the chunks of its body, if it needs one, follow.
        receipts: other provers', by committee index; needed for a share that comes after the round took submissions.
    """

    header: SubmissionHeader
    prover: int
    manifest: Manifest
    part: bytes = field(repr=False)
    receipts: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OfferHead:
    """Announces a whole upload.

    Attributes:
        parts: sealed, by prover.
    """

    header: SubmissionHeader
    manifest: Manifest
    parts: tuple[bytes, ...] = field(repr=False)

    def share(self, prover: int) -> ShareHead:
        """What goes ahead of one prover's share."""
        return ShareHead(self.header, prover, self.manifest, self.parts[prover])


@dataclass(frozen=True, slots=True)
class ModelHead:
    """Announces a model that its task's model owner hands in.

    Attributes:
        length: bytes.
        digest: Keccak-256 of the model.
        signature: the model owner's, over ``publication_digest``.
    """

    task_id: int
    length: int
    digest: bytes
    signature: bytes = field(repr=False)


def publication_digest(market: MarketId, task_id: int, digest: bytes) -> bytes:
    """What a model owner signs to have a coordinator store and serve a model."""
    return keccak(words(tag("gradroll/v1/model"), market.domain, task_id, digest))
