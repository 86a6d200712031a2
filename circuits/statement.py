"""What a batch states: the task's terms, the owners' signed headers, and the proof that goes to the contract.

Only frozen values that are valid once built; no IO.  Field names follow the contracts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from circuits.errors import InvalidInputError
from circuits.grading import Grades, GradingRule, grades
from circuits.hashing import keccak, tag, typed_digest, words
from circuits.terms import MarketId, TaskTerms
from native import G1, G2

ROWS = 128
"""Smallness rows: random sign combinations opened for each gradient."""
MASK_BITS = 108
"""Bits of an owner's additive mask of one projection."""
SLACK_BITS = 62
"""Bits of BOUND minus the squared norm (``circuits.terms.MAX_BOUND``)."""
TAIL = ROWS + 1
"""Entries of a row above the vanishing polynomial: one blinder and the masks."""
SHARE_EXTRA = TAIL + SLACK_BITS + 1
"""Entries of an owner's shared vector beyond the gradient: tail, slack bits, one mask of the dealing check."""
PROJECTION_LOW, PROJECTION_HIGH = -(1 << MASK_BITS - 1), 1 << MASK_BITS + 1
"""An honest projection lies in ``[PROJECTION_LOW, PROJECTION_HIGH)`` as a signed integer."""

REFERENCE_INDEX = 1 << 16
"""Copy b of a round's reference has this index plus b where an owner has its registration index."""
MAX_COPIES = 16
"""Most copies of the reference of a round."""

SUBMISSION_TYPE = (
    "Submission(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,"
    "uint256 commitmentX,uint256 commitmentY)"
)
"""What the contract sees of a submission."""
DEALING_TYPE = "Dealing(address owner,bytes32 submission,bytes32 sharesRoot)"
"""Binds what the provers were given to a submission and its owner; they and the coordinator check it, the contract has
no need to.  Without the owner another one could sign the same submission and have its shares used a second time."""
REFERENCE_TYPE = "Reference(address owner,bytes32 submission,bytes32 sharesRoot,uint256 number)"
"""The same of a copy of a round's reference, with its number.  Provers' receipts are for this digest, so nobody posts a
copy as an owner's submission that the coordinator ignored."""
ATTESTATION_TYPE = (
    "Attestation(bytes32 batchId,bytes32 verifierCode,uint256 committeeId,uint256 taskId,bytes32 termsHash,"
    "uint256 round,bytes32 modelDigest,uint256 owners,uint256 sumX,uint256 sumY,uint256 squareNorm,address payee)"
)
"""What a prover vouches for; with Q of them under one batch, its sum may be released once the chain has accepted it."""


_SMALL_DOMAIN = 512


def domain_size(dimension: int) -> int:
    """The least of 2^a, 3 2^a and 9 2^a that is at least the dimension; up to 512 a power of two, at least 2."""
    power = max(2, 1 << (dimension - 1).bit_length())
    sizes = (power,) if power <= _SMALL_DOMAIN else (power // 16 * 9, power // 4 * 3, power)
    return next(size for size in sizes if size >= dimension)


def share_length(dimension: int) -> int:
    """Length of an owner's shared vector: values, blinder, masks, slack bits, check mask, in this order."""
    return dimension + SHARE_EXTRA


@dataclass(frozen=True, slots=True)
class Committee:
    """A registered prover committee.

    Attributes:
        threshold: t, the number of colluding provers that learn nothing.
        members: the provers' 20-byte signing addresses; prover index p evaluates at x = p + 1.
    """

    committee_id: int
    threshold: int
    members: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.threshold < 1 or len(self.members) < 2 * self.threshold + 1:
            raise InvalidInputError(
                f"a committee of {len(self.members)} cannot have threshold {self.threshold}: "
                "it needs a threshold of at least 1 and at least 2t+1 members"
            )

    @property
    def size(self) -> int:
        """N, the number of provers."""
        return len(self.members)

    @property
    def quorum(self) -> int:
        """Provers that must take part: enough for degree-2t openings, and any two quorums share an honest prover."""
        return max(2 * self.threshold + 1, (self.size + self.threshold) // 2 + 1)


@dataclass(frozen=True, slots=True)
class Membership:
    """Which prover it is: its committee and its index there."""

    committee: Committee
    index: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Which circuit a batch is proven with.

    Attributes:
        capacity: slots for owners.
        key_hash: hash of its verifying key.
        verifier_code: Keccak-256 of the code of the task's verifier contract, which holds the key.
    """

    capacity: int
    key_hash: bytes
    verifier_code: bytes


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that ties a batch to one round of one task, its terms, its model and its policy key.

    Attributes:
        model_digest: Keccak-256 of the model on which the round's gradients are computed.
    """

    market: MarketId
    task_id: int
    terms_hash: bytes
    round: int
    model_digest: bytes
    policy_key_hash: bytes
    bound: int
    dimension: int

    @classmethod
    def of(cls, terms: TaskTerms, round_number: int, model_digest: bytes, policy: Policy) -> Context:
        """The context of one round of a task."""
        return cls(
            terms.market, terms.task_id, terms.terms_hash, round_number, model_digest, policy.key_hash, terms.bound,
            terms.dimension,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SubmissionHeader:
    """An owner's signed header: the commitment and the digests of the share payloads, one a prover.

    Attributes:
        owner_index: the owner's registration index in the task; batches are ordered by it.
        share_digests: SHA-256 of each prover's share payload, by prover index.
        signature: 65 bytes r, s, v over ``submission_digest(context)`` (EIP-712), for the contract.
        dealing_signature: the same over ``digest(context)``, for the provers.
    """

    task_id: int
    round: int
    owner: bytes
    owner_index: int
    commitment: G1
    share_digests: tuple[bytes, ...]
    signature: bytes = b""
    dealing_signature: bytes = b""

    @property
    def is_reference(self) -> bool:
        """Whether it is a copy of the round's reference and no owner's gradient."""
        return self.owner_index >= REFERENCE_INDEX

    @property
    def shares_root(self) -> bytes:
        """Keccak of the share digests."""
        return keccak(b"".join(self.share_digests))

    def submission_digest(self, context: Context) -> bytes:
        """EIP-712 digest of the submission (``SUBMISSION_TYPE``), the part that the contract knows.

        Terms and model are the context's: whoever checks the signature takes them from its own view of the chain.
        """
        values = (
            self.task_id, context.terms_hash, self.round, context.model_digest, self.commitment,
        )  # fmt: skip
        return typed_digest(context.market.domain, SUBMISSION_TYPE, values)

    def digest(self, context: Context) -> bytes:
        """EIP-712 digest of the dealing: it binds everything that the owner handed in, and is the identifier of the
        submission off the chain.  Its type is ``DEALING_TYPE``, of a copy of the reference ``REFERENCE_TYPE``."""
        values = (self.owner, self.submission_digest(context), self.shares_root)
        if self.is_reference:
            number = self.owner_index - REFERENCE_INDEX
            return typed_digest(context.market.domain, REFERENCE_TYPE, (*values, number))
        return typed_digest(context.market.domain, DEALING_TYPE, values)

    def signed(self, context: Context, sign: Callable[[bytes], bytes]) -> SubmissionHeader:
        """The header with its owner's two signatures."""
        return replace(
            self,
            signature=sign(self.submission_digest(context)),
            dealing_signature=sign(self.digest(context)),
        )


@dataclass(frozen=True, slots=True)
class Attested:
    """What provers sign of a batch, beside its context.

    Attributes:
        batch_id: binds context, owners, mask, signs, projections and Gram commitment (``transcript.states``).
        verifier_code: Keccak-256 of the verifier's code on the chain.
        owners: how many.
        commitment_sum: S.
        square_norm: T.
        payee: 20-byte address of who gets the coordinator's fee.
    """

    batch_id: bytes
    verifier_code: bytes
    committee_id: int
    owners: int
    commitment_sum: G1
    square_norm: int
    payee: bytes

    def digest(self, context: Context) -> bytes:
        """EIP-712 digest that an attesting prover signs (``ATTESTATION_TYPE``)."""
        values = (
            self.batch_id, self.verifier_code, self.committee_id, context.task_id, context.terms_hash, context.round,
            context.model_digest, self.owners, self.commitment_sum, self.square_norm, self.payee,
        )  # fmt: skip
        return typed_digest(context.market.domain, ATTESTATION_TYPE, values)


def cohort_id(context: Context, header_digests: tuple[bytes, ...]) -> bytes:
    """Identifier of a cohort: the ordered headers whose projections use one sign matrix."""
    prefix = words(tag("gradroll/v1/cohort"), context.market.domain, context.task_id, context.round)
    return keccak(prefix + b"".join(header_digests))


def sign_seed(cohort: bytes, coin: int) -> bytes:
    """Seed of a cohort's sign matrix, from the cohort and the coin that the provers toss after it is fixed."""
    return keccak(words(tag("gradroll/v1/signs"), cohort, coin))


@dataclass(frozen=True, slots=True)
class GrothProof:
    """Groth16 proof elements (the committed block travels apart)."""

    a: G1
    b: G2
    c: G1


@dataclass(frozen=True, slots=True)
class SumcheckProof:
    """Proof that the vector in a commitment has squared norm T over the domain (protocol section 8)."""

    s: G1
    q: G1
    a_zeta: int
    s_zeta: int
    s_omega_zeta: int
    w1: G1
    w2: G1


@dataclass(frozen=True, slots=True)
class BatchProof:
    """All that the contract needs beside the owners' headers to verify one batch.

    Attributes:
        commitment_sum: S, stated to be the sum of the owners' commitments, which the aggregate opens.
    """

    mask_commitment: G1
    gram: G1
    knowledge: G1
    groth: GrothProof
    square_norm: int
    sumcheck: SumcheckProof
    commitment_sum: G1
    sign_seed: bytes
    projections_digest: bytes


@dataclass(frozen=True, slots=True)
class Graded:
    """What a batch states beside its owners where the task grades them.

    Attributes:
        reference: header of the copy of the reference against which they were graded; row 1 of the batch.
        rule: steps, noise and smallest class, from the task's terms.
        values: the opened numbers, in the order of the owners.
    """

    reference: SubmissionHeader = field(repr=False)
    rule: GradingRule
    values: tuple[int, ...]

    @property
    def grades(self) -> Grades:
        """Levels and weights that follow."""
        return grades(self.rule, self.values)


@dataclass(frozen=True, slots=True)
class BatchStatement:
    """Context and owners of a batch, in registration order.

    Attributes:
        graded: None where the task does not grade.
    """

    context: Context
    owners: tuple[SubmissionHeader, ...] = field(repr=False)
    graded: Graded | None = None

    @property
    def size(self) -> int:
        """How many owners."""
        return len(self.owners)

    @property
    def rows(self) -> tuple[SubmissionHeader, ...]:
        """Headers of rows 1..m: the reference, if there is one, then the owners."""
        return self.owners if self.graded is None else (self.graded.reference, *self.owners)

    @property
    def weights(self) -> tuple[int, ...]:
        """Factor of each owner's gradient in the sum."""
        return (1,) * self.size if self.graded is None else self.graded.grades.weights
