"""What a finished batch leaves behind: its certificate, and the audit bundle.

The certificate says that a quorum attested one batch, with all that its identifier binds: a prover releases its share
of the sum on it, whoever shows it.  The audit bundle adds every opened value, so that a reader can recheck what the
provers attest without trusting any of them: that entries are small integers rests on the opened projections, from which
anyone can recompute signs and digests.

Encoding, version 3, all integers big-endian.  Certificate: version byte; context; payee; counts; cohort digests;
headers; coin; proof; attestations.  Bundle: certificate; projections; row.  Where owners are graded it is version 4,
and says more (``gradedbundle``).  Exactly one encoding for each; none of it is secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words
from circuits.statement import (
    ROWS,
    TAIL,
    Attested,
    BatchProof,
    BatchStatement,
    Context,
    GrothProof,
    SubmissionHeader,
    SumcheckProof,
    cohort_id,
    sign_seed,
)
from circuits.terms import MAX_DIMENSION, MarketId
from circuits.transcript import RhoInputs, states
from commons.protocol import gradedbundle
from commons.protocol.bodies import Reader, scalars_to_bytes
from commons.protocol.messages import MAX_COHORT, MAX_PROVERS
from native import FrArray

VERSION = 3
GRADED_VERSION = 4
MAX_CERTIFICATE = 2 * 1024 * 1024
"""Most bytes of a certificate: 256 owners of a committee of 32 take 0.35 MB."""
LARGEST_WITHOUT_ROW = MAX_CERTIFICATE + 32 * (MAX_COHORT + 1) * ROWS
"""No less than the bytes of any bundle, but for its row."""
_ADDRESS, _SIGNATURE = 20, 65
ROUND_NAMED = 1 + 32 + _ADDRESS + 4 * 32
"""Bytes of a certificate up to its round: version, chain, market, deployment, task, hash of the terms, round."""
Attestations = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A batch and its attestations.

    Attributes:
        payee: 20-byte address of who gets the coordinator's fee.
        cohort: identifiers of all submissions of the cohort, in order; they fix the sign seed together with the coin.
        attestations: (prover index, 65-byte signature), ascending.
    """

    statement: BatchStatement
    payee: bytes
    cohort: tuple[bytes, ...]
    coin: int
    proof: BatchProof
    attestations: Attestations = field(repr=False)

    @property
    def batch_id(self) -> bytes:
        """The identifier that context, owners, what is opened of them, and proof give."""
        return self._states[1]

    @property
    def rho_state(self) -> bytes:
        """The state behind rho; without grading it is the identifier."""
        return self._states[0]

    @property
    def _states(self) -> tuple[bytes, bytes]:
        proof = self.proof
        inputs = RhoInputs(
            proof.mask_commitment, proof.sign_seed, proof.projections_digest, proof.gram, proof.knowledge
        )
        return states(self.statement, inputs)

    def require_dealings(self) -> None:
        """Raise WireError unless the submissions are those of the cohort behind the sign seed.

        The identifier binds commitments and the seed, and the seed the dealings: which shares the sum is made of.
        """
        context = self.statement.context
        dealings = {h.digest(context) for h in self.statement.rows}
        if sign_seed(cohort_id(context, self.cohort), self.coin) != self.proof.sign_seed:
            raise WireError("the certificate's cohort and coin are not those behind its signs")
        if not dealings <= set(self.cohort):
            raise WireError("the certificate's submissions are not those of its cohort")

    def attested(self, verifier_code: bytes, committee_id: int) -> Attested:
        """What provers sign of the batch; code and committee are those that the signer's or reader's own node shows."""
        proof = self.proof
        return Attested(
            self.batch_id, verifier_code, committee_id, self.statement.size, proof.commitment_sum, proof.square_norm,
            self.payee,
        )  # fmt: skip

    def attested_by(self, attestations: Iterable[tuple[int, bytes]]) -> Certificate:
        """The same batch with these attestations."""
        return replace(self, attestations=tuple(sorted(attestations)))

    def encode(self) -> bytes:
        """Canonical bytes."""
        c, owners = self.statement.context, self.statement.owners
        provers = len(owners[0].share_digests)
        head = words(c.market.chain_id) + c.market.address + c.market.deployment
        head += words(c.task_id, c.terms_hash, c.round, c.model_digest, c.policy_key_hash, c.bound) + self.payee
        counts = b"".join(
            n.to_bytes(4, "big") for n in (c.dimension, len(self.cohort), len(owners), provers, len(self.attestations))
        )
        version, graded = (VERSION, None) if self.statement.graded is None else (GRADED_VERSION, self.statement.graded)
        return b"".join(
            (
                bytes((version,)), head, counts, gradedbundle.rule_bytes(graded), *self.cohort,
                *(_header_bytes(row) for row in self.statement.rows), gradedbundle.values_bytes(graded),
                words(self.coin), _proof_bytes(self.proof), *(bytes((p,)) + s for p, s in self.attestations),
            )
        )  # fmt: skip

    @classmethod
    def decode(cls, raw: bytes) -> Certificate:
        """Parse and check form, lengths, ranges and points (not the claims themselves).

        Raises:
            WireError: the bytes are no certificate of this version.
        """
        reader = Reader(raw)
        certificate = _read_certificate(reader)
        reader.end()
        return certificate


@dataclass(frozen=True, slots=True, eq=False)
class AuditBundle:
    """What a batch's audit needs.

    Attributes:
        projections: z_0..z_m, FrArray (128, 4) each.
        row: the combined row, FrArray (d + 129, 4).
    """

    certificate: Certificate
    projections: tuple[FrArray, ...] = field(repr=False)
    row: FrArray = field(repr=False)

    @property
    def statement(self) -> BatchStatement:
        """Context and owners."""
        return self.certificate.statement

    @property
    def proof(self) -> BatchProof:
        """What the contract verified."""
        return self.certificate.proof

    def attested_by(self, attestations: Iterable[tuple[int, bytes]]) -> AuditBundle:
        """The same bundle with these attestations."""
        return replace(self, certificate=self.certificate.attested_by(attestations))

    def encode(self) -> bytes:
        """Canonical bytes; about 32 (d + 129 (m + 2)) of them."""
        return self.certificate.encode() + self.encode_opened()

    def encode_opened(self) -> bytes:
        """What follows the certificate."""
        return self._encode_projections() + scalars_to_bytes(self.row)

    def encode_to_attest(self) -> bytes:
        """ATTEST's payload: the bundle, of a graded batch without the row, which its provers have since LOCK."""
        head = self.certificate.encode() + self._encode_projections()
        return head if self.statement.graded is not None else head + scalars_to_bytes(self.row)

    @property
    def size(self) -> int:
        """Bytes of ``encode``."""
        return len(self.certificate.encode()) + 32 * (sum(map(len, self.projections)) + len(self.row))

    def _encode_projections(self) -> bytes:
        return b"".join(map(scalars_to_bytes, self.projections))

    @classmethod
    def decode(cls, raw: bytes) -> AuditBundle:
        """Parse and check form, lengths, ranges and points (not the claims themselves).

        Raises:
            WireError: the bytes are no bundle of this version.
        """
        return cls.decode_to_attest(raw, None)

    @classmethod
    def decode_to_attest(cls, raw: bytes, row: FrArray | None) -> AuditBundle:
        """Parse ATTEST's payload, as ``decode``.

        Args:
            row: FrArray (d + 129, 4), that of a graded batch whose provers have it; None where it follows.

        Raises:
            WireError: the bytes are none of this version, a row is missing or one too many, or the batch is another.
        """
        reader = Reader(raw)
        certificate = _read_certificate(reader)
        statement = certificate.statement
        projections = tuple(reader.scalars(ROWS) for _ in range(len(statement.rows) + 1))
        length = statement.context.dimension + TAIL
        if row is None:
            row = reader.scalars(length)
        elif statement.graded is None or len(row) != length:
            raise WireError("the bundle is not of the graded batch whose row is here")
        reader.end()
        return cls(certificate, projections, row)


def named_round(head: bytes) -> tuple[int, int] | None:
    """Task and round of an encoded certificate, from its first ``ROUND_NAMED`` bytes; None for another version's."""
    if len(head) < ROUND_NAMED or head[0] not in (VERSION, GRADED_VERSION):
        return None
    task_id, round_number = head[ROUND_NAMED - 96 : ROUND_NAMED - 64], head[ROUND_NAMED - 32 : ROUND_NAMED]
    return int.from_bytes(task_id, "big"), int.from_bytes(round_number, "big")


def largest_bundle(dimension: int) -> int:
    """No less than the bytes of any bundle of a model of so many coordinates."""
    return LARGEST_WITHOUT_ROW + 32 * (dimension + TAIL)


def _read_certificate(reader: Reader) -> Certificate:
    version = reader.take(1)[0]
    if version not in (VERSION, GRADED_VERSION):
        raise WireError(
            f"a certificate or audit bundle of another version than {VERSION} or {GRADED_VERSION}; use the release "
            "that wrote it"
        )
    market = MarketId(_word(reader), reader.take(_ADDRESS), reader.take(32))
    task_id, terms_hash, round_number, model = _word(reader), reader.take(32), _word(reader), reader.take(32)
    key_hash, bound, payee = reader.take(32), _word(reader), reader.take(_ADDRESS)
    dimension = _count(reader, 1, MAX_DIMENSION, "coordinates")
    cohort_size = _count(reader, 1, MAX_COHORT, "submissions in its cohort")
    owners = _count(reader, 1, cohort_size, "owners")
    provers = _count(reader, 1, MAX_PROVERS, "provers")
    attesting = _count(reader, 0, provers, "attestations")
    context = Context(market, task_id, terms_hash, round_number, model, key_hash, bound, dimension)
    rule = gradedbundle.read_rule(reader) if version == GRADED_VERSION else None
    cohort = tuple(reader.take(32) for _ in range(cohort_size))
    reference = None if rule is None else _read_header(reader, context, provers)
    headers = tuple(_read_header(reader, context, provers) for _ in range(owners))
    graded = gradedbundle.read_graded(reader, rule, reference, owners)
    try:
        certificate = Certificate(
            BatchStatement(context, headers, graded), payee, cohort, reader.scalar(), _read_proof(reader),
            tuple((reader.take(1)[0], reader.take(_SIGNATURE)) for _ in range(attesting)),
        )  # fmt: skip
    except InvalidInputError as error:
        raise WireError(f"the certificate is malformed: {error}") from error
    _check_attesting(certificate.attestations, provers)
    return certificate


def _word(reader: Reader) -> int:
    return int.from_bytes(reader.take(32), "big")


def _count(reader: Reader, low: int, high: int, what: str) -> int:
    count = int.from_bytes(reader.take(4), "big")
    if not low <= count <= high:
        raise WireError(f"the certificate states {count} {what}; {low} to {high} are possible")
    return count


def _check_attesting(attestations: Attestations, provers: int) -> None:
    last = -1
    for prover, _ in attestations:
        if not last < prover < provers:
            raise WireError("a certificate's attestations are in ascending order of provers")
        last = prover


def _header_bytes(header: SubmissionHeader) -> bytes:
    return b"".join(
        (
            header.owner,
            header.owner_index.to_bytes(4, "big"),
            header.commitment,
            *header.share_digests,
            header.signature,
            header.dealing_signature,
        )
    )


def _read_header(reader: Reader, context: Context, provers: int) -> SubmissionHeader:
    return SubmissionHeader(
        context.task_id,
        context.round,
        reader.take(_ADDRESS),
        int.from_bytes(reader.take(4), "big"),
        reader.g1(),
        tuple(reader.take(32) for _ in range(provers)),
        reader.take(_SIGNATURE),
        reader.take(_SIGNATURE),
    )


def _proof_bytes(proof: BatchProof) -> bytes:
    s, groth = proof.sumcheck, proof.groth
    return words(
        proof.mask_commitment, proof.gram, proof.knowledge, groth.a, groth.b, groth.c, proof.square_norm,
        s.s, s.q, s.a_zeta, s.s_zeta, s.s_omega_zeta, s.w1, s.w2, proof.commitment_sum,
        proof.sign_seed, proof.projections_digest,
    )  # fmt: skip


def _read_proof(reader: Reader) -> BatchProof:
    mask_commitment, gram, knowledge = reader.g1(), reader.g1(), reader.g1()
    groth = GrothProof(reader.g1(), reader.g2(), reader.g1())
    square_norm = reader.scalar()
    sumcheck = SumcheckProof(
        reader.g1(), reader.g1(), reader.scalar(), reader.scalar(), reader.scalar(), reader.g1(), reader.g1()
    )
    total, seed, digest = reader.g1(), reader.take(32), reader.take(32)
    return BatchProof(mask_commitment, gram, knowledge, groth, square_norm, sumcheck, total, seed, digest)
