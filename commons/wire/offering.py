"""Handing an upload to the coordinator, which hands it on: its bytes leave the owner once, whatever the committee is.

The coordinator is believed nothing: receipts are the provers', and whoever has given none in time is handed its share
by the owner itself (`commons.wire.handing`).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from circuits.errors import BusyError, GradrollError, SignatureError, UnavailableError
from commons.chain.facts import CommitteeRecord
from commons.chain.view import ChainView
from commons.protocol.receipts import verify_receipt
from commons.protocol.sealeduploads import SealedUpload
from commons.runtime import spans
from commons.storage.submissions import SavedSubmission
from commons.wire.coordinator_client import CoordinatorClient

_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
"""Seconds between questions to the coordinator, at first and at most."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offering:
    """Hands uploads to one coordinator.

    Attributes:
        save: makes a submission durable.
        patience: seconds for which nothing may move, where the upload itself did not take longer.
    """

    view: ChainView
    coordinator: CoordinatorClient
    save: Callable[[SavedSubmission], None]
    patience: float

    def send(
        self, submission: SavedSubmission, upload: SealedUpload, record: CommitteeRecord, closes: float
    ) -> SavedSubmission:
        """Hand an upload over, and collect the provers' receipts as long as something moves.

        Args:
            closes: when the round takes no submissions any more, on the monotonic clock; half of the time until then is
                kept for the provers.

        Returns:
            The submission with the receipts that came; as it was where the coordinator takes nothing.
        """
        begun = time.monotonic()
        until = begun + max((closes - begun) / 2, self.patience)
        try:
            with spans.part("offer", calls=True):
                self._offer(upload, until)
            return self._collect(submission, record, _Waiting(until, max(self.patience, time.monotonic() - begun)))
        except GradrollError as error:
            _log.info("the coordinator does not take the shares, so each prover is handed its own: %s", error)
            return submission

    def shown(self, submission: SavedSubmission, record: CommitteeRecord) -> SavedSubmission:
        """The submission with the receipts that the coordinator has of an earlier try; as it was where it has none."""
        header = submission.header
        digest = header.digest(self.view.context(header.task_id, header.round))
        try:
            return self._with(self.coordinator.offer_status(digest).receipts, submission, digest, record)
        except GradrollError as error:
            _log.info("the coordinator shows no receipts of what was handed in before: %s", error)
            return submission

    def _offer(self, upload: SealedUpload, until: float) -> None:
        """Every try goes on where the last one broke off; one that a server sends away waits its turn."""
        failing: float | None = None
        while True:
            tried = time.monotonic()
            try:
                self.coordinator.offer_shares(upload, until=until)
            except UnavailableError as error:
                now = time.monotonic()
                if failing is None or isinstance(error, BusyError) or now - tried > self.patience:
                    failing = now + self.patience
                pause = error.retry_after if isinstance(error, BusyError) else _PAUSE
                if now + pause >= (until if isinstance(error, BusyError) else min(failing, until)):
                    raise
                time.sleep(pause * random.uniform(1, 2))
            else:
                return

    def _collect(self, submission: SavedSubmission, record: CommitteeRecord, waiting: _Waiting) -> SavedSubmission:
        """Receipts as they come; once nothing more is to be had of the coordinator, the submission with those."""
        header = submission.header
        digest, pause = header.digest(self.view.context(header.task_id, header.round)), _PAUSE
        while True:
            try:
                status = self.coordinator.offer_status(digest, until=waiting.until)
            except GradrollError as error:
                _log.info("the coordinator does not say who has the shares: %s", error)
                return submission
            submission = self._with(status.receipts, submission, digest, record)
            lacking = [p for p in range(record.committee.size) if p not in submission.receipts]
            has_quorum = len(submission.receipts) >= record.committee.quorum
            if not lacking or (has_quorum and all(status.undelivered.get(p) for p in lacking)):
                return submission
            if waiting.is_over(time.monotonic(), (len(submission.receipts), status.moved)):
                return submission
            time.sleep(min(pause * random.uniform(0.5, 1), max(waiting.until - time.monotonic(), 0)))
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    def _with(
        self, receipts: Mapping[int, bytes], submission: SavedSubmission, digest: bytes, record: CommitteeRecord
    ) -> SavedSubmission:
        """The submission with those receipts of others that are their provers', which are durable then."""
        new = self._sound(receipts, submission, digest, record)
        for prover, receipt in new.items():
            submission = submission.with_receipt(prover, receipt)
        if new:
            self.save(submission)
        return submission

    def _sound(
        self, receipts: Mapping[int, bytes], submission: SavedSubmission, digest: bytes, record: CommitteeRecord
    ) -> dict[int, bytes]:
        """Those that are new, and their provers'."""
        found = {}
        for prover, receipt in receipts.items():
            if prover in submission.receipts or prover >= record.committee.size:
                continue
            try:
                verify_receipt(self.view.market_id, digest, receipt, record.committee.members[prover])
            except SignatureError as error:
                _log.warning("the coordinator shows a receipt of prover %d that is none: %s", prover, error)
            else:
                found[prover] = receipt
        return found


@dataclass(slots=True)
class _Waiting:
    """How long it is waited: not longer than until a time, nor for ``quiet`` seconds in which nothing moves."""

    until: float
    quiet: float
    seen: tuple[int, int] = (0, 0)
    moved_at: float | None = None

    def is_over(self, now: float, seen: tuple[int, int]) -> bool:
        if self.moved_at is None or seen > self.seen:
            self.seen, self.moved_at = seen, now
        return now >= min(self.until, self.moved_at + self.quiet)
