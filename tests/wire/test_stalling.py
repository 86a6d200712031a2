"""A call that moves takes as long as it needs; one that does not ends, on both sides, and says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import grpc
import pytest

from circuits.errors import UnavailableError
from circuits.hashing import keccak
from commons.wire import stalling
from commons.wire._generated import common_pb2
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire._generated import coordinator_pb2_grpc as rpc
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.checks import CHUNK
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.stalling import StallGuard, spaced
from commons.wire.streams import blob_to_wire

STALL = 0.5
MODEL = bytes(range(256)) * 1000


class Server(rpc.CoordinatorServicer):
    """A server of one model, with a pause before each chunk."""

    def __init__(self, pause: float = 0.0, breaks: int = 0) -> None:
        self.pause = pause
        self.breaks = breaks
        self.offsets: list[int] = []
        self.ended = threading.Event()

    def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> Iterator[common_pb2.BlobPart]:  # noqa: N802
        self.offsets.append(request.offset)
        for sent, part in enumerate(blob_to_wire(MODEL, request.offset)):
            time.sleep(self.pause)
            if len(self.offsets) <= self.breaks and sent == 2:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            yield part


@contextmanager
def serving(server: rpc.CoordinatorServicer) -> Iterator[str]:
    running = new_server(Calls(Limits(4)))
    rpc.add_CoordinatorServicer_to_server(server, running)
    port = bind(running, "127.0.0.1:0", None)
    running.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        running.stop(0).wait()


def test_a_slow_download_takes_longer_than_the_limit() -> None:
    server = Server(pause=STALL / 2)  # type: ignore[abstract]  # gRPC answers what is missing itself
    with serving(server) as endpoint, CoordinatorClient(endpoint, timeout=STALL, stall=STALL) as client:
        begun = time.monotonic()
        assert client.get_model(keccak(MODEL), len(MODEL)) == MODEL
        assert time.monotonic() - begun > STALL


def test_a_download_that_stands_still_is_given_up() -> None:
    with (
        serving(Server(pause=20 * STALL)) as endpoint,  # type: ignore[abstract]
        CoordinatorClient(endpoint, stall=STALL) as client,
        pytest.raises(UnavailableError, match=r"nothing moved .* for 0\.5 seconds"),
    ):
        client.get_model(keccak(MODEL), len(MODEL))


def test_a_broken_download_goes_on_where_it_stopped() -> None:
    server = Server(breaks=2)  # type: ignore[abstract]
    with serving(server) as endpoint, CoordinatorClient(endpoint, stall=STALL) as client:
        assert client.get_model(keccak(MODEL), len(MODEL)) == MODEL
    assert server.offsets == [0, CHUNK, 2 * CHUNK]


def test_one_that_breaks_before_anything_came_is_not_asked_again() -> None:
    class Gone(Server):
        def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> Iterator[common_pb2.BlobPart]:  # noqa: N802
            self.offsets.append(request.offset)
            yield from ()
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    server = Gone()  # type: ignore[abstract]
    with serving(server) as endpoint, CoordinatorClient(endpoint) as client, pytest.raises(UnavailableError):
        client.get_model(keccak(MODEL), len(MODEL))
    assert server.offsets == [0]


def test_a_caller_that_takes_nothing_loses_the_call() -> None:
    class Endless(Server):
        def GetModel(self, request: pb.GetModelRequest, context: grpc.ServicerContext) -> Iterator[common_pb2.BlobPart]:  # noqa: N802
            context.add_callback(self.ended.set)
            with StallGuard(STALL).watching(context.cancel) as guard:
                yield from guard.outgoing(common_pb2.BlobPart(chunk=bytes(CHUNK)) for _ in range(10_000))

    server = Endless()  # type: ignore[abstract]
    with serving(server) as endpoint, grpc.insecure_channel(endpoint) as channel:
        call = rpc.CoordinatorStub(channel).GetModel(pb.GetModelRequest())
        next(call)
        assert server.ended.wait(60)
        call.cancel()


def test_a_caller_that_sends_nothing_loses_the_call() -> None:
    class Listening(Server):
        def PutModel(  # noqa: N802
            self, request_iterator: Iterator[pb.PutModelRequest], context: grpc.ServicerContext
        ) -> Iterator[pb.PutModelReply]:
            context.add_callback(self.ended.set)
            with StallGuard(STALL).watching(context.cancel) as guard:
                for count, _ in enumerate(guard.incoming(request_iterator)):
                    yield pb.PutModelReply(taken=count)

    server, never = Listening(), threading.Event()  # type: ignore[abstract]

    def silent() -> Iterator[pb.PutModelRequest]:
        yield pb.PutModelRequest(chunk=b"x")
        never.wait()

    with serving(server) as endpoint, grpc.insecure_channel(endpoint) as channel:
        call = rpc.CoordinatorStub(channel).PutModel(silent())
        assert server.ended.wait(60)
        with pytest.raises(grpc.RpcError):
            list(call)
        never.set()


def test_what_is_done_between_messages_does_not_count() -> None:
    ended = threading.Event()
    with StallGuard(0.1).watching(ended.set) as guard:
        for _ in guard.incoming(range(3)):
            time.sleep(0.3)
        for _ in guard.outgoing(range(3)):
            pass
    assert not ended.is_set()
    assert not guard.stalled


def test_what_another_thread_takes_moves_the_call() -> None:
    guard = StallGuard(0.4)
    done = threading.Event()

    def answers() -> Iterator[None]:
        assert done.wait(60)
        yield

    def take() -> None:
        for _ in guard.sent(range(6)):
            time.sleep(0.2)
        done.set()

    with guard.watching(done.set), ThreadPoolExecutor(1) as pool:
        pool.submit(take)
        assert len(list(guard.incoming(answers()))) == 1
    assert not guard.stalled


def test_signs_that_a_call_moves_are_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast line pays for none, a slow one sees each."""
    clock = iter([0.0, 0.2, 0.9, 1.1, 1.2, 2.2])
    monkeypatch.setattr(stalling, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert list(spaced("abcde", 1.0)) == ["c", "e"]


class Piece(SimpleNamespace):
    """A message of ``size`` bytes."""

    size: int

    def ByteSize(self) -> int:  # noqa: N802
        return self.size


def moved(guard: StallGuard, pieces: list[Piece], pause: float, outgoing: bool) -> bool:
    """Whether a guard lets all pieces through that come, or are taken, after a pause each."""
    ended = threading.Event()

    def coming() -> Iterator[Piece]:
        for piece in pieces:
            if not outgoing:
                ended.wait(pause)
            yield piece

    with guard.watching(ended.set):
        for _ in guard.outgoing(coming()) if outgoing else guard.incoming(coming()):
            if outgoing:
                ended.wait(pause)
            if ended.is_set():
                return False
    return True


@pytest.mark.parametrize("outgoing", [False, True])
def test_who_is_slower_than_the_least_rate_in_the_long_run_loses_the_call(outgoing: bool) -> None:
    """Though no single message takes too long: one byte now and then keeps no thread."""
    guard = StallGuard(1.0, rate=1000.0)
    assert not moved(guard, [Piece(size=1)] * 100, 0.2, outgoing)
    assert guard.stalled


@pytest.mark.parametrize("outgoing", [False, True])
def test_who_is_faster_goes_on_for_longer_than_the_limit(outgoing: bool) -> None:
    guard = StallGuard(1.0, rate=1000.0)
    assert moved(guard, [Piece(size=600)] * 8, 0.2, outgoing)
    assert not guard.stalled


def test_what_was_fast_once_buys_no_rest() -> None:
    ended = threading.Event()
    with StallGuard(0.5, rate=1.0).watching(ended.set) as guard:
        stream = guard.outgoing([Piece(size=1 << 30)] * 3)
        for _ in range(3):
            next(stream)
        ended.wait(10)  # the last one is not taken
    assert guard.stalled


def test_the_first_message_has_its_own_limit() -> None:
    guard = StallGuard(600.0, first=0.2)
    assert not moved(guard, [Piece(size=1)], 600.0, outgoing=False)


def test_a_call_may_have_a_deadline_whoever_is_waited_for() -> None:
    ended = threading.Event()
    with StallGuard(600.0).watching(ended.set, deadline=0.2) as guard:
        ended.wait()
    assert guard.stalled
