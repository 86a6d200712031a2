"""Requests and replies survive the wire; everything malformed is refused with the name of its field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import native
from circuits.errors import UnknownError, WireError
from circuits.statement import TAIL, Committee, Context, SubmissionHeader
from circuits.terms import MarketId
from commons.protocol.bundle import MAX_CERTIFICATE, largest_bundle
from commons.protocol.messages import MAX_BODY, Cohort, Message, Proposal, Step, StepReply, StepRequest
from commons.sharing.sharepayloads import all_payload_sizes, largest_payload
from commons.wire import batchsteps, contexts
from commons.wire._generated import common_pb2
from commons.wire._generated import prover_pb2 as pb

POINT = native.g1_generator
MARKET = MarketId(31337, b"\x11" * 20, b"\x12" * 32)
CONTEXT = Context(MARKET, 3, b"\x13" * 32, 4, b"\x14" * 32, b"\x22" * 32, 1 << 40, 10)
HEADERS = tuple(
    SubmissionHeader(3, 4, bytes([i + 1]) * 20, i, POINT, (b"\x33" * 32,) * 4, b"\x44" * 65, b"\x55" * 65)
    for i in range(3)
)
COHORT = Cohort(CONTEXT, HEADERS)
NONCES = (b"\x31" * 32, b"\x32" * 32, b"\x33" * 32)
PROPOSAL = Proposal(COHORT.cohort_id, 7, (0, 2), (0, 1, 3), NONCES, probe=True)
MESSAGE = Message(b"\x55" * 32, Step.COMBINE, 2, b"body", b"\x66" * 65)
LIMITS = batchsteps.Limits(10)
SIGNED = b"\x77" * 65


def any_limits(_: bytes) -> batchsteps.Limits:
    return LIMITS


def read(parts: Iterable[pb.RunRequest], limits: Callable[[bytes], batchsteps.Limits] = any_limits) -> StepRequest:
    """A request from its head and what follows it."""
    stream = iter(parts)
    return batchsteps.request_from_wire(batchsteps.step_head_from_wire(next(stream, None)), stream, limits)


def through(request: StepRequest) -> StepRequest:
    raw = [part.SerializeToString() for part in batchsteps.request_to_wire(request)]
    return read(map(pb.RunRequest.FromString, raw))


@pytest.mark.parametrize(
    "request_",
    [
        StepRequest(Step.COIN, COHORT.cohort_id, cohort=COHORT, authorization=SIGNED),
        StepRequest(Step.MASK, PROPOSAL.digest, proposal=PROPOSAL, authorization=SIGNED, relayed=(MESSAGE,) * 3),
        StepRequest(Step.ATTEST, b"\x01" * 32, authorization=SIGNED, payload=bytes(range(256)) * 16),
        StepRequest(Step.RELEASE, b"\x01" * 32, payload=bytes(range(256)) * 16),
        StepRequest(Step.REVEAL, b"\x01" * 32, authorization=SIGNED, owner=255, relayed=(MESSAGE,)),
    ],
)
def test_requests_survive(request_: StepRequest) -> None:
    assert through(request_) == request_


def test_replies_survive() -> None:
    vector = native.expand(b"\x01" * 32, 10 + TAIL)
    for reply in (StepReply(MESSAGE), StepReply(MESSAGE, vector), StepReply(MESSAGE, None, b"\x00" + b"s" * 32)):
        back = batchsteps.reply_from_wire(batchsteps.reply_to_wire(reply), LIMITS)
        assert back.message == reply.message
        assert back.raw == reply.raw
        assert (back.vector is None) == (reply.vector is None)
        if back.vector is not None:
            assert np.array_equal(back.vector, vector)


Change = Callable[[list[pb.RunRequest]], None]


def read_changed(request: StepRequest, change: Change) -> StepRequest:
    """A request, changed on its way."""
    parts = list(batchsteps.request_to_wire(request))
    change(parts)
    return read(parts)


COIN = StepRequest(Step.COIN, COHORT.cohort_id, cohort=COHORT, authorization=SIGNED)
MASK = StepRequest(Step.MASK, PROPOSAL.digest, proposal=PROPOSAL, authorization=SIGNED, relayed=(MESSAGE,))
ATTEST = StepRequest(Step.ATTEST, b"\x01" * 32, authorization=SIGNED, payload=b"x" * 100)
RELEASE = StepRequest(Step.RELEASE, b"\x01" * 32, payload=b"x" * 100)


def cohort_part() -> pb.RunRequest:
    return pb.RunRequest(cohort=batchsteps.cohort_to_wire(COHORT))


def edit(path: str, value: object) -> Callable[[list[pb.RunRequest]], None]:
    """Set a field of the head, given as a dotted path."""

    def change(parts: list[pb.RunRequest]) -> None:
        *way, last = path.split(".")
        target: Any = parts[1] if way[:1] == ["cohort"] else parts[0].head
        for name in way:
            target = target[int(name)] if name.isdecimal() else getattr(target, name)
        field = getattr(target, last)
        if isinstance(value, list):
            del field[:]
            field.extend(value)
        else:
            setattr(target, last, value)

    return change


@pytest.mark.parametrize(
    ("match", "path", "value"),
    [
        ("99 is no step", "step", 99),
        ("step.session", "session", b"short"),
        ("step.authorization", "authorization", b"short"),
        ("step.authorization", "authorization", b""),
        ("step.relayed is 1, it must lie in .0, 0", "relayed", 1),
        ("step.relayed_digest", "relayed_digest", b"\x01" * 31),
        ("step.payload_digest", "payload_digest", b""),
        ("another task than the head names", "task_id", 4),
        ("step.owner", "owner", 256),
        ("context.market", "cohort.context.market", bytes(20)),
        ("context.market", "cohort.context.market", b"\x01" * 21),
        ("context.deployment", "cohort.context.deployment", b""),
        ("context.deployment", "cohort.context.deployment", b"\x12" * 33),
        ("context.terms_hash", "cohort.context.terms_hash", b"\x13" * 31),
        ("context.model_digest", "cohort.context.model_digest", b""),
        ("context.policy_key_hash", "cohort.context.policy_key_hash", b""),
        ("context.bound", "cohort.context.bound", 1 << 62),
        ("context.dimension", "cohort.context.dimension", 0),
        ("context.dimension", "cohort.context.dimension", (1 << 28) + 1),
        ("header.owner", "cohort.headers.1.owner", b"\x01"),
        ("header.owner_index", "cohort.headers.1.owner_index", (1 << 16) + 16),
        ("ascending order", "cohort.headers.1.owner_index", 0),
        ("one task and round", "cohort.headers.1.task_id", 5),
        ("header.commitment has", "cohort.headers.1.commitment", b"\x01" * 63),
        ("no point of G1", "cohort.headers.1.commitment", b"\x01" * 64),
        ("header.share_digests", "cohort.headers.1.share_digests", [b"\x33" * 32] * 33),
        ("header.share_digests", "cohort.headers.1.share_digests", [b"\x33" * 32, b"\x33" * 31, b"\x33" * 32]),
        ("header.signature", "cohort.headers.1.signature", b"\x44" * 64),
        ("header.dealing_signature", "cohort.headers.1.dealing_signature", b"\x55" * 64),
        ("header.dealing_signature", "cohort.headers.1.dealing_signature", b""),
    ],
)
def test_malformed_cohorts_are_refused_by_name(match: str, path: str, value: object) -> None:
    with pytest.raises(WireError, match=match):
        read_changed(COIN, edit(path, value))


@pytest.mark.parametrize(
    ("match", "path", "value"),
    [
        ("step.relayed", "relayed", 33),
        ("names its session alone", "task_id", 3),
        ("proposal.cohort_id", "proposal.cohort_id", b""),
        ("proposal.kept", "proposal.kept", []),
        ("ascending", "proposal.kept", [2, 0]),
        ("ascending", "proposal.kept", [0, 256]),
        ("proposal.active", "proposal.active", []),
        ("ascending", "proposal.active", [0, 0, 1]),
        ("attempt", "proposal.attempt", 0),
        ("proposal.nonces", "proposal.nonces", []),
        ("proposal.nonces", "proposal.nonces", [b"\x31" * 32, b"\x32" * 31, b"\x33" * 32]),
        ("proposal.nonces", "proposal.nonces", [b"\x31" * 32] * 33),
        ("a nonce of 32 bytes for each", "proposal.nonces", [b"\x31" * 32] * 2),
        ("a nonce of 32 bytes for each", "proposal.nonces", [b"\x31" * 32] * 4),
    ],
)
def test_malformed_proposals_are_refused_by_name(match: str, path: str, value: object) -> None:
    with pytest.raises(WireError, match=match):
        read_changed(MASK, edit(path, value))


@pytest.mark.parametrize(
    ("match", "request_", "change"),
    [
        ("begin with its head", MASK, lambda parts: parts.pop(0) and None),
        ("begin with its head", MASK, list.clear),
        ("more relayed messages than came", MASK, lambda parts: parts.pop() and None),
        ("may follow the relayed", MASK, lambda parts: parts.append(parts[1])),
        ("may follow the relayed", MASK, lambda parts: parts.append(parts[0])),
        ("comes with its cohort", COIN, lambda parts: parts.pop() and None),
        ("may follow the relayed", COIN, lambda parts: parts.append(parts[-1])),
        ("may follow the relayed", MASK, lambda parts: parts.append(cohort_part())),
        ("more relayed messages than came", MASK, lambda parts: parts.insert(1, cohort_part())),
        ("not what the head announced", MASK, lambda parts: setattr(parts[1].relayed, "body", b"other")),
        ("not what the head announced", ATTEST, lambda parts: setattr(parts[1], "payload", b"y" * 100)),
        ("not what the head announced", RELEASE, lambda parts: setattr(parts[1], "payload", b"y" * 100)),
        ("step.relayed", RELEASE, edit("relayed", 1)),
        ("ended after 0 of 100", ATTEST, lambda parts: parts.pop() and None),
        ("more bytes came", ATTEST, lambda parts: parts.append(parts[-1])),
        ("chunk of", ATTEST, lambda parts: parts.insert(1, pb.RunRequest(payload=b""))),
        ("length of", ATTEST, edit("payload_length", 1 << 40)),
    ],
)
def test_streams_out_of_order_are_refused(match: str, request_: StepRequest, change: Change) -> None:
    with pytest.raises(WireError, match=match):
        read_changed(request_, change)


@pytest.mark.parametrize(
    ("match", "name", "value"),
    [
        ("message.session", "session", b""),
        ("is no step", "step", 0),
        ("message.sender", "sender", 32),
        ("message.signature", "signature", b""),
        ("message.body", "body", bytes(MAX_BODY + 1)),
    ],
)
def test_malformed_messages_are_refused(match: str, name: str, value: object) -> None:
    with pytest.raises(WireError, match=match):
        read_changed(MASK, lambda parts: setattr(parts[1].relayed, name, value))


@pytest.mark.parametrize("request_", [COIN, MASK, ATTEST])
def test_a_head_binds_all_that_follows_it(request_: StepRequest) -> None:
    """Its signature is checked before anything else is read, so it has to say what the whole request asks."""
    head = batchsteps.step_head_from_wire(next(batchsteps.request_to_wire(request_)))
    assert head.asked == request_.asked
    assert replace(head, payload_digest=bytes(32)).asked != request_.asked
    assert replace(head, relayed_digest=bytes(32)).asked != request_.asked


def test_a_head_is_short_whatever_follows_it() -> None:
    most = replace(
        MASK, proposal=Proposal(COHORT.cohort_id, 7, tuple(range(256)), tuple(range(32)), (b"\x31" * 32,) * 32)
    )
    assert next(batchsteps.request_to_wire(most)).ByteSize() < 4096
    assert next(batchsteps.request_to_wire(replace(COIN, cohort=COHORT))).ByteSize() < 4096


def test_a_payload_for_an_unknown_session_is_not_read() -> None:
    def parts() -> Iterator[pb.RunRequest]:
        yield from list(batchsteps.request_to_wire(ATTEST))[:1]
        raise AssertionError("the payload was read")

    with pytest.raises(UnknownError):
        read(parts(), unknown)


def unknown(_: bytes) -> batchsteps.Limits:
    raise UnknownError("no such session")


def release_of(length: int) -> Iterator[pb.RunRequest]:
    return batchsteps.request_to_wire(StepRequest(Step.RELEASE, b"\x01" * 32, payload=bytes(length)))


def test_a_certificate_is_taken_for_a_session_that_nobody_knows() -> None:
    """A reader may show the certificate of a batch that this prover never saw; no model's size bounds what it sends."""
    assert len(read(release_of(MAX_CERTIFICATE), unknown).payload) == MAX_CERTIFICATE


def test_no_more_than_a_certificate_is_taken() -> None:
    assert largest_bundle(1 << 20) > MAX_CERTIFICATE
    for limits in (unknown, lambda _: batchsteps.Limits(1 << 20)):
        with pytest.raises(WireError, match="length of"):
            read(release_of(MAX_CERTIFICATE + 1), limits)


_ROW = 32 * LIMITS.vector
_BOUNDS = {
    False: {Step.ATTEST: largest_bundle(10), Step.EXCLUDE: largest_payload(10)},
    True: {Step.ATTEST: largest_bundle(10) - _ROW, Step.EXCLUDE: largest_payload(10), Step.LOCK: _ROW},
}


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("step", [step for step in Step if step is not Step.RELEASE])
def test_every_other_payload_is_bounded_by_its_session_and_comes_with_few_steps(step: Step, graded: bool) -> None:
    """A share is a small part of an audit bundle; what a step has no use for is not read.  A row comes once."""
    allowed, limits = _BOUNDS[graded].get(step, 0), batchsteps.Limits(10, graded)
    exact = StepRequest(step, b"\x01" * 32, authorization=SIGNED, payload=bytes(allowed))
    if step is Step.COIN:
        exact = replace(exact, cohort=COHORT)
    assert len(read(batchsteps.request_to_wire(exact), lambda _: limits).payload) == allowed
    with pytest.raises(WireError, match="length of the step's payload"):
        read(batchsteps.request_to_wire(replace(exact, payload=bytes(allowed + 1))), lambda _: limits)


def reply_parts(**changes: object) -> list[pb.RunReply]:
    parts = list(batchsteps.reply_to_wire(StepReply(MESSAGE, native.expand(b"\x01" * 32, 10 + TAIL))))
    for name, value in changes.items():
        setattr(parts[0].head, name, value)
    return parts


@pytest.mark.parametrize(("size", "threshold"), [(4, 1), (7, 2), (7, 3), (11, 2)])
@pytest.mark.parametrize("dimension", [1, 5, 100, 1000])
def test_a_share_of_any_form_can_be_revealed(size: int, threshold: int, dimension: int) -> None:
    """For small models seeds weigh more than scalars; a prover that lays such a share open must be heard."""
    committee = Committee(0, threshold, tuple(bytes([p + 1]) * 20 for p in range(size)))
    for length in all_payload_sizes(dimension, committee):
        reply = StepReply(MESSAGE, raw=bytes(length))
        assert (
            batchsteps.reply_from_wire(batchsteps.reply_to_wire(reply), batchsteps.Limits(dimension)).raw == reply.raw
        )


def test_malformed_replies_are_refused() -> None:
    for match, parts in (
        ("139 scalars", reply_parts(vector_length=138)),
        ("not both", reply_parts(raw_length=1)),
        ("reply.raw_length", reply_parts(vector_length=0, raw_length=1 << 30)),
        ("begin with its head", reply_parts()[1:]),
        ("second head", reply_parts()[:1] * 2),
        ("ended after 0", reply_parts()[:1]),
    ):
        with pytest.raises(WireError, match=match):
            batchsteps.reply_from_wire(parts, LIMITS)
    over = reply_parts()
    over[1].chunk = b"\xff" * 32 + over[1].chunk[32:]
    with pytest.raises(WireError, match="not below the field's order"):
        batchsteps.reply_from_wire(over, LIMITS)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_parsed_but_never_crashes(noise: bytes) -> None:
    try:
        message = common_pb2.SubmissionHeader.FromString(noise)
    except Exception:
        return
    with pytest.raises(WireError):
        contexts.header_from_wire(message)


def test_context_survives() -> None:
    assert contexts.context_from_wire(contexts.context_to_wire(CONTEXT)) == CONTEXT


def test_header_survives() -> None:
    assert contexts.header_from_wire(contexts.header_to_wire(HEADERS[1])) == HEADERS[1]
    assert contexts.header_from_wire(contexts.header_to_wire(replace(HEADERS[0], commitment=native.G1(bytes(64)))))
