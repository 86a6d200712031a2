"""PROBE_MASK, PROBE_COMBINE and REVEAL: who broke the batch?

A probe opens a masked combination of some submissions, with a fresh mask, to see whether their shares match their
commitments; halving finds the one that does not.  A revelation lays one share payload open when it is already certain
that either its owner or the adversary made it.

Corruption bound: at most t provers, any number of owners, and the coordinator.
"""

from __future__ import annotations

from hashlib import sha256

import native
from circuits.errors import RuleViolationError, StorageError, WireError
from circuits.transcript import owners_hash, squarings
from commons.protocol.bodies import DigestBody, ProbeMaskBody, vector_digest
from commons.protocol.gradedbodies import project_form
from commons.protocol.messages import Step, StepRequest
from commons.protocol.relay import take
from commons.protocol.rules import probe_rho
from commons.sharing.reconstruct import open_g1, open_vector
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.excluding import misses
from provers.party.masking import mask_row, share_vectors, start_attempt
from provers.party.memory import Finished, Party, Probing, Projected, kept_headers
from provers.party.steps import StepResult


def probe_mask(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """PROBE_MASK: burn an attempt for a probe and send a share of its mask row's commitment."""
    projected, proposal = start_attempt(party, env, request, probe=True)
    cohort = projected.cohort
    key = env.commitment_key(cohort.context.dimension)
    row = mask_row(party, request.session, len(share_vectors(env, cohort, proposal)[0].row))
    started = ledger.AttemptStarted(ledger.round_key(cohort.context), proposal.attempt, proposal.digest)
    state = Probing(cohort, proposal, row)
    body = ProbeMaskBody(key.commit_long(row))
    return StepResult(party.with_attempt(request.session, state), body.encode(), (started,))


def probe_combine(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """PROBE_COMBINE: release the probe's one combination."""
    probing = party.attempt(request.session, Probing)
    bodies = take(
        party.committee, request.relayed, request.session, Step.PROBE_MASK, probing.proposal.active,
        ProbeMaskBody.decode,
    )  # fmt: skip
    t = party.committee.threshold
    c0 = open_g1({p: b.commitment for p, b in bodies.items()}, t, t, "probe's mask commitment")
    spent = ledger.Combined(request.session)
    env.ledger.check(spent)
    rho = probe_rho(request.session, owners_hash(kept_headers(probing.cohort, probing.proposal)), c0)
    rows = [v.row for v in share_vectors(env, probing.cohort, probing.proposal)]
    vector = native.linear_combination([probing.mask_row, *rows], squarings(rho, len(rows) + 1))
    body = DigestBody(vector_digest(vector))
    return StepResult(party.with_attempt(request.session, Finished(probing.cohort)), body.encode(), (spent,), vector)


def reveal(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """REVEAL: lay this prover's share payload of one submission open, if 2t + 1 others exclude that it is honest.

    2t + 1 other provers' signed values on one polynomial of degree t hold t + 1 honest ones; if that polynomial misses
    the value which follows from what the owner sealed and signed, the owner dealt it wrongly, and its share is not a
    share of anything honest.  The value is computed from the sealed payload and not taken from memory: a share that
    was damaged here says nothing about its owner.

    Raises:
        RuleViolationError: the evidence does not reach.
        StorageError: the payload on disk is not the one whose digest the owner signed.
    """
    projected = party.cohort(request.session)
    if not isinstance(projected, Projected):
        raise WireError("nothing is revealed before the cohort's projections")
    cohort, owner = projected.cohort, request.owner
    if not 0 <= owner < len(cohort.headers):
        raise WireError("the cohort has no such submission")
    t = party.committee.threshold
    senders = {m.sender for m in request.relayed}
    if party.index in senders or len(senders) < 2 * t + 1:
        raise RuleViolationError(f"revealing a share needs the signed values of {2 * t + 1} other provers")
    form = project_form(cohort.reference is not None)
    bodies = take(
        party.committee, request.relayed, request.session, Step.PROJECT, senders,
        lambda raw: form.decode(raw, len(cohort.headers)),
    )  # fmt: skip
    others = {p: b.shares[owner].copy() for p, b in bodies.items()}
    open_vector(others, t, t, "the other provers' projections")
    raw = env.share_payload(cohort.digests[owner])
    digest = sha256(raw).digest()
    if digest != cohort.headers[owner].share_digests[party.index]:
        raise StorageError("the share on disk is not the one that its owner signed; it is not revealed")
    if not misses(party.committee, projected, others, party.index, raw):
        raise RuleViolationError("the share that the owner sealed fits the others'; it is not revealed")
    return StepResult(party, DigestBody(digest).encode(), raw=raw)
