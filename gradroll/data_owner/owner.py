"""The data owner's side: from a float gradient to a submission that provers hold and the coordinator knows.

What leaves the owner: t shares tell nothing about the gradient (any t provers may collude), the commitment is hiding.
What the owner cannot do: exceed the task's norm bound, or be paid for a gradient that does not open its commitment.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.commitment import CommitmentKey
from circuits.errors import (
    ClosedError,
    GradientError,
    GradrollError,
    InvalidInputError,
    UnavailableError,
    UnknownError,
)
from circuits.policies.registry import find
from circuits.quantize import FloatArray, Quantized, quantize
from circuits.statement import Committee, SubmissionHeader, TaskTerms
from commons.chain.facts import CommitteeRecord
from commons.chain.view import ChainView
from commons.protocol.receipts import verify_receipt
from commons.protocol.status import SubmissionStatus
from commons.sharing.dealing import OwnerSeeds, Sharing, share_gradient
from commons.storage.accounts import SigningKey
from commons.storage.modelfiles import decode_model
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.prover_client import ProverClient
from gradroll.data_owner.submissions import SavedSubmission, SubmissionStore

_PAUSE = 0.5
Deal = Callable[[Quantized, int, CommitmentKey, Committee, OwnerSeeds], Sharing]
"""From a quantised gradient, BOUND, key, committee and seeds to the commitment and what each prover gets."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The outcome of `DataOwner.submit`.

    Attributes:
        submission: the submission's identifier (EIP-712 digest of its header).
        max_error: largest distance of a quantised coordinate from the clipped gradient's, in the gradient's units.
        scale: factor by which the gradient was shrunk to the task's bound; 1.0 when it was inside.
        receipts: committee indices of the provers that hold their share.
        missing: why each other prover does not.
    """

    submission: bytes
    round: int
    max_error: float
    scale: float
    receipts: tuple[int, ...]
    missing: Mapping[int, str]
    status: SubmissionStatus


class DataOwner:
    """One owner account at one market.

    Args:
        view: read access to the chain.
        coordinator: the task's coordinator; it sees headers and receipts, never a share.
        account: the owner's signing key.
        parameters: public parameters; only the SRS is needed.
        state: directory for submissions under way.
        stall: seconds after which an upload on which nothing moves is given up.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
        patience: seconds in which provers that do not answer are asked again: a batch of owners whose shares all
            provers hold outlives one that vanishes, so a coordinator proves those first.
        deal: makes commitment and shares of a gradient, the same again for the same seeds.
    """

    def __init__(
        self,
        view: ChainView,
        coordinator: CoordinatorClient,
        account: SigningKey,
        parameters: PublicParameters,
        state: Path,
        *,
        stall: float = 60.0,
        tls_roots: bytes | None = None,
        patience: float = 3.0,
        deal: Deal = share_gradient,
    ) -> None:
        self._view = view
        self._coordinator = coordinator
        self._account = account
        self._parameters = parameters
        self._store = SubmissionStore(state, view.market_id)
        self._stall = stall
        self._tls_roots = tls_roots
        self._patience = patience
        self._deal = deal

    @property
    def address(self) -> bytes:
        """The owner's 20-byte address."""
        return self._account.address

    def fetch_model(self, task_id: int, round_number: int) -> FloatArray:
        """The model of a round, float64[d], checked against the digest on the chain."""
        terms = self._view.terms(task_id)
        data = self._coordinator.get_model(self._view.round(task_id, round_number).model_digest)
        return decode_model(data, terms.dimension)

    def submit(self, task_id: int, gradient: npt.NDArray[np.floating], *, round_number: int | None = None) -> Submitted:
        """Clip, quantise, commit, share and hand in one gradient.

        A call that stopped half way is repeated with the same gradient: provers that have their share are not asked
        again, the others get the very share whose digest was signed.

        Args:
            gradient: float[d].
            round_number: the round, by default the task's latest.

        Raises:
            UnknownError: no such task, or this account is not registered for it.
            GradientError: wrong dimension, NaN, infinity; or it breaks the task's policy, whose verifying key is here.
            ClosedError: the round takes no submissions any more.
            InvalidInputError: another gradient was begun for this round.
            UnavailableError: fewer provers than a quorum took their share; what was sent is kept, call again.
        """
        terms = self._view.terms(task_id)
        current = self._round(terms, round_number)
        record = self._view.committee_record(terms.committee_id)
        quantized = quantize(gradient, fraction_bits=terms.fraction_bits, bound=terms.bound, dimension=terms.dimension)
        begun = self._store.load(task_id, current, self.address)
        if begun is not None and begun.gradient_digest != gradient_digest(quantized):
            raise InvalidInputError(
                f"another gradient was already begun for round {current} of task {task_id}; "
                "submit that one again, or wait for the next round"
            )
        if begun is not None and begun.is_finished:
            return _outcome(begun, quantized, {}, self._status_of(begun))
        self._require_open(terms, current)
        self._require_policy(terms, quantized)
        if begun is None:
            submission, sharing = self._begin(terms, current, record.committee, quantized)
        else:
            submission, sharing = begun, self._deal_again(begun, terms, record.committee, quantized)
        submission, missing = self._send_patiently(submission, sharing, record)
        status = self._hand_in(submission, record.committee, missing)
        return _outcome(submission, quantized, missing, status)

    def status(self, submission: bytes) -> SubmissionStatus:
        """What became of a submission, as its coordinator says."""
        return self._coordinator.submission_status(submission)

    def _round(self, terms: TaskTerms, wanted: int | None) -> int:
        opened = self._view.task(terms.task_id).rounds_opened
        if opened == 0:
            raise ClosedError(f"task {terms.task_id} has no open round yet; wait for its model owner to open one")
        current = opened - 1 if wanted is None else wanted
        if not 0 <= current < opened:
            raise UnknownError(f"task {terms.task_id} has no round {current}; the latest is {opened - 1}")
        return current

    def _require_open(self, terms: TaskTerms, number: int) -> None:
        deadline, now = self._view.round(terms.task_id, number).submit_deadline, self._view.now()
        if now >= deadline:
            raise ClosedError(
                f"round {number} of task {terms.task_id} took submissions until {deadline} (chain time); it is {now}"
            )

    def _require_policy(self, terms: TaskTerms, quantized: Quantized) -> None:
        """What the policy demands beside the norm bound, where this owner has the policy's verifying key."""
        key_hash = self._view.policy(terms.task_id).key_hash
        if not self._parameters.has_verifying_key(key_hash):
            return  # owners need no policy keys; without one they must know themselves what they agree to
        policy = find(self._parameters.verifying_key(key_hash).policy)
        norm = sum(int(value) ** 2 for value in quantized.values)
        if not policy.holds(terms.bound, norm):
            raise GradientError(f"this gradient breaks the task's policy {policy.name!r}: {policy.claim}")

    def _begin(
        self, terms: TaskTerms, round_number: int, committee: Committee, quantized: Quantized
    ) -> tuple[SavedSubmission, Sharing]:
        index = self._view.owner_index(terms.task_id, self.address)
        if index is None:
            raise UnknownError(
                f"0x{self.address.hex()} is not registered for task {terms.task_id}; register it first "
                "(gradroll submit --register), or ask the model owner to admit it"
            )
        raw = secrets.token_bytes(OwnerSeeds.length(committee))
        key = self._parameters.commitment_key(terms.dimension)
        sharing = self._deal(quantized, terms.bound, key, committee, OwnerSeeds.from_bytes(raw))
        header = SubmissionHeader(
            terms.task_id, round_number, self.address, index, sharing.commitment, sharing.digests
        ).signed(self._view.context(terms.task_id, round_number), self._account.sign)
        submission = SavedSubmission(header, gradient_digest(quantized), raw, {})
        self._store.save(submission)  # before anything leaves: a second draw of masks for this round must not happen
        return submission, sharing

    def _deal_again(
        self, begun: SavedSubmission, terms: TaskTerms, committee: Committee, quantized: Quantized
    ) -> Sharing:
        key = self._parameters.commitment_key(terms.dimension)
        sharing = self._deal(quantized, terms.bound, key, committee, OwnerSeeds.from_bytes(begun.seeds))
        if (sharing.commitment, sharing.digests) != (begun.header.commitment, begun.header.share_digests):
            raise InvalidInputError(
                "the shares of the submission begun earlier cannot be made again (other SRS or release?); "
                "put the old files back, or wait for the next round"
            )
        return sharing

    def _send_patiently(
        self, submission: SavedSubmission, sharing: Sharing, record: CommitteeRecord
    ) -> tuple[SavedSubmission, Mapping[int, str]]:
        submission, missing = self._send(submission, sharing, record)
        deadline = time.monotonic() + self._patience  # from here on: a slow line's uploads may have taken minutes
        while _some_silent(missing) and time.monotonic() + _PAUSE < deadline:
            time.sleep(_PAUSE)
            submission, missing = self._send(submission, sharing, record)
        return submission, missing

    def _send(
        self, submission: SavedSubmission, sharing: Sharing, record: CommitteeRecord
    ) -> tuple[SavedSubmission, Mapping[int, str]]:
        """Stream to all provers that have no receipt yet, at once; every receipt is durable before the next step."""
        open_provers = [p for p in range(record.committee.size) if p not in submission.receipts]
        missing: dict[int, str] = {}
        with ThreadPoolExecutor(max(len(open_provers), 1), "upload") as pool:
            uploads = {
                p: pool.submit(self._send_one, submission.header, sharing.payloads[p], p, record) for p in open_provers
            }
            for prover, upload in uploads.items():
                try:
                    submission = submission.with_receipt(prover, upload.result())
                except GradrollError as error:
                    missing[prover] = f"{error.code}: {error}"
                else:
                    self._store.save(submission)
        return submission, missing

    def _send_one(self, header: SubmissionHeader, payload: bytes, prover: int, record: CommitteeRecord) -> bytes:
        context = self._view.context(header.task_id, header.round)
        endpoint = record.endpoints[prover]
        with ProverClient(endpoint, stall=self._stall, tls_roots=self._tls_roots) as client:
            receipt = client.submit_shares(header, prover, payload, record.hpke_keys[prover], context)
        verify_receipt(context.market, header.digest(context), receipt, record.committee.members[prover])
        return receipt

    def _hand_in(
        self, submission: SavedSubmission, committee: Committee, missing: Mapping[int, str]
    ) -> SubmissionStatus:
        if len(submission.receipts) < committee.quorum:
            raise UnavailableError(
                f"{len(submission.receipts)} of {committee.size} provers hold their share, {committee.quorum} are "
                f"needed; the receipts are kept, submit the same gradient again ({_reasons(missing)})"
            )
        status = self._coordinator.submit_header(submission.header, submission.receipts)
        self._store.save(submission.finished())
        return status

    def _status_of(self, finished: SavedSubmission) -> SubmissionStatus:
        """Where a finished submission stands; one that the coordinator has lost is handed in again."""
        try:
            return self.status(self._digest(finished.header))
        except UnknownError:
            return self._coordinator.submit_header(finished.header, finished.receipts)

    def _digest(self, header: SubmissionHeader) -> bytes:
        return header.digest(self._view.context(header.task_id, header.round))


def _outcome(
    submission: SavedSubmission, quantized: Quantized, missing: Mapping[int, str], status: SubmissionStatus
) -> Submitted:
    return Submitted(
        status.submission,
        submission.header.round,
        quantized.max_error,
        quantized.scale,
        tuple(sorted(submission.receipts)),
        missing,
        status,
    )


def gradient_digest(quantized: Quantized) -> bytes:
    """SHA-256 of a quantised gradient, by which a retry is recognised."""
    return hashlib.sha256(np.ascontiguousarray(quantized.values, dtype="<i8").tobytes()).digest()


def _some_silent(missing: Mapping[int, str]) -> bool:
    return any(reason.startswith(UnavailableError.code) for reason in missing.values())


def _reasons(missing: Mapping[int, str]) -> str:
    return "; ".join(f"prover {p}: {reason}" for p, reason in sorted(missing.items())) or "no prover refused"
