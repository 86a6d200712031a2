"""A server that is full says so, and its callers come back when it said, one by one, for as long as they have."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest

from circuits.errors import BusyError, GradrollError, UnavailableError
from circuits.hashing import keccak
from commons.wire._generated import common_pb2
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire._generated import coordinator_pb2_grpc as rpc
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.rpcstatus import answering, calling
from commons.wire.streams import blob_to_wire

MODEL = bytes(1000)
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


class Server(rpc.CoordinatorServicer):
    """Is busy some times before it answers."""

    def __init__(self, times: int, retry_after: float = 0.2) -> None:
        self.times = times
        self.retry_after = retry_after
        self.asked: list[float] = []

    def _be_busy(self, context: grpc.ServicerContext) -> None:
        self.asked.append(time.monotonic())
        with answering(context):
            if len(self.asked) <= self.times:
                raise BusyError("full", self.retry_after)

    def TaskStatus(self, request: pb.TaskStatusRequest, context: grpc.ServicerContext) -> pb.TaskStatusReply:  # noqa: N802
        self._be_busy(context)
        return pb.TaskStatusReply()

    def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> Iterator[common_pb2.BlobPart]:  # noqa: N802
        self._be_busy(context)
        yield from blob_to_wire(MODEL, request.offset)


@contextmanager
def serving(server: Server) -> Iterator[str]:
    running = new_server(Calls(Limits(4)))
    rpc.add_CoordinatorServicer_to_server(server, running)
    port = bind(running, "127.0.0.1:0", None)
    running.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        running.stop(0).wait()


@pytest.mark.parametrize("streamed", [False, True])
def test_a_caller_comes_back_no_earlier_than_told(streamed: bool) -> None:
    server = Server(times=3)  # type: ignore[abstract]
    with serving(server) as endpoint, CoordinatorClient(endpoint) as client:
        if streamed:
            assert client.get_model(keccak(MODEL), len(MODEL)) == MODEL
        else:
            client.task_status(1)
    pauses = [later - earlier for earlier, later in zip(server.asked, server.asked[1:], strict=False)]
    assert len(pauses) == 3
    assert all(pause >= factor * server.retry_after for pause, factor in zip(pauses, (1, 2, 4), strict=True))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_caller_gives_up_when_its_time_is_over(streamed: bool) -> None:
    server = Server(times=10_000)  # type: ignore[abstract]
    with (
        serving(server) as endpoint,
        CoordinatorClient(endpoint, timeout=0.7, stall=0.7) as client,
        pytest.raises(BusyError, match="full"),
    ):
        client.get_model(keccak(MODEL), len(MODEL)) if streamed else client.task_status(1)
    assert len(server.asked) > 1


def test_who_closes_a_client_does_not_wait_for_a_busy_server() -> None:
    server, raised = Server(times=1, retry_after=50.0), []  # type: ignore[abstract]
    with serving(server) as endpoint:
        client = CoordinatorClient(endpoint, timeout=3600.0)

        def ask() -> None:
            try:
                client.task_status(1)
            except BusyError as error:
                raised.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not server.asked:
            time.sleep(0.01)
        client.close()
        asking.join()
    assert len(raised) == len(server.asked) == 1


def test_a_server_is_believed_from_a_moment_to_a_minute() -> None:
    for said, seconds in ((0.25, 0.25), (0.0, 0.1), (3600.0, 60.0), (1e12, 1.0)):
        server = Server(times=1, retry_after=said)  # type: ignore[abstract]
        with serving(server) as endpoint, grpc.insecure_channel(endpoint) as channel:
            with pytest.raises(BusyError) as caught, calling("it"):
                rpc.CoordinatorStub(channel).TaskStatus(pb.TaskStatusRequest())
            assert caught.value.retry_after == seconds


class Bare(rpc.CoordinatorServicer):
    """Refuses as gRPC itself does, without a code of ours."""

    def TaskStatus(self, request: pb.TaskStatusRequest, context: grpc.ServicerContext) -> pb.TaskStatusReply:  # noqa: N802
        context.abort(EXHAUSTED, "Concurrent RPC limit exceeded!")

    def SubmissionStatus(self, request: object, context: grpc.ServicerContext) -> pb.SubmissionStatusReply:  # noqa: N802
        return pb.SubmissionStatusReply(reason="x" * (7 << 20))


def test_overload_is_no_mistake_and_a_message_that_is_too_long_is_no_overload() -> None:
    with serving(Bare()) as endpoint, CoordinatorClient(endpoint, timeout=0.5) as client:  # type: ignore[abstract, arg-type]
        with pytest.raises(BusyError, match="as many calls as it takes"):
            client.task_status(1)
        with pytest.raises(GradrollError, match="larger than max") as caught:
            client.submission_status(bytes(32))
    assert not isinstance(caught.value, UnavailableError)
