"""Messages to provers: real encodings, on a network that loses, doubles and delays them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from circuits.errors import GradrollError, UnavailableError, catalogue
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.keypackages import KeyConfirmation, KeyPackage
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.replies import Failure
from commons.protocol.status import ProverStatus
from commons.protocol.streamheads import ShareHead
from commons.sharing.sealedbodies import Chunks, SealedChunk
from commons.wire import batchsteps, sharestreams, uploads
from commons.wire._generated import prover_pb2 as pb
from provers.prover import Prover
from tests.simulation.world.clock import WorldClock
from tests.simulation.world.disk import CrashError
from tests.support.network import Fault

T = TypeVar("T")


class Wire:
    """What lies between a coordinator or an owner and the provers.

    Args:
        prover: the running prover behind an index, or None.
        strike: what goes wrong with the next message, if anything; called once each.
        crashed: told of a prover that died while it worked on a message.
    """

    def __init__(
        self,
        clock: WorldClock,
        prover: Callable[[int], Prover | None],
        strike: Callable[[], tuple[str, int] | None],
        crashed: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._prover = prover
        self._strike = strike
        self._crashed = crashed
        self._late: list[tuple[float, Callable[[], object]]] = []

    def call(self, index: int, act: Callable[[Prover], T], timeout: float = 30.0) -> T:
        """Have a prover do something.  Raises what it raises, or UnavailableError."""
        self.deliver_late()
        kind, arg = self._strike() or ("", 0)
        if kind == "slow":
            self._clock.advance(arg)
            if arg > timeout:
                kind = "lose-reply"
        if kind == "lose-request":
            raise UnavailableError("the request was lost")
        if kind == "late":
            self._late.append((self._clock.now + arg, lambda: self._once(index, act)))
            raise UnavailableError("no answer in time")
        reply = self._once(index, act)
        if kind == "twice":
            reply = self._once(index, act)
        if kind == "lose-reply":
            raise UnavailableError("the reply was lost")
        return reply

    def deliver_late(self) -> None:
        """Messages whose senders have given up arrive all the same."""
        due = [act for at, act in self._late if at <= self._clock.now]
        self._late = [(at, act) for at, act in self._late if at > self._clock.now]
        for act in due:
            try:
                act()
            except GradrollError:
                continue

    def _once(self, index: int, act: Callable[[Prover], T]) -> T:
        prover = self._prover(index)
        if prover is None:
            raise UnavailableError("connection refused")
        try:
            return act(prover)
        except CrashError:
            self._crashed(index)
            raise UnavailableError("the connection broke") from None


class Line:
    """A connection to one prover.  Implements ``coordinator.fleet.Connection``, and takes owners' shares."""

    def __init__(self, wire: Wire, index: int, faults: Sequence[Fault], network: Any) -> None:
        self._wire = wire
        self._index = index
        self._faults = list(faults)
        self._network = network
        self.endpoint = f"prover-{index}:1"

    def add(self, fault: Fault) -> None:
        """Let something more happen to the prover's answers."""
        self._faults.append(fault)

    def close(self) -> None:
        pass

    def status(self, timeout: float | None = None, reference: bytes = b"") -> ProverStatus:
        message = self._wire.call(self._index, lambda p: uploads.status_to_wire(p.status(reference)), timeout or 30.0)
        return uploads.status_from_wire(message)

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        parts = list(batchsteps.request_to_wire(request))

        def work(prover: Prover) -> list[Any]:
            limits = lambda session: batchsteps.Limits.of(prover.cohort(session))  # noqa: E731
            arriving = iter(parts)
            head = batchsteps.step_head_from_wire(next(arriving))
            prover.admit(head)
            read = batchsteps.request_from_wire(head, arriving, limits)
            return list(batchsteps.reply_to_wire(self._lied(read, prover.run(read))))

        replied = self._wire.call(self._index, work, timeout or 30.0)
        return batchsteps.reply_from_wire(iter(replied), batchsteps.Limits(dimension))

    def deal_keys(self, committee_id: int, reference: bytes = b"") -> tuple[KeyPackage, ...]:
        return self._wire.call(self._index, lambda p: p.deal(committee_id, reference))

    def accept_keys(self, committee_id: int, packages: Sequence[KeyPackage], reference: bytes = b"") -> KeyConfirmation:
        return self._wire.call(self._index, lambda p: p.accept(committee_id, packages, reference))

    def confirm_keys(self, committee_id: int, confirmations: Sequence[KeyConfirmation], reference: bytes = b"") -> None:
        self._wire.call(self._index, lambda p: p.confirm(committee_id, confirmations, reference))

    def certificate(self, batch_id: bytes, timeout: float | None = None) -> Certificate:
        return Certificate.decode(self._wire.call(self._index, lambda p: p.store.certificate(batch_id)))

    def audit_bundle(self, batch_id: bytes, dimension: int, timeout: float | None = None) -> AuditBundle:
        return AuditBundle.decode(self._wire.call(self._index, lambda p: p.store.audit_bundle(batch_id)))

    def availability(self, batch_id: bytes, payload: bytes = b"", timeout: float | None = None) -> AvailabilityReceipt:
        asked = uploads.asked_availability(pb.AvailabilityRequest(batch_id=batch_id, payload=payload))

        def work(prover: Prover) -> AvailabilityReceipt:
            return uploads.availability_from_wire(uploads.availability_to_wire(prover.availability(*asked)))

        return self._wire.call(self._index, work, timeout or 30.0)

    def batches(self, task_id: int, round_number: int) -> list[bytes]:
        return self._wire.call(self._index, lambda p: p.store.batches_of(task_id, round_number))

    def submit_shares(self, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        """Hand a share in; the receipt's signature."""
        read = sharestreams.head_from_wire(sharestreams.head_to_wire(head))

        def work(prover: Prover) -> bytes:
            here: list[int] = []

            def sent() -> Iterator[SealedChunk]:
                yield from (body.chunk(index) for index in range(here[0], body.count))

            for taken in prover.take(read, sent()):
                here.append(taken)
            named, signature = prover.receipt(read.header)
            assert named == submission
            return signature

        return self._wire.call(self._index, work)

    def _lied(self, request: StepRequest, reply: StepReply) -> StepReply:
        for fault in self._faults:
            changed = fault(self._network, self._index, request, reply)
            if isinstance(changed, Failure):
                raise catalogue()[changed.code](changed.message)
            reply = changed
        return reply


class InOrder(Executor):
    """Does what it is given at once, so that nothing happens at the same time."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
