"""Callers without a name that take what they can get: everybody else is served all the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest

from circuits.errors import BusyError, UnknownError
from circuits.hashing import keccak
from commons.protocol.messages import Step, StepRequest
from commons.wire import sharestreams
from commons.wire._generated import coordinator_pb2 as coordinator_pb
from commons.wire._generated import coordinator_pb2_grpc as coordinator_rpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire._generated import prover_pb2_grpc as rpc
from commons.wire.channel import open_channel
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.health import is_serving
from commons.wire.prover_client import ProverClient
from coordinator.service import CoordinatorNode
from provers.node import ProverNode
from tests.integration.test_nodes import DIMENSION, gradient
from tests.support.deployment import Deployment
from tests.support.elsewhere import Elsewhere
from tests.support.waiting import wait_for

MANY = 64
"""Calls of an attacker: four times the places of a pool."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""What opens a connection (RFC 9113, section 3.4): the preface, and settings that say nothing."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("market"), dimension=DIMENSION)
    yield made
    made.close()


@contextmanager
def prover(deployment: Deployment, **changes: object) -> Iterator[int]:
    """The port of prover 0."""
    node = ProverNode(deployment.prover_settings(0, **changes))
    try:
        yield node.start()
    finally:
        node.stop()


@contextmanager
def coordinator(deployment: Deployment, **changes: object) -> Iterator[int]:
    """The port of the coordinator."""
    node = CoordinatorNode(deployment.coordinator_settings(**changes))
    try:
        yield node.start()
    finally:
        node.stop()


class Silence:
    """Messages that do not come before it is over."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        self.over.wait()
        yield from ()


@contextmanager
def silent(endpoint: str, path: str, count: int = MANY) -> Iterator[list[grpc.Call]]:
    """Calls of a method, unary or not, whose messages never come."""
    silence = Silence()
    with open_channel(endpoint) as channel:
        ask: Any = channel.stream_stream(path)
        calls = [ask(iter(silence)) for _ in range(count)]
        try:
            yield calls
        finally:
            silence.over.set()
            for call in calls:
                call.cancel()


def refused(calls: Sequence[grpc.Call]) -> list[grpc.Call]:
    """Calls that the server has ended."""
    return [call for call in calls if not call.is_active()]


def unknown_step(port: int) -> None:
    """A step's head reaches the prover, which knows no such session."""
    request = StepRequest(Step.VALIDATE, bytes(32), None, None, bytes(65), (), b"", 0)
    with ProverClient(f"127.0.0.1:{port}") as client, pytest.raises(UnknownError):
        client.run(request, DIMENSION)


def hand_in(deployment: Deployment) -> None:
    """An owner has its share taken by prover 0."""
    task = deployment.new_task(3)
    (owner,) = deployment.owners(task, 1)
    number = deployment.model_owner.open_round(task, keccak(b"m"))
    header, upload = deployment.header(task, number, owner, gradient())
    record, context = deployment.view.committee_record(deployment.committee_id), deployment.view.context(task, number)
    with ProverClient(record.endpoints[0]) as client:
        assert client.submit_shares(upload.head.share(0), upload.body(0), header.digest(context))


def status(port: int) -> None:
    with ProverClient(f"127.0.0.1:{port}") as client:
        assert client.status().prover == 0


def healthy(port: int) -> None:
    assert is_serving(f"127.0.0.1:{port}", timeout=30.0)


PROVER = tuple(
    f"/gradroll.v1.Prover/{name}" for name in ("SubmitShares", "Run", "Status", "GetAuditBundle", "AcceptKeys")
)


@pytest.mark.parametrize("path", PROVER)
def test_calls_whose_messages_never_come_keep_nobody_else_out(deployment: Deployment, path: str) -> None:
    """Not owners, not the coordinator, not supervisors; from some addresses, and from the caller's own."""
    with prover(deployment, first_message_timeout=600.0) as port, ExitStack() as attack:
        for last in (2, 3):
            relay = attack.enter_context(Elsewhere(port, f"127.0.0.{last}"))
            calls = attack.enter_context(silent(relay.endpoint, path))
            wait_for(lambda calls=calls: bool(refused(calls)))  # type: ignore[misc]
        healthy(port)
        status(port)
        unknown_step(port)
        hand_in(deployment)
        own = attack.enter_context(silent(f"127.0.0.1:{port}", path))
        wait_for(lambda: bool(refused(own)))
        healthy(port)
        if path != PROVER[1]:
            unknown_step(port)


def test_a_full_pool_is_busy_and_says_when_to_come_back(deployment: Deployment) -> None:
    with prover(deployment) as port, silent(f"127.0.0.1:{port}", PROVER[2]) as calls:
        wait_for(lambda: len(refused(calls)) >= MANY - 8)
        ended: Any = refused(calls)[0]
        assert ended.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(ended.trailing_metadata())["retry-after-ms"] == "1000"
        with ProverClient(f"127.0.0.1:{port}", timeout=0.5) as client, pytest.raises(BusyError, match="lookups"):
            client.status()


def test_who_is_sent_away_comes_back_and_is_served(deployment: Deployment) -> None:
    with (
        prover(deployment, first_message_timeout=0.5) as port,
        silent(f"127.0.0.1:{port}", PROVER[2]) as calls,
    ):
        wait_for(lambda: bool(refused(calls)))
        status(port)
        wait_for(lambda: len(refused(calls)) == MANY)


def test_an_upload_that_breaks_off_after_its_head_ends(deployment: Deployment) -> None:
    task = deployment.new_task(3)
    (owner,) = deployment.owners(task, 1)
    _, upload = deployment.header(task, deployment.model_owner.open_round(task, keccak(b"m")), owner, gradient())
    silence = Silence()

    def begun() -> Iterator[pb.SubmitSharesRequest]:
        yield sharestreams.head_to_wire(upload.head.share(0))
        yield from silence

    with prover(deployment, idle_timeout=1.0) as port, open_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            list(rpc.ProverStub(channel).SubmitShares(begun()))
        silence.over.set()
    assert caught.value.code() is grpc.StatusCode.CANCELLED


@pytest.fixture
def long_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that no window of HTTP/2 holds, for a task whose vectors are short."""
    monkeypatch.setattr("commons.wire.coordination._MODEL_HEAD", 1 << 26)


@pytest.mark.usefixtures("long_models")
def test_readers_that_never_read_keep_no_reader_out(deployment: Deployment) -> None:
    task, model = deployment.new_task(3), bytes(range(256)) * 4096
    with coordinator(deployment) as port, Elsewhere(port, "127.0.0.2") as relay, ExitStack() as attack:
        endpoint = f"127.0.0.1:{port}"
        with CoordinatorClient(endpoint) as client:
            digest = client.put_model(model, task, deployment.model_owner)
        channel = attack.enter_context(open_channel(relay.endpoint))
        ask = coordinator_rpc.CoordinatorStub(channel).GetModel
        calls = [ask(coordinator_pb.GetModelRequest(digest=digest)) for _ in range(MANY)]
        attack.callback(lambda: [call.cancel() for call in calls])
        wait_for(lambda: bool(refused(calls)))
        with CoordinatorClient(endpoint) as client:
            assert client.get_model(digest, DIMENSION) == model
            assert client.task_status(task).rounds is not None
        healthy(port)


@pytest.mark.usefixtures("long_models")
def test_readers_that_never_read_end(deployment: Deployment) -> None:
    task, model = deployment.new_task(3), bytes(range(256)) * 16384
    with coordinator(deployment, idle_timeout=1.0) as port, open_channel(f"127.0.0.1:{port}") as channel:
        with CoordinatorClient(f"127.0.0.1:{port}") as client:
            digest = client.put_model(model, task, deployment.model_owner)
        ask = coordinator_rpc.CoordinatorStub(channel).GetModel
        calls = [ask(coordinator_pb.GetModelRequest(digest=digest)) for _ in range(MANY)]
        wait_for(lambda: bool(refused(calls)))
        with CoordinatorClient(f"127.0.0.1:{port}", stall=600.0) as client:
            assert client.get_model(digest, DIMENSION) == model


def connected(port: int, count: int) -> list[socket.socket]:
    """Connections that open as HTTP/2 wants it, and then say nothing."""
    made = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(PREFACE)
        made.append(one)
    return made


def still_open(connections: list[socket.socket]) -> list[socket.socket]:
    return [one for one in connections if _is_open(one)]


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def test_idle_connections_are_counted_and_end(deployment: Deployment) -> None:
    with prover(deployment, max_connections=64, idle_timeout=1.0) as port, ExitStack() as attack:
        connections = connected(port, 300)
        for one in connections:
            attack.callback(one.close)
        wait_for(lambda: len(still_open(connections)) <= 64)
        wait_for(lambda: not still_open(connections))
        healthy(port)


def test_a_thousand_idle_connections_are_in_nobodys_way(deployment: Deployment) -> None:
    with prover(deployment) as port, ExitStack() as attack:
        for one in connected(port, 1200):
            attack.callback(one.close)
        healthy(port)
        status(port)
        hand_in(deployment)


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/grpc.channelz.v1.Channelz/GetServers",
        "/gradroll.v1.Prover/Nothing",
    ],
)
def test_nothing_else_is_served(deployment: Deployment, path: str) -> None:
    serve: tuple[Callable[..., Any], ...] = (prover, coordinator)
    for start in serve:
        with start(deployment) as port, open_channel(f"127.0.0.1:{port}") as channel:
            ask: Any = channel.unary_unary(path)
            with pytest.raises(grpc.RpcError) as caught:
                ask(b"")
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
