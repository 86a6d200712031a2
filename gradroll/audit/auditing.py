"""What every audit takes from the chain, wherever the rest of a round comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.commitment import CommitmentKey
from circuits.errors import ChainError, NotReadyError
from circuits.groth16 import VerifyingKey
from circuits.payload import Aggregate
from circuits.terms import TaskTerms
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters, is_for
from commons.protocol.evidence import Evidence
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.storage.parameters import PublicParameters
from gradroll.audit.incriminating import incriminating
from gradroll.audit.recheck import Audit, AuditReport, Recorded

Reports = tuple[tuple[AcceptedBatch, AuditReport], ...]


@dataclass(frozen=True, slots=True)
class RoundOutcome:
    """What an audit of a round found.

    Attributes:
        reports: of each accepted batch, in order.
        evidence: one piece for each prover that attested what an honest one never does.
    """

    reports: Reports
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Auditing:
    """What a batch is held against."""

    recorded: Recorded
    key: CommitmentKey
    verifying: VerifyingKey

    @classmethod
    def of(cls, view: ChainView, parameters: PublicParameters, batch: AcceptedBatch) -> Auditing:
        """From the chain and the auditor's own files.  Raises KeyMismatchError where there is no key of the policy."""
        policy, terms = view.policy(batch.task_id), view.terms(batch.task_id)
        recorded = Recorded(
            context=view.context(batch.task_id, batch.round),
            committee=view.committee_of_round(batch.task_id, batch.round),
            batch_id=batch.record.batch_id,
            verifier_code=policy.verifier_code,
            commitment=batch.record.commitment,
            owners=dict(zip(batch.record.indices, batch.owners, strict=True)),
            rule=terms.grading_rule,
            opening=None if terms.grading is None else view.opening(batch.task_id, batch.round),
        )
        key = parameters.commitment_key(terms.dimension)
        return cls(recorded, key, parameters.verifying_key(policy.key_hash))

    def may_be(self, bundle: AuditBundle) -> bool:
        """Whether a bundle is one of this round and committee; another is nobody's but its server's."""
        own = self.recorded
        return bundle.statement.context == own.context and is_for(bundle.certificate, own.committee)

    def report(self, bundle: AuditBundle, aggregate: Aggregate | None) -> AuditReport:
        """What comes of a bundle and a sum, which is None where it is private."""
        return Audit(self.recorded, bundle, aggregate, self.key, self.verifying).run()


def accepted_batches(view: ChainView, task_id: int, round_number: int) -> tuple[AcceptedBatch, ...]:
    """The accepted batches of a round.

    Raises:
        NotReadyError: there is none.
        UnknownError: the round was not opened.
        ChainError: the node has no events of some any more.
    """
    record = view.round(task_id, round_number)  # first: it may get another one meanwhile
    accepted, what = view.accepted(task_id, round_number), f"round {round_number} of task {shown(task_id)}"
    if len(accepted) < record.batches:
        raise ChainError(
            f"the node shows events of {len(accepted)} of the {record.batches} batches of {what}; use one that keeps "
            "old events"
        )
    if not accepted:
        until = utc(record.settle_deadline)
        raise NotReadyError(f"{what} has no accepted batch to audit; one comes until {until}, or not at all")
    return accepted


def attesters_of(view: ChainView, task_id: int, round_number: int) -> Attesters:
    """The members whose word counts in a round, and the code that they attest."""
    return Attesters(view.committee_of_round(task_id, round_number), view.policy(task_id).verifier_code)


def found_in(certificates: Iterable[Certificate], attesters: Attesters, terms: TaskTerms) -> tuple[Evidence, ...]:
    """Evidence in certificates of a round, one piece for each culprit."""
    return tuple(piece.evidence for piece in incriminating(certificates, attesters, terms).values())
