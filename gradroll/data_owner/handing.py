"""Handing shares to the provers: to all at once, again to those that do not answer, each receipt kept at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from circuits.errors import GradrollError, UnavailableError
from circuits.statement import SubmissionHeader
from commons.chain.facts import CommitteeRecord
from commons.chain.view import ChainView
from commons.protocol.receipts import verify_receipt
from commons.sharing.dealing import Sharing
from commons.wire.prover_client import ProverClient
from gradroll.data_owner.submissions import SavedSubmission

_PAUSE = 0.5


class ShareSender:
    """Streams sealed shares to a committee's provers.

    Args:
        save: makes a submission durable.
        stall: seconds after which an upload on which nothing moves is given up.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
        patience: seconds in which provers that do not answer are asked again.
    """

    def __init__(
        self,
        view: ChainView,
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

    def send(
        self, submission: SavedSubmission, sharing: Sharing, record: CommitteeRecord
    ) -> tuple[SavedSubmission, Mapping[int, str]]:
        """Send every prover that has given no receipt its share.

        Returns:
            The submission with the receipts, and why each other prover has no share.
        """
        submission, missing = self._to_all(submission, sharing, record)
        deadline = time.monotonic() + self._patience  # from here on: a slow line's uploads may have taken minutes
        while _some_silent(missing) and time.monotonic() + _PAUSE < deadline:
            time.sleep(_PAUSE)
            submission, missing = self._to_all(submission, sharing, record)
        return submission, missing

    def _to_all(
        self, submission: SavedSubmission, sharing: Sharing, record: CommitteeRecord
    ) -> tuple[SavedSubmission, Mapping[int, str]]:
        """Stream to all provers that have no receipt yet, at once; every receipt is durable before the next step."""
        open_provers = [p for p in range(record.committee.size) if p not in submission.receipts]
        missing: dict[int, str] = {}
        with ThreadPoolExecutor(max(len(open_provers), 1), "upload") as pool:
            uploads = {
                p: pool.submit(self._to_one, submission.header, sharing.payloads[p], p, record) for p in open_provers
            }
            for prover, upload in uploads.items():
                try:
                    submission = submission.with_receipt(prover, upload.result())
                except GradrollError as error:
                    missing[prover] = f"{error.code}: {error}"
                else:
                    self._save(submission)
        return submission, missing

    def _to_one(self, header: SubmissionHeader, payload: bytes, prover: int, record: CommitteeRecord) -> bytes:
        context = self._view.context(header.task_id, header.round)
        endpoint = record.endpoints[prover]
        with ProverClient(endpoint, stall=self._stall, tls_roots=self._tls_roots) as client:
            receipt = client.submit_shares(header, prover, payload, record.hpke_keys[prover], context)
        verify_receipt(context.market, header.digest(context), receipt, record.committee.members[prover])
        return receipt


def _some_silent(missing: Mapping[int, str]) -> bool:
    return any(reason.startswith(UnavailableError.code) for reason in missing.values())
