"""The audit bundle: everything that lets a reader recheck what the provers attest, without trusting any of them.

The contract checks commitments, norms modulo r and contributions.  That the entries are small integers rests on the
opened projections; the bundle holds them with the combined row, so anyone can recompute signs, projections and digests.

Encoding, version 1, all integers big-endian: version byte; context; counts; cohort digests; headers; coin; projections;
row; proof; payload digest; attestations.  Exactly one encoding for each bundle.  It holds nothing secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from circuits.errors import InvalidInputError, WireError
from circuits.hashing import words
from circuits.statement import (
    MAX_DIMENSION,
    ROWS,
    TAIL,
    BatchProof,
    BatchStatement,
    Context,
    GrothProof,
    SubmissionHeader,
    SumcheckProof,
)
from native import FrArray
from provers.bodies import Reader, scalars_to_bytes
from provers.messages import MAX_COHORT, MAX_PROVERS

VERSION = 1
_ADDRESS, _SIGNATURE = 20, 65


@dataclass(frozen=True, slots=True, eq=False)
class AuditBundle:
    """What a batch's audit needs.

    Attributes:
        cohort: identifiers of all submissions of the cohort, in order; they fix the sign seed together with the coin.
        projections: z_0..z_m, FrArray (128, 4) each.
        row: the combined row, FrArray (d + 129, 4).
        attestations: (prover index, 65-byte signature), ascending.
    """

    statement: BatchStatement
    cohort: tuple[bytes, ...]
    coin: int
    projections: tuple[FrArray, ...] = field(repr=False)
    row: FrArray = field(repr=False)
    proof: BatchProof = field(repr=False)
    payload_digest: bytes
    attestations: tuple[tuple[int, bytes], ...] = field(repr=False)

    def encode(self) -> bytes:
        """Canonical bytes; about 32 (d + 129 (m + 2)) of them."""
        c, owners = self.statement.context, self.statement.owners
        provers = len(owners[0].share_digests)
        head = words(c.chain_id) + c.market + words(c.task_id, c.round, c.policy_key_hash, c.bound)
        counts = b"".join(
            n.to_bytes(4, "big") for n in (c.dimension, len(self.cohort), len(owners), provers, len(self.attestations))
        )
        return b"".join(
            (
                bytes((VERSION,)), head, counts, *self.cohort, *(_header_bytes(o) for o in owners), words(self.coin),
                *(scalars_to_bytes(z) for z in self.projections), scalars_to_bytes(self.row), _proof_bytes(self.proof),
                self.payload_digest, *(bytes((p,)) + s for p, s in self.attestations),
            )
        )  # fmt: skip

    @classmethod
    def decode(cls, raw: bytes) -> AuditBundle:
        """Parse and check form, lengths, ranges and points (not the claims themselves).

        Raises:
            WireError: the bytes are no bundle of this version.
        """
        reader = Reader(raw)
        if reader.take(1)[0] != VERSION:
            raise WireError("the audit bundle is of another version than 1; use the release that wrote it")
        chain_id, market = _word(reader), reader.take(_ADDRESS)
        task_id, round_number, key_hash, bound = _word(reader), _word(reader), reader.take(32), _word(reader)
        dimension = _count(reader, 1, MAX_DIMENSION, "coordinates")
        cohort_size = _count(reader, 1, MAX_COHORT, "submissions in its cohort")
        owners = _count(reader, 1, cohort_size, "owners")
        provers = _count(reader, 1, MAX_PROVERS, "provers")
        attesting = _count(reader, 0, provers, "attestations")
        context = Context(chain_id, market, task_id, round_number, key_hash, bound, dimension)
        cohort = tuple(reader.take(32) for _ in range(cohort_size))
        headers = tuple(_read_header(reader, context, provers) for _ in range(owners))
        try:
            bundle = cls(
                BatchStatement(context, headers),
                cohort,
                reader.scalar(),
                tuple(reader.scalars(ROWS) for _ in range(owners + 1)),
                reader.scalars(dimension + TAIL),
                _read_proof(reader, owners),
                reader.take(32),
                tuple((reader.take(1)[0], reader.take(_SIGNATURE)) for _ in range(attesting)),
            )
        except InvalidInputError as error:
            raise WireError(f"the audit bundle is malformed: {error}") from error
        reader.end()
        _check_attesting(bundle.attestations, provers)
        return bundle


def _word(reader: Reader) -> int:
    return int.from_bytes(reader.take(32), "big")


def _count(reader: Reader, low: int, high: int, what: str) -> int:
    count = int.from_bytes(reader.take(4), "big")
    if not low <= count <= high:
        raise WireError(f"the audit bundle states {count} {what}; {low} to {high} are possible")
    return count


def _check_attesting(attestations: Iterable[tuple[int, bytes]], provers: int) -> None:
    last = -1
    for prover, _ in attestations:
        if not last < prover < provers:
            raise WireError("the audit bundle's attestations are not in ascending order of provers")
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
        proof.sign_seed, proof.projections_digest, len(proof.contributions), *proof.contributions,
    )  # fmt: skip


def _read_proof(reader: Reader, owners: int) -> BatchProof:
    mask_commitment, gram, knowledge = reader.g1(), reader.g1(), reader.g1()
    groth = GrothProof(reader.g1(), reader.g2(), reader.g1())
    square_norm = reader.scalar()
    sumcheck = SumcheckProof(
        reader.g1(), reader.g1(), reader.scalar(), reader.scalar(), reader.scalar(), reader.g1(), reader.g1()
    )
    total, seed, digest = reader.g1(), reader.take(32), reader.take(32)
    count = _word(reader)
    if count not in (0, owners):
        raise WireError(f"the audit bundle states {count} contributions for {owners} owners")
    contributions = tuple(reader.scalar() for _ in range(count))
    return BatchProof(
        mask_commitment, gram, knowledge, groth, square_norm, sumcheck, total, contributions, seed, digest
    )
