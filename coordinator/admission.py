"""Which submissions enter a round: everything that is checked before a header is logged."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from circuits.errors import (
    ChainError,
    ClosedError,
    FullError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    SignatureError,
    UnknownError,
    WireError,
)
from circuits.hashing import keccak
from circuits.statement import REFERENCE_INDEX, Committee, Context, SubmissionHeader
from circuits.terms import TaskTerms
from commons.chain.eligibility import require_dealer, require_eligible
from commons.chain.facts import Participants, RoundRecord
from commons.chain.ports import MarketReader
from commons.chain.serving import require_served
from commons.protocol.manifests import require_upload
from commons.protocol.receipts import verify_receipt
from commons.protocol.references import Opening
from commons.protocol.signing import require_owner, require_signer
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.protocol.streamheads import ModelHead, OfferHead, publication_digest
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.runtime.seldom import Seldom
from commons.sharing import replicated
from commons.sharing.sealedbodies import chunk_count
from commons.sharing.sharepayloads import DENSE_FORM, INTEGER_FORM, body_sizes
from commons.storage.parameters import PublicParameters
from commons.storage.quota import Quota
from commons.wire import checks
from coordinator.events import HeaderAccepted, HeaderRefused
from coordinator.journal import Journal
from coordinator.rounds import CoordinatorState

_log = logging.getLogger(__name__)


class Admission:
    """Takes headers in for the tasks that name this coordinator."""

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        own_address: bytes,
        parameters: PublicParameters,
        *,
        counted: int,
        most: int = 1 << 20,
    ) -> None:
        """Take headers for an account.

        Args:
            counted: most refusals of a task by one cause that are logged.
            most: headers of rounds that are not forgotten; and as many that were refused.
        """
        self._view = view
        self._journal = journal
        self._own_address = own_address
        self._parameters = parameters
        self._counted = counted
        self._quota = Quota(most, "headers", "coordinator.max_headers")
        self._refusals = Quota(most, "refused headers", "coordinator.max_headers")
        self._seldom = Seldom(_log)
        self.recount()

    def recount(self) -> None:
        """Count what the log has anew, after rounds were forgotten."""
        with self._journal.reading() as state:
            self._quota.recount(state.headers())
            self._refusals.recount({task_id: causes.total() for task_id, causes in state.refusals.items()})

    def submit(self, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        """Enter a submission; the same one again gives its present status.

        Raises:
            UnknownError: no such task or round, or another coordinator's.
            WireError: the header has not one share digest a prover, or its commitment is no point.
            SignatureError: the header is not its registered owner's, or a receipt not its prover's.
            NotReadyError: fewer receipts than a quorum.
            ClosedError: too late, or the owner has no part in the round, or is in it already.
            KeyMismatchError: this coordinator has another reference string than the task's, or not its verifying key.
            FullError: the log has as many headers as it may, or as many of this task.
        """
        terms = self._terms(header.task_id)
        context = self._view.context(header.task_id, header.round)
        submission = header.digest(context)
        known = self._known(submission)
        if known is not None:
            return known
        try:
            self._check(header, receipts, terms, context)
            return self._enter(submission, header, receipts)
        except GradrollError as error:
            self._count(header, submission, error)
            raise

    def has_place(self, header: SubmissionHeader) -> bool:
        """Whether nothing that is written down here keeps a header out, as its owner's other submission may."""
        with self._journal.reading() as state:
            try:
                _only_one(state, header)
            except GradrollError:
                return False
        return True

    def check_offer(self, head: OfferHead) -> tuple[bytes, bytes]:
        """The digests of an upload and of its submission, which would be taken if provers had it.

        Raises:
            UnknownError, WireError, SignatureError, ClosedError, KeyMismatchError: as ``submit``; or the owner did not
                sign the upload, it is no upload of this task, or the round takes no shares any more.
        """
        header = head.header
        terms = self._terms(header.task_id)
        context = self._view.context(header.task_id, header.round)
        committee = self._view.committee_of_round(terms.task_id, header.round)
        self._check_owner(header, terms, context, committee)
        if header.is_reference:
            require_dealer(self._view, header)
        digest = require_upload(head.manifest, header, context)
        _check_pieces(head, terms.dimension, committee)
        record, now = self._check_round(header)
        if now > record.submit_deadline:
            raise ClosedError(f"round {header.round} took submissions until {utc(record.submit_deadline)}")
        self._require_references(header, terms)
        return digest, header.digest(context)

    def check_publisher(self, head: ModelHead) -> TaskTerms:
        """Terms of the task whose model owner signed for a model.

        Raises:
            UnknownError: no such task, or another coordinator's.
            SignatureError: somebody else signed.
        """
        terms = self._terms(head.task_id)
        digest = publication_digest(self._view.market_id, head.task_id, head.digest)
        require_signer(digest, head.signature, self._view.task(head.task_id).model_owner, "the model")
        return terms

    def _known(self, submission: bytes) -> SubmissionStatus | None:
        with self._journal.reading() as state:
            return state.status_of(submission)

    def _enter(self, submission: bytes, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        with self._journal.reading() as state:
            known = state.status_of(submission)  # the same header may have come in while this one was checked
            if known is not None:
                return known
            _only_one(state, header)
            self._quota.require(header.task_id, 1)
            self._journal.record(HeaderAccepted(submission, header, tuple(sorted(receipts))))
            self._quota.add(header.task_id, 1)
            return state.submissions[submission].status

    def _terms(self, task_id: int) -> TaskTerms:
        """Terms of a task whose coordinator this is at present; its model owner may name another one."""
        task = self._view.task(task_id)
        if task.coordinator != self._own_address:
            raise UnknownError(f"task {shown(task_id)} names the coordinator 0x{task.coordinator.hex()}, not this one")
        return task.terms

    def _check(
        self, header: SubmissionHeader, receipts: Mapping[int, bytes], terms: TaskTerms, context: Context
    ) -> None:
        committee = self._view.committee_of_round(terms.task_id, header.round)
        self._check_owner(header, terms, context, committee)
        self._check_round(header)
        self._require_references(header, terms)
        self._check_receipts(receipts, committee, header.digest(context))

    def _check_owner(self, header: SubmissionHeader, terms: TaskTerms, context: Context, committee: Committee) -> None:
        if len(header.share_digests) != committee.size:
            raise WireError(f"the header must name {committee.size} share digests, one a prover")
        checks.g1(header.commitment, "the header's commitment")  # the market takes postings in without looking
        if header.is_reference:
            self._opening(context).require_copy(header)
        elif self._view.owner_at(terms.task_id, header.owner_index) != header.owner:
            raise SignatureError(f"0x{header.owner.hex()} is not owner {header.owner_index} of this task")
        elif terms.grading_rule is not None:
            self._opening(context).require_no_copy(header)
        require_owner(header, context)
        require_served(self._view, self._parameters, self._parameters.verifying_key, terms.task_id)

    def _opening(self, context: Context) -> Opening:
        """What the round was opened with.

        Whose address a copy's header names makes no difference once provers have its shares: nobody but its dealer has
        receipts.
        """
        opening = self._view.opening(context.task_id, context.round)
        if opening.digest != context.model_digest:
            raise ChainError("the node shows other references of this round than its digest is of; it is asked again")
        return opening

    def _check_round(self, header: SubmissionHeader) -> tuple[RoundRecord, int]:
        """Shares are taken until the submit deadline, by provers, whose receipts say so; a header may come later.

        So an owner gets in that did not reach the coordinator in time, or whose task has another one since.

        Returns:
            The round, and the chain's time.
        """
        found = self._found(header)
        record, now = found.round, self._view.now()
        if record.finalized or now > record.settle_deadline:
            raise ClosedError(
                f"round {header.round} of task {shown(header.task_id)} took batches until "
                f"{utc(record.settle_deadline)}, it is {utc(now)} now"
            )
        if any(owner.excluded for owner in found.owners):
            raise ClosedError("a quorum of the provers found a dealing of this owner bad, and it lost its deposit")
        if found.consumed:
            raise ClosedError("this owner is in an accepted batch of this round already")
        return record, now

    def _require_references(self, header: SubmissionHeader, terms: TaskTerms) -> None:
        """Owners hand nothing in before a quorum holds what they are graded against: it might be in vain."""
        if terms.grading is None or header.is_reference:
            return
        copies = len(self._view.opening(header.task_id, header.round).copies)
        with self._journal.reading() as state:
            current = state.rounds.get((header.task_id, header.round))
            here = 0 if current is None else len(current.references)
        if here < copies:
            raise NotReadyError(
                f"the model owner has handed in {here} of {copies} copies of the reference of round {header.round}; "
                "hand the gradient in once all are there (gradroll task open goes on where it stopped)"
            )

    def _found(self, header: SubmissionHeader) -> Participants:
        """What the market says of a header's round, and of its owner if it has one, who must have a part in it."""
        if header.is_reference:
            return self._view.participants(header.task_id, header.round, ())
        return require_eligible(self._view, header.task_id, header.round, (header.owner_index,))

    def _check_receipts(self, receipts: Mapping[int, bytes], committee: Committee, submission: bytes) -> None:
        if any(prover >= committee.size for prover in receipts):
            raise InvalidInputError(f"there are only {committee.size} provers")
        if len(receipts) < committee.quorum:
            raise NotReadyError(
                f"{len(receipts)} receipts are too few: hand the shares to at least {committee.quorum} provers"
            )
        for prover, signature in receipts.items():
            member = committee.members[prover]
            verify_receipt(self._view.market_id, submission, signature, member)

    def _count(self, header: SubmissionHeader, submission: bytes, error: GradrollError) -> None:
        """Count a refusal; beyond a limit only the server's log has it, so that nobody can fill the disk with them.

        The limit of a task is one for each cause: headers that strangers forge all have the same few, and hide no
        owner's.  All tasks together have another: anybody can make many.
        """
        key = header.task_id, header.round
        unsigned = header.owner_index.to_bytes(32, "big")
        said = keccak(submission + unsigned + header.signature + header.dealing_signature)
        with self._journal.reading() as state:
            if state.is_forgotten(key) or (said, error.code) in state.refused.get(key, ()):
                return
            if state.refusals.get(key[0], Counter[str]())[error.code] < self._counted and self._has_room(key[0]):
                self._journal.record(HeaderRefused(key[0], error.code, said, key[1]))
                self._refusals.add(key[0], 1)

    def _has_room(self, task_id: int) -> bool:
        """Whether one more refusal of a task may be counted."""
        try:
            self._refusals.require(task_id, 1)
        except FullError as full:
            self._seldom.say(logging.WARNING, "room", "event=refusals-not-counted reason=%r", str(full))
            return False
        return True


def _check_pieces(head: OfferHead, dimension: int, committee: Committee) -> None:
    """Refuse parts that the owner did not sign, and bodies that are no share's: they would only take room."""
    for prover, (part, entry) in enumerate(zip(head.parts, head.manifest.parts, strict=True)):
        if sha256(part).digest() != entry.digest:
            raise WireError(f"the part of prover {prover} is not the one that the owner signed")
    integers = replicated.fits(committee)
    form, most = (INTEGER_FORM, 1) if integers else (DENSE_FORM, committee.size - committee.threshold)
    wanted = chunk_count(max(body_sizes(form, dimension, committee)))
    bodies = head.manifest.bodies
    if len(bodies) > most or any(body.chunks != wanted for body in bodies):
        raise WireError(f"an upload for this task has at most {most} bodies, of {wanted} chunks each")


def _only_one(state: CoordinatorState, header: SubmissionHeader) -> None:
    if state.is_forgotten((header.task_id, header.round)):  # whatever the node says of it
        raise ClosedError("this round is over for good; hand the gradient in for the next one")
    current = state.rounds.get((header.task_id, header.round))
    if current is None:
        return
    if current.closed:
        raise ClosedError("this round is full, or over; hand the gradient in for the next one")
    if header.is_reference:
        if header.owner_index - REFERENCE_INDEX in current.references.values():
            raise ClosedError("this copy of the reference is here already")
        return
    if header.owner in current.bound:
        raise ClosedError("provers may have signed a set with this owner; hand the gradient in for the next round")
    key = (header.task_id, header.round)
    present = state.of_owner(key, header.owner)
    if present is not None and present.state is not SubmissionState.EXPIRED:
        raise ClosedError(f"this owner has submission 0x{present.submission.hex()} in this round already")
    if header.commitment in state.commitments_of(key, header.owner):
        raise InvalidInputError(  # provers refuse a cohort with it, and everybody in it would wait in vain
            "this commitment was handed in before in this round; a fresh submission has fresh masks, so another one"
        )
