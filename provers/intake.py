"""Taking a share in: everything that is checked before the owner gets a receipt for it."""

from __future__ import annotations

from collections.abc import Iterator

from circuits.errors import ClosedError, SignatureError, UnknownError, WireError
from circuits.statement import Context, Membership, SubmissionHeader
from circuits.terms import TaskTerms
from commons.chain.facts import RoundRecord
from commons.chain.ports import MarketReader
from commons.protocol.receipts import receipt_digest
from commons.protocol.signing import require_owner
from commons.protocol.streamheads import ShareHead
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.sharing import sealing
from commons.sharing.sharepayloads import all_payload_sizes, scalar_bytes
from commons.wire.checks import CHUNK
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.party.ledger import owner_key
from provers.store import ShareRecord, Store


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
    ) -> None:
        self._chain = chain
        self._store = store
        self._keystore = keystore
        self._environment = environment
        self._membership = membership
        self._clock_skew = clock_skew

    def take(self, head: ShareHead, sealed: Iterator[bytes]) -> Iterator[int]:
        """Receive one share; when the iterator ends, it is on disk.

        Yields:
            How many chunks were taken, after each.  A share that is here already is not read.

        Raises:
            WireError: not addressed to this prover, malformed, or not what the owner signed.
            SignatureError: not signed by the owner, or the owner is not registered under its index.
            ClosedError: the round takes no submissions any more, this owner has no part in it or has handed in too
                many, or its provers have signed a batch with it already.
            KeyMismatchError: this prover has another reference string than the task's, or not its proving key.
            StorageError: no room.
        """
        header = head.header
        terms = self._environment.terms(header.task_id)
        context = self._environment.context(header.task_id, header.round)
        submission = header.digest(context)
        self._check_header(head, terms, context)
        if self._store.find(submission) is None:
            self._require_unbound(header, context)
            self._environment.require_served(header.task_id)
            yield from self._receive(head, sealed, terms, submission)

    def receipt(self, header: SubmissionHeader) -> tuple[bytes, bytes]:
        """The identifier of a submission whose share is on disk, and the signature of its receipt.

        Raises:
            UnknownError: its share is not here.
        """
        submission = header.digest(self._environment.context(header.task_id, header.round))
        if self._store.find(submission) is None:
            raise UnknownError(f"no share of submission 0x{submission.hex()} is here")
        return submission, self._keystore.sign(receipt_digest(self._chain.market_id, submission))

    def _check_header(self, head: ShareHead, terms: TaskTerms, context: Context) -> None:
        header, own = head.header, self._membership
        if head.prover != own.index:
            raise WireError(f"this share is for prover {head.prover}, this is prover {own.index}")
        if len(header.share_digests) != own.committee.size:
            raise WireError(f"the header must name {own.committee.size} share digests, one a prover")
        if self._chain.owner_at(terms.task_id, header.owner_index) != header.owner:
            raise SignatureError(
                f"0x{header.owner.hex()} is not owner {header.owner_index} of task {shown(terms.task_id)}"
            )
        require_owner(header, context)
        self._environment.require_eligible(context, (header.owner_index,))

    def _require_unbound(self, header: SubmissionHeader, context: Context) -> None:
        self._store.ledger.require_open(header.task_id, header.round)
        if self._store.ledger.bound_to(owner_key(context, header.owner)) is not None:
            raise ClosedError("this owner is in a signed batch of this round already; submit to the next round")

    def _receive(self, head: ShareHead, sealed: Iterator[bytes], terms: TaskTerms, submission: bytes) -> Iterator[int]:
        header = head.header
        record = self._open_round(header.task_id, header.round)
        self._check_chunks(head.chunks, terms.dimension)
        self._store.room_for(header.task_id, header.round, header.owner, scalar_bytes(terms.dimension))
        label = sealing.ShareLabel(
            self._chain.market_id.domain, header.task_id, header.round, header.owner,
            head.prover, head.chunks,
        )  # fmt: skip
        with self._store.receive(terms.dimension, self._membership) as writer:
            for index in range(head.chunks):
                writer.write(self._open_chunk(next(sealed, b""), label, index))
                yield index + 1
            if next(sealed, None) is not None:
                raise WireError("more chunks came than were announced")
            received = writer.finish(header.share_digests[head.prover])
            self._store.adopt(
                ShareRecord(
                    submission, header.task_id, header.round, header.owner, terms.dimension, received.form,
                    received.size, record.settle_deadline + self._clock_skew,
                ),
                received,
            )  # fmt: skip

    def _check_chunks(self, chunks: int, dimension: int) -> None:
        sizes = all_payload_sizes(dimension, self._membership.committee)
        possible = sorted({sealing.chunk_count(size) for size in sizes})
        if chunks not in possible:
            raise WireError(f"a share of this task comes in {' or '.join(map(str, possible))} chunks, not in {chunks}")

    def _open_chunk(self, sealed: bytes, label: sealing.ShareLabel, index: int) -> bytes:
        if not sealing.OVERHEAD < len(sealed) <= CHUNK:
            raise WireError(f"chunk {index} of the share has {len(sealed)} bytes, or is missing")
        return sealing.open_chunk(self._keystore.hpke_secret, sealed, label, index)

    def _open_round(self, task_id: int, number: int) -> RoundRecord:
        record = self._chain.round(task_id, number)
        now = self._chain.now()
        if record.finalized or now > record.submit_deadline + self._clock_skew:
            raise ClosedError(
                f"round {number} of task {shown(task_id)} took submissions until {utc(record.submit_deadline)}, it is "
                f"{utc(now)} now"
            )
        return record
