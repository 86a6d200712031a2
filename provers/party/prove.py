"""CONTRIBUTE, PROVE, AGGREGATE, ATTEST: the joint proof, and only after it the sum.

Contributions and the sum are released for one set of submissions only: two sets that differ by one owner would give
that owner's inner products, or its gradient, away.  A prover releases its share of the sum only after it has verified
the proof itself.

Corruption bound: at most t provers, any number of owners, and the coordinator.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import native
from circuits import joint, payload
from circuits.errors import ProofError, RuleViolationError, WireError
from circuits.hashing import challenge
from circuits.statement import GrothProof, attestation_digest
from circuits.transcript import eta_state
from circuits.verify import combined_contribution
from native import FrArray
from provers import ledger
from provers.bodies import AttestBody, CombineBody, ContributeBody, DigestBody, ProveBody, vector_digest
from provers.messages import Message, Step, StepRequest
from provers.openings import open_g1, open_g2, open_scalar, open_vector
from provers.party.attempt import blinder, share_vectors
from provers.party.cohort import StepResult
from provers.party.environment import Environment
from provers.party.relay import take
from provers.party.state import Combined, Contributing, Finished, Masked, Party, Proved, Summed
from provers.prss import Purpose


def contribute(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """CONTRIBUTE: release shares of every owner's inner product with the sum."""
    combined = party.attempt(request.session, Combined)
    masked = combined.confirmed.validated.masked
    if not env.policy(masked.cohort.context.task_id).opens_contributions:
        raise WireError("this task's policy opens no contributions")
    _enough_owners(env, masked)
    opened = ledger.ContributionsOpened(masked.submissions)
    env.ledger.check(opened)
    square_norm = _open_square_norm(party, masked, request.session, request.relayed)
    shares = contribution_sums(combined.confirmed.validated.gram, len(masked.proposal.kept))
    state = Contributing(combined, square_norm)
    return StepResult(party.with_attempt(request.session, state), ContributeBody(shares).encode(), (opened,))


def contribution_sums(gram: FrArray, owners: int) -> FrArray:
    """w_i = sum over j >= 1 of K_ij, for owners i = 1..m, from the row-major upper triangle over rows 0..m."""
    full = np.zeros((owners + 1, owners + 1), np.intp)
    upper = np.triu_indices(owners + 1)
    full[upper] = full.T[upper] = np.arange(len(upper[0]))
    columns = [np.ascontiguousarray(gram[full[1:, j]]) for j in range(1, owners + 1)]
    return native.linear_combination(columns, [1] * owners)


def _enough_owners(env: Environment, masked: Masked) -> None:
    least = env.terms(masked.cohort.context.task_id).min_owners
    if len(masked.proposal.kept) < least:
        raise RuleViolationError(f"this task releases nothing about fewer than {least} owners together")


def _open_square_norm(party: Party, masked: Masked, session: bytes, relayed: Sequence[Message]) -> int:
    bodies = take(party.committee, relayed, session, Step.COMBINE, masked.proposal.active, CombineBody.decode)
    t = party.committee.threshold
    return open_scalar({p: b.square_norm for p, b in bodies.items()}, t, t, "squared norm")


def prove(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """PROVE: fix the public inputs and send this prover's part of the Groth16 proof."""
    combined, square_norm, contributions = _before_proof(party, env, request)
    masked, session = combined.confirmed.validated.masked, request.session
    _enough_owners(env, masked)
    key = env.proving_key(env.policy(masked.cohort.context.task_id))
    owners, bound = len(masked.proposal.kept), masked.cohort.context.bound
    state = eta_state(combined.confirmed.state, contributions)
    eta = challenge(state)
    public = key.policy.public_inputs(combined.rho, square_norm, bound, eta, combined_contribution(contributions, eta))
    block = key.policy.committed_block(combined.confirmed.validated.gram, blinder(party, session), owners)
    bits = np.concatenate([v.bits for v in share_vectors(env, masked.cohort, masked.proposal)])
    assignment = key.policy.assignment(public, block, key.policy.slack_bits(bits, bound, owners))
    r, s = native.to_ints(party.keys.random(session, Purpose.PROOF_BLINDERS, 2))
    zero = native.to_ints(party.keys.zero(session, Purpose.PROOF_ZERO, 1))[0]
    part = joint.prove_share(key, assignment, r, s, zero)
    body = ProveBody(part.a, part.b, part.c)
    return StepResult(party.with_attempt(session, Proved(combined, public, state)), body.encode())


def _before_proof(party: Party, env: Environment, request: StepRequest) -> tuple[Combined, int, tuple[int, ...]]:
    """State, T and contributions; where the policy opens none, PROVE follows COMBINE at once."""
    before = party.attempts.get(request.session)
    if isinstance(before, Combined):
        masked = before.confirmed.validated.masked
        if env.policy(masked.cohort.context.task_id).opens_contributions:
            raise WireError("contributions come before the proof")
        return before, _open_square_norm(party, masked, request.session, request.relayed), ()
    contributing = party.attempt(request.session, Contributing)
    masked = contributing.combined.confirmed.validated.masked
    owners, t = len(masked.proposal.kept), party.committee.threshold
    bodies = take(
        party.committee, request.relayed, request.session, Step.CONTRIBUTE, masked.proposal.active,
        lambda raw: ContributeBody.decode(raw, owners),
    )  # fmt: skip
    opened = open_vector({p: b.shares for p, b in bodies.items()}, t, t, "contributions")
    return contributing.combined, contributing.square_norm, tuple(native.to_ints(opened))


def aggregate(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """AGGREGATE: verify the joint proof, then release this prover's share of the sum of the gradients."""
    proved = party.attempt(request.session, Proved)
    confirmed = proved.combined.confirmed
    masked, t = confirmed.validated.masked, party.committee.threshold
    bodies = take(
        party.committee,
        request.relayed,
        request.session,
        Step.PROVE,
        masked.proposal.active,
        ProveBody.decode,
    )
    proof = GrothProof(
        open_g1({p: b.a for p, b in bodies.items()}, t, t, "proof element A"),
        open_g2({p: b.b for p, b in bodies.items()}, t, t, "proof element B"),
        open_g1({p: b.c for p, b in bodies.items()}, 2 * t, t, "proof element C"),
    )
    key = env.proving_key(env.policy(masked.cohort.context.task_id)).verifying
    if not joint.verify(key, proved.public, confirmed.gram_commitment, confirmed.knowledge, proof):
        raise ProofError("the joint proof does not verify; nothing is released")
    _enough_owners(env, masked)
    released = ledger.Aggregated(masked.submissions)
    env.ledger.check(released)
    rows = [v.row for v in share_vectors(env, masked.cohort, masked.proposal)]
    vector = native.linear_combination(rows, [1] * len(rows))
    body = DigestBody(vector_digest(vector))
    state = party.with_attempt(request.session, Summed(proved))
    return StepResult(state, body.encode(), (released,), vector)


def attest(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """ATTEST: check that the payload opens the sum of the owners' commitments, then sign for the contract."""
    proved = party.attempt(request.session, Summed).proved
    masked = proved.combined.confirmed.validated.masked
    context = masked.cohort.context
    summed = payload.decode(request.payload, context.dimension)
    expected = native.g1_linear_combination([h.commitment for h in masked.headers], [1] * len(masked.headers))
    if env.commitment_key(context.dimension).commit_small(summed.values, summed.tail) != expected:
        raise ProofError("the payload does not open the sum of the owners' commitments")
    digest = attestation_digest(context.chain_id, context.market, proved.state, payload.digest(request.payload))
    body = AttestBody(env.sign(digest))
    return StepResult(party.with_attempt(request.session, Finished()), body.encode())
