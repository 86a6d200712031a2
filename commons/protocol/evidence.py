"""What costs a prover its bond: signatures that an honest one never makes, checked as the registry's contract does.

The contract (`contracts/src/libraries/Evidence.sol`) says why these, and what is none: a rejected proof, a wrong share,
silence.  Here the same rules are kept before anybody pays for a transaction that would be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import native
from circuits.errors import InvalidInputError, SignatureError
from circuits.grading import Grades, GradingRule, encode_values, grades
from circuits.statement import Attested, BatchStatement, Context, SubmissionHeader
from circuits.terms import TaskTerms
from circuits.transcript import RhoInputs, rho_state, values_state
from commons.protocol.bundle import Certificate
from commons.protocol.messages import MAX_COHORT, Step, digest_of_hash
from commons.protocol.signing import recover
from native import G1

STEPS_TAKEN_ONCE = frozenset({
    Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.ATTEST, Step.PROBE_MASK, Step.PROBE_COMBINE,
    Step.LOCK, Step.OPEN,
})  # fmt: skip
"""Steps whose session does not outlive the prover's process, in which each is taken once (`Evidence.sol`).  The others
may be answered anew, with other bodies."""
_WORD = 1 << 256


class NoEvidenceError(InvalidInputError):
    """An honest prover may have signed this, or it is not what was signed."""


@dataclass(frozen=True, slots=True)
class SignedBody:
    """A prover's signature of a message.

    Attributes:
        body_hash: Keccak-256 of the message's body.
        signature: 65 bytes.
    """

    body_hash: bytes
    signature: bytes

    def __post_init__(self) -> None:
        _sized("hash of a body", self.body_hash, 32)


@dataclass(frozen=True, slots=True)
class OwnerEntry:
    """An owner of an attested batch, or its reference, as the verifier sees it.

    Attributes:
        address: of its signer, 20 bytes.
        index: registration index, or what a reference has there.
    """

    address: bytes
    index: int
    commitment: G1

    def __post_init__(self) -> None:
        _sized("owner's address", self.address, 20)
        _below("registration index", self.index, 1 << 96)


@dataclass(frozen=True, slots=True)
class AttestedGrades:
    """What a graded batch has beside its owners.

    Attributes:
        values: the opened numbers, in the order of the owners.
    """

    reference: OwnerEntry
    rule: GradingRule
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        try:
            encode_values(self.values)
        except InvalidInputError as error:
            raise NoEvidenceError(str(error)) from error

    @property
    def grades(self) -> Grades:
        """Levels and weights that follow."""
        return grades(self.rule, self.values)


@dataclass(frozen=True, slots=True)
class AttestedBatch:
    """A batch that a prover attested: all that an attestation is a hash of, and the attestation.

    Attributes:
        verifier_code: Keccak-256 of the code that was to verify its proof.
        payee: 20-byte address of who was to get the coordinator's fee.
        commitment_sum: what was stated to be the sum of the owners' commitments, each times its weight.
        signature: 65 bytes.
        graded: None where the batch is not.
    """

    context: Context
    verifier_code: bytes
    payee: bytes
    owners: tuple[OwnerEntry, ...]
    bound: RhoInputs
    commitment_sum: G1
    square_norm: int
    signature: bytes
    graded: AttestedGrades | None = None

    def __post_init__(self) -> None:
        context = self.context
        hashes = (
            context.terms_hash, context.model_digest, context.policy_key_hash, self.verifier_code,
            self.bound.sign_seed, self.bound.projections_digest,
        )  # fmt: skip
        for value in hashes:
            _sized("hash of an attested batch", value, 32)
        _sized("payee's address", self.payee, 20)
        for number in (context.task_id, context.round, context.bound, context.dimension, self.square_norm):
            _below("number of an attested batch", number, _WORD)
        if not len(self.owners) <= MAX_COHORT:
            raise NoEvidenceError(f"an attested batch has at most {MAX_COHORT} owners, not {len(self.owners)}")
        if self.graded is not None and len(self.graded.values) != len(self.owners):
            raise NoEvidenceError("a graded batch has one number for each owner")

    @classmethod
    def of(cls, certificate: Certificate, verifier_code: bytes, signature: bytes) -> AttestedBatch:
        """A certificate's batch with one of its attestations."""
        proof = certificate.proof
        return cls(
            certificate.statement.context, verifier_code, certificate.payee,
            tuple(map(_entry, certificate.statement.owners)),
            RhoInputs(proof.mask_commitment, proof.sign_seed, proof.projections_digest, proof.gram, proof.knowledge),
            proof.commitment_sum, proof.square_norm, signature, _grades_of(certificate.statement),
        )  # fmt: skip

    @property
    def rows(self) -> tuple[OwnerEntry, ...]:
        """The reference, if there is one, then the owners."""
        return self.owners if self.graded is None else (self.graded.reference, *self.owners)

    @property
    def weights(self) -> tuple[int, ...]:
        """Factor of each owner's commitment in the sum."""
        return (1,) * len(self.owners) if self.graded is None else self.graded.grades.weights

    @property
    def batch_id(self) -> bytes:
        """The identifier that was attested."""
        task, number = self.context.task_id, self.context.round
        headers = [SubmissionHeader(task, number, o.address, o.index, o.commitment, ()) for o in self.rows]
        state, graded = rho_state(self.context, headers, self.bound), self.graded
        return state if graded is None else values_state(state, graded.rule, graded.values)

    @property
    def place(self) -> tuple[bytes, int, int]:
        """Domain, task and round: an owner is in one batch of them at most."""
        return self.context.market.domain, self.context.task_id, self.context.round

    @property
    def owner_set(self) -> tuple[tuple[bytes, G1], ...]:
        """What tells sets apart: after a reorganisation an owner may have another index.  A set has its reference."""
        return tuple((owner.address, owner.commitment) for owner in self.rows)

    def signer(self, committee_id: int) -> bytes:
        """Who attested it for a task of the committee.  Raises NoEvidenceError."""
        attested = Attested(
            self.batch_id, self.verifier_code, committee_id, len(self.owners), self.commitment_sum, self.square_norm,
            self.payee,
        )  # fmt: skip
        return _signer(attested.digest(self.context), self.signature)


@dataclass(frozen=True, slots=True)
class ConflictingMessages:
    """Two different messages of one sender for one step of one session.

    Attributes:
        committee_id: a committee in which the signer sits or sat.
        sender: the index that it signed as its own.
    """

    kind: ClassVar[str] = "messages"
    committee_id: int
    session: bytes
    step: int
    sender: int
    first: SignedBody
    second: SignedBody

    def __post_init__(self) -> None:
        _require_committee(self.committee_id)
        _sized("session", self.session, 32)
        _below("sender", self.sender, _WORD)

    def culprit(self) -> bytes:
        """Address of who signed both.  Raises NoEvidenceError."""
        if self.step not in STEPS_TAKEN_ONCE:
            raise NoEvidenceError(f"an honest prover may answer step {self.step} anew; two answers are no evidence")
        if self.first.body_hash == self.second.body_hash:
            raise NoEvidenceError("the two messages are the same; that is no evidence")
        return _same(*(self._signer(body) for body in (self.first, self.second)))

    def _signer(self, body: SignedBody) -> bytes:
        return _signer(digest_of_hash(self.session, self.step, self.sender, body.body_hash), body.signature)


@dataclass(frozen=True, slots=True)
class ConflictingAttestations:
    """Attestations of two different sets of owners that meet, in one round of a task.

    Attributes:
        slot: place of an owner of both in the first set.
        other_slot: its place in the second.
    """

    kind: ClassVar[str] = "attestations"
    committee_id: int
    first: AttestedBatch
    second: AttestedBatch
    slot: int
    other_slot: int

    def __post_init__(self) -> None:
        _require_committee(self.committee_id)

    def culprit(self) -> bytes:
        """Address of who attested both.  Raises NoEvidenceError."""
        if self.first.place != self.second.place:
            raise NoEvidenceError("the two batches are of different rounds or markets; that is no evidence")
        if not (0 <= self.slot < len(self.first.owners) and 0 <= self.other_slot < len(self.second.owners)):
            raise NoEvidenceError("the batches have fewer owners than the places of the common one say")
        meet = self.first.owners[self.slot].address == self.second.owners[self.other_slot].address
        if not meet or self.first.owner_set == self.second.owner_set:
            raise NoEvidenceError("the two batches are of the same set, or their sets do not meet; that is no evidence")
        return _same(*(batch.signer(self.committee_id) for batch in (self.first, self.second)))


@dataclass(frozen=True, slots=True)
class WrongSum:
    """An attested sum that is not the sum of the owners' commitments, each times its weight."""

    kind: ClassVar[str] = "wrong-sum"
    committee_id: int
    attested: AttestedBatch

    def __post_init__(self) -> None:
        _require_committee(self.committee_id)

    def culprit(self) -> bytes:
        """Address of who attested it.  Raises NoEvidenceError."""
        if not has_wrong_sum(self.attested):
            raise NoEvidenceError("the attested sum is the sum of the owners' commitments; that is no evidence")
        return self.attested.signer(self.committee_id)


@dataclass(frozen=True, slots=True)
class TooFewOwners:
    """Fewer owners attested than the task's terms allow.

    Attributes:
        terms: those that the attestation binds.
    """

    kind: ClassVar[str] = "too-few-owners"
    committee_id: int
    attested: AttestedBatch
    terms: TaskTerms

    def __post_init__(self) -> None:
        _require_committee(self.committee_id)

    def culprit(self) -> bytes:
        """Address of who attested it.  Raises NoEvidenceError."""
        if self.terms.terms_hash != self.attested.context.terms_hash:
            raise NoEvidenceError("other terms were attested than those that came along; that is no evidence")
        if not has_too_few(self.attested, self.terms):
            raise NoEvidenceError("the batch has as many owners as its terms ask for; that is no evidence")
        return self.attested.signer(self.committee_id)


Evidence = ConflictingMessages | ConflictingAttestations | WrongSum | TooFewOwners
_IN_WORDS: Mapping[type, Callable[..., str]] = {
    ConflictingMessages: lambda e: f"signed two different {Step(e.step).name} messages of one session",
    ConflictingAttestations: lambda e: (
        f"attested two sets of owners that meet, in round {e.first.context.round} of one task"
    ),
    WrongSum: lambda e: "attested a sum that is not the sum of the owners' commitments",
    TooFewOwners: lambda e: (
        f"attested a batch of {len(e.attested.owners)} owners, and its task asks for {e.terms.min_owners} at least"
    ),
}


def in_words(evidence: Evidence) -> str:
    """What the culprit of some evidence did, of which ``culprit`` gave the name."""
    return _IN_WORDS[type(evidence)](evidence)


def has_wrong_sum(batch: AttestedBatch) -> bool:
    """Whether the stated sum is not that of the commitments."""
    commitments = [owner.commitment for owner in batch.owners]
    return native.g1_linear_combination(commitments, batch.weights) != batch.commitment_sum


def has_too_few(batch: AttestedBatch, terms: TaskTerms) -> bool:
    """Whether it has fewer owners than the terms allow."""
    return len(batch.owners) < terms.min_owners


def common_owner(first: AttestedBatch, second: AttestedBatch) -> tuple[int, int] | None:
    """Places of an owner of two different sets of one round; None where the lock allows both."""
    if first.place != second.place or first.owner_set == second.owner_set:
        return None
    places = {owner.address: slot for slot, owner in enumerate(first.owners)}
    for other_slot, owner in enumerate(second.owners):
        if owner.address in places:
            return places[owner.address], other_slot
    return None


def _entry(header: SubmissionHeader) -> OwnerEntry:
    return OwnerEntry(header.owner, header.owner_index, header.commitment)


def _grades_of(statement: BatchStatement) -> AttestedGrades | None:
    graded = statement.graded
    return None if graded is None else AttestedGrades(_entry(graded.reference), graded.rule, graded.values)


def _signer(digest: bytes, signature: bytes) -> bytes:
    try:
        return recover(digest, signature)
    except SignatureError as error:
        raise NoEvidenceError(f"a signature of the evidence is none: {error}") from error


def _same(first: bytes, second: bytes) -> bytes:
    if first != second:
        raise NoEvidenceError(
            f"0x{first.hex()} signed the one and 0x{second.hex()} the other, or what is here is not what was signed"
        )
    return first


def _require_committee(committee_id: int) -> None:
    _below("committee", committee_id, 1 << 64)


def _sized(what: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise NoEvidenceError(f"the {what} has {len(value)} bytes, not {size}")


def _below(what: str, value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise NoEvidenceError(f"the {what} is out of range")
