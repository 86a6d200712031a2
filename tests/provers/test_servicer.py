"""Which pool a call of a prover is in, and when it gets there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import grpc
import pytest

from circuits.errors import BusyError, NotReadyError
from commons.protocol.messages import Step, StepRequest
from commons.wire._generated import prover_pb2 as pb
from commons.wire._generated.prover_pb2_grpc import ProverStub, add_ProverServicer_to_server
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.rpcstatus import calling
from provers.background import Background
from provers.node import Servicer
from provers.prover import Prover
from tests.support.waiting import wait_for

KNOWN, OTHER = b"k" * 32, b"o" * 32


class Asked:
    """A prover that works on one attempt, and refuses every step when it is told to."""

    def __init__(self) -> None:
        self.running = 0
        self.go = threading.Event()

    def has_attempt(self, session: bytes) -> bool:
        return session == KNOWN

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


def head(session: bytes, step: Step = Step.VALIDATE, relayed: int = 0) -> pb.RunRequest:
    return pb.RunRequest(head=pb.StepHead(session=session, step=int(step), authorization=bytes(65), relayed=relayed))


def unfinished(session: bytes, over: threading.Event) -> Iterator[pb.RunRequest]:
    """A step whose second part does not come."""
    yield head(session, relayed=1)
    over.wait()


def ended(calls: list[Any]) -> int:
    return sum(not call.is_active() for call in calls)


def test_a_step_of_an_attempt_waits_among_no_strangers() -> None:
    """Strangers who name another fill the door, and the coordinator's long steps are not in it."""
    prover, over = Asked(), threading.Event()
    with serving(prover, 4) as stub:
        long = [stub.Run(unfinished(KNOWN, over)) for _ in range(3)]
        wait_for(lambda: ended(long) == 1)  # an address has two of four steps
        strangers = [stub.Run(unfinished(OTHER, over)) for _ in range(10)]
        wait_for(lambda: ended(strangers) == 6)  # and four of eight places at the door
        assert ended(long) == 1
        over.set()


def test_a_step_that_has_come_whole_is_counted_among_steps_and_a_release_is_not() -> None:
    prover = Asked()
    with serving(prover, 4) as stub:
        steps = [stub.Run(iter([head(OTHER)])) for _ in range(2)]
        wait_for(lambda: prover.running == 2)
        with pytest.raises(BusyError, match="as many steps"), calling("it"):
            list(stub.Run(iter([head(OTHER)])))
        releases = [stub.Run(iter([head(OTHER, Step.RELEASE)])) for _ in range(2)]
        wait_for(lambda: prover.running == 4)
        with pytest.raises(BusyError, match="as many releases of sums"), calling("it"):
            list(stub.Run(iter([head(OTHER, Step.RELEASE)])))
        prover.go.set()
        for call in steps + releases:
            with pytest.raises(NotReadyError), calling("it"):
                list(call)
