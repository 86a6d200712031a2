"""AVAILABILITY: this prover's word, for the market, that a batch's sum is to be had.  Provers are paid on a quorum's.

It is true when it is given: the market has accepted the batch, by every node that this prover asks and as deep as for a
release; the share of its sum was released to somebody, so that whoever asks gets it; and it lies on the disk, whole.
Nothing has to be remembered: of one state of the chain there is one word, and signatures are deterministic.
"""

from __future__ import annotations

from collections.abc import Callable

from circuits import payload as payloads
from circuits.errors import NotReadyError, ProofError, RuleViolationError, WireError
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import Certificate
from commons.protocol.receipts import AvailabilityReceipt, availability_digest, posted_hash
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.releasing import require_acceptance
from provers.party.steps import bound_terms, require_same, selection_of


def attest_availability(
    env: Environment, sign: Callable[[bytes], bytes], certificate: Certificate, payload: bytes = b""
) -> AvailabilityReceipt:
    """Say that the sum of a batch is served here, or that it is the payload, for whoever posts that.

    Which challenge it answers, this prover's own node says and not who asks.

    Args:
        sign: signs a 32-byte digest with this prover's key of the round.
        certificate: the batch, as this prover keeps it.
        payload: the encoded aggregate, or nothing.

    Raises:
        NotReadyError: the market has not accepted the batch, or not deep enough, or the share was not released yet.
        UnknownError, StorageError: the share of the sum is not here any more, or is damaged.
        WireError, ProofError: the payload is not the batch's aggregate.
        RuleViolationError: there is a payload, and the task's sums are private.
        ClosedError: the market holds no fees for the batch.
    """
    statement, batch_id = certificate.statement, certificate.batch_id
    context = statement.context
    require_same(context, env.released_context(context.task_id, context.round)[0])
    require_acceptance(env, certificate)
    selection = _released(env, certificate)
    # Before the share, which is as long as the model: anybody may ask for what nobody needs any more.
    challenge = env.challenge(context, batch_id)
    env.summed(selection)  # read to the end, as for a reader
    if payload:
        if bound_terms(env, context).sums_private:
            raise RuleViolationError("the sums of this task are private; no word is given for one that is posted")
        _require_opening(env, certificate, payload)
    digest = availability_digest(context.market, batch_id, challenge, posted_hash(payload))
    return AvailabilityReceipt(challenge, sign(digest))


def _released(env: Environment, certificate: Certificate) -> ledger.Selection:
    selection = selection_of(certificate.statement)
    if not env.ledger.has_released(selection):
        raise NotReadyError("this prover has not released its share of this sum to anybody yet; ask for that first")
    return selection


def _require_opening(env: Environment, certificate: Certificate, payload: bytes) -> None:
    if len(payload) > payloads.MAX_INLINE:
        raise WireError(f"a payload of {len(payload)} bytes does not go into a transaction; {payloads.MAX_INLINE} do")
    dimension = certificate.statement.context.dimension
    aggregate = payloads.decode(payload, dimension)
    opened = env.commitment_key(dimension).commit_small(aggregate.values, aggregate.tail)
    if opened != sum_of_commitments(certificate.statement):
        raise ProofError("the payload does not open the sum of this batch's commitments")
