"""What a message would take in memory is known from its bytes, before it is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from circuits.errors import WireError
from commons.wire import batchsteps, prescan
from commons.wire._generated import common_pb2, coordinator_pb2
from commons.wire._generated import prover_pb2 as pb
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.prover_client import ProverClient
from commons.wire.rpcstatus import calling
from tests.wire.test_steps import COIN, MASK


def kinds() -> Iterator[type[Message]]:
    """Every message of the package."""
    for module in (common_pb2, coordinator_pb2, pb):
        for name in module.DESCRIPTOR.message_types_by_name:
            yield getattr(module, name)


def test_every_repeated_field_has_a_most_and_every_most_a_field() -> None:
    fields = {
        f"{kind.DESCRIPTOR.name}.{field.name}"
        for kind in kinds()
        for field in kind.DESCRIPTOR.fields
        if prescan.is_repeated(field)
    }
    assert fields == prescan._LIMITS.keys()


def field(number: int, value: bytes) -> bytes:
    """A field of bytes, or of a message."""
    size, head = len(value), bytes((number << 3 | 2,))
    while size >= 0x80:
        head, size = head + bytes((size & 0x7F | 0x80,)), size >> 7
    return head + bytes((size,)) + value


def test_what_honest_roles_send_is_read() -> None:
    for request in (COIN, MASK):
        for part in batchsteps.request_to_wire(request):
            assert prescan.read(part.SerializeToString(), pb.RunRequest) == part
    most = pb.KeyConfirmation(hashes=[pb.KeyHash(subset=i + 1, hash=bytes(32)) for i in range(1 << 16)])
    assert prescan.read(most.SerializeToString(), pb.KeyConfirmation) == most


HEADERS = field(2, b"") * 257


@pytest.mark.parametrize(
    ("kind", "raw", "what"),
    [
        (pb.Cohort, field(2, b"") * 3_000_000, "Cohort.headers comes more than 256 times"),
        (pb.RunRequest, field(4, HEADERS), "Cohort.headers comes more than 256 times"),
        (pb.RunRequest, field(1, b"") * 2, "RunRequest.head comes more than 1 times"),
        (pb.RunRequest, field(1, b"") + field(3, b"x"), "payload comes .* beside an alternative"),
        (pb.Proposal, field(3, b"\x01" * 257), "Proposal.kept comes more than 256 times"),
        (pb.Proposal, b"\x18\x01" * 257, "Proposal.kept comes more than 256 times"),
        (pb.Proposal, field(3, b"\x01" * 3000), "kept has more than 256 entries"),
        (pb.Proposal, b"\x10\x01" * 2, "Proposal.attempt comes more than 1 times"),
        (pb.ConfirmKeysRequest, field(2, field(2, b"") * 65536) * 16, "more than 524288 fields"),
        (pb.Proposal, b"\x7a\x00" * 17, "more fields of another version"),
        (pb.Proposal, b"\x0b" * 100, "of a kind that none here has"),
        (pb.Proposal, b"\x00\x00" * 17, "more fields of another version"),
        (pb.Proposal, b"\x0a\x05abc", "in the middle of a field"),
        (pb.Proposal, b"\x0a" + b"\xff" * 9, "in the middle of a number"),
        (pb.Proposal, b"\x10" + b"\xff" * 11, "too long"),
        (coordinator_pb2.RoundStatus, field(5, b"\xff"), "no message of the kind RoundStatus"),
    ],
)
def test_a_small_message_that_would_be_a_large_one_is_refused(kind: type[Message], raw: bytes, what: str) -> None:
    with pytest.raises(WireError, match=what):
        prescan.read(raw, kind)


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert prescan.read(b"\x10\x07" + field(15, b"later"), pb.Proposal).attempt == 7


@contextmanager
def serving(*handlers: grpc.GenericRpcHandler, calls: Calls | None = None) -> Iterator[str]:
    pool = ThreadPoolExecutor(2)
    server = new_server(calls) if calls else grpc.server(pool)
    server.add_generic_rpc_handlers(handlers)
    port = bind(server, "127.0.0.1:0", None)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@pytest.mark.parametrize("raw", [b"\x0a\x05abc", field(10, b"\x0a\x01a") * 257])
def test_a_client_takes_no_answer_that_would_be_a_large_one(raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """And gRPC, which logs what goes wrong while it reads a message, has nothing to log."""
    status: Any = grpc.unary_unary_rpc_method_handler(lambda _, __: raw)
    handler = grpc.method_handlers_generic_handler("gradroll.v1.Prover", {"Status": status})
    with serving(handler) as endpoint, ProverClient(endpoint) as client, caplog.at_level(logging.DEBUG):
        with pytest.raises(WireError):
            client.status()
        assert not [record for record in caplog.records if record.name.startswith("grpc")]


def test_a_server_makes_no_message_that_would_be_a_large_one(caplog: pytest.LogCaptureFixture) -> None:
    made: list[object] = []

    def accept(request: pb.AcceptKeysRequest, _: object) -> pb.KeyConfirmation:
        made.append(request)
        return pb.KeyConfirmation()

    method = grpc.unary_unary_rpc_method_handler(
        accept, pb.AcceptKeysRequest.FromString, pb.KeyConfirmation.SerializeToString
    )
    handler = grpc.method_handlers_generic_handler("gradroll.v1.Prover", {"AcceptKeys": method})
    with serving(handler, calls=Calls(Limits(2))) as endpoint, grpc.insecure_channel(endpoint) as channel:
        ask: Any = channel.unary_unary("/gradroll.v1.Prover/AcceptKeys")
        for raw in (field(2, b"") * 33, b"\xff"):
            with pytest.raises(WireError), calling("it"), caplog.at_level(logging.DEBUG):
                ask(raw)
    assert not made
    assert not [record for record in caplog.records if record.name.startswith("grpc")]
