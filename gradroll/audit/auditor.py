"""Fetching what an audit needs: facts from the chain, the bundle and the payload from whoever serves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from circuits.errors import GradrollError, NotReadyError, UnavailableError
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.protocol.bundle import AuditBundle
from commons.protocol.evidence import Evidence
from commons.protocol.witness import Witness
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.audit.recheck import Audit, AuditReport, Recorded
from gradroll.model_owner.buyer import aggregate_sources, find_aggregate
from gradroll.model_owner.from_provers import ProverReader


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits batches of one market.

    Attributes:
        coordinator: serves bundles and aggregates; it is not believed, and where it does not serve them provers do.
        parameters: SRS and verifying keys, from a source that the auditor trusts.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
    """

    view: ChainView
    coordinator: CoordinatorClient
    parameters: PublicParameters
    tls_roots: bytes | None = None

    def audit_round(self, task_id: int, round_number: int) -> tuple[tuple[AcceptedBatch, AuditReport], ...]:
        """Audit every accepted batch of a round.

        Raises:
            NotReadyError: the round has no accepted batch.
            UnknownError: it was not opened.
            KeyMismatchError: no verifying key of the task's policy is at hand.
        """
        accepted = self.view.accepted(task_id, round_number)
        if not accepted:
            until = utc(self.view.round(task_id, round_number).settle_deadline)
            raise NotReadyError(
                f"round {round_number} of task {shown(task_id)} has no accepted batch to audit; one comes until "
                f"{until}, or not at all"
            )
        return tuple((batch, self.audit_batch(batch)) for batch in accepted)

    def audit_batch(self, batch: AcceptedBatch) -> AuditReport:
        """Audit one accepted batch.

        One bundle that passes is enough; one that fails may be its server's making, so the others are asked too.

        Raises:
            UnavailableError: nobody serves a bundle, or the sum.
        """
        terms, policy = self.view.terms(batch.task_id), self.view.policy(batch.task_id)
        provers = ProverReader(self.view, tls_roots=self.tls_roots)
        key = self.parameters.commitment_key(terms.dimension)
        recorded = Recorded(
            context=self.view.context(batch.task_id, batch.round),
            committee=self.view.committee_of_round(batch.task_id, batch.round),
            batch_id=batch.record.batch_id,
            verifier_code=policy.verifier_code,
            commitment=batch.record.commitment,
            owners=dict(zip(batch.record.indices, batch.owners, strict=True)),
        )
        served = aggregate_sources(batch, self.coordinator, self.view.terms(batch.task_id).dimension)
        aggregate = find_aggregate(batch, key, [*served, partial(provers.aggregate, batch, key)])
        verifying = self.parameters.verifying_key(policy.key_hash)
        failed: AuditReport | None = None
        for bundle in self._bundles(batch, provers):
            report = Audit(recorded, bundle, aggregate, key, verifying).run()
            if report.failed is None:
                return report
            failed = failed or report
        if failed is None:
            raise UnavailableError(f"nobody serves the audit bundle of batch 0x{batch.record.batch_id.hex()}")
        return failed

    def evidence(self, task_id: int, round_number: int) -> tuple[Evidence, ...]:
        """What provers attested in a round that an honest one never does, as far as any of them shows it.

        One piece for each culprit.  A member that is honest shows what others signed beside it; those that sign against
        themselves need not, so that nothing is found proves nothing.
        """
        reader, witness = ProverReader(self.view, tls_roots=self.tls_roots), Witness()
        attesters, terms = reader.attesters(task_id, round_number), self.view.terms(task_id)
        found: dict[bytes, Evidence] = {}
        for certificate in reader.certificates_of(task_id, round_number):
            for evidence in witness.certificate(certificate, attesters, terms):
                found.setdefault(evidence.culprit(), evidence)
        return tuple(found.values())

    def _bundles(self, batch: AcceptedBatch, provers: ProverReader) -> Iterator[AuditBundle]:
        with suppress(GradrollError):
            yield self.coordinator.audit_bundle(batch.record.batch_id, self.view.terms(batch.task_id).dimension)
        with suppress(UnavailableError):
            yield from provers.audit_bundles(batch)
