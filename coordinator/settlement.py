"""Hands proven batches to the market, once each, whatever is restarted in between."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from circuits.errors import ContractError
from commons.chain.ports import BatchSender
from commons.protocol.status import SubmissionState
from commons.storage.blobs import Blobs
from coordinator.certificates import certificate_of
from coordinator.events import BatchSettled, TransactionSent
from coordinator.journal import Journal
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import ProvenBatch

_log = logging.getLogger(__name__)
_PASSING = frozenset(
    {"", "OutOfGas", "TaskUnknown", "RoundUnknown", "CommitteeUnknown", "EpochUnknown", "AcceptancePaused",
     "OwnerAlreadyAccepted"}
)  # fmt: skip
"""Refusals that may pass: a node that lags does not know what is there, a pause of the market moves the round's
deadlines, and owners that were accepted are so in the same set, proven in another attempt, which is taken over first
(`coordinator/adoption.py`).  All others are final."""
_ELSEWHERE = "its owners were accepted in another batch, of the same set"


class Settlement:
    """Sends batches and records what the chain made of them."""

    def __init__(self, chain: BatchSender, journal: Journal, blobs: Blobs) -> None:
        self._chain = chain
        self._journal = journal
        self._blobs = blobs

    def settle(self, batch_id: bytes) -> None:
        """Send one batch, unless the chain has it already.

        Raises:
            ChainError: the node is the trouble; call again later.
        """
        if self.note_accepted(batch_id):
            return
        with self._journal.reading() as state:
            batch = replace(state.batches[batch_id])
            accepted = [s for s in batch.submissions if _is_accepted(state, s)]
        if len(accepted) == len(batch.submissions):
            self._journal.record(BatchSettled(batch_id, False, _ELSEWHERE))
        else:
            self._send(batch)

    def note_accepted(self, batch_id: bytes) -> bool:
        """Record it if the chain has accepted a batch; whether it has."""
        with self._journal.reading() as state:
            key = state.batches[batch_id].round_key
        if not self._has(batch_id, *key):
            return False
        self._journal.record(BatchSettled(batch_id, True, ""))
        return True

    def _send(self, batch: ProvenBatch) -> None:
        batch_id, certificate = batch.batch_id, certificate_of(self._blobs, batch.bundle_digest)
        try:
            mined = self._chain.accept_batch(
                certificate.statement, certificate.proof, certificate.attestations, certificate.payee,
                on_sent=partial(self._sent, batch_id),
            )  # fmt: skip
        except ContractError as error:
            if self.note_accepted(batch_id):  # by a transaction sent before a restart, or by a relay
                return
            if error.error in _PASSING:
                raise
            _log.error("event=batch-refused batch=0x%s reason=%r", batch_id.hex(), str(error))
            self._journal.record(BatchSettled(batch_id, False, str(error)))
            return
        self._journal.record(BatchSettled(batch_id, True, ""))
        _log.info(
            "event=batch-accepted batch=0x%s transaction=0x%s gas=%d",
            batch_id.hex(), mined.transaction.hex(), mined.gas_used,
        )  # fmt: skip

    def _has(self, batch_id: bytes, task_id: int, number: int) -> bool:
        return self._chain.view.recorded(task_id, number, batch_id, 1) is not None

    def _sent(self, batch_id: bytes, transaction: bytes) -> None:
        self._journal.record(TransactionSent(batch_id, transaction))


def _is_accepted(state: CoordinatorState, submission: bytes) -> bool:
    status = state.status_of(submission)
    return status is not None and status.state is SubmissionState.ACCEPTED
