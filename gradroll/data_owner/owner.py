"""The data owner's side: from a float gradient to a submission that provers hold and the coordinator knows.

What leaves the owner: t shares tell nothing about the gradient (any t provers may collude), the commitment is hiding.
What the owner cannot do: exceed the task's norm bound, or be paid for a gradient that does not open its commitment.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy.typing as npt

from circuits.arrays import FloatArray
from circuits.errors import (
    ClosedError,
    GradientError,
    InvalidInputError,
    UnavailableError,
    UnknownError,
)
from circuits.policies.registry import find
from circuits.quantize import Quantized
from circuits.statement import Committee, SubmissionHeader
from circuits.terms import TaskTerms
from commons.chain.eligibility import require_eligible
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.sealedsums import require_sum_key
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.runtime import spans
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from commons.sharing.dealing import Sharing, share_gradient
from commons.storage.parameters import PublicParameters
from commons.storage.submissions import SavedSubmission, SubmissionStore
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.handing import ShareSender, reasons
from commons.wire.published import fetch_manifest, fetch_model, opened_round
from commons.wire.resuming import Deal, Dealer, gradient_digest
from gradroll.data_owner.fitting import fitted
from gradroll.data_owner.gradedmodels import GradedModels, GradedRound
from gradroll.data_owner.participant import Participant
from gradroll.data_owner.standing import Standing, await_end, standing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submitted:
    """The outcome of `DataOwner.submit`.

    Attributes:
        submission: the submission's identifier (EIP-712 digest of its header).
        max_error: largest distance of a quantised coordinate from the clipped gradient's, in the gradient's units.
        scale: factor by which the gradient was brought to the task's bound: below 1 where it was beyond, above 1 where
            it was inside and the task grades, 1.0 where it stayed as it was.
        receipts: committee indices of the provers that hold their share.
        missing: why each other prover does not.
        earlier: this owner's submissions of before in the round, all of which expired.
    """

    submission: bytes
    round: int
    max_error: float
    scale: float
    receipts: tuple[int, ...]
    missing: Mapping[int, str]
    status: SubmissionStatus
    earlier: tuple[bytes, ...] = ()


class DataOwner(Participant):
    """One owner's key at one market, with all that handing in takes.

    Args:
        chain: signs for this owner's account and sends its transactions.
        coordinator: the task's coordinator; it sees headers, receipts and what is sealed to provers, never a share.
        parameters: public parameters; only the SRS is needed.
        state: directory for submissions under way.
        stall: seconds after which an upload on which nothing moves is given up.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
        patience: seconds in which provers that do not answer are asked again: a batch of owners whose shares all
            provers hold outlives one that vanishes, so a coordinator proves those first.
        deal: makes commitment and shares of a gradient, the same again for the same seeds.
        manifest: the model manifest of the task, where it is at hand; otherwise the coordinator is asked for it.
    """

    def __init__(
        self,
        chain: ChainWriter,
        coordinator: CoordinatorClient,
        parameters: PublicParameters,
        state: Path,
        *,
        stall: float = 60.0,
        tls_roots: bytes | None = None,
        patience: float = 3.0,
        deal: Deal = share_gradient,
        manifest: ModelManifest | None = None,
    ) -> None:
        super().__init__(chain)
        self._coordinator, self._manifest = coordinator, manifest
        self._parameters = parameters
        self._store = SubmissionStore(state, chain.view.market_id)
        self._sender = ShareSender(
            chain.view, coordinator, self._store.save, stall=stall, tls_roots=tls_roots, patience=patience
        )  # fmt: skip
        self._graded = GradedModels(state)
        self._dealer = Dealer(parameters, chain.sign, self._store.save, deal)

    def require_open(self, task_id: int, round_number: int | None = None) -> None:
        """Raise unless the round, by default the latest, takes submissions; asks the chain only, and pays nothing.

        Raises:
            UnknownError: no such task, or round.
            ClosedError: there is no round yet, or its submit window is over.
        """
        terms = self._view.terms(task_id)
        self._require_open(terms, opened_round(self._view, task_id, round_number), "", may_be_in=False)

    def fetch_model(self, task_id: int, round_number: int | None = None) -> FloatArray:
        """The model of a round, by default the latest, checked against the digest on the chain.

        float64 of shape (d,), or as long as the task's manifest says.
        """
        return fetch_model(self._view, self._coordinator, task_id, round_number, self._manifest)[1]

    def quantized(
        self, task_id: int, gradient: npt.ArrayLike, *, clip: bool = True, warn: Callable[[str], None] = _log.warning
    ) -> Quantized:
        """A gradient as it would be handed in; nothing is sent.

        Args:
            gradient, clip, warn: as of ``submit``.

        Raises:
            GradientError, UnknownError, InvalidInputError: as of ``submit``.
        """
        terms = self._view.terms(task_id)
        manifest = fetch_manifest(terms, self._coordinator, self._manifest)
        return fitted(terms, manifest, gradient, clip=clip, warn=warn)

    def submit(
        self,
        task_id: int,
        gradient: npt.ArrayLike,
        *,
        round_number: int | None = None,
        reuse_model: bool = False,
        clip: bool = True,
        warn: Callable[[str], None] = _log.warning,
    ) -> Submitted:
        """Clip, quantise, commit, share and hand in one gradient.

        A call that stopped half way is repeated with the same gradient: provers that have their share are not asked
        again, the others get the very share whose digest was signed.  One whose submission was handed in gets its
        status; if that has expired while the round still takes submissions, this or another gradient is submitted
        afresh, with fresh masks: the provers see to it that at most one of an owner's submissions enters a sum.

        Args:
            gradient: floats of shape (d,); see `circuits.arrays.float_vector` for what is taken.
            round_number: the round, by default the task's latest.
            reuse_model: where the task grades: take part also if a gradient for this model was handed in for another
                round, which makes one more number about the same data public (``GradingRule.bits``).
            clip: shrink a gradient beyond the task's bound to it; otherwise it is refused.  A task that grades brings
                all gradients to its bound in any case.
            warn: told of clipping, before anything is sent.

        Raises:
            UnknownError: no such task, or this key is not registered for it, or nobody serves the task's manifest.
            GradientError: another shape, NaN, infinity, no numbers; or it breaks the task's policy, where its verifying
                key is at hand; or it is beyond the bound and must not be clipped.
            ClosedError: the round takes no submissions any more, has no seat for this owner, or provers have it in a
                signed set.
            InvalidInputError: another gradient was begun for this round and has not expired.
            KeyMismatchError: the reference string is another than the task's.
            RuleViolationError: a gradient for this model was handed in for another round that is graded.
            StorageError: another process submits from the same state directory, or it cannot be written.
            UnavailableError: fewer provers than a quorum took their share; what was sent is kept, call again.
        """
        with self._store.held(), spans.span("submit", task=shown(task_id)) as told:
            self._warn_of_another_chain()
            quantized = self.quantized(task_id, gradient, clip=clip, warn=warn)
            done = self._submit(task_id, quantized, round_number, reuse_model=reuse_model)
            told.set(round=done.round, submission=f"0x{done.submission.hex()}", provers=len(done.receipts))
            return done

    def _submit(self, task_id: int, quantized: Quantized, round_number: int | None, *, reuse_model: bool) -> Submitted:
        terms = self._view.terms(task_id)
        current = opened_round(self._view, task_id, round_number)
        epoch = self._view.round(task_id, current).epoch  # members that came since open nothing of this round
        record = self._view.committee_record(terms.committee_id, epoch)
        begun = self._store.load(task_id, current, self.address)
        if begun is not None and begun.parts and len(begun.receipts) < record.committee.quorum:
            begun = self._sender.shown(begun, record)
        status = self._status_of(begun, record.committee.quorum) if begun is not None else None
        has_expired = status is not None and status.state is SubmissionState.EXPIRED
        if begun is not None and not has_expired:
            _require_same(begun, quantized)
            if status is not None:
                return _outcome(begun, quantized, {}, status)
        left = begun is not None and not has_expired and bool(begun.parts)
        self._require_open(terms, current, status.reason if status is not None else "", may_be_in=left)
        require_eligible(self._view, task_id, current, [self.index(task_id)])
        self._parameters.require_string(self._view.tau(task_id))
        if terms.sums_private:
            require_sum_key(terms.sum_key)
        self._require_policy(terms, quantized)
        if terms.grading_rule is not None:
            self._enter_model(terms, current, terms.grading_rule.bits(terms.bound), reuse_model=reuse_model)
        if begun is None or has_expired:
            submission, sharing = self._begin(terms, current, record.committee, quantized, self._until(begun))
        else:
            submission, sharing = begun, self._dealer.again(begun, quantized, terms, record.committee)
        context = self._view.context(task_id, current)
        submission, upload = self._dealer.seal(submission, sharing, record, context)
        with stage("handing the shares to the provers"), spans.part("hand over"):
            submission, missing = self._sender.send(submission, upload, record)
        with spans.part("hand in", calls=True):
            status = self._hand_in(submission, record.committee, missing)
        return _outcome(submission, quantized, missing, status)

    def status(self, submission: bytes) -> SubmissionStatus:
        """What became of a submission, as its coordinator says."""
        return self._coordinator.submission_status(submission)

    def _warn_of_another_chain(self) -> None:
        if self._store.begins_on_another_chain():
            _log.warning(
                "this is another chain than that of your earlier submissions to this market, or one that was reset: "
                "nothing of them counts here"
            )

    def wait(self, submission: bytes, *, timeout: float = math.inf, every: float = 1.0) -> SubmissionStatus:
        """Wait until a submission has an end: accepted, rejected or expired.

        Args:
            timeout: seconds to wait at most.
            every: seconds between questions to the coordinator.

        Raises:
            NotReadyError: it has no end within the time; nothing is lost.
        """
        return await_end(lambda: self.status(submission), timeout=timeout, every=every)

    def standing(self, task_id: int) -> Standing:
        """What this owner has handed in for a task, what became of it, and what it is owed."""
        return standing(self._view, task_id, self.address, partial(self._known_status, task_id))

    def _known_status(self, task_id: int, number: int) -> SubmissionStatus | None:
        """Of the submission for a round that this state directory remembers."""
        saved = self._store.load(task_id, number, self.address)
        if saved is None:
            return None
        return self.status(self._digest(saved.header)) if saved.is_finished else self._heard_of(saved)

    def _require_open(self, terms: TaskTerms, number: int, expired: str, *, may_be_in: bool) -> None:
        """Raise ClosedError when it is too late.

        Args:
            expired: why a submission of before came to nothing.
            may_be_in: shares of one left, so provers may have had them in time: until batches are taken no more.
        """
        record, now = self._view.round(terms.task_id, number), self._view.now()
        deadline = record.submit_deadline
        if now >= (record.settle_deadline if may_be_in else deadline):
            before = f"; what was handed in has expired: {expired}" if expired else ""
            raise ClosedError(
                f"round {number} of task {shown(terms.task_id)} took submissions until {utc(deadline)}, it is "
                f"{utc(now)}{before}; submit to the next round"
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

    def _enter_model(self, terms: TaskTerms, number: int, bits: float, *, reuse_model: bool) -> None:
        """Write down that a gradient for the round's model is about to leave."""
        graded = GradedRound(self._view.market_id, terms.task_id, number)
        digest = self._view.opening(terms.task_id, number).model_digest
        self._graded.enter(digest, graded, again=reuse_model, bits=bits)

    def _until(self, ended: SavedSubmission | None) -> tuple[bytes, ...]:
        """All submissions up to one that has expired."""
        return () if ended is None else (*ended.earlier, self._digest(ended.header))

    def _begin(
        self,
        terms: TaskTerms,
        round_number: int,
        committee: Committee,
        quantized: Quantized,
        earlier: tuple[bytes, ...],
    ) -> tuple[SavedSubmission, Sharing]:
        index = self.index(terms.task_id)
        raw, sharing = self._dealer.afresh(quantized, terms, committee)
        header = SubmissionHeader(
            terms.task_id, round_number, self.address, index, sharing.commitment, sharing.digests
        ).signed(self._view.context(terms.task_id, round_number), self._chain.sign)
        return SavedSubmission(header, gradient_digest(quantized), raw, {}, earlier), sharing

    def _hand_in(
        self, submission: SavedSubmission, committee: Committee, missing: Mapping[int, str]
    ) -> SubmissionStatus:
        heard = None
        if len(submission.receipts) < committee.quorum and self._is_late(submission.header):
            heard = self._heard_of(submission)  # while there is time for more receipts its word is not enough
        if heard is not None:
            return heard
        closed = {p: reason for p, reason in missing.items() if reason.startswith(f"{ClosedError.code}:")}
        if committee.size - len(closed) < committee.quorum:
            raise ClosedError(
                f"too many provers take nothing more from this owner in round {submission.header.round}; submit to the "
                f"next round ({reasons(closed)})"
            )
        if len(submission.receipts) < committee.quorum:
            raise UnavailableError(
                f"{len(submission.receipts)} of {committee.size} provers hold their share, {committee.quorum} are "
                f"needed; the receipts are kept, submit the same gradient again ({reasons(missing)})"
            )
        status = self._entered(submission)
        self._store.save(submission.finished())
        return status

    def _entered(self, submission: SavedSubmission) -> SubmissionStatus:
        """Enter a submission at the coordinator; if that is late, its owner learns first with whom it may be summed."""
        if self._is_late(submission.header):
            _log.warning(
                "round %d takes no submissions any more, but this one's shares were in time: it is put together with "
                "others that are as late, who may all have waited for it, and then their sum tells them this gradient; "
                "in the next round, submit earlier",
                submission.header.round,
            )
        return self._coordinator.submit_header(submission.header, submission.receipts)

    def _is_late(self, header: SubmissionHeader) -> bool:
        return self._view.now() >= self._view.round(header.task_id, header.round).submit_deadline

    def _heard_of(self, begun: SavedSubmission) -> SubmissionStatus | None:
        """What the coordinator says of a submission that this owner did not hand in: it may have done that itself."""
        try:
            return self.status(self._digest(begun.header))
        except UnknownError:
            return None

    def _status_of(self, begun: SavedSubmission, quorum: int) -> SubmissionStatus | None:
        """Where a submission stands, None before it is handed in; one that the coordinator has lost is, again.

        Of one that could have been handed in, perhaps only the answer was lost.
        """
        if not begun.is_finished and len(begun.receipts) < quorum:
            return None
        try:
            status = self.status(self._digest(begun.header))
        except UnknownError:
            if not begun.is_finished:
                return None
            return self._entered(begun)
        if not begun.is_finished:
            self._store.save(begun.finished())
        return status

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
        submission.earlier,
    )


def _require_same(begun: SavedSubmission, quantized: Quantized) -> None:
    """A second gradient in a round has to wait until the first can no longer enter a sum."""
    if begun.gradient_digest != gradient_digest(quantized):
        header = begun.header
        raise InvalidInputError(
            f"another gradient was already begun for round {header.round} of task {shown(header.task_id)}; "
            "submit that one again, or wait for the next round"
        )
