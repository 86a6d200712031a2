"""Fetching what an audit needs: facts from the chain, the bundle and the payload from whoever serves them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from circuits.errors import NotReadyError
from circuits.statement import Context
from coordinator.client import CoordinatorClient
from gradroll.audit import Audit, AuditReport, Recorded
from gradroll.model_owner import find_payload
from provers.chain import AcceptedBatch, ChainView
from provers.parameters import PublicParameters


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits batches of one market.

    Attributes:
        coordinator: serves bundles and payloads; it is not believed.
        parameters: SRS and verifying keys, from a source that the auditor trusts.
    """

    view: ChainView
    coordinator: CoordinatorClient
    parameters: PublicParameters

    def audit_round(self, task_id: int, round_number: int) -> tuple[tuple[AcceptedBatch, AuditReport], ...]:
        """Audit every accepted batch of a round.

        Raises:
            NotReadyError: the round has no accepted batch.
            KeyMismatchError: no verifying key of the task's policy is at hand.
        """
        accepted = self.view.accepted(task_id, round_number)
        if not accepted:
            raise NotReadyError(f"round {round_number} of task {task_id} has no accepted batch to audit")
        return tuple((batch, self.audit_batch(batch)) for batch in accepted)

    def audit_batch(self, batch: AcceptedBatch) -> AuditReport:
        """Audit one accepted batch."""
        terms, policy = self.view.terms(batch.task_id), self.view.policy(batch.task_id)
        bundle = self.coordinator.audit_bundle(batch.record.batch_id)
        recorded = Recorded(
            context=Context.of(terms, batch.round, policy),
            committee=self.view.committee(terms.committee_id),
            batch_id=batch.record.batch_id,
            payload_digest=batch.record.payload_digest,
            commitment=batch.record.commitment,
            owners=dict(zip(batch.indices, batch.owners, strict=True)),
        )
        return Audit(
            recorded,
            bundle,
            find_payload(batch, [partial(self.coordinator.payload, batch.record.batch_id)]),
            self.parameters.commitment_key(terms.dimension),
            self.parameters.verifying_key(policy.key_hash),
        ).run()
