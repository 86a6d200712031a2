"""Dealing a reference: each copy as an owner deals its gradient, durable before the round is opened, handed in after.

Which copies there are is part of what the round is opened with, so they are dealt first; and a round that is open with
copies whose shares nobody has could prove nothing, so what makes them again is on the disk before that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy.typing as npt

from circuits.errors import InvalidInputError, SignatureError, UnavailableError, UnknownError
from circuits.quantize import Quantized
from circuits.statement import MAX_COPIES, REFERENCE_INDEX, Committee, Context, Policy, SubmissionHeader
from circuits.terms import NewTask, TaskTerms
from commons.chain.view import ChainView
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.references import Copy, Opening
from commons.protocol.signing import require_owner
from commons.runtime.identifiers import shown
from commons.storage.submissions import SavedSubmission, SubmissionStore
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.handing import ShareSender, reasons
from commons.wire.resuming import Dealer, gradient_digest


@dataclass(frozen=True, slots=True)
class NextRound:
    """A round that a model owner is about to open.

    Attributes:
        committee: of the epoch that the round will have.
        model_digest: 32 bytes, of the model itself.
        manifest: the task's, if it has one.
    """

    terms: TaskTerms
    policy: Policy
    committee: Committee
    number: int
    model_digest: bytes
    manifest: ModelManifest | None = None


@dataclass(frozen=True, slots=True)
class ReferenceDealer:
    """Deals the references of one model owner.

    Attributes:
        address: the model owner's, 20 bytes, at the time of the opening.
        store: keeps what was dealt; not used by another process at the same time.
    """

    address: bytes
    dealer: Dealer
    store: SubmissionStore

    def deal(self, gradient: npt.ArrayLike, copies: int, coming: NextRound) -> Opening:
        """Deal a reference, and keep it; what the round is to be opened with.

        The same gradient for the same round and model gives the same opening again, whatever number of copies is asked
        for, so an interrupted run that is repeated goes on with what it may have sent.  Anything else replaces what was
        kept for the round: that must not be done while a transaction that opens it is under way.

        Args:
            gradient: floats of shape (d,), brought to the bound as owners bring theirs.
            copies: 1 to 16, one for each cohort that the round may need.

        Raises:
            GradientError: the gradient is none of this task, or zero.
            InvalidInputError: the task does not grade, or another number of copies.
        """
        if not 1 <= copies <= MAX_COPIES:
            raise InvalidInputError(f"a reference has 1 to {MAX_COPIES} copies, not {copies}")
        quantized = quantized_reference(gradient, coming.terms, coming.manifest)
        kept = self._kept(coming, gradient_digest(quantized))
        if kept is not None:
            return kept
        dealt = [self.dealer.afresh(quantized, coming.terms, coming.committee) for _ in range(copies)]
        unsigned = [
            SubmissionHeader(
                coming.terms.task_id, coming.number, self.address, REFERENCE_INDEX + number, each.sharing.commitment,
                each.sharing.digests,
            )
            for number, each in enumerate(dealt)
        ]  # fmt: skip
        opening = Opening(coming.model_digest, tuple(map(Copy.of, unsigned)))
        context = _context(coming, opening)
        for header, each in zip(unsigned, dealt, strict=True):
            signed = header.signed(context, self.dealer.sign)
            self.store.save(SavedSubmission(signed, gradient_digest(quantized), each.seeds, {}))
        return opening

    def _kept(self, coming: NextRound, gradient: bytes) -> Opening | None:
        """What was dealt before of this gradient for this very round, None where something else or nothing was."""
        saved = (self.store.load(coming.terms.task_id, coming.number, self.address, b) for b in range(MAX_COPIES))
        found = takewhile(lambda each: each is not None and each.gradient_digest == gradient, saved)
        headers = [each.header for each in found if each is not None]
        openings = (_opening_of(headers[:count], coming) for count in range(len(headers), 0, -1))
        return next((opening for opening in openings if opening is not None), None)


def _opening_of(headers: Sequence[SubmissionHeader], coming: NextRound) -> Opening | None:
    """What copies were dealt for, all of them together; None for others.

    What was signed binds everything else: terms, round, model, the other copies.
    """
    opening = Opening(coming.model_digest, tuple(map(Copy.of, headers)))
    try:
        for header in headers:
            require_owner(header, _context(coming, opening))
    except SignatureError:
        return None
    return opening


def quantized_reference(gradient: npt.ArrayLike, terms: NewTask, manifest: ModelManifest | None = None) -> Quantized:
    """A reference as it is dealt.

    Args:
        manifest: the task's, if it has one.

    Raises:
        GradientError: the gradient is none of this task, or zero.
        InvalidInputError: the task does not grade, or the manifest is not its own.
    """
    if terms.grading is None:
        raise InvalidInputError("this task does not grade gradients, so its rounds are opened without a reference")
    return BlockScales.of(terms, manifest).quantize(gradient, terms.bound, stretch=True)


def _context(coming: NextRound, opening: Opening) -> Context:
    return Context.of(coming.terms, coming.number, opening.digest, coming.policy)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of one copy.

    Attributes:
        receipts: committee indices of the provers that hold their share.
        missing: why each other prover does not.
    """

    receipts: tuple[int, ...]
    missing: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class ReferenceSender:
    """Hands a reference in, once its round is open."""

    view: ChainView
    coordinator: CoordinatorClient
    dealing: ReferenceDealer
    sender: ShareSender

    def hand_in(
        self,
        task_id: int,
        number: int,
        gradient: npt.ArrayLike,
        copies: int,
        manifest: ModelManifest | None = None,
    ) -> tuple[HandedIn, ...]:
        """Hand all copies to the provers and the coordinator; one after the other, so one is in memory at a time.

        A call that stopped half way is repeated: copies that were handed in are not sent again, but their headers are,
        to a coordinator that does not know them.

        Raises:
            UnknownError: nothing is kept for the round.
            InvalidInputError: the round was opened with another reference, or another gradient was dealt for it.
            UnavailableError: fewer provers than a quorum took their share of a copy; call again.
        """
        terms = self.view.terms(task_id)
        quantized = quantized_reference(gradient, terms, manifest)
        context, saved = self.view.context(task_id, number), self._saved(task_id, number, copies)
        for each in saved:
            _require_dealt(each, quantized, context)
        return tuple(self._one(each, quantized, terms, context) for each in saved)

    def _saved(self, task_id: int, number: int, copies: int) -> list[SavedSubmission]:
        address = self.dealing.address
        found = [self.dealing.store.load(task_id, number, address, copy) for copy in range(copies)]
        saved = [each for each in found if each is not None]
        if len(saved) < copies:
            raise UnknownError(
                f"this state directory has {len(saved)} of {copies} copies of the reference of round {number} of task "
                f"{shown(task_id)}; use the one with which the round was opened"
            )
        return saved

    def _one(self, saved: SavedSubmission, quantized: Quantized, terms: TaskTerms, context: Context) -> HandedIn:
        if saved.is_finished:
            self._make_known(saved, context)
            return HandedIn(tuple(sorted(saved.receipts)), {})
        epoch = self.view.round(context.task_id, context.round).epoch
        record = self.view.committee_record(terms.committee_id, epoch)
        sharing = self.dealing.dealer.again(saved, quantized, terms, record.committee)
        sealed, upload = self.dealing.dealer.seal(saved, sharing, record, context)
        sent, missing = self.sender.send(sealed, upload, record)
        if len(sent.receipts) < record.committee.quorum:
            raise UnavailableError(
                f"{len(sent.receipts)} of {record.committee.size} provers hold their share of copy "
                f"{saved.header.owner_index - REFERENCE_INDEX} of the reference, {record.committee.quorum} are needed; "
                f"the receipts are kept, run it again ({reasons(missing)})"
            )
        self.coordinator.submit_header(sent.header, sent.receipts)
        self.dealing.store.save(sent.finished())
        return HandedIn(tuple(sorted(sent.receipts)), missing)

    def _make_known(self, saved: SavedSubmission, context: Context) -> None:
        """Hand the header of a copy in once more where the coordinator is another one since, or has lost its log."""
        try:
            self.coordinator.submission_status(saved.header.digest(context))
        except UnknownError:
            self.coordinator.submit_header(saved.header, saved.receipts)


def _require_dealt(saved: SavedSubmission, quantized: Quantized, context: Context) -> None:
    """Raise unless a copy is of this gradient, and signed for the round as the chain has it."""
    if saved.gradient_digest != gradient_digest(quantized):
        raise InvalidInputError(
            f"another reference was dealt for round {context.round} of task {shown(context.task_id)}; hand that one in"
        )
    try:
        require_owner(saved.header, context)
    except SignatureError as error:
        raise InvalidInputError(
            f"round {context.round} of task {shown(context.task_id)} was opened with another reference or model than "
            "this state directory has; use the one with which it was opened"
        ) from error
