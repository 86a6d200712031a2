"""Builds a complete, valid batch with one party that knows everything: the shortest path to a real proof.

Deterministic in its seeds, so fixtures made from it can be regenerated. Uses a development setup.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import numpy.typing as npt
from eth_keys.datatypes import PrivateKey

import native
from circuits import joint, payload, sumcheck
from circuits.commitment import CommitmentKey, commitment_key
from circuits.groth16 import ProvingKey, VerifyingKey, unsafe_generate_keys
from circuits.hashing import challenge
from circuits.payload import Aggregate
from circuits.policies import DEFAULT
from circuits.policies.registry import compiled
from circuits.policies.spec import PublicInputs
from circuits.srs import Srs, unsafe_development_srs
from circuits.statement import (
    MASK_BITS,
    ROWS,
    SLACK_BITS,
    TAIL,
    Attested,
    BatchProof,
    BatchStatement,
    Context,
    GrothProof,
    SubmissionHeader,
    cohort_id,
    domain_size,
    sign_seed,
)
from circuits.terms import MarketId
from circuits.transcript import (
    FinalInputs,
    RhoInputs,
    knowledge_weight,
    opening_weight,
    projections_digest,
    rho_state,
    squarings,
    sum_weight,
    sumcheck_challenges,
)
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import AuditBundle, Certificate
from native import FrArray
from tests.support.parts import with_parts

IntArray = npt.NDArray[np.int64]
PROVERS = 4
MARKET = MarketId(1, bytes(19) + b"\x42", b"\x43" * 32)


@dataclass(frozen=True, eq=False)
class Setup:
    """A development setup for one policy, capacity and dimension."""

    srs: Srs
    commitment: CommitmentKey
    proving: ProvingKey

    @property
    def verifying(self) -> VerifyingKey:
        return self.proving.verifying


@cache
def development_setup(policy: str = DEFAULT, capacity: int = 16, dimension: int = 10) -> Setup:
    """Seeded keys; the same in every process."""
    srs = unsafe_development_srs(seed_of("srs"), domain_size(dimension))
    circuit = compiled(policy, capacity)
    keys = unsafe_generate_keys(circuit, srs.tau, srs.origin, seed_of("keys"))
    return Setup(srs, commitment_key(srs, dimension), keys)


@dataclass(frozen=True)
class Circumstances:
    """Where a batch takes place."""

    market: MarketId = MARKET
    task_id: int = 0
    terms_hash: bytes = b"\x44" * 32
    round: int = 0
    model_digest: bytes = b"\x45" * 32
    bound: int = 1 << 40
    committee_id: int = 0
    verifier_code: bytes = b"\x46" * 32
    payee: bytes = b"\x47" * 20


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of a batch in the clear, row 0 first: values (d, 4), tails (129, 4), commitments."""

    values: list[FrArray]
    tails: list[FrArray]
    commitments: list[native.G1]


@dataclass(frozen=True)
class Challenges:
    """Every challenge of the transcript, for test vectors."""

    rho: int
    zeta: int
    v: int
    u: int
    knowledge_weight: int
    opening_weight: int
    sum_weight: int


@dataclass(frozen=True, eq=False)
class PlainBatch:
    """A valid batch and everything that went into it."""

    setup: Setup
    statement: BatchStatement
    proof: BatchProof
    batch_id: bytes
    public_inputs: PublicInputs[int]
    challenges: Challenges
    gradients: tuple[IntArray, ...]
    rows: Rows
    bits: FrArray
    projections: list[FrArray]
    coin: int
    combined: FrArray
    combined_tail: FrArray
    aggregate: Aggregate
    payload: bytes
    owner_keys: tuple[bytes, ...]
    at: Circumstances

    @property
    def attested(self) -> Attested:
        """What provers sign of the batch."""
        proof = self.proof
        return Attested(
            self.batch_id, self.at.verifier_code, self.at.committee_id, self.statement.size, proof.commitment_sum,
            proof.square_norm, self.at.payee,
        )  # fmt: skip


def seed_of(*purpose: object) -> bytes:
    """32 bytes for a purpose."""
    return hashlib.sha256(repr(purpose).encode()).digest()


def address_of(key: bytes) -> bytes:
    """The 20-byte address of a private key."""
    return PrivateKey(key).public_key.to_canonical_address()


def sign(key: bytes, digest: bytes) -> bytes:
    """65 bytes r || s || v with v 27 or 28."""
    raw = PrivateKey(key).sign_msg_hash(digest).to_bytes()
    return raw[:64] + bytes([27 + raw[64]])


def attest(batch: PlainBatch, prover_key: bytes) -> bytes:
    """A prover's attestation signature of the batch."""
    return sign(prover_key, batch.attested.digest(batch.statement.context))


def bundle_of(batch: PlainBatch, prover_keys: Sequence[bytes] = ()) -> AuditBundle:
    """The batch's audit bundle, attested by provers 0, 1, ... with these keys; its cohort is the batch."""
    context = batch.statement.context
    cohort = tuple(h.digest(context) for h in batch.statement.owners)
    attestations = tuple((prover, attest(batch, key)) for prover, key in enumerate(prover_keys))
    certificate = Certificate(batch.statement, batch.at.payee, cohort, batch.coin, batch.proof, attestations)
    return AuditBundle(certificate, tuple(batch.projections), np.concatenate((batch.combined, batch.combined_tail)))


def random_gradients(owners: int, dimension: int, bound: int, seed: int = 0) -> tuple[IntArray, ...]:
    """Integer gradients inside the bound."""
    largest = max(1, int((bound / dimension) ** 0.5))
    generator = np.random.default_rng(seed)
    return tuple(generator.integers(-largest, largest, dimension, endpoint=True) for _ in range(owners))


def build_batch(
    setup: Setup,
    gradients: Sequence[IntArray],
    *,
    at: Circumstances | None = None,
    seed: str = "batch",
    indices: Sequence[int] | None = None,
    owner_keys: Sequence[bytes] | None = None,
) -> PlainBatch:
    """Plays owners and provers in one process; the gradients must satisfy the bound."""
    at = at or Circumstances()
    indices = range(len(gradients)) if indices is None else indices
    owner_keys = tuple(owner_keys or (seed_of(seed, "owner", i) for i in indices))
    context = Context(
        at.market,
        at.task_id,
        at.terms_hash,
        at.round,
        at.model_digest,
        setup.verifying.key_hash,
        at.bound,
        setup.commitment.dimension,
    )
    rows = make_rows(setup.commitment, gradients, seed)
    statement = BatchStatement(
        context,
        tuple(_header(context, owner_keys[i], index, rows.commitments[i + 1], seed) for i, index in enumerate(indices)),
    )
    return prove_batch(setup, statement, rows, gradients, owner_keys=owner_keys, seed=seed, at=at)


def make_rows(key: CommitmentKey, gradients: Sequence[IntArray], seed: str) -> Rows:
    """Row 0 uniform, one row per owner with a random blinder and masks."""
    values = [native.expand(seed_of(seed, "mask"), key.dimension)]
    tails = [native.expand(seed_of(seed, "mask tail"), TAIL)]
    commitments = [key.commit(values[0], tails[0])]
    for i, gradient in enumerate(gradients):
        blinder = native.expand(seed_of(seed, "blinder", i), 1)
        tails.append(np.concatenate((blinder, native.expand_bounded(seed_of(seed, "masks", i), ROWS, MASK_BITS))))
        values.append(native.from_int64(gradient))
        commitments.append(key.commit_small(gradient, tails[-1]))
    return Rows(values, tails, commitments)


def slack_bits(gradients: Sequence[IntArray], bound: int) -> FrArray:
    """The owners' bits of BOUND minus the squared norm, (m * 62, 4)."""
    slack = [bound - sum(int(v) ** 2 for v in gradient) for gradient in gradients]
    return native.from_ints([value >> e & 1 for value in slack for e in range(SLACK_BITS)])


def project(rows: Rows, seed: bytes) -> list[FrArray]:
    """z_i = R row_i + masks, row 0 included."""
    plain = native.project(rows.values, seed, ROWS)
    return [native.add(z, np.ascontiguousarray(tail[1:])) for z, tail in zip(plain, rows.tails, strict=True)]


def prove_batch(
    setup: Setup,
    statement: BatchStatement,
    rows: Rows,
    gradients: Sequence[IntArray],
    *,
    owner_keys: tuple[bytes, ...],
    seed: str,
    at: Circumstances,
) -> PlainBatch:
    """Everything from the sign seed to the last challenge."""
    context, policy, owners = statement.context, setup.proving.policy, statement.size
    digests = tuple(h.digest(context) for h in statement.owners)
    coin = native.to_ints(native.expand(seed_of(seed, "coin"), 1))[0]
    signs = sign_seed(cohort_id(context, digests), coin)
    projections = project(rows, signs)
    blinder, r, s = native.to_ints(native.expand(seed_of(seed, "groth"), 3))
    block = policy.committed_block(native.gram(rows.values), blinder, owners)
    gram, knowledge = joint.commit_block(setup.proving, block)
    inputs = RhoInputs(rows.commitments[0], signs, projections_digest(projections), gram, knowledge)
    batch_id = rho_state(context, statement.owners, inputs)
    rho = challenge(batch_id)
    weights = squarings(rho, owners + 1)
    combined = native.linear_combination(rows.values, weights)
    combined_tail = native.linear_combination(rows.tails, weights)
    square_norm = native.inner(combined, combined)
    public = PublicInputs(rho, square_norm, context.bound)
    bits = slack_bits(gradients, context.bound)
    wires = policy.assignment(public, block, policy.slack_bits(bits, context.bound, owners))
    groth = joint.combine_proof({1: joint.prove(setup.proving, wires, joint.Blinding(r, s))}, 0)
    opened = sumcheck.prove(setup.srs, combined, combined_tail, square_norm, batch_id)
    proof = BatchProof(
        mask_commitment=rows.commitments[0],
        gram=gram,
        knowledge=knowledge,
        groth=groth,
        square_norm=square_norm,
        sumcheck=opened,
        commitment_sum=sum_of_commitments(statement),
        sign_seed=signs,
        projections_digest=inputs.projections_digest,
    )
    aggregate = _aggregate(rows, gradients)
    encoded = payload.encode(aggregate)
    return PlainBatch(
        setup=setup,
        statement=statement,
        proof=proof,
        batch_id=batch_id,
        public_inputs=public,
        challenges=_challenges(batch_id, rho, proof, groth),
        gradients=tuple(gradients),
        rows=rows,
        bits=bits,
        projections=projections,
        coin=coin,
        combined=combined,
        combined_tail=combined_tail,
        aggregate=aggregate,
        payload=encoded,
        owner_keys=owner_keys,
        at=at,
    )


def with_groth(proof: BatchProof, **changes: object) -> BatchProof:
    """The proof with elements of its Groth16 part replaced."""
    return replace(proof, groth=with_parts(proof.groth, **changes))


def _challenges(batch_id: bytes, rho: int, proof: BatchProof, groth: GrothProof) -> Challenges:
    final = FinalInputs(groth, proof.commitment_sum)
    end = sumcheck_challenges(batch_id, proof.square_norm, proof.sumcheck, final)
    return Challenges(
        rho,
        end.zeta,
        end.v,
        end.u,
        knowledge_weight(end.state),
        opening_weight(end.state),
        sum_weight(end.state),
    )


def _header(context: Context, key: bytes, index: int, commitment: native.G1, seed: str) -> SubmissionHeader:
    digests = tuple(seed_of(seed, "shares", index, prover) for prover in range(PROVERS))
    unsigned = SubmissionHeader(context.task_id, context.round, address_of(key), index, commitment, digests)
    return unsigned.signed(context, partial(sign, key))


def _aggregate(rows: Rows, gradients: Sequence[IntArray]) -> Aggregate:
    total: IntArray = np.sum(np.stack(list(gradients)), axis=0, dtype=np.int64)
    return Aggregate(total, native.linear_combination(rows.tails[1:], [1] * len(gradients)))
