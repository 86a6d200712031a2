"""MASK, VALIDATE, CONFIRM, COMBINE: from shares of gradients to one uniformly random vector in the clear.

Order is what keeps this private.  No value of degree 2t leaves a prover before it has seen, itself, that every dealing
lies on a polynomial of degree t among exactly the provers that take part (else a dishonest owner reads honest gradients
out of the redundant shares).  Nothing is multiplied again before all of them signed that they saw the same broadcasts.

Corruption bound: at most t provers, any number of owners, and the coordinator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import native
from circuits import joint
from circuits.errors import InconsistentError, ProofError, RuleViolationError, UnknownError, WireError
from circuits.groth16 import ProvingKey
from circuits.hashing import challenge, keccak, tag, words
from circuits.policies.gram import owner_norms, quadratic_weights
from circuits.policies.spec import PolicyCircuit
from circuits.statement import SLACK_BITS, TAIL
from circuits.transcript import RhoInputs, projections_digest, rho_state, squarings
from commons.protocol import noisebits
from commons.protocol.bodies import CombineBody, ConfirmBody, MaskBody, ProjectBody, ValidateBody, vector_digest
from commons.protocol.gradedbodies import GradedCombineBody, mask_form, project_form, validate_form
from commons.protocol.messages import Cohort, Proposal, Step, StepRequest
from commons.protocol.relay import broadcast_hash, take
from commons.protocol.rules import small
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_g1, open_vector
from commons.sharing.sharevector import ShareVector
from native import FrArray, R
from provers.party import ledger, noising
from provers.party.environment import Environment
from provers.party.memory import (
    Combined,
    Confirmed,
    Masked,
    Party,
    Projected,
    Validated,
    kept_headers,
    kept_submissions,
)
from provers.party.steps import StepResult, require_continuity


def start_attempt(party: Party, env: Environment, request: StepRequest, probe: bool) -> tuple[Projected, Proposal]:
    """Check a proposal against its cohort, the committee, the coordinator and the ledger."""
    proposal = request.proposal
    if proposal is None or proposal.digest != request.session or proposal.probe != probe:
        raise WireError(f"{request.step.name} comes with its proposal")
    projected = party.cohort(proposal.cohort_id)
    if not isinstance(projected, Projected):
        raise WireError("the cohort's projections come before an attempt")
    if proposal.kept[-1] >= len(projected.cohort.headers):
        raise WireError("the proposal names a submission that its cohort does not have")
    require_graded_kept(projected.cohort, proposal)
    check_active(party, proposal)
    if proposal.nonces[proposal.active.index(party.index)] != party.nonce:
        raise UnknownError("the proposal is for this prover before it started again; begin the cohort anew with COIN")
    env.ledger.check(_started(projected.cohort, proposal))
    return projected, proposal


def require_graded_kept(cohort: Cohort, proposal: Proposal) -> None:
    """Owners of a graded cohort are proven with its reference; a probe looks for whoever is at fault."""
    if cohort.reference is not None and not proposal.probe and (proposal.kept[0] or len(proposal.kept) == 1):
        raise WireError("a graded cohort is proven with its reference, and with owners")


def check_active(party: Party, proposal: Proposal) -> None:
    """A proposal's provers are members, enough for a quorum, and this one is among them."""
    active, committee = proposal.active, party.committee
    if active[-1] >= committee.size or len(active) < committee.quorum or party.index not in active:
        raise WireError(f"an attempt needs {committee.quorum} provers of this committee, this one among them")


def _started(cohort: Cohort, proposal: Proposal) -> ledger.AttemptStarted:
    return ledger.AttemptStarted(ledger.round_key(cohort.context), proposal.attempt, proposal.digest)


def mask_row(party: Party, session: bytes, length: int) -> FrArray:
    """This prover's share of row 0, uniform over F^(d+129), from the shared keys alone."""
    return party.keys.random(session, Purpose.MASK_ROW, length)


def share_vectors(env: Environment, cohort: Cohort, proposal: Proposal) -> list[ShareVector]:
    """This prover's shares of the kept submissions, in batch order.

    Raises:
        RuleViolationError: one of them was retired meanwhile, or this prover's ledger turned out to be an old copy.
    """
    require_continuity(env, cohort.context)
    submissions = kept_submissions(cohort, proposal)
    owners = [ledger.header_key(cohort.context, h) for h in kept_headers(cohort, proposal)]
    env.ledger.require_live(owners, submissions)
    return [env.shares(s) for s in submissions]


def mask(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """MASK: check the dealings, burn the attempt, draw row 0, send its commitment and the masked inner products."""
    projected, proposal = start_attempt(party, env, request, probe=False)
    cohort, session = projected.cohort, request.session
    bodies = _projections(party, projected, proposal, request)
    opened = _checked_projections(party, proposal, bodies)
    noise = noising.noise(party, cohort, proposal, bodies)
    key = env.commitment_key(cohort.context.dimension)
    row = mask_row(party, session, key.dimension + TAIL)
    commitment = key.commit_long(row)  # before the shares are read, so that both need not be in memory at once
    vectors = share_vectors(env, cohort, proposal)
    values = row[: key.dimension]
    projection = native.add(native.project([values], projected.seed)[0], np.ascontiguousarray(row[key.dimension + 1 :]))
    products = native.gram([values, *(v.values for v in vectors)])
    low = party.keys.random(session, Purpose.PRODUCT_MASK, len(products))
    high = native.add(low, party.keys.zero(session, Purpose.PRODUCT_ZERO, len(products)))
    body = noising.masked(MaskBody(commitment, projection, native.add(products, high)), noise)
    state = Masked(cohort, proposal, projected.coin, projected.seed, opened, row, low, noise)
    return StepResult(party.with_attempt(session, state), body.encode(), (_started(cohort, proposal),))


def _projections(
    party: Party, projected: Projected, proposal: Proposal, request: StepRequest
) -> dict[int, ProjectBody]:
    cohort = projected.cohort
    form, count = project_form(cohort.reference is not None), len(cohort.headers)
    bodies = take(
        party.committee, request.relayed, proposal.cohort_id, Step.PROJECT, proposal.active,
        lambda raw: form.decode(raw, count),
    )  # fmt: skip
    if not np.array_equal(bodies[party.index].shares, projected.own):
        raise WireError("the projections relayed as this prover's are not its own")
    return bodies


def _checked_projections(party: Party, proposal: Proposal, bodies: Mapping[int, ProjectBody]) -> tuple[FrArray, ...]:
    """Open the kept submissions' projections; every dealing must fit, every projection must be small."""
    kept = list(proposal.kept)
    threshold = party.committee.threshold
    flat = {p: np.ascontiguousarray(b.shares[kept]).reshape(-1, 4) for p, b in bodies.items()}
    opened = open_vector(flat, threshold, threshold, "projections").reshape(len(kept), -1, 4)
    projections = tuple(np.ascontiguousarray(z[:-1]) for z in opened)
    for index, z in zip(kept, projections, strict=True):
        if not small(z):
            raise ProofError(f"submission {index} of the cohort has an entry that is not small; drop it")
    return projections


def validate(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """VALIDATE: open the masked products, test every owner's constraints, commit to the Gram matrix."""
    masked = party.attempt(request.session, Masked)
    committee, proposal, session = party.committee, masked.proposal, request.session
    rows, form = len(proposal.kept), mask_form(masked.noise is not None)
    bodies = take(
        committee, request.relayed, session, Step.MASK, proposal.active, lambda raw: form.decode(raw, rows)
    )  # fmt: skip
    noising.require_same_squares(masked, bodies)
    t = committee.threshold
    c0 = open_g1({p: b.commitment for p, b in bodies.items()}, t, t, "mask commitment")
    z0 = open_vector({p: b.projections for p, b in bodies.items()}, t, t, "mask projections")
    products = open_vector({p: b.products for p, b in bodies.items()}, 2 * t, t, "inner products")
    gram = native.sub(products, masked.product_masks)
    broadcasts = broadcast_hash(request.relayed)
    bits = [v.bits for v in share_vectors(env, masked.cohort, proposal)]
    zeros = party.keys.zero(session, Purpose.RESIDUAL_ZERO, rows)
    key = env.proving_key(env.policy(masked.cohort.context.task_id))
    key.policy.require_bound(masked.cohort.context.bound)
    residuals = native.add(_residuals(masked, key.policy, gram, bits), zeros)
    commitment, knowledge = joint.commit_block(key, committed_block(party, key, masked, gram))
    state = Validated(masked, c0, z0, gram, broadcasts)
    body = noising.validated(party, masked, bits, ValidateBody(residuals, commitment, knowledge))
    return StepResult(party.with_attempt(session, state), body.encode())


def committed_block(party: Party, key: ProvingKey, masked: Masked, gram: FrArray) -> FrArray:
    """This prover's share of the committed block: Gram entries, the noise if there is any, and a blinder."""
    blinder = native.to_ints(party.keys.random(masked.proposal.digest, Purpose.GRAM_BLINDER, 1))[0]
    noise = None if masked.noise is None else noisebits.noise(masked.noise.bits)
    return key.policy.committed_block(gram, blinder, len(masked.proposal.kept), noise)


def validity_challenge(seed: bytes, session: bytes) -> int:
    """chi, from the sign seed and the session alone: nothing that a prover sends to one and not to another is in it.

    Shares under two challenges would give affine functions of an owner's bits; the seed is tossed once those are fixed.
    """
    return challenge(keccak(words(tag("gradroll/v1/validity"), seed, session)))


def _residuals(masked: Masked, policy: PolicyCircuit, gram: FrArray, bits: Sequence[FrArray]) -> FrArray:
    """For each owner one random combination of its constraints: zero if bits are bits and recompose BOUND - K_ii, and
    what the policy adds holds.

    Shares of degree 2t; only the owner's own secrets occur in an owner's residual.
    """
    chi, bound = validity_challenge(masked.seed, masked.proposal.digest), masked.cohort.context.bound
    weights, powers_of_two = native.powers(chi, SLACK_BITS), native.powers(2, SLACK_BITS)
    last = pow(chi, SLACK_BITS, R)
    out = []
    for norm, own in zip(native.to_ints(owner_norms(gram, len(bits))), bits, strict=True):
        not_bits = native.inner(native.sub(native.mul(own, own), own), weights)
        slack = bound - norm - native.inner(own, powers_of_two)
        further = policy.further_residual(bound, own, chi)
        out.append((not_bits + last * (slack + chi * further)) % R)
    return native.from_ints(out)


def confirm(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """CONFIRM: all residuals are zero; fix the transcript up to rho and say what was seen."""
    validated = party.attempt(request.session, Validated)
    masked, committee, session = validated.masked, party.committee, request.session
    rows, form = len(masked.proposal.kept), validate_form(masked.noise is not None)
    bodies = take(
        committee, request.relayed, session, Step.VALIDATE, masked.proposal.active,
        lambda raw: form.decode(raw, rows),
    )  # fmt: skip
    t = committee.threshold
    residuals = open_vector({p: b.residuals for p, b in bodies.items()}, 2 * t, t, "validity test")
    if np.any(residuals):
        raise InconsistentError("an owner's validity test is not zero; drop the owner in a new attempt")
    gram = open_g1({p: b.gram for p, b in bodies.items()}, t, t, "Gram commitment")
    knowledge = open_g1({p: b.knowledge for p, b in bodies.items()}, t, t, "knowledge part")
    digest = projections_digest([validated.mask_projections, *masked.projections])
    inputs = RhoInputs(validated.mask_commitment, masked.seed, digest, gram, knowledge)
    state = rho_state(masked.cohort.context, masked.headers, inputs)
    seen = broadcast_hash(request.relayed, validated.broadcasts)
    products = noising.products(party, validated, bodies)
    confirmed = Confirmed(validated, gram, knowledge, state, seen, products)
    return StepResult(party.with_attempt(session, confirmed), ConfirmBody(state, seen).encode())


def combine(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """COMBINE: everybody saw the same; release the one combination that row 0 makes uniform, and a share of T."""
    confirmed = party.attempt(request.session, Confirmed)
    masked, session = confirmed.validated.masked, request.session
    bodies = take(party.committee, request.relayed, session, Step.CONFIRM, masked.proposal.active, ConfirmBody.decode)
    if any(b != ConfirmBody(confirmed.state, confirmed.broadcasts) for b in bodies.values()):
        raise RuleViolationError("the provers did not all see the same broadcasts; this attempt is over")
    spent = ledger.Combined(session)
    env.ledger.check(spent)
    rho = challenge(confirmed.state)
    vectors = share_vectors(env, masked.cohort, masked.proposal)
    weights = squarings(rho, len(vectors) + 1)
    vector = native.linear_combination([masked.mask_row, *(v.row for v in vectors)], weights)
    square_norm = native.inner(confirmed.validated.gram, quadratic_weights(weights))
    body: CombineBody | GradedCombineBody = CombineBody(vector_digest(vector), square_norm)
    if masked.noise is not None:
        bits = [v.bits for v in vectors]
        body = noising.combined(party, confirmed, masked.noise, bits, vector_digest(vector), square_norm)
    return StepResult(party.with_attempt(session, Combined(confirmed.unmasked(), rho)), body.encode(), (spent,), vector)
