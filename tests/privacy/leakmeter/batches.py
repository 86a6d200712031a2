"""What a coordinator makes of the provers' words: the audit bundle to attest, the certificate to release on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from circuits import sumcheck
from circuits.statement import BatchProof, BatchStatement, Graded, GrothProof, SubmissionHeader, sign_seed
from circuits.transcript import RhoInputs, projections_digest, states
from circuits.verify import sum_of_commitments
from commons.protocol.bodies import CoinBody, CombineBody, ProveBody
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.gradedbodies import GradedCombineBody, OpenBody, mask_form, project_form, validate_form
from commons.protocol.messages import Step
from commons.protocol.rules import opened_numbers
from commons.sharing.reconstruct import open_g1, open_g2, open_scalar, open_vector
from native import FrArray
from tests.privacy.leakmeter.stage import Stage
from tests.privacy.leakmeter.toy import TAIL
from tests.privacy.leakmeter.world import World

Words = Mapping[Step, Mapping[int, bytes]]
"""Bodies by step and sender: COIN and PROJECT of a cohort, MASK to PROVE of an attempt in it."""


def bundle_of(world: World, session: bytes, said: Words, rows: Mapping[int, FrArray]) -> AuditBundle:
    """The finished batch of an attempt, as an honest coordinator would put it together.

    Args:
        rows: shares of the combined row.

    Raises:
        InconsistentError, BlamedProversError: the shares do not fit.
        ProofError: the row has another norm than the provers say.
    """
    stage, proposal = world.stage, world.proposals[session]
    cohort, t = world.cohorts[proposal.cohort_id], world.stage.committee.threshold
    headers = tuple(cohort.headers[i] for i in proposal.kept)
    graded = _graded(stage, headers, said) if cohort.reference is not None else None
    owners = headers if graded is None else headers[1:]
    statement = BatchStatement(stage.context, owners, graded)
    coins = {p: CoinBody.decode(raw).share for p, raw in said[Step.COIN].items()}
    coin = open_scalar(coins, t, t, "coin")
    form = project_form(graded is not None)
    shares = {p: form.decode(raw, len(cohort.headers)).shares for p, raw in said[Step.PROJECT].items()}
    opened = open_vector({p: s.reshape(-1, 4) for p, s in shares.items()}, t, t, "projections")
    by_owner = opened.reshape(len(cohort.headers), -1, 4)
    masks = {p: mask_form(graded is not None).decode(raw, len(headers)) for p, raw in said[Step.MASK].items()}
    own = open_vector({p: b.projections for p, b in masks.items()}, t, t, "mask's projections")
    projections = (own, *(np.ascontiguousarray(by_owner[i, :-1]) for i in proposal.kept))
    row = open_vector(rows, t, t, "row")
    seed = sign_seed(proposal.cohort_id, coin)
    proof = _proof(stage, statement, seed, projections, row, said)
    certificate = Certificate(statement, stage.payee, cohort.digests, coin, proof, ())
    return AuditBundle(certificate, projections, row)


def _graded(stage: Stage, headers: tuple[SubmissionHeader, ...], said: Words) -> Graded:
    """The reference, the rule and the opened numbers."""
    rule, t = stage.terms.grading_rule, stage.committee.threshold
    assert rule is not None
    shares = {p: OpenBody.decode(raw, len(headers) - 1).values for p, raw in said[Step.OPEN].items()}
    with stage.toy.tracker.paused():
        values = opened_numbers(open_vector(shares, t, t, "owners' numbers"), rule, stage.context.bound)
    return Graded(headers[0], rule, values)


def _proof(
    stage: Stage, statement: BatchStatement, seed: bytes, projections: tuple[FrArray, ...], row: FrArray, said: Words
) -> BatchProof:
    t, size, graded = stage.committee.threshold, len(statement.rows), statement.graded is not None
    combined = partial(GradedCombineBody.decode, rows=size) if graded else CombineBody.decode
    masks = {p: mask_form(graded).decode(raw, size).commitment for p, raw in said[Step.MASK].items()}
    tests = {p: validate_form(graded).decode(raw, size) for p, raw in said[Step.VALIDATE].items()}
    norms = {p: combined(raw).square_norm for p, raw in said[Step.COMBINE].items()}
    parts = {p: ProveBody.decode(raw) for p, raw in said[Step.PROVE].items()}
    inputs = RhoInputs(
        open_g1(masks, t, t, "mask"), seed, projections_digest(projections),
        open_g1({p: b.gram for p, b in tests.items()}, t, t, "D"),
        open_g1({p: b.knowledge for p, b in tests.items()}, t, t, "KP"),
    )  # fmt: skip
    groth = GrothProof(
        open_g1({p: b.a for p, b in parts.items()}, t, t, "A"),
        open_g2({p: b.b for p, b in parts.items()}, t, t, "B"),
        open_g1({p: b.c for p, b in parts.items()}, 2 * t, t, "C"),
    )
    (_, state), norm = states(statement, inputs), open_scalar(norms, t, t, "norm")
    values, tail = np.ascontiguousarray(row[:-TAIL]), np.ascontiguousarray(row[-TAIL:])
    with stage.toy.tracker.paused():
        opened = sumcheck.prove(stage.toy.srs, values, tail, norm, state)
    return BatchProof(
        inputs.mask_commitment, inputs.gram, inputs.knowledge, groth, norm,
        opened, sum_of_commitments(statement), seed, inputs.projections_digest,
    )  # fmt: skip


def attested_digest(stage: Stage, certificate: Certificate) -> bytes:
    """What provers sign of a batch."""
    return certificate.attested(stage.policy.verifier_code, stage.terms.committee_id).digest(stage.context)
