"""What goes ahead of a stream: whose bytes follow, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from circuits.hashing import keccak, tag, words
from circuits.statement import SubmissionHeader
from circuits.terms import MarketId
from commons.protocol.manifests import Manifest
from commons.protocol.messages import Proposal, Step, asked_digest


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


@dataclass(frozen=True, slots=True)
class StepHead:
    """Announces a step's request: what its coordinator signed, and nothing that is long.

    Attributes:
        session: 32 bytes.
        task_id: with COIN the cohort's task, otherwise 0: a prover knows the task of a session.
        proposal: with MASK and PROBE_MASK only.
        authorization: the coordinator's signature over ``asked``; empty with RELEASE.
        relayed: messages that follow.
        relayed_digest: Keccak-256 of their digests, one behind the other.
        payload_length: bytes.
        payload_digest: SHA-256 of the payload.
        owner: index into the cohort.
    """

    step: Step
    session: bytes
    task_id: int
    proposal: Proposal | None
    authorization: bytes = field(repr=False)
    relayed: int
    relayed_digest: bytes
    payload_length: int
    payload_digest: bytes
    owner: int

    @property
    def asked(self) -> bytes:
        """What the coordinator signed: the same as ``StepRequest.asked`` of all that follows."""
        return asked_digest(self.session, self.step, self.owner, self.relayed_digest, self.payload_digest)


def publication_digest(market: MarketId, task_id: int, digest: bytes) -> bytes:
    """What a model owner signs to have a coordinator store and serve a model."""
    return keccak(publication_message(market, task_id, digest))


def publication_message(market: MarketId, task_id: int, digest: bytes) -> bytes:
    """What that is the Keccak-256 hash of."""
    return words(tag("gradroll/v1/model"), market.domain, task_id, digest)
