"""The standard health service, grpc.health.v1, which supervisors, probes and load balancers ask.

By hand, as its package is tied to one major version of protobuf, and stubs of ours would clash with the package's where
an application has both.  Its two messages have one field each, so those of protobuf's own wrappers stand for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from commons.wire.channel import open_channel
from commons.wire.methods import HEALTH_SERVICE
from commons.wire.rpcstatus import calling

SERVING, NOT_SERVING = 1, 2


def is_serving(endpoint: str, *, timeout: float, tls_roots: bytes | None = None, service: str = "") -> bool:
    """Whether a server says that it does its work.

    Args:
        service: full name of the service that is asked about; by default the server as a whole.
        timeout: seconds to wait for the answer.

    Raises:
        UnavailableError: it does not answer.
        InvalidInputError: the endpoint is malformed.
    """
    with open_channel(endpoint, tls_roots) as channel, calling(endpoint, timeout):
        check = channel.unary_unary(
            f"/{HEALTH_SERVICE}/Check",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=Int32Value.FromString,
        )
        return bool(check(StringValue(value=service), timeout=timeout).value == SERVING)


class Health:
    """Answers whether a node does its work: from the start until it is told to stop, while its threads move."""

    def __init__(self, service: str, is_working: Callable[[], bool] = lambda: True) -> None:
        """Args:
        service: full name of the service that is asked about; the empty name stands for the server.
        is_working: whether the service takes calls at present; the server is well also while it does not.
        """
        self._known = ("", service)
        self._is_working = is_working
        self._stopping, self._stuck = threading.Event(), threading.Event()

    def add_to(self, server: grpc.Server) -> None:
        """Have a server answer; ``Watch`` it does not know, which the protocol allows."""
        check = grpc.unary_unary_rpc_method_handler(
            self._check,
            request_deserializer=StringValue.FromString,
            response_serializer=Int32Value.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(HEALTH_SERVICE, {"Check": check}),))

    def stop(self) -> None:
        """The node is about to stop: give it nothing new."""
        self._stopping.set()

    def works(self, moving: bool) -> None:
        """Whether the node's threads make progress."""
        if moving:
            self._stuck.clear()
        else:
            self._stuck.set()

    @property
    def serving(self) -> bool:
        """Whether the answer is that it works."""
        return not (self._stopping.is_set() or self._stuck.is_set())

    def _check(self, request: StringValue, context: grpc.ServicerContext) -> Int32Value:
        if request.value not in self._known:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service is here")
        serving = self.serving and (not request.value or self._is_working())
        return Int32Value(value=SERVING if serving else NOT_SERVING)
