"""The way into a server: the table of methods, places and who gets them, what a call may take."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from circuits.errors import BusyError, GradrollError, WireError
from commons.protocol.bundle import MAX_CERTIFICATE
from commons.telemetry.callmetrics import CallMetrics
from commons.telemetry.metrics import Telemetry
from commons.wire._generated import coordinator_pb2, prover_pb2_grpc
from commons.wire._generated import prover_pb2 as pb
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.methods import DOORS, HEALTH_SERVICE, METHODS, Pool, Role, require_rows
from commons.wire.pools import Places, address_of
from commons.wire.rpcstatus import answering, calling, from_rpc
from tests.support.waiting import wait_for

PROTO = Path(__file__).resolve().parents[2] / "proto"
SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name] for module, name in ((pb, "Prover"), (coordinator_pb2, "Coordinator"))
)
STATUS = "/gradroll.v1.Prover/Status"


def defined() -> set[str]:
    """The path of every method of proto/."""
    found = set()
    for path in PROTO.rglob("*.proto"):
        text = path.read_text(encoding="utf-8")
        for service, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.M | re.S):
            found |= {f"/gradroll.v1.{service}/{name}" for name in re.findall(r"^  rpc (\w+)", body, re.M)}
    return found


def test_every_method_has_a_row_and_every_row_a_method() -> None:
    assert METHODS.keys() == defined() | {f"/{HEALTH_SERVICE}/Check"}


def test_strangers_wait_at_a_door_where_their_messages_may_be_long() -> None:
    for path, method in METHODS.items():
        assert method.pool not in DOORS, path
        assert (method.door is None) == (method.deadline is not None or method.role is Role.ANYBODY), path
        assert method.door is not None or method.most_bytes <= 6 << 20, path
    assert METHODS["/gradroll.v1.Prover/Run"].most_bytes > MAX_CERTIFICATE


@pytest.mark.parametrize("missing", sorted(defined()))
def test_a_server_with_a_method_that_has_no_row_does_not_start(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    require_rows(SERVICES)
    rows = {path: method for path, method in METHODS.items() if path != missing}
    monkeypatch.setattr("commons.wire.methods.METHODS", rows)
    with pytest.raises(GradrollError, match=missing):
        new_server(Calls(Limits(2)), *SERVICES)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:50123", "192.0.2.1"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:443", "2001:db8:1::/56"),
        ("ipv6:[2001:db8:1:2ff::9]:443", "2001:db8:1:200::/56"),
        ("ipv6:%5Bfe80::1%25eth0%5D:443", "fe80::/56"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:443", "192.0.2.1"),
        ("unix:", "unix"),
        ("unix:/run/gradroll.sock", "unix"),
    ],
)
def test_a_caller_counts_by_its_address_or_its_line(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_the_networks_of_one_line_share_its_places() -> None:
    """A line with 256 networks of /64 is one caller, or each of them would have places of its own."""
    places = Places(16)
    line = [address_of(f"ipv6:[2001:db8:1:a{network:02x}::1]:443") for network in range(256)]
    assert sum(places.take(address) for address in line) == 8
    assert places.take(address_of("ipv6:[2001:db8:1:b00::1]:443"))


def taken(places: Places, address: str, tries: int) -> int:
    return sum(places.take(address) for _ in range(tries))


def test_one_caller_has_half_of_the_places_and_leaves_some_for_others() -> None:
    places = Places(16)
    assert [taken(places, name, 100) for name in "abc"] == [8, 4, 2]
    places.give_back("a")
    assert taken(places, "d", 100) == 2


def test_as_many_callers_as_places_find_one_each_and_no_more() -> None:
    places = Places(16)
    assert [places.take(str(n)) for n in range(17)] == [True] * 16 + [False]


def test_places_that_are_given_back_leave_nothing_behind() -> None:
    places = Places(4)
    for name in map(str, range(1000)):
        assert places.take(name)
        places.give_back(name)
    assert not places._taken
    assert taken(places, "a", 10) == 2


class Prover(prover_pb2_grpc.ProverServicer):
    """Answers steps without looking who asks."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.free = threading.Event()
        self.begun = threading.Semaphore(0)

    def Run(self, request_iterator: Iterator[pb.RunRequest], context: grpc.ServicerContext) -> Iterator[pb.RunReply]:  # noqa: N802
        yield pb.RunReply()

    def Status(self, request: pb.ProverStatusRequest, context: grpc.ServicerContext) -> pb.ProverStatusReply:  # noqa: N802
        self.begun.release()
        self.free.wait()
        return pb.ProverStatusReply(prover=3)

    def SubmitShares(  # noqa: N802
        self, request_iterator: Iterator[pb.SubmitSharesRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.SubmitSharesReply]:
        with answering(context):
            next(request_iterator)
            self.calls.enter(context)
            self.calls.known(context)
            for _ in request_iterator:
                pass
            yield pb.SubmitSharesReply(taken=1)


@contextmanager
def serving(
    limits: Limits, calls: Calls | None = None, telemetry: Telemetry | None = None
) -> Iterator[tuple[Prover, prover_pb2_grpc.ProverStub, grpc.Channel]]:
    calls = calls or Calls(limits, metrics=CallMetrics(telemetry) if telemetry else None)
    server, prover = new_server(calls, SERVICES[0]), Prover(calls)  # type: ignore[abstract]
    prover_pb2_grpc.add_ProverServicer_to_server(prover, server)
    port = bind(server, "127.0.0.1:0", None)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield prover, prover_pb2_grpc.ProverStub(channel), channel
    prover.free.set()
    server.stop(0).wait()


def test_nobody_is_answered_whom_a_method_has_not_looked_at() -> None:
    with serving(Limits(4)) as (_, stub, _), pytest.raises(GradrollError, match="without knowing whom"), calling("it"):
        list(stub.Run(iter([pb.RunRequest()])))


def test_a_unary_method_is_served_as_ever() -> None:
    with serving(Limits(4)) as (prover, stub, channel):
        prover.free.set()
        assert stub.Status(pb.ProverStatusRequest()).prover == 3
        ask: Any = channel.stream_unary(STATUS)
        with pytest.raises(WireError, match="without its message"), calling("it"):
            ask(iter(()))


def silence(until: threading.Event) -> Iterator[pb.SubmitSharesRequest]:
    """No message, for a while."""
    until.wait()
    yield from ()


def test_calls_are_counted_by_what_became_of_them() -> None:
    telemetry, quiet = Telemetry("prover"), threading.Event()

    def count(outcome: str, name: str = "calls_total", method: str = "Status") -> float | None:
        labels = {"method": method, **({"outcome": outcome} if outcome else {})}
        return telemetry.registry.get_sample_value(f"gradroll_{name}", labels)

    with serving(Limits(4), telemetry=telemetry) as (prover, stub, channel):
        prover.free.set()
        stub.Status(pb.ProverStatusRequest())
        with pytest.raises(grpc.RpcError):
            channel.stream_unary(STATUS)(iter(()))
        with pytest.raises(grpc.RpcError):
            list(stub.Run(iter([pb.RunRequest(payload=bytes(1000))])))
        gone = stub.SubmitShares(silence(quiet))  # a caller that says nothing, and goes away
        gone.cancel()
        wait_for(lambda: count("cut", method="SubmitShares") == 1)
        quiet.set()
        wait_for(lambda: count("internal", method="Run") == 1)
        assert (count("ok"), count(WireError.code)) == (1, 1)
        assert (count("", "sent_bytes_total") or 0) > 0
        assert count("", "sent_bytes_total", "Run") == 0


def none_is_taken(prover: Prover) -> bool:
    """A caller may have its answer some moments before its place is given back."""
    return not any(places._taken for places in prover.calls._places.values())


def test_places_are_free_again_whatever_became_of_a_call() -> None:
    with serving(Limits(4)) as (prover, stub, channel):
        ask: Any = channel.stream_unary(STATUS)
        with pytest.raises(grpc.RpcError):
            ask(iter([b"\xff"]))  # no message
        prover.free.set()
        for _ in range(10):
            wait_for(lambda: none_is_taken(prover))
            assert stub.Status(pb.ProverStatusRequest()).prover == 3
            prover.begun.acquire()
        wait_for(lambda: none_is_taken(prover))
        prover.free.clear()
        waiting = [stub.Status.future(pb.ProverStatusRequest()) for _ in range(2)]
        for _ in waiting:
            prover.begun.acquire()
        with pytest.raises(BusyError), calling("it"):
            stub.Status(pb.ProverStatusRequest())
        waiting[0].cancel()
        prover.free.set()
        wait_for(lambda: none_is_taken(prover))
        assert stub.Status(pb.ProverStatusRequest()).prover == 3


def test_a_call_that_brings_too_much_ends() -> None:
    with serving(Limits(4)) as (prover, _, channel):
        prover.free.set()
        ask: Any = channel.stream_unary(STATUS, response_deserializer=pb.ProverStatusReply.FromString)
        padded = b"\x7a\x81\x80\x04" + bytes(METHODS[STATUS].most_bytes + 1)  # an unknown field
        with pytest.raises(WireError, match="more than the 65536 bytes"), calling("it"):
            ask(iter([padded]))


def test_calls_that_are_refused_at_the_way_in_are_counted() -> None:
    refused: list[str] = []
    calls = Calls(Limits(2), lambda error: refused.append(error.code))
    with serving(Limits(2), calls) as (prover, stub, channel):
        ask: Any = channel.stream_unary(STATUS)
        for messages in ((), (b"\xff",)):
            with pytest.raises(WireError), calling("it"):
                ask(iter(messages))
        waiting = stub.Status.future(pb.ProverStatusRequest())
        prover.begun.acquire()
        with pytest.raises(BusyError), calling("it"):
            stub.Status(pb.ProverStatusRequest())
        prover.free.set()
        waiting.result()
    assert refused == [WireError.code, WireError.code, BusyError.code]


def test_a_call_that_takes_longer_than_its_kind_may_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    method = METHODS[STATUS]
    quick = type(method)(method.role, method.pool, method.most_bytes, 0.3)
    monkeypatch.setattr("commons.wire.calls.METHODS", {**METHODS, STATUS: quick})
    with serving(Limits(4)) as (_, stub, _), pytest.raises(grpc.RpcError) as caught:
        stub.Status(pb.ProverStatusRequest())
    assert caught.value.code() is grpc.StatusCode.CANCELLED


def test_an_address_has_half_of_the_uploads_and_a_door_does_not_hold_them() -> None:
    over = threading.Event()

    def upload() -> Iterator[pb.SubmitSharesRequest]:
        yield pb.SubmitSharesRequest()
        over.wait()

    def busy(call: Any) -> bool:
        try:
            return not list(call)
        except grpc.RpcError as error:
            assert isinstance(from_rpc(error, "it"), BusyError)
            return True

    with serving(Limits(4)) as (_, stub, _):
        running = [stub.SubmitShares(upload()) for _ in range(3)]
        wait_for(lambda: not all(call.is_active() for call in running))
        over.set()
        assert sorted(map(busy, running)) == [False, False, True]


def test_a_server_has_threads_for_all_pools_and_some_to_refuse() -> None:
    limits = Limits(4)
    assert Calls(limits).threads > sum(limits.places_in(pool) for pool in Pool)
    assert limits.places_in(Pool.HEALTH) == 16
    assert limits.places_in(Pool.STEP_DOOR) == 2 * limits.places_in(Pool.STEPS) == 8
