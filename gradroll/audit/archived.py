"""An audit of a round from a file and the chain: coordinator and provers are not asked, and may have forgotten it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circuits import payload as payloads
from circuits.errors import InvalidInputError, ProofError, WireError
from circuits.statement import Context
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.runtime.identifiers import shown
from commons.storage.parameters import PublicParameters
from commons.storage.roundarchives import ArchivedBatch, ArchiveHead, RoundArchive, read_archive
from gradroll.audit.auditing import Auditing, RoundOutcome, accepted_batches, attesters_of, found_in
from gradroll.audit.recheck import AuditReport


@dataclass(frozen=True, slots=True)
class ArchiveAuditor:
    """Audits rounds from files.  Whoever made one is not believed: what is in it is held against the chain."""

    view: ChainView
    parameters: PublicParameters

    def audit(
        self, path: Path, task_id: int | None = None, round_number: int | None = None
    ) -> tuple[ArchiveHead, RoundOutcome]:
        """Audit every accepted batch of a round, and look for evidence in what the file has of the provers' words.

        Args:
            task_id: the task that the file has to be of, if it is known.
            round_number: the same of the round.

        Raises:
            UnknownError: there is no such file, or the market knows no such round.
            InvalidInputError: the file is no archive, damaged, of another market, or what it holds is of another round.
            NotReadyError: the round has no accepted batch.
            ProofError: it has others than are in the file.
            KeyMismatchError: no verifying key of the task's policy is at hand.
        """
        with read_archive(path) as archive:
            head = archive.head
            self._require_market(path, head)
            _require_named(path, head, task_id, round_number)
            context = self.view.context(head.task_id, head.round)
            accepted = accepted_batches(self.view, head.task_id, head.round)
            archive.require_whole(context.dimension)
            if len(accepted) != head.batches:
                raise ProofError(
                    f"{path} has {head.batches} batches of round {head.round} of task {shown(head.task_id)}, and the "
                    f"chain accepted {len(accepted)}; whoever made it left some out, or made them up"
                )
            reports = zip(accepted, self._reports(path, archive, context, accepted), strict=True)
            audited = tuple(reports)  # what follows the batches in the file is read behind them
            attesters = attesters_of(self.view, head.task_id, head.round)
            certificates = _certificates(path, archive, context, attesters)
            return head, RoundOutcome(audited, found_in(certificates, attesters, self.view.terms(head.task_id)))

    def _require_market(self, path: Path, head: ArchiveHead) -> None:
        own = self.view.market_id
        if head.market != own:
            raise InvalidInputError(
                f"{path} is of the market 0x{head.market.address.hex()} on chain {head.market.chain_id}, deployment "
                f"0x{head.market.deployment.hex()}; the node shows 0x{own.address.hex()} on chain {own.chain_id}, "
                f"deployment 0x{own.deployment.hex()}: name the file's market and a node of its chain"
            )

    def _reports(
        self, path: Path, archive: RoundArchive, context: Context, accepted: tuple[AcceptedBatch, ...]
    ) -> Iterator[AuditReport]:
        for batch, kept in zip(accepted, archive.batches(context.dimension), strict=True):
            _require_round(path, kept.bundle.statement.context, context)
            yield self._report(batch, kept)

    def _report(self, batch: AcceptedBatch, kept: ArchivedBatch) -> AuditReport:
        auditing = Auditing.of(self.view, self.parameters, batch)
        if self.view.terms(batch.task_id).sums_private:
            return auditing.report(kept.bundle, None)
        try:
            aggregate = payloads.decode(kept.payload, auditing.key.dimension)
        except WireError as error:
            return AuditReport((), "aggregate", f"the sum in the file cannot be read: {error}")
        return auditing.report(kept.bundle, aggregate)


def _require_named(path: Path, head: ArchiveHead, task_id: int | None, round_number: int | None) -> None:
    if task_id not in (None, head.task_id) or round_number not in (None, head.round):
        raise InvalidInputError(
            f"{path} is of round {head.round} of task {shown(head.task_id)}, which is another than was named; name "
            "the file of the round that is meant"
        )


def _certificates(path: Path, archive: RoundArchive, context: Context, attesters: Attesters) -> Iterator[Certificate]:
    for certificate in archive.certificates():
        _require_round(path, certificate.statement.context, context)
        if not certificate.attestations or attesters.valid(certificate) != dict(certificate.attestations):
            raise InvalidInputError(
                f"{path} holds a certificate with what no member of the round's committee signed; whoever made it is "
                "mistaken or lies, so get the archive from somebody else"
            )
        yield certificate


def _require_round(path: Path, found: Context, context: Context) -> None:
    if found != context:
        raise InvalidInputError(
            f"{path} holds something of another round than it says; whoever made it is mistaken or lies, so get the "
            "archive from somebody else"
        )
