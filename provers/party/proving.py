"""PROVE and ATTEST: this prover's part of the joint proof, then its word on the finished batch.

Who is paid for relaying the batch is the coordinator's choice and part of what is signed.  One that names several gets
no quorum for any, and proves the same set again.

ATTEST comes before any share of the sum exists anywhere.  A prover checks the whole batch as the contract does, and
what the contract cannot see besides; it locks the owners to this set, durably; then it signs.  A set that meets a
locked one in part is never signed in the round, whichever attempt and whichever provers it is tried with.

Corruption bound: at most t provers, any number of owners, and the coordinator.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import native
from circuits import joint
from circuits.errors import RuleViolationError, WireError
from circuits.policies.spec import PublicInputs
from circuits.statement import Attested, BatchStatement, Context
from circuits.verify import verify_batch
from commons.protocol.bodies import CombineBody, ProveBody, SignatureBody
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import Message, Step, StepRequest
from commons.protocol.relay import take
from commons.protocol.rules import require_row
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_scalar
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.masking import blinder, share_vectors
from provers.party.memory import Combined, Finished, Masked, Party, Proved
from provers.party.steps import StepResult, check_context, members_of, require_continuity


def require_enough_owners(env: Environment, context: Context, owners: int) -> None:
    """Raise RuleViolationError for a set that is smaller than the task allows.

    The terms must be those that the context binds (WireError): what is attested about fewer owners than those allow
    costs the bond, whatever this prover's node says of the task meanwhile.
    """
    terms = env.terms(context.task_id)
    if terms.terms_hash != context.terms_hash:
        raise WireError("the chain states other terms of the task than the batch's context binds")
    if owners < terms.min_owners:
        raise RuleViolationError(f"this task releases nothing about fewer than {terms.min_owners} owners together")


def prove(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """PROVE: open T and send this prover's part of the Groth16 proof."""
    combined, session = party.attempt(request.session, Combined), request.session
    masked = combined.confirmed.validated.masked
    owners, bound = len(masked.proposal.kept), masked.cohort.context.bound
    require_enough_owners(env, masked.cohort.context, owners)
    square_norm = _open_square_norm(party, masked, session, request.relayed)
    key = env.proving_key(env.policy(masked.cohort.context.task_id))
    public = PublicInputs(combined.rho, square_norm, bound)
    block = key.policy.committed_block(combined.confirmed.validated.gram, blinder(party, session), owners)
    bits = np.concatenate([v.bits for v in share_vectors(env, masked.cohort, masked.proposal)])
    assignment = key.policy.assignment(public, block, key.policy.slack_bits(bits, bound, owners))
    r, s = native.to_ints(party.keys.random(session, Purpose.PROOF_BLINDERS, 2))
    zero = native.to_ints(party.keys.zero(session, Purpose.PROOF_ZERO, 1))[0]
    part = joint.prove(key, assignment, joint.Blinding(r, s, zero))
    body = ProveBody(part.a, part.b, part.c)
    return StepResult(party.with_attempt(session, Proved(combined, square_norm)), body.encode())


def _open_square_norm(party: Party, masked: Masked, session: bytes, relayed: Sequence[Message]) -> int:
    bodies = take(party.committee, relayed, session, Step.COMBINE, masked.proposal.active, CombineBody.decode)
    t = party.committee.threshold
    return open_scalar({p: b.square_norm for p, b in bodies.items()}, t, t, "squared norm")


def attest(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """ATTEST: check the whole batch, lock its owners to it, sign it for the contract.

    Raises:
        ProofError, WireError: the batch is not the one that was proven in this attempt, or does not verify.
        ClosedError: the market would not take it.
        RuleViolationError: an owner is locked to another set, or its submission is retired.
    """
    proved = party.attempt(request.session, Proved)
    masked = proved.combined.confirmed.validated.masked
    context = masked.cohort.context
    bundle = AuditBundle.decode(request.payload)
    check_context(env, context)
    require_continuity(env, context)
    _require_own_batch(proved, bundle)
    require_enough_owners(env, context, bundle.statement.size)
    env.require_admissible(context, tuple(h.owner_index for h in masked.headers))
    policy = env.policy(context.task_id)
    verify_batch(bundle.statement, bundle.proof, env.proving_key(policy).verifying)
    require_row(bundle, env.commitment_key(context.dimension))
    locked = ledger.Locked(ledger.Selection.plain(members_of(context, masked.headers)))
    env.ledger.check(locked)
    body = SignatureBody(env.sign(attested(env, bundle.certificate).digest(context)))
    return StepResult(party.with_attempt(request.session, Finished(masked.cohort)), body.encode(), (locked,))


def attested(env: Environment, batch: Certificate) -> Attested:
    """What provers sign of a batch; the verifier's code and the committee are those that this prover's node names."""
    task_id = batch.statement.context.task_id
    return batch.attested(env.policy(task_id).verifier_code, env.terms(task_id).committee_id)


def _require_own_batch(proved: Proved, bundle: AuditBundle) -> None:
    """The bundle is what this prover saw opened, to the last value."""
    confirmed = proved.combined.confirmed
    masked, certificate = confirmed.validated.masked, bundle.certificate
    own = BatchStatement(masked.cohort.context, masked.headers)
    same = (
        certificate.statement == own
        and certificate.statement.owners == own.owners
        and certificate.cohort == masked.cohort.digests
        and certificate.coin == masked.coin
        and certificate.batch_id == confirmed.state
        and certificate.proof.square_norm == proved.square_norm
        and not certificate.attestations
    )
    opened = (confirmed.validated.mask_projections, *masked.projections)
    if not same or not all(np.array_equal(a, b) for a, b in zip(bundle.projections, opened, strict=True)):
        raise WireError("the batch is not the one that this attempt has proven")
