"""PROVE and ATTEST: from the opened values to a batch that is ready for the contract.

The batch is verified as the contract will before any prover is asked to sign it.  Provers that sign lock its owners to
this set, so from the first request on the batch can only become this set, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from circuits import groth16, sumcheck
from circuits.errors import GradrollError, SignatureError
from circuits.hashing import challenge
from circuits.policies.spec import GradedInputs, PublicInputs
from circuits.statement import TAIL, BatchProof, GrothProof, SumcheckProof
from circuits.transcript import values_sum
from circuits.verify import sum_of_commitments, verify_batch
from commons.protocol.bodies import ProveBody, SignatureBody
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure, ProverNamed, ProverVerdict, collect
from commons.protocol.signing import require_signer
from commons.sharing.reconstruct import open_g1, open_g2
from coordinator.machine.setbacks import Halted, ProversFell, SetbackError, Unlocated, complete
from coordinator.machine.state import Attesting, Ended, Evidence, Proving, Resources, Run, Transition
from coordinator.machine.verdicts import Completed

Replies = Mapping[int, StepReply | Failure]


def proved(resources: Resources, state: Proving, replies: Replies) -> Transition:
    """After PROVE: put the proof together, verify the whole batch, ask for attestations."""
    run, t = state.run, resources.committee.threshold
    answers = complete(collect(resources.committee, replies, run.active, run.session, Step.PROVE, ProveBody.decode))
    liars, bodies = run.batch.liars(t), answers.bodies
    groth = GrothProof(
        open_g1({p: b.a for p, b in bodies.items()}, t, liars, "proof element A"),
        open_g2({p: b.b for p, b in bodies.items()}, t, liars, "proof element B"),
        open_g1({p: b.c for p, b in bodies.items()}, 2 * t, liars, "proof element C"),
    )
    evidence = state.evidence
    validated = evidence.validated
    public = _public_inputs(resources, evidence)
    if not groth16.verify(resources.verifying_key, public, validated.gram, validated.knowledge, groth):
        raise SetbackError(Unlocated("the joint proof does not verify"))
    bundle = _bundle(resources, run, evidence, _batch_proof(resources, run, evidence, groth))
    request = StepRequest(Step.ATTEST, run.session, payload=bundle.encode_to_attest())
    return Transition(Attesting(run.with_lock, bundle), dict.fromkeys(run.active, request))


def _public_inputs(resources: Resources, evidence: Evidence) -> PublicInputs[int] | GradedInputs[int]:
    rho, bound, graded = challenge(evidence.validated.state), resources.terms.bound, evidence.graded
    square_norm = evidence.combination.square_norm
    if graded is None:
        return PublicInputs(rho, square_norm, bound)
    eta = challenge(evidence.batch_id)
    return GradedInputs(rho, square_norm, bound, graded.rule.scale(bound), eta, values_sum(graded.values, eta))


def _batch_proof(resources: Resources, run: Run, evidence: Evidence, groth: GrothProof) -> BatchProof:
    statement = run.statement(evidence.graded)
    proof = BatchProof(
        mask_commitment=evidence.masked.commitment,
        gram=evidence.validated.gram,
        knowledge=evidence.validated.knowledge,
        groth=groth,
        square_norm=evidence.combination.square_norm,
        sumcheck=_sumcheck(resources, evidence),
        commitment_sum=sum_of_commitments(statement),
        sign_seed=run.ground.seed,
        projections_digest=evidence.validated.projections_digest,
    )
    try:
        verify_batch(statement, proof, resources.verifying_key)
    except GradrollError as error:
        raise SetbackError(Halted(f"the finished batch does not verify ({error}); check keys and SRS")) from error
    return proof


def _sumcheck(resources: Resources, evidence: Evidence) -> SumcheckProof:
    row, square_norm = evidence.combination.row, evidence.combination.square_norm
    values, tail = np.ascontiguousarray(row[:-TAIL]), np.ascontiguousarray(row[-TAIL:])
    return sumcheck.prove(resources.srs, values, tail, square_norm, evidence.batch_id)


def _bundle(resources: Resources, run: Run, evidence: Evidence, proof: BatchProof) -> AuditBundle:
    projections = (evidence.masked.projections, *(run.ground.projections[i] for i in run.proposal.kept))
    certificate = Certificate(
        run.statement(evidence.graded), resources.payee, run.batch.cohort.digests, run.ground.coin, proof, ()
    )  # fmt: skip
    return AuditBundle(certificate, projections, evidence.combination.row)


def attested(resources: Resources, state: Attesting, replies: Replies) -> Transition:
    """After ATTEST: a quorum's signatures make the batch; with fewer the same set is tried with other provers."""
    run, certificate = state.run, state.bundle.certificate
    answers = collect(resources.committee, replies, run.active, run.session, Step.ATTEST, SignatureBody.decode)
    attested_batch = certificate.attested(resources.policy.verifier_code, resources.terms.committee_id)
    digest = attested_batch.digest(run.batch.cohort.context)
    attestations: list[tuple[int, bytes]] = []
    verdicts: tuple[ProverVerdict, ...] = answers.fallen
    for prover, body in answers.bodies.items():
        try:
            require_signer(digest, body.signature, resources.committee.members[prover], "the attestation")
            attestations.append((prover, body.signature))
        except SignatureError as error:
            # Its node may show it other code of the verifier than ours; so it is left out, and not accused.
            verdicts += (ProverNamed(prover, Step.ATTEST, f"attestation: {error}", proven=False),)
    if len(attestations) < resources.committee.quorum:
        raise SetbackError(ProversFell(verdicts))
    bundle = state.bundle.attested_by(attestations)
    return Transition(Ended(run.batch.without(verdicts)), {}, verdicts, Completed(certificate.batch_id, bundle))
