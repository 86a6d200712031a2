"""Hands proven batches to the market, once each, whatever is restarted or taken back in between.

A receipt is no acceptance: the block may be replaced.  A batch is settled once the chain has had it, or has refused it,
deep enough, as most nodes show it; one that a reorganisation has taken back before is handed in again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from enum import Enum, auto
from functools import partial

from circuits.errors import ContractError
from commons.chain.depth import HEAD
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import BatchSender
from commons.protocol.bundle import Certificate
from commons.protocol.status import SubmissionState
from commons.runtime import spans
from commons.runtime.logcontext import about
from commons.settings.values import Depth
from commons.storage.blobs import Blobs
from coordinator.certificates import certificate_of
from coordinator.events import BatchSettled, TransactionSent
from coordinator.journal import Journal
from coordinator.lasting import Lasting
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import ProvenBatch, RoundKey

_log = logging.getLogger(__name__)
_PASSING = frozenset(
    {"", "OutOfGas", "TaskUnknown", "RoundUnknown", "CommitteeUnknown", "EpochUnknown", "AcceptancePaused",
     "OwnerAlreadyAccepted"}
)  # fmt: skip
"""Refusals that may pass: a node that lags does not know what is there, a pause of the market moves the round's
deadlines, and owners that were accepted are so in the same set, proven in another attempt, which is taken over first
(`coordinator/adoption.py`).  All others are final once they are deep enough."""
_ELSEWHERE = "its owners were accepted in another batch, of the same set"


class _Place(Enum):
    """Where a batch is on the chain."""

    NOWHERE = auto()
    IN_A_BLOCK = auto()
    DEEP = auto()


class Settlement:
    """Sends batches and records what the chain made of them.

    Args:
        depth: how deep a block must be for what it says to be recorded.
    """

    def __init__(self, chain: BatchSender, journal: Journal, blobs: Blobs, depth: Depth) -> None:
        self._chain = chain
        self._journal = journal
        self._blobs = blobs
        self._depth = depth
        self._refusals = Lasting(chain.view, depth)

    def settle(self, batch_id: bytes) -> None:
        """Send one batch, unless the chain has it already.

        Raises:
            ChainError: the node is the trouble; call again later.
            ContractError: the market refuses it, which may pass, or is not deep enough yet; call again later.
        """
        with about(batch=f"0x{batch_id.hex()}"):
            self._settle(batch_id)

    def _settle(self, batch_id: bytes) -> None:
        if self._look(batch_id) is not _Place.NOWHERE:
            return
        with self._journal.reading() as state:
            batch = replace(state.batches[batch_id])
            accepted = [s for s in batch.submissions if _is_accepted(state, s)]
        if len(accepted) == len(batch.submissions):
            self._journal.record(BatchSettled(batch_id, False, _ELSEWHERE))
        else:
            self._send(batch)

    def look(self, key: RoundKey) -> frozenset[bytes]:
        """Record what has been accepted deep enough; returns the batches of a round that have not, but are in a block.

        Raises:
            ChainError: the node is the trouble.
        """
        with self._journal.reading() as state:
            unsettled = [batch.batch_id for batch in state.unsettled(key)]
        return frozenset(batch_id for batch_id in unsettled if self._look(batch_id) is _Place.IN_A_BLOCK)

    def _look(self, batch_id: bytes) -> _Place:
        """Where a batch is; recorded if it is deep enough."""
        with self._journal.reading() as state:
            key = state.batches[batch_id].round_key
        place = self._place(key, batch_id)
        if place is not _Place.NOWHERE:
            self._refusals.forget(batch_id)
        if place is _Place.DEEP:
            self._journal.record(BatchSettled(batch_id, True, ""))
            _log.info("event=batch-accepted batch=0x%s", batch_id.hex())
        return place

    def _place(self, key: RoundKey, batch_id: bytes) -> _Place:
        """Where most nodes show a batch; while too few answer, it goes on by what one says, and nothing is final."""
        view = self._chain.view

        def shows(depth: Depth) -> bool | None:
            return view.recorded(*key, batch_id, depth) is not None or None

        try:
            if not view.most(partial(shows, HEAD)):
                return _Place.NOWHERE
            deep = self._depth == HEAD or view.most(partial(shows, self._depth))
        except NoAgreementError as error:
            _log.warning("event=nodes-not-agreed batch=0x%s reason=%r", batch_id.hex(), str(error))
            return _Place.IN_A_BLOCK if shows(HEAD) else _Place.NOWHERE
        return _Place.DEEP if deep else _Place.IN_A_BLOCK

    def _send(self, batch: ProvenBatch) -> None:
        with spans.span("settle", owners=len(batch.submissions)):
            self._send_once(batch)

    def _send_once(self, batch: ProvenBatch) -> None:
        batch_id, certificate = batch.batch_id, certificate_of(self._blobs, batch.bundle_digest)
        try:
            self._hand_in(batch_id, certificate)
        except ContractError as error:
            if self._look(batch_id) is not _Place.NOWHERE:  # by a transaction sent before a restart, or by a relay
                return
            if error.error in _PASSING or not self._is_final(batch_id, certificate):
                raise
            self._refusals.forget(batch_id)
            _log.error("event=batch-refused batch=0x%s reason=%r", batch_id.hex(), str(error))
            self._journal.record(BatchSettled(batch_id, False, str(error)))
            return
        self._look(batch_id)

    def _hand_in(self, batch_id: bytes, certificate: Certificate) -> None:
        """Have a batch mined.  Raises ChainError, ContractError."""
        mined = self._chain.accept_batch(
            certificate.statement, certificate.proof, certificate.attestations, certificate.payee,
            on_sent=partial(self._sent, batch_id),
        )  # fmt: skip
        _log.info(
            "event=batch-mined batch=0x%s transaction=0x%s block=%d gas=%d",
            batch_id.hex(), mined.transaction.hex(), mined.block, mined.gas_used,
        )  # fmt: skip

    def _is_final(self, batch_id: bytes, certificate: Certificate) -> bool:
        """Whether most nodes show that the market refuses a batch, and have done so for long enough."""
        batch = certificate.statement, certificate.proof, certificate.attestations, certificate.payee

        def refused() -> bool | None:
            error = self._chain.rehearsal(*batch)
            return (error is not None and error not in _PASSING) or None

        try:
            return bool(self._chain.view.most(refused)) and self._refusals.holds(batch_id)
        except NoAgreementError as error:
            _log.warning("event=nodes-not-agreed batch=0x%s reason=%r", batch_id.hex(), str(error))
            return False

    def _sent(self, batch_id: bytes, transaction: bytes) -> None:
        self._journal.record(TransactionSent(batch_id, transaction))


def _is_accepted(state: CoordinatorState, submission: bytes) -> bool:
    status = state.status_of(submission)
    return status is not None and status.state is SubmissionState.ACCEPTED
