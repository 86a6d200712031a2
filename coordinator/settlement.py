"""Hands proven batches to the market, once each, whatever is restarted in between."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from circuits.errors import ContractError
from commons.chain.ports import BatchSender
from commons.protocol.bundle import AuditBundle
from commons.storage.blobs import Blobs
from coordinator.events import BatchSettled, TransactionSent
from coordinator.journal import Journal

_log = logging.getLogger(__name__)
_PASSING = frozenset({"", "OutOfGas", "TaskUnknown", "RoundUnknown", "CommitteeUnknown"})
"""Refusals that may pass: a node that lags does not know what is there.  All others are final."""


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
        with self._journal.reading() as state:
            batch = replace(state.batches[batch_id])
        if self._is_accepted(batch_id, *batch.round_key):
            self._journal.record(BatchSettled(batch_id, True, ""))
            return
        bundle = AuditBundle.decode(self._blobs.get(batch.bundle_digest))
        attestations = bundle.certificate.attestations
        try:
            mined = self._chain.accept_batch(
                bundle.statement, bundle.proof, attestations, on_sent=partial(self._sent, batch_id)
            )
        except ContractError as error:
            if self._is_accepted(batch_id, *batch.round_key):  # by a transaction sent before a restart
                self._journal.record(BatchSettled(batch_id, True, ""))
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

    def _is_accepted(self, batch_id: bytes, task_id: int, number: int) -> bool:
        return any(known.record.batch_id == batch_id for known in self._chain.view.accepted(task_id, number))

    def _sent(self, batch_id: bytes, transaction: bytes) -> None:
        self._journal.record(TransactionSent(batch_id, transaction))
