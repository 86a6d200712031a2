"""Which pool a call of a prover is in, and when it gets there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, cast

import grpc
import pytest

from circuits.errors import BusyError, NotReadyError, SignatureError, WireError
from circuits.hashing import keccak
from circuits.statement import Committee, Membership
from commons.protocol.messages import Step, StepRequest
from commons.protocol.streamheads import StepHead
from commons.settings.loading import load
from commons.telemetry.tracing import traced
from commons.wire._generated import prover_pb2 as pb
from commons.wire._generated.prover_pb2_grpc import ProverStub, add_ProverServicer_to_server
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.rpcstatus import calling, from_rpc
from provers.background import Background
from provers.node import Servicer
from provers.prover import Prover
from tests.support.collector import Collector
from tests.support.waiting import wait_for

KNOWN, OTHER = b"k" * 32, b"o" * 32


class Asked:
    """A prover that works on one attempt, and refuses every step when it is told to."""

    def __init__(self) -> None:
        self.membership = Membership(Committee(1, 1, (bytes(20),) * 4), 2)
        self.running = 0
        self.go = threading.Event()

    def admit(self, head: StepHead) -> None:
        if head.step is not Step.RELEASE and head.session != KNOWN:
            raise SignatureError("not the coordinator's")

    def refused(self, error: Exception) -> None:
        """Count nothing."""

    def look_at(self, request: StepRequest) -> None:
        """See nothing."""

    def run(self, request: StepRequest) -> None:
        self.running += 1
        self.go.wait()
        raise NotReadyError("not now")


@contextmanager
def serving(prover: Asked, places: int) -> Iterator[ProverStub]:
    calls, background = Calls(Limits(places)), Background("suspicions", 1)
    server = new_server(calls)
    add_ProverServicer_to_server(Servicer(cast("Prover", prover), background, calls), server)
    port = bind(server, "127.0.0.1:0", None)
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield ProverStub(channel)
    finally:
        prover.go.set()
        server.stop(0).wait()
        background.close()


def head(session: bytes, step: Step = Step.VALIDATE, **announced: Any) -> pb.RunRequest:
    relayed, payload = keccak(b""), sha256(b"").digest()
    return pb.RunRequest(
        head=pb.StepHead(
            session=session, step=int(step), authorization=bytes(65), relayed_digest=relayed, payload_digest=payload,
            **announced,
        )
    )  # fmt: skip


def unfinished(first: pb.RunRequest, over: threading.Event) -> Iterator[pb.RunRequest]:
    """A step whose second part does not come."""
    yield first
    over.wait()


def ended(calls: list[Any]) -> int:
    return sum(not call.is_active() for call in calls)


def refused(call: Any) -> bool:
    try:
        list(call)
    except grpc.RpcError as error:
        return isinstance(from_rpc(error, "it"), SignatureError)
    return False


def test_a_step_that_the_coordinator_signed_waits_among_no_strangers() -> None:
    """Strangers who begin to send a certificate fill the door, and the coordinator's long steps are not in it."""
    prover, over = Asked(), threading.Event()
    with serving(prover, 4) as stub:
        long = [stub.Run(unfinished(head(KNOWN, relayed=1), over)) for _ in range(3)]
        wait_for(lambda: ended(long) == 1)  # an address has two of four steps
        release = head(OTHER, Step.RELEASE, payload_length=1)
        strangers = [stub.Run(unfinished(release, over)) for _ in range(10)]
        wait_for(lambda: ended(strangers) == 6)  # and four of eight places at the door
        assert ended(long) == 1
        over.set()


def test_a_step_that_nobody_signed_ends_with_its_head() -> None:
    """However much it announces: nothing of it is waited for, read or kept."""
    prover, over = Asked(), threading.Event()
    with serving(prover, 4) as stub:
        for step in Step:
            if step is not Step.RELEASE:
                first = head(OTHER, step, relayed=0 if step is Step.COIN else 32, payload_length=1 << 40)
                assert refused(stub.Run(unfinished(first, over))), step
        over.set()
    assert not prover.running


def test_a_step_must_begin_with_its_head() -> None:
    with serving(Asked(), 4) as stub, pytest.raises(WireError, match="begin with its head"), calling("it"):
        list(stub.Run(iter([pb.RunRequest(payload=b"x")])))


def test_a_step_that_has_come_whole_is_counted_among_steps_and_a_release_is_not() -> None:
    prover = Asked()
    with serving(prover, 4) as stub:
        steps = [stub.Run(iter([head(KNOWN)])) for _ in range(2)]
        wait_for(lambda: prover.running == 2)
        with pytest.raises(BusyError, match="as many steps"), calling("it"):
            list(stub.Run(iter([head(KNOWN)])))
        releases = [stub.Run(iter([head(OTHER, Step.RELEASE)])) for _ in range(2)]
        wait_for(lambda: prover.running == 4)
        with pytest.raises(BusyError, match="as many releases of sums"), calling("it"):
            list(stub.Run(iter([head(OTHER, Step.RELEASE)])))
        prover.go.set()
        for call in steps + releases:
            with pytest.raises(NotReadyError), calling("it"):
                list(call)


CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def traced_call(stub: ProverStub, first: pb.RunRequest, *names: str) -> None:
    """A step that the prover refuses, of a caller that names spans."""
    with pytest.raises(grpc.RpcError):
        list(stub.Run(iter([first]), timeout=900, metadata=tuple(("traceparent", name) for name in names)))


def test_only_who_signed_a_step_has_it_traced_and_says_what_it_is_a_part_of() -> None:
    """A stranger's head, and a sum's release, which is anybody's, leave no span, whatever they bring along."""
    prover = Asked()
    prover.go.set()
    with Collector() as collector:
        chosen = load(None, environment={}).changed({"telemetry.traces": collector.url})
        with traced(chosen, "prover"), serving(prover, 4) as stub:
            for strange in (head(OTHER), head(OTHER, Step.RELEASE), head(KNOWN, Step.RELEASE)):
                traced_call(stub, strange, CALLER)
            traced_call(stub, head(KNOWN), CALLER)
            traced_call(stub, head(KNOWN))
            traced_call(stub, head(KNOWN), CALLER + "-" + "x" * 2000)
            traced_call(stub, head(KNOWN), "00-" + "g" * 32 + CALLER[35:])
        runs = collector.named("run")
    assert prover.running == 6
    assert len(runs) == 4
    assert all((seen.told["prover"], seen.told["step"], seen.error) == (2, "VALIDATE", "not-ready") for seen in runs)
    assert [f"00-{seen.trace}-{seen.parent}-00" for seen in runs if seen.parent] == [CALLER]
    assert len({seen.trace for seen in runs}) == 4
    assert all(ord(char) < 128 for seen in collector.spans for char in str(seen.told))
    assert b"xxxx" not in b"".join(collector.bodies)
