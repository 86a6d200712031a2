"""What travels between coordinator and provers, as domain values; the wire format stands in ``commons/wire``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from itertools import pairwise

from circuits.errors import WireError
from circuits.hashing import keccak, tag, words
from circuits.statement import Context, SubmissionHeader, cohort_id
from native import FrArray

MAX_BODY = 4 * 1024 * 1024
"""Largest body of one signed message, bytes (the projections of 256 owners take 1.1 MB)."""
MAX_COHORT = 256
"""Most submissions in one cohort."""
MAX_PROVERS = 32
"""Most provers in one committee."""
NONCE_BYTES = 32
"""What a prover draws when it starts."""


class Step(IntEnum):
    """The steps of a batch, in order; then those that find a culprit; then those of a graded batch, before PROVE."""

    COIN = 1
    PROJECT = 2
    MASK = 3
    VALIDATE = 4
    CONFIRM = 5
    COMBINE = 6
    PROVE = 7
    ATTEST = 8
    RELEASE = 9
    PROBE_MASK = 10
    PROBE_COMBINE = 11
    REVEAL = 12
    EXCLUDE = 13
    LOCK = 14
    OPEN = 15


@dataclass(frozen=True, slots=True)
class Message:
    """A prover's signed word in one step of one session.

    Attributes:
        session: 32 bytes: the cohort's identifier, the proposal's digest, or for RELEASE the batch's identifier.
        sender: the prover's committee index.
        body: the step's values in the canonical encoding of ``commons.protocol.bodies``.
        signature: 65 bytes over ``digest``.
    """

    session: bytes
    step: Step
    sender: int
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What the sender signs."""
        return message_digest(self.session, self.step, self.sender, self.body)


def message_digest(session: bytes, step: Step, sender: int, body: bytes) -> bytes:
    """Digest of a prover's message: session, step, sender and the hash of the body under one tag."""
    return digest_of_hash(session, int(step), sender, keccak(body))


def digest_of_hash(session: bytes, step: int, sender: int, body_hash: bytes) -> bytes:
    """The same digest from the Keccak-256 of the body, all that a contract sees of it."""
    return keccak(words(tag("gradroll/v1/message"), session, step, sender, body_hash))


@dataclass(frozen=True, slots=True)
class Cohort:
    """Submissions whose gradients are projected with one sign matrix, ordered by the owners' registration index.

    Where the task grades, a copy of the round's reference stands before the owners.
    """

    context: Context
    headers: tuple[SubmissionHeader, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.headers) <= MAX_COHORT:
            raise WireError(f"a cohort has 1 to {MAX_COHORT} submissions, not {len(self.headers)}")
        if not self.owners:
            raise WireError("a cohort has owners, and no reference alone")
        indices = [h.owner_index for h in self.owners]
        if any(h.is_reference for h in self.owners):
            raise WireError("a cohort has one copy of the round's reference, before its owners")
        if any(a >= b for a, b in pairwise(indices)):
            raise WireError("a cohort's owners must be in strictly ascending order of registration")
        if len({h.owner for h in self.owners}) < len(self.owners):
            raise WireError("an owner is in a cohort once")
        if any((h.task_id, h.round) != (self.context.task_id, self.context.round) for h in self.headers):
            raise WireError("a cohort holds submissions of one task and round only")

    @property
    def reference(self) -> SubmissionHeader | None:
        """The copy of the round's reference against which these owners are graded, if they are."""
        return self.headers[0] if self.headers[0].is_reference else None

    @property
    def owners(self) -> tuple[SubmissionHeader, ...]:
        """The headers without that of the reference."""
        return self.headers if self.reference is None else self.headers[1:]

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The submissions' identifiers (EIP-712 digests), in order."""
        return tuple(h.digest(self.context) for h in self.headers)

    @property
    def cohort_id(self) -> bytes:
        """The cohort's identifier; it is the session of COIN and PROJECT."""
        return cohort_id(self.context, self.digests)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One attempt at a batch: which submissions of a cohort, by which provers.

    Attributes:
        attempt: strictly larger than every attempt of this round before it.
        kept: indices into the cohort, ascending.
        active: committee indices of the provers that take part, ascending.
        nonces: what each of them drew when it started (32 bytes, in the same order): a prover that lost its memory, or
            got an old one back, is never led through a session that it was in before.
        probe: whether the attempt only looks for a submission that does not match its commitment.
    """

    cohort_id: bytes
    attempt: int
    kept: tuple[int, ...]
    active: tuple[int, ...]
    nonces: tuple[bytes, ...]
    probe: bool = False

    def __post_init__(self) -> None:
        for name, indices, limit in (("kept", self.kept, MAX_COHORT), ("active", self.active, MAX_PROVERS)):
            ascending = all(a < b for a, b in pairwise(indices))
            if not indices or not ascending or indices[0] < 0 or indices[-1] >= limit:
                raise WireError(f"a proposal's {name} must be ascending indices below {limit}")
        if not 0 < self.attempt < 1 << 32:
            raise WireError("a proposal's attempt lies between 1 and 2^32 - 1")
        if len(self.nonces) != len(self.active) or any(len(nonce) != NONCE_BYTES for nonce in self.nonces):
            raise WireError(f"a proposal names a nonce of {NONCE_BYTES} bytes for each prover that takes part")

    @property
    def digest(self) -> bytes:
        """Session of the attempt: it names every mask that the attempt uses."""
        kept = sum(1 << i for i in self.kept)
        active = sum(1 << p for p in self.active)
        head = (tag("gradroll/v1/proposal"), self.cohort_id, self.attempt, kept, active, int(self.probe))
        return keccak(words(*head, *self.nonces))


@dataclass(frozen=True, slots=True)
class StepRequest:
    """What the coordinator asks of one prover.

    Attributes:
        cohort: with COIN only.
        proposal: with MASK and PROBE_MASK only.
        authorization: the coordinator's signature over ``asked``; RELEASE, which serves anybody, needs none.
        relayed: the provers' messages of the step before; with EXCLUDE those that show an owner's fault.
        payload: with ATTEST the audit bundle without attestations, with RELEASE the batch's certificate, with LOCK the
            opened row (``bodies.scalars_to_bytes``), with EXCLUDE a share payload that was laid open, or nothing.
        owner: index into the cohort, with REVEAL and EXCLUDE only.
    """

    step: Step
    session: bytes
    cohort: Cohort | None = None
    proposal: Proposal | None = None
    authorization: bytes = field(default=b"", repr=False)
    relayed: tuple[Message, ...] = field(default=(), repr=False)
    payload: bytes = field(default=b"", repr=False)
    owner: int = 0

    @property
    def relayed_digest(self) -> bytes:
        """Keccak-256 of the relayed messages' digests, one behind the other."""
        return keccak(b"".join(message.digest for message in self.relayed))

    @property
    def payload_digest(self) -> bytes:
        """SHA-256 of the payload."""
        return sha256(self.payload).digest()

    @property
    def asked(self) -> bytes:
        """What the task's coordinator signs, so that nobody else moves a prover on: step, session, all that is relayed.

        The session is the hash of the cohort or of the proposal.
        """
        return asked_digest(self.session, self.step, self.owner, self.relayed_digest, self.payload_digest)


def asked_digest(session: bytes, step: Step, owner: int, relayed_digest: bytes, payload_digest: bytes) -> bytes:
    """The same from what a step's head says of all that follows it."""
    head = (tag("gradroll/v1/authorize"), session, int(step), owner)
    return keccak(words(*head, relayed_digest, payload_digest))


@dataclass(frozen=True, slots=True)
class StepReply:
    """A prover's answer: its signed message, and what is too long to sign whole (the body holds its SHA-256).

    Attributes:
        vector: a share of a combined row, FrArray (d + 129, 4): COMBINE, RELEASE, PROBE_COMBINE.
        raw: a share payload laid open: REVEAL; or a share of a private sum, sealed: RELEASE.
    """

    message: Message
    vector: FrArray | None = field(default=None, repr=False)
    raw: bytes = field(default=b"", repr=False)
