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
from circuits.errors import WireError
from circuits.policies.spec import GradedInputs, PublicInputs
from circuits.statement import Attested, BatchStatement, Graded
from circuits.transcript import values_state
from circuits.verify import circuit_inputs, verify_batch
from commons.protocol.bodies import CombineBody, ProveBody, SignatureBody
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import Message, Step, StepRequest
from commons.protocol.relay import take
from commons.protocol.rules import require_row
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_scalar
from native import FrArray
from provers.party import ledger, locking
from provers.party.environment import Environment
from provers.party.masking import committed_block, share_vectors
from provers.party.memory import Combined, Finished, Masked, Numbered, Party, Proved
from provers.party.steps import StepResult, check_context, require_continuity, require_enough_owners, selection_of


def prove(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """PROVE: open T, or where the cohort is graded the owners' numbers, and send this prover's part of the proof."""
    session = request.session
    combined, square_norm, graded, row = _ready(party, env, request)
    validated = combined.confirmed.validated
    masked = validated.masked
    rows, bound = len(masked.proposal.kept), masked.cohort.context.bound
    require_enough_owners(env, masked.cohort.context, rows if graded is None else rows - 1)
    key = env.proving_key(env.policy(masked.cohort.context.task_id))
    block = committed_block(party, key, masked, validated.gram)
    bits = np.concatenate([v.bits for v in share_vectors(env, masked.cohort, masked.proposal)])
    if masked.noise is None:
        wires = key.policy.slack_bits(bits, bound, rows)
    else:
        wires = key.policy.private_bits(bits, masked.noise.bits.reshape(-1, 4), bound, rows)
    assignment = key.policy.assignment(_public(combined, square_norm, graded), block, wires)
    r, s = native.to_ints(party.keys.random(session, Purpose.PROOF_BLINDERS, 2))
    zero = native.to_ints(party.keys.zero(session, Purpose.PROOF_ZERO, 1))[0]
    part = joint.prove(key, assignment, joint.Blinding(r, s, zero))
    body = ProveBody(part.a, part.b, part.c)
    state = Proved(combined, square_norm, graded, row)
    return StepResult(party.with_attempt(session, state), body.encode())


def _public(combined: Combined, square_norm: int, graded: Graded | None) -> PublicInputs[int] | GradedInputs[int]:
    confirmed = combined.confirmed
    masked = confirmed.validated.masked
    state = confirmed.state
    batch_id = state if graded is None else values_state(state, graded.rule, graded.values)
    statement = BatchStatement(masked.cohort.context, masked.owners, graded)
    return circuit_inputs(statement, combined.rho, batch_id, square_norm)


def _ready(party: Party, env: Environment, request: StepRequest) -> tuple[Combined, int, Graded | None, FrArray | None]:
    """What is proven, T, what is opened of a graded set, and the row on which that rests."""
    if party.any_attempt(request.session).cohort.reference is not None:
        numbered = party.attempt(request.session, Numbered)
        locked = numbered.locked
        return locked.combined, locked.square_norm, locking.graded(party, env, numbered, request), locked.row
    combined = party.attempt(request.session, Combined)
    masked = combined.confirmed.validated.masked
    return combined, _open_square_norm(party, masked, request.session, request.relayed), None, None


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
    bundle = AuditBundle.decode_to_attest(request.payload, proved.row)
    check_context(env, context)
    require_continuity(env, context)
    _require_own_batch(proved, bundle)
    require_enough_owners(env, context, bundle.statement.size)
    env.require_admissible(context, tuple(h.owner_index for h in bundle.statement.owners))
    policy = env.policy(context.task_id)
    verify_batch(bundle.statement, bundle.proof, env.proving_key(policy).verifying)
    if proved.row is None:  # that of a graded set was looked at before its numbers were opened
        require_row(bundle, env.commitment_key(context.dimension))
    locked = ledger.Locked(selection_of(bundle.statement))
    env.ledger.check(locked)
    signature = env.sign(attested(env, bundle.certificate).digest(context))
    return StepResult(
        party.with_attempt(request.session, Finished(masked.cohort)),
        SignatureBody(signature).encode(),
        (locked,),
        attested=bundle.attested_by([(party.index, signature)]),
    )


def attested(env: Environment, batch: Certificate) -> Attested:
    """What provers sign of a batch; the verifier's code and the committee are those that this prover's node names."""
    task_id = batch.statement.context.task_id
    return batch.attested(env.policy(task_id).verifier_code, env.terms(task_id).committee_id)


def _require_own_batch(proved: Proved, bundle: AuditBundle) -> None:
    """The bundle is what this prover saw opened, to the last value."""
    confirmed = proved.combined.confirmed
    masked, certificate = confirmed.validated.masked, bundle.certificate
    own = BatchStatement(masked.cohort.context, masked.owners, proved.graded)
    same = (
        certificate.statement == own
        and certificate.statement.owners == own.owners
        and certificate.cohort == masked.cohort.digests
        and certificate.coin == masked.coin
        and certificate.rho_state == confirmed.state
        and certificate.proof.square_norm == proved.square_norm
        and not certificate.attestations
    )
    opened = (confirmed.validated.mask_projections, *masked.projections)
    if not same or not all(np.array_equal(a, b) for a, b in zip(bundle.projections, opened, strict=True)):
        raise WireError("the batch is not the one that this attempt has proven")
