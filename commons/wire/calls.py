"""The way into every server: what each call may take, who waits for whom, and what a full server says.

A call has a thread from its first moment to its last, so threads are what a caller could use up.  Each call is counted
in a pool, and refused at once where its pool has no place for it; the server has threads for all pools together, and
some more in which it refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, cast

import grpc
from google.protobuf.message import Message

from circuits.errors import BusyError, GradrollError, WireError
from commons.settings.sections import Server
from commons.telemetry.callmetrics import CUT, DONE, CallMetrics
from commons.telemetry.metrics import Telemetry
from commons.wire import prescan
from commons.wire.methods import DOORS, METHODS, Method, Pool, Role
from commons.wire.pools import Places, address_of
from commons.wire.rpcstatus import OnError, abort, answering, code_told
from commons.wire.stalling import StallGuard

_RETRY_AFTER = 1.0
"""Seconds: most calls are over by then."""
_DOOR_FACTOR = 2
"""Strangers at a door for each place behind it."""
_PROBES = 16
"""Health checks at a time, whatever else is set."""
_REFUSING = 32
"""Threads beside those of the pools, in which calls are refused."""

Behave = Callable[[Any, grpc.ServicerContext], Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """What calls may take, see ``commons.settings.sections.Server``."""

    places: int
    idle_timeout: float = 60.0
    first_message: float = 10.0
    least_rate: float = 1024.0

    @classmethod
    def of(cls, settings: Server) -> Self:
        """What an operator has set."""
        return cls(settings.max_workers, settings.idle_timeout, settings.first_message_timeout, settings.least_rate)

    def places_in(self, pool: Pool) -> int:
        """How many calls a pool takes at a time."""
        if pool is Pool.HEALTH:
            return _PROBES
        return self.places * _DOOR_FACTOR if pool in DOORS else self.places


@dataclass(slots=True)
class _Call:
    method: Method
    address: str
    known: bool = False
    place: Pool | None = None
    done: bool = False
    received: int = 0
    sent: int = 0


class Calls(grpc.ServerInterceptor):
    """Lets calls in by the table of methods; one for each server.

    Args:
        refused: told of each call that is refused before its handler is reached.
        metrics: what ended calls are counted in.
    """

    def __init__(self, limits: Limits, refused: OnError | None = None, metrics: CallMetrics | None = None) -> None:
        self._limits = limits
        self._refused = refused
        self._metrics = metrics
        self._places = {pool: Places(limits.places_in(pool)) for pool in Pool}
        self._running: dict[grpc.ServicerContext, _Call] = {}

    @property
    def threads(self) -> int:
        """Threads that the server needs for what is let in, and to refuse the rest."""
        return sum(map(self._limits.places_in, Pool)) + _REFUSING

    @property
    def places(self) -> dict[Pool, Places]:
        """The places of each pool, to be looked at."""
        return dict(self._places)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Every method is served as a stream both ways, which is the same on the wire.

        gRPC waits for the one message of a unary call, in a thread and without limit, before code of ours is reached,
        and holds its answer for as long as nobody takes it.
        """
        handler, method = continuation(handler_call_details), METHODS.get(handler_call_details.method)
        if handler is None or handler.request_deserializer is None or method is None:
            return None
        return grpc.stream_stream_rpc_method_handler(
            partial(
                self._serve,
                handler_call_details.method,
                method,
                self._streaming(handler),
                type(handler.request_deserializer(b"")),
            ),
            None,  # bytes, which are looked at before they become a message
            handler.response_serializer,
        )

    def enter(self, context: grpc.ServicerContext, *, pool: Pool | None = None) -> None:
        """Lead a call from the door into a pool; one that is in it already stays where it is.

        A place is the address's alone: others have an owner's header as well, and could use up what is the account's or
        the task's.

        Args:
            pool: by default the method's.

        Raises:
            BusyError: the pool has no place for it.
        """
        call = self._running[context]
        self._take(call, pool or call.method.pool)

    def known(self, context: grpc.ServicerContext) -> None:
        """The caller is who the method is for, by what it signed: it may have an answer."""
        self._running[context].known = True

    def _serve(
        self,
        path: str,
        method: Method,
        behave: Behave,
        kind: type[Message],
        requests: Iterator[bytes],
        context: grpc.ServicerContext,
    ) -> Iterator[Any]:
        call, limits = _Call(method, address_of(context.peer())), self._limits
        self._running[context] = call
        guard = StallGuard(limits.idle_timeout, first=limits.first_message, rate=limits.least_rate)
        try:
            with answering(context, self._refused):
                self.enter(context, pool=method.entrance)
            with guard.watching(context.cancel, deadline=method.deadline):
                replies = behave(_read(guard.incoming(requests), kind, call), context)
                yield from guard.outgoing(_allowed(replies, call, context))
            call.done = True
        finally:
            del self._running[context]
            self._leave(call)
            self._count(path, call, context)

    def _count(self, path: str, call: _Call, context: grpc.ServicerContext) -> None:
        if self._metrics is not None:
            outcome = DONE if call.done else code_told(context) or CUT
            self._metrics.ended(path.rpartition("/")[2], outcome, call.received, call.sent)

    def _streaming(self, handler: grpc.RpcMethodHandler[Any, Any]) -> Behave:
        """What a handler does, as a stream both ways."""
        if handler.request_streaming and handler.response_streaming:
            return cast("Behave", handler.stream_stream)
        return partial(_of_one, handler, self._refused)

    def _take(self, call: _Call, pool: Pool) -> None:
        if call.place is pool:
            return
        if not self._places[pool].take(call.address):
            raise BusyError(
                f"as many {pool.value} as are taken at a time are under way here, or of this caller's; "
                "ask again in a while",
                _RETRY_AFTER,
            )
        self._leave(call)
        call.place = pool

    def _leave(self, call: _Call) -> None:
        if call.place is not None:
            self._places[call.place].give_back(call.address)
            call.place = None


def places_of(telemetry: Telemetry, calls: Calls) -> None:
    """Show how many calls each pool of a server takes at a time, and how many there are."""
    places = {pool.name.lower().replace("_", "-"): found for pool, found in calls.places.items()}
    telemetry.gauge(
        "call_places", "Calls that are taken at a time, by pool.",
        lambda: {name: float(found.count) for name, found in places.items()}, "pool",
    )  # fmt: skip
    telemetry.gauge(
        "call_places_taken", "Calls under way, by pool.",
        lambda: {name: float(found.taken) for name, found in places.items()}, "pool",
    )  # fmt: skip


def _of_one(
    handler: grpc.RpcMethodHandler[Any, Any],
    refused: OnError | None,
    parts: Iterator[Any],
    context: grpc.ServicerContext,
) -> Iterator[Any]:
    """A method that takes one message."""
    with answering(context, refused):
        request = next(parts, None)
        if request is None:
            raise WireError("a call came without its message")
    if handler.response_streaming:
        yield from cast("Behave", handler.unary_stream)(request, context)
    else:
        yield cast("Behave", handler.unary_unary)(request, context)


def _read(messages: Iterator[bytes], kind: type[Message], call: _Call) -> Iterator[Any]:
    most = call.method.most_bytes
    for raw in messages:
        call.received += len(raw)
        if call.received > most:
            raise WireError(f"a call brings more than the {most} bytes that one of its kind may have")
        yield prescan.read(raw, kind)


def _allowed(replies: Iterator[Any], call: _Call, context: grpc.ServicerContext) -> Iterator[Any]:
    """The replies of a handler that has looked whom it answers."""
    for reply in replies:
        if call.method.role is not Role.ANYBODY and not call.known:
            abort(context, GradrollError("a method that is not for everybody answers without knowing whom"))
        call.sent += reply.ByteSize()
        yield reply
