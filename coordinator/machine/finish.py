"""CONTRIBUTE, PROVE, AGGREGATE, ATTEST: from the opened combination to a batch that is ready for the contract.

From the verified proof on nothing can change the result: the sum must open the sum of the owners' commitments, and the
finished batch is verified as the contract will.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

import native
from circuits import groth16, payload, sumcheck
from circuits.errors import BlamedProversError, GradrollError, SignatureError
from circuits.hashing import challenge
from circuits.payload import Aggregate
from circuits.statement import TAIL, BatchProof, GrothProof, SumcheckProof, attestation_digest
from circuits.transcript import eta_state
from circuits.verify import combined_contribution, sum_of_commitments, verify_batch
from coordinator.machine.attempt import ask
from coordinator.machine.bundle import AuditBundle
from coordinator.machine.replies import blamed, collect, vectors
from coordinator.machine.setbacks import Halted, ProversFell, SetbackError, Unlocated
from coordinator.machine.state import (
    Aggregating,
    Attesting,
    Contributing,
    Ended,
    Evidence,
    Failure,
    Proving,
    Resources,
    Run,
    Transition,
)
from coordinator.machine.verdicts import Completed, ProverNamed, ProverVerdict
from native import FrArray
from provers.bodies import AttestBody, ContributeBody, DigestBody, ProveBody
from provers.messages import Step, StepReply, StepRequest
from provers.openings import open_g1, open_g2, open_vector
from provers.signing import require_signer

Replies = Mapping[int, StepReply | Failure]


def contributed(resources: Resources, state: Contributing, replies: Replies) -> Transition:
    """After CONTRIBUTE: open every owner's inner product with the sum."""
    run, owners, t = state.run, len(state.run.proposal.kept), resources.committee.threshold
    answers = collect(
        resources.committee,
        replies,
        run.active,
        run.session,
        Step.CONTRIBUTE,
        lambda raw: ContributeBody.decode(raw, owners),
    ).complete()
    shares = {p: b.shares for p, b in answers.bodies.items()}
    opened = open_vector(shares, t, run.batch.liars(t), "contributions")
    following = Proving(run, state.evidence, tuple(native.to_ints(opened)))
    return Transition(following, ask(run, Step.PROVE, answers.messages))


def proved(resources: Resources, state: Proving, replies: Replies) -> Transition:
    """After PROVE: put the joint proof together and verify it; only then may the sum be opened."""
    run, t = state.run, resources.committee.threshold
    answers = collect(resources.committee, replies, run.active, run.session, Step.PROVE, ProveBody.decode).complete()
    liars, bodies = run.batch.liars(t), answers.bodies
    groth = GrothProof(
        open_g1({p: b.a for p, b in bodies.items()}, t, liars, "proof element A"),
        open_g2({p: b.b for p, b in bodies.items()}, t, liars, "proof element B"),
        open_g1({p: b.c for p, b in bodies.items()}, 2 * t, liars, "proof element C"),
    )
    validated = state.evidence.validated
    public = _public_inputs(resources, state)
    if not groth16.verify(resources.verifying_key, public, validated.gram, validated.knowledge, groth):
        raise SetbackError(Unlocated("the joint proof does not verify"))
    following = Aggregating(run, state.evidence, state.contributions, groth)
    return Transition(following, ask(run, Step.AGGREGATE, answers.messages))


def _public_inputs(resources: Resources, state: Proving) -> tuple[int, ...]:
    rho = state.evidence.validated.state
    base = (challenge(rho), state.evidence.combination.square_norm, resources.terms.bound)
    if not resources.policy.opens_contributions:
        return base
    eta = challenge(eta_state(rho, state.contributions))
    return (*base, eta, combined_contribution(state.contributions, eta))


def aggregated(resources: Resources, state: Aggregating, replies: Replies) -> Transition:
    """After AGGREGATE: open the sum and hold it against the commitments; a prover that fails now is only left out."""
    run, t = state.run, resources.committee.threshold
    answers = collect(resources.committee, replies, run.active, run.session, Step.AGGREGATE, DigestBody.decode)
    answers, shares = vectors(answers, len(resources.commitment_key.bases), Step.AGGREGATE)
    verdicts = answers.fallen
    if len(shares) < resources.committee.quorum:
        raise SetbackError(ProversFell(verdicts))
    liars = run.batch.without(verdicts).liars(t)
    try:
        row = open_vector(shares, t, liars, "aggregate")
    except BlamedProversError as error:
        verdicts += blamed(error, Step.AGGREGATE)
        shares = {p: s for p, s in shares.items() if p not in error.provers}
        if len(shares) < resources.committee.quorum:
            raise SetbackError(ProversFell(verdicts)) from error
        row = open_vector(shares, t, 0, "aggregate")
    encoded = _payload(resources, run, row)
    asked = tuple(sorted(shares))
    request = StepRequest(Step.ATTEST, run.session, payload=encoded)
    rest = replace(run, batch=run.batch.without(verdicts))
    following = Attesting(rest, state.evidence, state.contributions, state.groth, encoded, asked)
    return Transition(following, dict.fromkeys(asked, request), verdicts)


def _payload(resources: Resources, run: Run, row: FrArray) -> bytes:
    if resources.commitment_key.commit_long(row) != sum_of_commitments(run.statement):
        raise SetbackError(Unlocated("the opened sum does not open the sum of the commitments"))
    try:
        values = native.to_int64(np.ascontiguousarray(row[:-TAIL]))
        return payload.encode(Aggregate(values, np.ascontiguousarray(row[-TAIL:])))
    except (OverflowError, ValueError) as error:
        reason = f"the sum does not fit its encoding although the proof holds ({error}); check the verifying key"
        raise SetbackError(Halted(reason)) from error


def attested(resources: Resources, state: Attesting, replies: Replies) -> Transition:
    """After ATTEST: 2t + 1 attestations, the sum-check, and the contract's own verification."""
    run = state.run
    answers = collect(resources.committee, replies, state.asked, run.session, Step.ATTEST, AttestBody.decode)
    context = run.batch.cohort.context
    batch_id = eta_state(state.evidence.validated.state, state.contributions)
    digest = attestation_digest(context.chain_id, context.market, batch_id, payload.digest(state.payload))
    attestations: list[tuple[int, bytes]] = []
    verdicts: tuple[ProverVerdict, ...] = answers.fallen
    for prover, body in answers.bodies.items():
        try:
            require_signer(digest, body.signature, resources.committee.members[prover], "the attestation")
            attestations.append((prover, body.signature))
        except SignatureError as error:
            verdicts += (ProverNamed(prover, Step.ATTEST, f"attestation: {error}"),)
    if len(attestations) < 2 * resources.committee.threshold + 1:
        raise SetbackError(ProversFell(verdicts))
    proof = _batch_proof(resources, state, batch_id)
    outcome = Completed(
        run.statement,
        proof,
        batch_id,
        state.payload,
        tuple(attestations),
        _bundle(state, proof, tuple(attestations)),
    )
    return Transition(Ended(run.batch.without(verdicts)), {}, verdicts, outcome)


def _batch_proof(resources: Resources, state: Attesting, batch_id: bytes) -> BatchProof:
    evidence = state.evidence
    proof = BatchProof(
        mask_commitment=evidence.masked.commitment,
        gram=evidence.validated.gram,
        knowledge=evidence.validated.knowledge,
        groth=state.groth,
        square_norm=evidence.combination.square_norm,
        sumcheck=_sumcheck(resources, evidence, batch_id),
        commitment_sum=sum_of_commitments(state.run.statement),
        contributions=state.contributions,
        sign_seed=state.run.ground.seed,
        projections_digest=evidence.validated.projections_digest,
    )
    try:
        verify_batch(state.run.statement, proof, resources.verifying_key)
    except GradrollError as error:
        raise SetbackError(Halted(f"the finished batch does not verify ({error}); check keys and SRS")) from error
    return proof


def _sumcheck(resources: Resources, evidence: Evidence, batch_id: bytes) -> SumcheckProof:
    row, square_norm = evidence.combination.row, evidence.combination.square_norm
    values, tail = np.ascontiguousarray(row[:-TAIL]), np.ascontiguousarray(row[-TAIL:])
    return sumcheck.prove(resources.srs, values, tail, square_norm, batch_id)


def _bundle(state: Attesting, proof: BatchProof, attestations: tuple[tuple[int, bytes], ...]) -> AuditBundle:
    run, evidence = state.run, state.evidence
    projections = (evidence.masked.projections, *(run.ground.projections[i] for i in run.proposal.kept))
    return AuditBundle(
        statement=run.statement,
        cohort=run.batch.cohort.digests,
        coin=run.ground.coin,
        projections=projections,
        row=evidence.combination.row,
        proof=proof,
        payload_digest=payload.digest(state.payload),
        attestations=attestations,
    )
