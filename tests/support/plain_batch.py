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
from circuits.grading import NOISE_BITS
from circuits.groth16 import ProvingKey, VerifyingKey, unsafe_generate_keys
from circuits.hashing import challenge
from circuits.payload import Aggregate
from circuits.policies import DEFAULT
from circuits.policies.graded import REFERENCE
from circuits.policies.registry import find
from circuits.policies.spec import GradedInputs, PublicInputs
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
    squarings,
    states,
    sum_weight,
    sumcheck_challenges,
)
from circuits.verify import circuit_inputs, sum_of_commitments
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
    spec = REFERENCE if policy == REFERENCE.name else find(policy)
    circuit = spec.circuit(capacity)
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
    public_inputs: PublicInputs[int] | GradedInputs[int]
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
    noise: tuple[int, ...] = ()

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
    cohort = tuple(h.digest(context) for h in batch.statement.rows)
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
    context = context_at(setup, at)
    rows = make_rows(setup.commitment, gradients, seed)
    owners = headers_of(context, owner_keys, indices, rows.commitments[1:], seed)
    statement = BatchStatement(context, owners)
    return prove_batch(setup, statement, rows, gradients, owner_keys=owner_keys, seed=seed, at=at)


def make_rows(key: CommitmentKey, gradients: Sequence[IntArray], seed: str, names: Sequence[int] | None = None) -> Rows:
    """Row 0 uniform, one row per gradient with a random blinder and masks.

    Args:
        names: of what each gradient's randomness is; its place where none are given.
    """
    values = [native.expand(seed_of(seed, "mask"), key.dimension)]
    tails = [native.expand(seed_of(seed, "mask tail"), TAIL)]
    commitments = [key.commit(values[0], tails[0])]
    for name, gradient in zip(names or range(len(gradients)), gradients, strict=True):
        tails.append(random_tail(seed, name))
        values.append(native.from_int64(gradient))
        commitments.append(key.commit_small(gradient, tails[-1]))
    return Rows(values, tails, commitments)


def random_tail(seed: str, name: int) -> FrArray:
    """Blinder and masks of a row, (129, 4)."""
    blinder = native.expand(seed_of(seed, "blinder", name), 1)
    return np.concatenate((blinder, native.expand_bounded(seed_of(seed, "masks", name), ROWS, MASK_BITS)))


def slack_bits(gradients: Sequence[IntArray], bound: int) -> FrArray:
    """The owners' bits of BOUND minus the squared norm, (m * 62, 4)."""
    return _bits([bound - sum(int(v) ** 2 for v in gradient) for gradient in gradients], SLACK_BITS)


def noise_bits(noise: Sequence[int]) -> FrArray:
    """The bits of the owners' noise, (m * 40, 4)."""
    return _bits(noise, NOISE_BITS)


def _bits(values: Sequence[int], count: int) -> FrArray:
    return native.from_ints([value >> e & 1 for value in values for e in range(count)])


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
    noise: tuple[int, ...] = (),
) -> PlainBatch:
    """Everything from the sign seed to the last challenge.

    Args:
        gradients: of all rows behind the mask row, so the reference first in a graded batch.
        noise: of each owner in a graded batch.
    """
    context, policy, count = statement.context, setup.proving.policy, len(statement.rows)
    digests = tuple(h.digest(context) for h in statement.rows)
    coin = native.to_ints(native.expand(seed_of(seed, "coin"), 1))[0]
    signs = sign_seed(cohort_id(context, digests), coin)
    projections = project(rows, signs)
    blinder, r, s = native.to_ints(native.expand(seed_of(seed, "groth"), 3))
    drawn = None if statement.graded is None else native.from_ints(noise)
    block = policy.committed_block(native.gram(rows.values), blinder, count, drawn)
    gram, knowledge = joint.commit_block(setup.proving, block)
    inputs = RhoInputs(rows.commitments[0], signs, projections_digest(projections), gram, knowledge)
    state, batch_id = states(statement, inputs)
    rho = challenge(state)
    weights = squarings(rho, count + 1)
    combined = native.linear_combination(rows.values, weights)
    combined_tail = native.linear_combination(rows.tails, weights)
    square_norm = native.inner(combined, combined)
    bits = slack_bits(gradients, context.bound)
    private = (
        policy.slack_bits(bits, context.bound, count)
        if statement.graded is None
        else policy.private_bits(bits, noise_bits(noise), context.bound, count)
    )
    public = circuit_inputs(statement, rho, batch_id, square_norm)
    wires = policy.assignment(public, block, private)
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
    aggregate = _aggregate(statement, rows, gradients)
    encoded = payload.encode(aggregate)
    return PlainBatch(
        setup=setup,
        statement=statement,
        proof=proof,
        batch_id=batch_id,
        public_inputs=public,
        challenges=_challenges(batch_id, rho, proof, groth),
        gradients=tuple(gradients[count - statement.size :]),
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
        noise=noise,
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


def context_at(setup: Setup, at: Circumstances) -> Context:
    """Context of a batch under these keys."""
    return Context(
        at.market,
        at.task_id,
        at.terms_hash,
        at.round,
        at.model_digest,
        setup.verifying.key_hash,
        at.bound,
        setup.commitment.dimension,
    )


def headers_of(
    context: Context, keys: Sequence[bytes], indices: Sequence[int], commitments: Sequence[native.G1], seed: str
) -> tuple[SubmissionHeader, ...]:
    """Signed headers, by private key, registration index and commitment."""
    return tuple(
        SubmissionHeader(
            context.task_id, context.round, address_of(key), index, commitment, share_digests(seed, index)
        ).signed(context, partial(sign, key))
        for key, index, commitment in zip(keys, indices, commitments, strict=True)
    )


def share_digests(seed: str, index: int) -> tuple[bytes, ...]:
    """Digests of payloads that nobody made."""
    return tuple(seed_of(seed, "shares", index, prover) for prover in range(PROVERS))


def _aggregate(statement: BatchStatement, rows: Rows, gradients: Sequence[IntArray]) -> Aggregate:
    weights = ((0,) if statement.graded else ()) + statement.weights
    total = sum(weight * gradient for weight, gradient in zip(weights, gradients, strict=True))
    return Aggregate(np.asarray(total, np.int64), native.linear_combination(rows.tails[1:], weights))
