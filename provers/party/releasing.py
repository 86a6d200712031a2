"""RELEASE: this prover's share of the sum, to whoever shows the batch's certificate, once the market has accepted it.

Where the task has a key for sums, the share is sealed to it, whoever asks.

The lock is in the signatures: a quorum attested the batch, any two quorums share an honest prover, and no honest
prover signs two sets that meet.  So at most one set with a given owner in it can ever be certified, whatever a node
says about the chain.  The chain decides when: after the acceptance is final, so that the owners are paid.

Corruption bound: at most t provers, any number of owners, the coordinator, and every node that is asked about the chain
(for privacy; pay rests on the node).
"""

from __future__ import annotations

from hashlib import sha256

from circuits.errors import NotReadyError, RuleViolationError, SignatureError, WireError
from circuits.statement import BatchStatement, Committee
from circuits.verify import sum_of_commitments, verify_batch
from commons.protocol.bodies import DigestBody, vector_digest
from commons.protocol.bundle import Certificate
from commons.protocol.messages import StepRequest
from commons.protocol.signing import require_owner, require_signer
from commons.protocol.sumlabels import SumLabel
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.memory import Party
from provers.party.proving import attested
from provers.party.steps import (
    StepResult,
    bound_terms,
    references_of,
    require_enough_owners,
    require_same,
    selection_of,
)


def release(party: Party, env: Environment, request: StepRequest) -> StepResult:
    """RELEASE: check the certificate, then send the share of its sum.

    Raises:
        WireError, ProofError, SignatureError: the request names another batch, or a part of the certificate is forged.
        RuleViolationError: no quorum attested it, or an owner is in another sum already.
        NotReadyError: the market has not accepted the batch, or not deep enough.
        ClosedError: the round is closed for good, and its sums are deleted.
        InvalidInputError: the task's key for sums is none that anything may be sealed to.
    """
    certificate = Certificate.decode(request.payload)
    context, batch_id = certificate.statement.context, certificate.batch_id
    if batch_id != request.session:
        raise WireError("the certificate is of another batch than the request names")
    stated, committee = env.released_context(context.task_id, context.round)
    require_same(context, stated)
    require_enough_owners(env, context, certificate.statement.size)
    _require_grading(env, certificate.statement)
    certificate.require_dealings()
    _require_quorum(env, committee, certificate)
    _require_sound(env, certificate)
    require_acceptance(env, certificate)
    selection = selection_of(certificate.statement)
    released = ledger.Released(selection)
    env.ledger.check(released)
    # Anybody may ask, as often as they like: what is on record already is not recorded again.
    news = () if env.ledger.has_released(selection) else (released,)
    vector, terms = env.summed(selection), bound_terms(env, context)
    if not terms.sums_private:
        return StepResult(party, DigestBody(vector_digest(vector)).encode(), news, vector)
    sealed = env.seal_sum(vector, SumLabel.of(context, batch_id, party.index, terms.sum_key))
    return StepResult(party, DigestBody(sha256(sealed).digest()).encode(), news, raw=sealed)


def _require_grading(env: Environment, statement: BatchStatement) -> None:
    """A batch is graded by its task's rule, against a reference with which its round was opened."""
    rule = env.terms(statement.context.task_id).grading_rule
    if rule != (None if statement.graded is None else statement.graded.rule):
        raise WireError("the batch is graded by another rule than its task's")
    if statement.graded is not None:
        references_of(env, statement.context).require_copy(statement.graded.reference)


def _require_quorum(env: Environment, committee: Committee, certificate: Certificate) -> None:
    if len(certificate.attestations) < committee.quorum:
        raise RuleViolationError(
            f"{len(certificate.attestations)} provers attested this batch; nothing is released about it before "
            f"{committee.quorum} have"
        )
    digest = attested(env, certificate).digest(certificate.statement.context)
    for prover, signature in certificate.attestations:
        if prover >= committee.size:
            raise SignatureError(f"the committee has no prover {prover}")
        require_signer(digest, signature, committee.members[prover], f"the attestation of prover {prover}")


def _require_sound(env: Environment, certificate: Certificate) -> None:
    """Nothing binds the owners' signatures and the proof's elements, and this prover will serve what it was shown."""
    statement = certificate.statement
    verify_batch(statement, certificate.proof, env.proving_key(env.policy(statement.context.task_id)).verifying)
    for header in statement.rows:
        require_owner(header, statement.context)


def require_acceptance(env: Environment, certificate: Certificate) -> None:
    """Refuse a batch that the market has not accepted, as far as this prover believes.

    Raises:
        NotReadyError: it has not, or not deep enough.
        RuleViolationError: it has, but with other owners or another sum.
    """
    statement = certificate.statement
    accepted = env.accepted(statement.context, certificate.batch_id)
    if accepted is None:
        raise NotReadyError(
            "the market has not accepted this batch yet, or not deep enough to be final; ask again later"
        )
    indices = tuple(h.owner_index for h in statement.owners)
    if accepted.indices != indices or accepted.commitment_sum != sum_of_commitments(statement):
        raise RuleViolationError("the market recorded other owners or another sum under this batch's identifier")
