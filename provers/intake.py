"""Taking a share in: everything that is checked before the owner gets a receipt for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from circuits.errors import ClosedError, SignatureError, UnknownError, WireError
from circuits.statement import Context, Membership, SubmissionHeader
from circuits.terms import TaskTerms
from commons.chain.eligibility import require_dealer, require_eligible
from commons.chain.facts import RoundRecord
from commons.chain.ports import MarketReader
from commons.protocol.manifests import require_upload
from commons.protocol.receipts import receipt_digest, verify_receipt
from commons.protocol.signing import require_owner
from commons.protocol.streamheads import ShareHead
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.sharing import sealing
from commons.sharing.sealedbodies import END, BodyLabel, RunningCheck, SealedChunk, chunk_count, take_rest
from commons.sharing.sharepayloads import body_sizes, check_form, own_bytes
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.partials import Partial, Partials
from provers.party.ledger import dealer_of, header_key
from provers.party.steps import references_of
from provers.sharefiles import ReceivedShare, ShareRecord, stored_bytes
from provers.store import Store


class ShareIntake:
    """Receives shares for one prover."""

    def __init__(
        self,
        chain: MarketReader,
        store: Store,
        keystore: Keystore,
        environment: NodeEnvironment,
        membership: Membership,
        *,
        clock_skew: int,
        partials: Partials | None = None,
    ) -> None:
        """Args:
        partials: shares under way, shared with other lists of members.
        """
        self._chain = chain
        self._store = store
        self._keystore = keystore
        self._environment = environment
        self._membership = membership
        self._clock_skew = clock_skew
        self._partials = partials or Partials(store.per_owner)

    def take(self, head: ShareHead, chunks: Iterator[SealedChunk]) -> Generator[int]:
        """Receive one share; when the iterator ends, it is on disk.

        Args:
            chunks: of its body, from the one on that is yielded first.

        Yields:
            How many chunks are here already, before the first is read, and how many after each.  Nothing is read, or
            yielded, of a share that is here.

        Raises:
            WireError: not addressed to this prover, malformed, or not what the owner signed.
            SignatureError: not signed by the owner, or the owner is not registered under its index.
            ClosedError: the round takes no submissions any more, and no quorum of provers has this one; or this owner
                has no part in it or has handed in too many, or its provers have signed a batch with it already.
            KeyMismatchError: this prover has another reference string than the task's, or not its proving key.
            StorageError: no room.
            BusyError: too many shares are under way.
        """
        header = head.header
        terms = self._environment.terms(header.task_id)
        context = self._environment.context(header.task_id, header.round)
        submission = header.digest(context)
        opened = self._check_header(head, terms, context)
        upload = require_upload(head.manifest, header, context)
        if self._store.find(submission) is None:
            self._require_unbound(header, context)
            self._environment.require_served(header.task_id)
            self._require_open(head, submission, opened)
            yield from self._receive(head, chunks, _Expected(upload, submission, terms.dimension, opened))

    def tidy(self, now: float) -> None:
        """Let go of what came of shares whose rounds are over."""
        self._partials.discard(now)

    def close(self) -> None:
        """Let go of all that came of shares without their end."""
        self._partials.close()

    def receipt(self, header: SubmissionHeader) -> tuple[bytes, bytes]:
        """The identifier of a submission whose share is on disk, and the signature of its receipt.

        Raises:
            UnknownError: its share is not here.
        """
        submission = header.digest(self._environment.context(header.task_id, header.round))
        if self._store.find(submission) is None:
            raise UnknownError(f"no share of submission 0x{submission.hex()} is here")
        return submission, self._keystore.sign(receipt_digest(self._chain.market_id, submission))

    def _check_header(self, head: ShareHead, terms: TaskTerms, context: Context) -> RoundRecord:
        """Refuse a header that is not of an owner that has a part in the round, nor a copy of its reference.

        Returns:
            The round.
        """
        header, own = head.header, self._membership
        if head.prover != own.index:
            raise WireError(f"this share is for prover {head.prover}, this is prover {own.index}")
        if len(header.share_digests) != own.committee.size:
            raise WireError(f"the header must name {own.committee.size} share digests, one a prover")
        if header.is_reference:
            references_of(self._environment, context).require_copy(header)
            require_dealer(self._chain, header)
            require_owner(header, context)
            return self._chain.round(context.task_id, context.round)
        if self._chain.owner_at(terms.task_id, header.owner_index) != header.owner:
            raise SignatureError(
                f"0x{header.owner.hex()} is not owner {header.owner_index} of task {shown(terms.task_id)}"
            )
        if terms.grading_rule is not None:
            references_of(self._environment, context).require_no_copy(header)
        require_owner(header, context)
        return require_eligible(self._chain, context.task_id, context.round, (header.owner_index,)).round

    def _require_unbound(self, header: SubmissionHeader, context: Context) -> None:
        """Refuse an owner that is in a signed batch, but for the submission that is in it: its share got lost here."""
        self._store.ledger.require_open(header.task_id, header.round)
        bound = self._store.ledger.bound_to(header_key(context, header))
        if bound is not None and header.digest(context) not in bound.submissions:
            raise ClosedError("this owner is in a signed batch of this round already; submit to the next round")

    def _receive(self, head: ShareHead, chunks: Iterator[SealedChunk], expected: _Expected) -> Generator[int]:
        header, count = head.header, head.manifest.chunks_for(head.prover)
        part, label, size = self._open_part(head, expected)
        name = (header.task_id, header.round, dealer_of(header))
        expires = expected.record.settle_deadline + self._clock_skew
        begin = partial(self._begin, head, part, label, size, expected)
        with self._partials.held(expected.upload, name, size, expires, begin) as share:
            yield from take_rest(share, count, chunks)
            share.keep(header.share_digests[head.prover], partial(self._adopt, header, expected))

    def _open_part(self, head: ShareHead, expected: _Expected) -> tuple[sealing.Part, BodyLabel, int]:
        """What is sealed to this prover, what its body is sealed under, and the bytes of the share on disk."""
        own, body = head.prover, head.manifest.parts[head.prover].body
        count, domain = head.manifest.chunks_for(own), self._chain.market_id.domain
        if sha256(head.part).digest() != head.manifest.parts[own].digest:
            raise WireError("the prover's part of the share is not the one that its owner signed")
        label = sealing.PartLabel(domain, expected.submission, own, body, count)
        part = sealing.open_part(self._keystore.hpke_secret, head.part, label)
        form, committee = part.own[0], self._membership.committee
        bodies = {chunk_count(size): size for size in body_sizes(form, expected.dimension, committee)}
        if not bodies:
            check_form(form, len(part.own), expected.dimension, committee)
        if count not in bodies:
            possible = " or ".join(map(str, sorted(bodies)))
            raise WireError(f"a share of this task comes in {possible} chunks, not in {count}")
        size = stored_bytes(form, own_bytes(form, committee) + bodies[count], expected.dimension)
        return part, BodyLabel(domain, expected.submission, body or 0, count), size

    def _begin(self, head: ShareHead, part: sealing.Part, label: BodyLabel, size: int, expected: _Expected) -> Partial:
        """A share of which nothing has come but what is this prover's own."""
        header = head.header
        with ExitStack() as undo:
            undo.enter_context(self._store.reserved(header.task_id, header.round, dealer_of(header), size))
            writer = undo.enter_context(self._store.receive(expected.dimension, self._membership))
            writer.write(part.own)
            held = undo.pop_all()
        body = head.manifest.parts[head.prover].body
        root = END if body is None else head.manifest.bodies[body].root
        return Partial(writer, RunningCheck(root, label.chunks), part.key, label, held)

    def _adopt(self, header: SubmissionHeader, expected: _Expected, received: ReceivedShare) -> None:
        self._store.adopt(
            ShareRecord(
                expected.submission, header.task_id, header.round, dealer_of(header), expected.dimension, received.form,
                received.size, expected.record.settle_deadline + self._clock_skew,
            ),
            received,
        )  # fmt: skip

    def _require_open(self, head: ShareHead, submission: bytes, record: RoundRecord) -> None:
        """Refuse a round that takes no submissions, nor what of them other provers had in time.

        A share that comes late is one whose message took long: no step of the protocol looks at when it came.  A
        quorum's receipts hold those of honest provers, the first of whom had it while the round took submissions.
        """
        task_id, number = head.header.task_id, head.header.round
        now = self._chain.now()
        late = now > record.submit_deadline + self._clock_skew
        if record.finalized or now > record.settle_deadline + self._clock_skew or (late and not self._is_held(head)):
            raise ClosedError(
                f"round {number} of task {shown(task_id)} took submissions until {utc(record.submit_deadline)}, it is "
                f"{utc(now)} now"
            )
        if late:
            for prover, receipt in head.receipts.items():
                member = self._membership.committee.members[prover]
                verify_receipt(self._chain.market_id, submission, receipt, member)

    def _is_held(self, head: ShareHead) -> bool:
        """Whether a quorum's receipts came with a share."""
        committee = self._membership.committee
        return len(head.receipts) >= committee.quorum and all(p < committee.size for p in head.receipts)


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is known of a share before it comes.

    Attributes:
        upload: digest of its manifest.
    """

    upload: bytes
    submission: bytes
    dimension: int
    record: RoundRecord
