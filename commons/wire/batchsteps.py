"""Steps of a batch on the wire: requests and replies as streams of bounded parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from circuits.errors import WireError
from circuits.statement import TAIL
from circuits.terms import MAX_DIMENSION
from commons.protocol.bundle import MAX_CERTIFICATE, largest_bundle
from commons.protocol.messages import (
    MAX_BODY,
    MAX_COHORT,
    MAX_PROVERS,
    Cohort,
    Message,
    Proposal,
    Step,
    StepReply,
    StepRequest,
)
from commons.protocol.streamheads import StepHead
from commons.protocol.sumlabels import sealed_bytes
from commons.sharing.sharepayloads import largest_payload
from commons.wire import checks
from commons.wire._generated import prover_pb2 as pb
from commons.wire.contexts import context_from_wire, context_to_wire, header_from_wire, header_to_wire
from commons.wire.streams import SCALAR, Collector, chunks, vector_from_bytes, vector_to_bytes

_ALONE = frozenset({Step.COIN, Step.RELEASE})
"""Steps that relay no messages: what strangers may bring has to be short."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the streamed values of a step may be for one model dimension."""

    dimension: int = MAX_DIMENSION

    @property
    def payload(self) -> int:
        """Most bytes of an audit bundle."""
        return largest_bundle(self.dimension)

    @property
    def vector(self) -> int:
        """Scalars of a combined row, exactly."""
        return self.dimension + TAIL

    @property
    def raw(self) -> int:
        """Most bytes of a revealed share payload, or of a sealed share of a sum."""
        return max(largest_payload(self.dimension), sealed_bytes(self.vector))


def cohort_from_wire(message: pb.Cohort) -> Cohort:
    """Raises WireError for a malformed field or order."""
    checks.counted(message.headers, 1, MAX_COHORT, "cohort.headers")
    return Cohort(context_from_wire(message.context), tuple(header_from_wire(h) for h in message.headers))


def cohort_to_wire(cohort: Cohort) -> pb.Cohort:
    """The wire form of a cohort."""
    return pb.Cohort(context=context_to_wire(cohort.context), headers=[header_to_wire(h) for h in cohort.headers])


def proposal_from_wire(message: pb.Proposal) -> Proposal:
    """Raises WireError for a malformed field or order."""
    checks.counted(message.kept, 1, MAX_COHORT, "proposal.kept")
    checks.counted(message.active, 1, MAX_PROVERS, "proposal.active")
    checks.counted(message.nonces, 1, MAX_PROVERS, "proposal.nonces")
    return Proposal(
        checks.digest(message.cohort_id, "proposal.cohort_id"),
        message.attempt,
        tuple(message.kept),
        tuple(message.active),
        tuple(checks.digest(nonce, "proposal.nonces") for nonce in message.nonces),
        message.probe,
    )


def proposal_to_wire(proposal: Proposal) -> pb.Proposal:
    """The wire form of a proposal."""
    return pb.Proposal(
        cohort_id=proposal.cohort_id,
        attempt=proposal.attempt,
        kept=proposal.kept,
        active=proposal.active,
        nonces=proposal.nonces,
        probe=proposal.probe,
    )


def step_from_wire(value: int) -> Step:
    """Raises WireError for a number that is no step."""
    try:
        return Step(value)
    except ValueError:
        raise WireError(f"{value} is no step of this protocol version") from None


def message_from_wire(message: pb.Message) -> Message:
    """Raises WireError for a malformed field; the body is parsed where its step is known."""
    checks.bounded(len(message.body), 0, MAX_BODY, "length of message.body")
    return Message(
        session=checks.digest(message.session, "message.session"),
        step=step_from_wire(message.step),
        sender=checks.bounded(message.sender, 0, MAX_PROVERS - 1, "message.sender"),
        body=message.body,
        signature=checks.signature(message.signature, "message.signature"),
    )


def message_to_wire(message: Message) -> pb.Message:
    """The wire form of a prover's message."""
    return pb.Message(
        session=message.session,
        step=int(message.step),
        sender=message.sender,
        body=message.body,
        signature=message.signature,
    )


def request_to_wire(request: StepRequest) -> Iterator[pb.RunRequest]:
    """Stream a step's request."""
    head = pb.StepHead(
        step=int(request.step),
        session=request.session,
        authorization=request.authorization,
        relayed=len(request.relayed),
        payload_length=len(request.payload),
        owner=request.owner,
        task_id=request.cohort.context.task_id if request.cohort is not None else 0,
        relayed_digest=request.relayed_digest,
        payload_digest=request.payload_digest,
    )
    if request.proposal is not None:
        head.proposal.CopyFrom(proposal_to_wire(request.proposal))
    yield pb.RunRequest(head=head)
    if request.cohort is not None:
        yield pb.RunRequest(cohort=cohort_to_wire(request.cohort))
    for message in request.relayed:
        yield pb.RunRequest(relayed=message_to_wire(message))
    for chunk in chunks(request.payload):
        yield pb.RunRequest(payload=chunk)


def step_head_from_wire(first: pb.RunRequest | None) -> StepHead:
    """The first part of a step's request.  Raises WireError for a malformed one."""
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("a step must begin with its head")
    head = first.head
    step = step_from_wire(head.step)
    if head.authorization or step is not Step.RELEASE:
        checks.signature(head.authorization, "step.authorization")
    if head.task_id and step is not Step.COIN:
        raise WireError(f"{step.name} names its session alone, not the task")
    return StepHead(
        step=step,
        session=checks.digest(head.session, "step.session"),
        task_id=head.task_id,
        proposal=proposal_from_wire(head.proposal) if head.HasField("proposal") else None,
        authorization=head.authorization,
        relayed=checks.bounded(head.relayed, 0, 0 if step in _ALONE else MAX_PROVERS, "step.relayed"),
        relayed_digest=checks.digest(head.relayed_digest, "step.relayed_digest"),
        payload_length=head.payload_length,
        payload_digest=checks.digest(head.payload_digest, "step.payload_digest"),
        owner=checks.bounded(head.owner, 0, MAX_COHORT - 1, "step.owner"),
    )


def request_from_wire(head: StepHead, parts: Iterable[pb.RunRequest], limits: Callable[[bytes], Limits]) -> StepRequest:
    """Collect what follows a step's head.

    Args:
        limits: of a session; asked only when a payload of one is announced, and raises for a session nobody knows.

    Raises:
        WireError: anything malformed, out of order, missing or left over, or not what the head announced.
    """
    stream = iter(parts)
    cohort = _cohort(stream, head.task_id) if head.step is Step.COIN else None
    relayed = tuple(_relayed(stream) for _ in range(head.relayed))
    limit = _limit(head.step, head.session, limits) if head.payload_length else 0
    payload = _payload(stream, head.payload_length, limit)
    request = StepRequest(
        head.step, head.session, cohort, head.proposal, head.authorization, relayed, payload, head.owner
    )
    if (request.relayed_digest, request.payload_digest) != (head.relayed_digest, head.payload_digest):
        raise WireError("what follows a step's head is not what the head announced")
    return request


def _cohort(stream: Iterator[pb.RunRequest], task_id: int) -> Cohort:
    part = next(stream, None)
    if part is None or part.WhichOneof("part") != "cohort":
        raise WireError("COIN comes with its cohort")
    cohort = cohort_from_wire(part.cohort)
    if cohort.context.task_id != task_id:
        raise WireError("the cohort is of another task than the head names, whose coordinator signed")
    return cohort


def _limit(step: Step, session: bytes, limits: Callable[[bytes], Limits]) -> int:
    """A certificate may speak of a batch that this prover never saw; everything else belongs to a known session."""
    match step:
        case Step.RELEASE:
            return MAX_CERTIFICATE
        case Step.ATTEST:
            return limits(session).payload
        case Step.LOCK:
            return SCALAR * limits(session).vector
        case Step.EXCLUDE:
            return limits(session).raw
        case _:
            return 0


def _relayed(stream: Iterator[pb.RunRequest]) -> Message:
    part = next(stream, None)
    if part is None or part.WhichOneof("part") != "relayed":
        raise WireError("a step announced more relayed messages than came")
    return message_from_wire(part.relayed)


def _payload(stream: Iterator[pb.RunRequest], length: int, limit: int) -> bytes:
    collector = Collector(length, limit, "the step's payload")
    for part in stream:
        if part.WhichOneof("part") != "payload":
            raise WireError("only the step's payload may follow the relayed messages")
        collector.add(part.payload)
    return collector.finish()


def reply_to_wire(reply: StepReply) -> Iterator[pb.RunReply]:
    """Stream a prover's reply."""
    length = 0 if reply.vector is None else len(reply.vector)
    yield pb.RunReply(
        head=pb.ReplyHead(message=message_to_wire(reply.message), vector_length=length, raw_length=len(reply.raw))
    )
    if reply.vector is not None:
        for chunk in chunks(vector_to_bytes(reply.vector)):
            yield pb.RunReply(chunk=chunk)
    for chunk in chunks(reply.raw):
        yield pb.RunReply(chunk=chunk)


def reply_from_wire(parts: Iterable[pb.RunReply], limits: Limits) -> StepReply:
    """Collect a prover's reply.  Raises WireError for anything malformed, missing or left over."""
    stream = iter(parts)
    first = next(stream, None)
    if first is None or first.WhichOneof("part") != "head":
        raise WireError("a reply must begin with its head")
    head = first.head
    if head.vector_length and head.raw_length:
        raise WireError("a reply carries a vector or bytes, not both")
    if head.vector_length not in (0, limits.vector):
        raise WireError(f"a combined row has {limits.vector} scalars, {head.vector_length} are announced")
    checks.bounded(head.raw_length, 0, limits.raw, "reply.raw_length")
    message = message_from_wire(head.message)
    total = SCALAR * head.vector_length + head.raw_length
    collector = Collector(total, total, "the reply's vector")
    for part in stream:
        if part.WhichOneof("part") != "chunk":
            raise WireError("a second head in a reply")
        collector.add(part.chunk)
    data = collector.finish()
    if not head.vector_length:
        return StepReply(message, None, data)
    return StepReply(message, vector_from_bytes(data, head.vector_length, "the reply's vector"))
