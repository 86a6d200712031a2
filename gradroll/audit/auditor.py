"""Fetching what an audit needs: facts from the chain, the bundle and the payload from whoever serves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from circuits import payload as payloads
from circuits.errors import GradrollError, NotReadyError, StorageError, UnavailableError
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.protocol.bundle import AuditBundle
from commons.protocol.certified import one_of_each
from commons.protocol.evidence import Evidence
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.storage.parameters import PublicParameters
from commons.storage.roundarchives import MAX_CERTIFICATES, ArchivedBatch, ArchiveHead, write_archive
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.audit.auditing import Auditing, Reports, RoundOutcome, accepted_batches, attesters_of, found_in
from gradroll.audit.incriminating import kept
from gradroll.audit.recheck import AuditReport
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.sumreading import SumReader


@dataclass(frozen=True, slots=True)
class _Examined:
    """What was audited of a batch, and what came of it."""

    report: AuditReport
    found: ArchivedBatch


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

    def audit_round(self, task_id: int, round_number: int) -> Reports:
        """Audit every accepted batch of a round.

        Raises:
            NotReadyError: the round has no accepted batch.
            UnknownError: it was not opened.
            KeyMismatchError: no verifying key of the task's policy is at hand.
        """
        accepted = accepted_batches(self.view, task_id, round_number)
        return tuple((batch, self.audit_batch(batch)) for batch in accepted)

    def audit_batch(self, batch: AcceptedBatch) -> AuditReport:
        """Audit one accepted batch.

        One bundle that passes is enough; one that fails may be its server's making, so the others are asked too.

        Raises:
            UnavailableError: nobody serves a bundle, or the sum.
        """
        return self._examine(batch).report

    def export_round(self, task_id: int, round_number: int, path: Path) -> RoundOutcome:
        """Audit every accepted batch of a round, and keep in a file what was audited; what fails, too.

        Raises:
            NotReadyError: the round has no accepted batch, or may get another one yet.
            StorageError: there is a file of that name, which is not overwritten, or none can be written.
            GradrollError: as for ``audit_round`` and ``audit_batch``; there is no file then.
        """
        if path.exists():
            raise StorageError(f"{path} exists already; it is not overwritten, so choose another name")
        accepted = accepted_batches(self.view, task_id, round_number)
        record = self.view.round(task_id, round_number)
        if not (record.closed or record.finalized or record.owners >= record.seats):
            raise NotReadyError(
                f"round {round_number} of task {shown(task_id)} takes batches until {utc(record.settle_deadline)}; "
                "export it then, with all that it has"
            )
        provers = ProverReader(self.view, tls_roots=self.tls_roots)
        certificates = tuple(provers.certificates_of(task_id, round_number))
        attesters, terms = attesters_of(self.view, task_id, round_number), self.view.terms(task_id)
        words = kept(one_of_each(certificates, attesters), attesters, terms, MAX_CERTIFICATES)
        head = ArchiveHead(self.view.market_id, task_id, round_number, len(accepted), len(words))
        reports: list[tuple[AcceptedBatch, AuditReport]] = []

        def batches() -> Iterator[ArchivedBatch]:
            for batch in accepted:
                examined = self._examine(batch)
                reports.append((batch, examined.report))
                yield examined.found

        write_archive(path, head, batches(), words)
        return RoundOutcome(tuple(reports), found_in(certificates, attesters, terms))

    def evidence(self, task_id: int, round_number: int) -> tuple[Evidence, ...]:
        """What provers attested in a round that an honest one never does, as far as any of them shows it.

        One piece for each culprit.  A member that is honest shows what others signed beside it; those that sign against
        themselves need not, so that nothing is found proves nothing.
        """
        reader, attesters = (
            ProverReader(self.view, tls_roots=self.tls_roots),
            attesters_of(self.view, task_id, round_number),
        )
        return found_in(reader.certificates_of(task_id, round_number), attesters, self.view.terms(task_id))

    def _examine(self, batch: AcceptedBatch) -> _Examined:
        """Audit a batch, and give what was audited: what passes, or else the first that fails."""
        provers = ProverReader(self.view, tls_roots=self.tls_roots)
        auditing = Auditing.of(self.view, self.parameters, batch)
        aggregate = None
        if not self.view.terms(batch.task_id).sums_private:
            aggregate = SumReader(self.view, self.coordinator, provers).read(batch, auditing.key).aggregate
        failed: _Examined | None = None
        for bundle in filter(auditing.may_be, self._bundles(batch, provers)):
            found = ArchivedBatch(bundle, b"" if aggregate is None else payloads.encode(aggregate))
            examined = _Examined(auditing.report(bundle, aggregate), found)
            if examined.report.failed is None:
                return examined
            failed = failed or examined
        if failed is None:
            raise UnavailableError(f"nobody serves the audit bundle of batch 0x{batch.record.batch_id.hex()}")
        return failed

    def _bundles(self, batch: AcceptedBatch, provers: ProverReader) -> Iterator[AuditBundle]:
        with suppress(GradrollError):
            yield self.coordinator.audit_bundle(batch.record.batch_id, self.view.terms(batch.task_id).dimension)
        with suppress(UnavailableError):
            yield from provers.audit_bundles(batch)
