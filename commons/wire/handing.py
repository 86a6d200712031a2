"""Handing shares to the provers: through the coordinator, then to all that lack theirs at once, and again to those that
do not answer; each receipt is kept as it comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial

from circuits.errors import GradrollError, UnavailableError
from circuits.statement import SubmissionHeader
from commons.chain.facts import CommitteeRecord
from commons.chain.view import ChainView
from commons.protocol.receipts import verify_receipt
from commons.protocol.sealeduploads import SealedUpload
from commons.runtime import spans
from commons.storage.submissions import SavedSubmission
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.offering import Offering
from commons.wire.prover_client import ProverClient

_PAUSE = 0.5
_LATE = "late: the others were much faster, or the round is about to close; it was not waited for"


class ShareSender:
    """Hands sealed shares to a committee's provers.

    Args:
        coordinator: hands them on, if it does.
        save: makes a submission durable.
        stall: seconds after which an upload on which nothing moves is given up.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
        patience: seconds in which provers that do not answer are asked again.
    """

    def __init__(
        self,
        view: ChainView,
        coordinator: CoordinatorClient,
        save: Callable[[SavedSubmission], None],
        *,
        stall: float,
        tls_roots: bytes | None,
        patience: float,
    ) -> None:
        self._view = view
        self._save = save
        self._stall = stall
        self._tls_roots = tls_roots
        self._patience = patience
        self._offering = Offering(view, coordinator, save, patience)

    def shown(self, submission: SavedSubmission, record: CommitteeRecord) -> SavedSubmission:
        """The submission with the receipts that the coordinator has of an earlier try."""
        return self._offering.shown(submission, record)

    def send(
        self, submission: SavedSubmission, upload: SealedUpload, record: CommitteeRecord
    ) -> tuple[SavedSubmission, Mapping[int, str]]:
        """Have the coordinator hand the shares on; then stream to all provers that have given no receipt yet, at once.

        Every receipt is durable when it is here.  A prover goes on behind what it has by now.

        A prover that takes its share just fast enough must not keep the others' receipts from the coordinator: once a
        quorum's are here, the others have as long again, and at least ``stall`` seconds, but at most half of the time
        in which the round still takes submissions.

        After the round took submissions the provers that have their share give their receipts again all the same.

        Returns:
            The submission with the receipts, and why each other prover has no share.
        """
        header, over = submission.header, threading.Event()
        closes = time.monotonic() + max(self._seconds_left(header), self._patience)
        submission = self._offering.send(submission, upload, record, closes)
        open_provers = [p for p in range(record.committee.size) if p not in submission.receipts]
        uploads: dict[Future[bytes], int] = {}
        malformed: dict[int, str] = {}
        # Connections are closed before the pool is: that ends the uploads that were not waited for.
        with ThreadPoolExecutor(max(len(open_provers), 1), "upload") as pool, ExitStack() as connections:
            for prover in open_provers:
                try:
                    client = connections.enter_context(self._client(record.endpoints[prover]))
                except GradrollError as error:
                    malformed[prover] = _reason(error)
                else:
                    work = partial(self._to_one, client, upload, prover, record, over)
                    uploads[pool.submit(copy_context().run, work)] = prover
            connections.callback(over.set)
            submission, missing = self._collect(submission, uploads, record.committee.quorum, closes)
        return submission, malformed | missing

    def _collect(
        self, submission: SavedSubmission, uploads: Mapping[Future[bytes], int], quorum: int, closes: float
    ) -> tuple[SavedSubmission, dict[int, str]]:
        missing: dict[int, str] = {}
        running, begun, until = set(uploads), time.monotonic(), None
        while running:
            if until is None and len(submission.receipts) >= quorum:
                now = time.monotonic()
                until = now + min(max(self._stall, now - begun), (closes - now) / 2)
            ended, running = wait(running, (until or closes) - time.monotonic(), FIRST_COMPLETED)
            if not ended:
                break
            for upload in ended:
                try:
                    submission = submission.with_receipt(uploads[upload], upload.result())
                except GradrollError as error:
                    missing[uploads[upload]] = _reason(error)
                else:
                    self._save(submission)
        return submission, missing | {uploads[late]: _LATE for late in running}

    def _to_one(
        self,
        client: ProverClient,
        upload: SealedUpload,
        prover: int,
        record: CommitteeRecord,
        over: threading.Event,
    ) -> bytes:
        """The receipt of one prover, which is asked again for a while when it does not answer, until it is over."""
        context = self._view.context(upload.head.header.task_id, upload.head.header.round)
        submission = upload.head.header.digest(context)
        deadline: float | None = None
        while True:
            begun = time.monotonic()
            try:
                with spans.part("upload", calls=True, prover=prover):
                    receipt = client.submit_shares(upload.head.share(prover), upload.body(prover), submission)
                break
            except UnavailableError:
                if deadline is None or time.monotonic() - begun > self._patience:
                    # From here on: a slow line's upload may have taken minutes, and goes on where it broke off.
                    deadline = time.monotonic() + self._patience
                if over.is_set() or time.monotonic() + _PAUSE >= deadline:
                    raise
                time.sleep(_PAUSE)
        verify_receipt(context.market, submission, receipt, record.committee.members[prover])
        return receipt

    def _seconds_left(self, header: SubmissionHeader) -> float:
        """How long the round still takes submissions; behind that, how long provers are asked for their receipts."""
        record, now = self._view.round(header.task_id, header.round), self._view.now()
        if now < record.submit_deadline:
            return record.submit_deadline - now
        return min(record.settle_deadline - now, self._stall)

    def _client(self, endpoint: str) -> ProverClient:
        return ProverClient(endpoint, stall=self._stall, tls_roots=self._tls_roots)


def _reason(error: GradrollError) -> str:
    return f"{error.code}: {error}"


def reasons(missing: Mapping[int, str]) -> str:
    """Why provers have no share, in words."""
    return "; ".join(f"prover {p}: {reason}" for p, reason in sorted(missing.items())) or "no prover refused"
