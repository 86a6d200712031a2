"""Fetching what an audit needs: facts from the chain, the bundle and the payload from whoever serves them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from circuits.errors import NotReadyError, UnavailableError, UnknownError
from coordinator.client import CoordinatorClient
from gradroll.audit import Audit, AuditReport, Recorded
from gradroll.from_provers import ProverReader
from gradroll.model_owner import aggregate_sources, find_aggregate
from provers.bundle import AuditBundle
from provers.chain import AcceptedBatch, ChainView
from provers.parameters import PublicParameters


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits batches of one market.

    Attributes:
        coordinator: serves bundles and aggregates; it is not believed, and where it does not serve them provers do.
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
        provers, key = ProverReader(self.view), self.parameters.commitment_key(terms.dimension)
        recorded = Recorded(
            context=self.view.context(batch.task_id, batch.round),
            committee=self.view.committee(terms.committee_id),
            batch_id=batch.record.batch_id,
            verifier_code=policy.verifier_code,
            commitment=batch.record.commitment,
            owners=dict(zip(batch.record.indices, batch.owners, strict=True)),
        )
        served = aggregate_sources(batch, self.coordinator)
        aggregate = find_aggregate(batch, key, [*served, partial(provers.aggregate, batch, key)])
        verifying = self.parameters.verifying_key(policy.key_hash)
        return Audit(recorded, self._bundle(batch, provers), aggregate, key, verifying).run()

    def _bundle(self, batch: AcceptedBatch, provers: ProverReader) -> AuditBundle:
        try:
            return self.coordinator.audit_bundle(batch.record.batch_id)
        except (UnavailableError, UnknownError, NotReadyError):
            bundle = next(provers.audit_bundles(batch), None)
            if bundle is None:
                raise
            return bundle
