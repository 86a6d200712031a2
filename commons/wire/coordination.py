"""The only boundary between protobuf and domain values of the coordinator; see ``provers.wire``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from circuits.errors import WireError
from circuits.hashing import keccak
from circuits.statement import SubmissionHeader
from circuits.terms import NewTask
from commons.protocol.messages import MAX_PROVERS
from commons.protocol.modelmanifests import MAX_PUBLISHED
from commons.protocol.status import (
    BatchStatus,
    NamedProver,
    Rejection,
    RoundStatus,
    SubmissionState,
    SubmissionStatus,
    TaskStatus,
)
from commons.protocol.streamheads import ModelHead
from commons.runtime.foreigntext import printable
from commons.wire import checks
from commons.wire._generated import common_pb2
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire.contexts import header_from_wire, header_to_wire
from commons.wire.streams import Collector, chunks

MAX_ENTRIES = 1 << 16
_MODEL_HEAD, _MODEL_COORDINATE = 1 << 16, 16
_MAX_TEXT = 4096


def submission_from_wire(message: pb.SubmitHeaderRequest) -> tuple[SubmissionHeader, dict[int, bytes]]:
    """A header and its receipts by prover.  Raises WireError for a malformed field."""
    header = header_from_wire(message.header)
    checks.counted(message.receipts, 1, MAX_PROVERS, "receipts")
    checks.ascending([r.prover for r in message.receipts], len(header.share_digests), "receipts.prover")
    return header, {r.prover: checks.signature(r.signature, "receipts.signature") for r in message.receipts}


def submission_to_wire(header: SubmissionHeader, receipts: Mapping[int, bytes]) -> pb.SubmitHeaderRequest:
    """The wire form of a header with its receipts."""
    words = [common_pb2.Receipt(prover=prover, signature=receipts[prover]) for prover in sorted(receipts)]
    return pb.SubmitHeaderRequest(header=header_to_wire(header), receipts=words)


def model_head_from_wire(message: pb.PutModelRequest | None) -> ModelHead:
    """The first part of a model's stream.  Raises WireError for a malformed one."""
    if message is None or message.WhichOneof("part") != "head":
        raise WireError("a model's stream must begin with its head")
    head = message.head
    return ModelHead(
        head.task_id,
        head.length,
        checks.digest(head.digest, "model.digest"),
        checks.signature(head.signature, "model.signature"),
    )


class ModelReader:
    """The model that follows its head."""

    def __init__(self, head: ModelHead, limit: int) -> None:
        """Raises WireError when the announced length is beyond the limit."""
        self._head = head
        self._collector = Collector(head.length, limit, "the model")

    def chunks(self, parts: Iterable[pb.PutModelRequest]) -> Iterator[pb.PutModelReply]:
        """Take the chunks; says after each how many came.  Raises WireError for more than was announced."""
        for taken, part in enumerate(parts, 1):
            if part.WhichOneof("part") != "chunk":
                raise WireError("the model: a second head in the stream")
            self._collector.add(part.chunk)
            yield pb.PutModelReply(taken=taken)

    def finish(self) -> bytes:
        """The model.  Raises WireError when it is shorter or another than announced."""
        data = self._collector.finish()
        if keccak(data) != self._head.digest:
            raise WireError(f"the model does not have the digest 0x{self._head.digest.hex()}")
        return data


def model_to_wire(head: ModelHead, data: bytes) -> Iterator[pb.PutModelRequest]:
    """Stream a model."""
    yield pb.PutModelRequest(
        head=pb.ModelHead(task_id=head.task_id, length=len(data), digest=head.digest, signature=head.signature)
    )
    for chunk in chunks(data):
        yield pb.PutModelRequest(chunk=chunk)


def largest_model(dimension: int) -> int:
    """Most bytes of a model of so many coordinates, in whatever format: a header, and 16 bytes a coordinate."""
    return _MODEL_HEAD + _MODEL_COORDINATE * dimension


def largest_published(head: ModelHead, terms: NewTask) -> int:
    """Most bytes of what is published for a task: a model, or the manifest that its terms name."""
    return MAX_PUBLISHED if head.digest == terms.manifest else largest_model(terms.dimension)


def require_stored(head: ModelHead, replies: Iterable[pb.PutModelReply]) -> None:
    """Wait until a model is stored.

    Raises WireError when the replies end without its digest, or there are more than one for each chunk before it.
    """
    digest, most = head.digest, head.length // checks.CHUNK + 2
    for reply in islice(replies, most):
        if reply.WhichOneof("part") == "digest" and reply.digest == digest:
            return
    raise WireError("the coordinator did not say that it stored the model; publish it again")


def status_from_wire(message: pb.SubmissionStatusReply) -> SubmissionStatus:
    """Raises WireError for a malformed field."""
    try:
        state = SubmissionState(message.state)
    except ValueError:
        raise WireError(f"{message.state} is no state of a submission") from None
    submission = checks.digest(message.submission, "status.submission")
    batch = checks.digest(message.batch_id, "status.batch_id") if message.batch_id else None
    return SubmissionStatus(submission, state, printable(message.reason, _MAX_TEXT), batch)


def status_to_wire(status: SubmissionStatus) -> pb.SubmissionStatusReply:
    """The wire form of a submission's status."""
    return pb.SubmissionStatusReply(
        submission=status.submission,
        state=pb.SubmissionState.ValueType(int(status.state)),
        reason=status.reason[:_MAX_TEXT],
        batch_id=status.batch_id or b"",
    )


def task_status_from_wire(message: pb.TaskStatusReply) -> TaskStatus:
    """Raises WireError for a malformed field."""
    checks.counted(message.rounds, 0, MAX_ENTRIES, "task.rounds")
    checks.counted(message.rejections, 0, MAX_ENTRIES, "task.rejections")
    rejections = {printable(cause, _MAX_TEXT): count for cause, count in message.rejections.items()}
    checks.counted(message.recent, 0, MAX_ENTRIES, "task.recent")
    recent = tuple(_rejection_from_wire(one) for one in message.recent)
    return TaskStatus(tuple(_round_from_wire(one) for one in message.rounds), rejections, recent)


def task_status_to_wire(status: TaskStatus) -> pb.TaskStatusReply:
    """The wire form of a task's status."""
    return pb.TaskStatusReply(
        rounds=[_round_to_wire(one) for one in status.rounds],
        rejections=status.rejections,
        recent=[pb.Rejection(owner=r.owner, round=r.round, reason=r.reason[:_MAX_TEXT]) for r in status.recent],
    )


def _rejection_from_wire(message: pb.Rejection) -> Rejection:
    owner = checks.address(message.owner, "recent.owner")
    return Rejection(owner, message.round, printable(message.reason, _MAX_TEXT))


def _round_from_wire(message: pb.RoundStatus) -> RoundStatus:
    return RoundStatus(
        message.round,
        message.pending,
        message.rejected,
        message.attempts,
        printable(message.trouble, _MAX_TEXT),
        tuple(_batch_from_wire(batch) for batch in message.batches),
        tuple(
            NamedProver(
                checks.bounded(named.prover, 0, MAX_PROVERS - 1, "named.prover"),
                printable(named.step, _MAX_TEXT),
                printable(named.reason, _MAX_TEXT),
            )
            for named in message.named
        ),
        printable(message.waits, _MAX_TEXT),
    )


def _round_to_wire(status: RoundStatus) -> pb.RoundStatus:
    return pb.RoundStatus(
        round=status.round,
        pending=status.pending,
        rejected=status.rejected,
        attempts=status.attempts,
        trouble=status.trouble[:_MAX_TEXT],
        batches=[
            pb.BatchStatus(
                batch_id=batch.batch_id,
                payload_digest=batch.payload_digest or b"",
                owners=batch.owners,
                accepted=batch.accepted,
                transaction=batch.transaction or b"",
            )
            for batch in status.batches
        ],
        named=[
            pb.NamedProver(prover=named.prover, step=named.step, reason=named.reason[:_MAX_TEXT])
            for named in status.named
        ],
        waits=status.waits[:_MAX_TEXT],
    )


def _batch_from_wire(message: pb.BatchStatus) -> BatchStatus:
    return BatchStatus(
        checks.digest(message.batch_id, "batch.batch_id"),
        checks.digest(message.payload_digest, "batch.payload_digest") if message.payload_digest else None,
        message.owners,
        message.accepted,
        checks.digest(message.transaction, "batch.transaction") if message.transaction else None,
    )
