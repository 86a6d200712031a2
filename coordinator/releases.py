"""Has the provers release the sums of accepted batches, keeps the aggregates, publishes small ones.

Of a private sum it gets sealed shares, which it cannot open: it keeps those of all that answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from circuits.commitment import CommitmentKey
from circuits.errors import ChainError
from circuits.payload import MAX_INLINE
from commons.chain.ports import BatchSender
from commons.protocol import release
from commons.protocol.bundle import Certificate
from commons.protocol.messages import Step, StepReply
from commons.protocol.replies import Failure
from commons.runtime import spans
from commons.runtime.logcontext import about
from commons.storage.blobs import Blobs
from coordinator.certificates import certificate_of
from coordinator.events import SumOpened, SumPublished
from coordinator.feesettlement import FeeSettlement
from coordinator.fleet import Fleet
from coordinator.handover import HandAgain, may_have_lost
from coordinator.journal import Journal
from coordinator.machine.verdicts import described
from coordinator.roundstate import ProvenBatch

_log = logging.getLogger(__name__)


class Releases:
    """Collects aggregates."""

    def __init__(
        self,
        chain: BatchSender,
        fees: FeeSettlement,
        journal: Journal,
        blobs: Blobs,
        *,
        step_timeout: float,
        hand_again: HandAgain,
    ) -> None:
        """Args:
        hand_again: as of ``Batcher``.
        """
        self._hand_again = hand_again
        self._chain = chain
        self._fees = fees
        self._journal = journal
        self._blobs = blobs
        self._step_timeout = step_timeout

    def collect(self, batch_id: bytes, fleet: Fleet, key: CommitmentKey, *, publish: bool, private: bool) -> None:
        """Open one batch's sum, and put it into the chain's log where its task wants that.

        Args:
            private: the task has a key for sums: its shares are gathered, sealed as they are.

        Raises:
            UnavailableError: too few provers release their share yet, for instance because the acceptance is not final
                for them; call again later.
            NotReadyError: provers do not say yet that they serve a sum that is to be published.
            ChainError: the node is the trouble; call again later.
        """
        batch = self._batch(batch_id)
        certificate = certificate_of(self._blobs, batch.bundle_digest)
        with about(batch=f"0x{batch_id.hex()}"):
            if batch.payload_digest is None:
                with spans.span("release"):
                    self._open(certificate, fleet, key, private=private)
            if publish and not batch.published:
                with spans.span("publish"):
                    self._publish(self._batch(batch_id), fleet)

    def _batch(self, batch_id: bytes) -> ProvenBatch:
        with self._journal.reading() as state:
            return replace(state.batches[batch_id])

    def _open(self, certificate: Certificate, fleet: Fleet, key: CommitmentKey, *, private: bool) -> None:
        requests = release.requests(certificate, fleet.reachable())
        replies = fleet.ask(requests, key.dimension, self._step_timeout)
        self._mend(certificate, replies)
        asked = release.SumAsked.of(certificate)
        if private:
            found, event = release.gathered(fleet.committee, asked, replies, (fleet.present,)), "sum-gathered"
        else:
            found, event = release.opened(fleet.committee, key, asked, replies, (fleet.present,)), "sum-opened"
        for verdict in found.verdicts:
            _log.warning("event=verdict batch=0x%s %s", certificate.batch_id.hex(), described(verdict))
        digest = self._blobs.put(found.payload, certificate.statement.context.task_id, promised=True)
        self._journal.record(SumOpened(certificate.batch_id, digest))
        _log.info("event=%s batch=0x%s provers=%d", event, certificate.batch_id.hex(), len(replies))

    def _mend(self, certificate: Certificate, replies: Mapping[int, StepReply | Failure]) -> None:
        """Have provers that may have lost shares under the sum handed them again, as long as the round lasts."""
        statement = certificate.statement
        submissions = [header.digest(statement.context) for header in statement.owners]
        for prover, reply in replies.items():
            if isinstance(reply, Failure) and may_have_lost(Step.RELEASE, reply.code):
                self._hand_again(prover, submissions)

    def _publish(self, batch: ProvenBatch, fleet: Fleet) -> None:
        """Publish an aggregate, which settles its batch's fees; after a crash perhaps twice, which harms nobody."""
        payload = self._blobs.get(batch.payload_digest or b"")
        task_id, number = batch.round_key
        if len(payload) > MAX_INLINE:
            _log.warning("event=aggregate-too-long batch=0x%s bytes=%d", batch.batch_id.hex(), len(payload))
            self._journal.record(SumPublished(batch.batch_id, b""))
            return
        record = self._chain.view.recorded(task_id, number, batch.batch_id, 1)
        if record is None:
            raise ChainError("the node does not show a batch that was accepted; it lags behind, or was reorganised")
        transaction = self._fees.post(batch.round_key, record.batch_index, payload, fleet)
        if transaction is None:
            transaction = self._chain.publish_aggregate(task_id, number, record.batch_index, payload).transaction
        self._journal.record(SumPublished(batch.batch_id, transaction))
