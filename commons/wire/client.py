"""What the clients of all services have in common: how they ask, stream, and give up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from circuits.errors import UnavailableError
from commons.wire._generated import common_pb2, coordinator_pb2
from commons.wire.channel import open_channel
from commons.wire.rpcstatus import calling
from commons.wire.stalling import StallGuard
from commons.wire.streams import BlobReader

R = TypeVar("R")
BlobRequest = common_pb2.BatchRequest | coordinator_pb2.GetModelRequest


class Client:
    """A channel to one endpoint.  A context manager."""

    def __init__(
        self, endpoint: str, *, timeout: float = 30.0, stall: float = 60.0, tls_roots: bytes | None = None
    ) -> None:
        """Connect when first used.

        Args:
            endpoint: ``host:port`` or ``grpc://host:port`` in the clear, ``grpcs://host:port`` over TLS.
            timeout: seconds for a call of one message each way, unless the call is given its own.
            stall: seconds after which a stream on which nothing moves is given up; it may take as long as it likes.
            tls_roots: PEM certificates to trust instead of the system's.

        Raises:
            InvalidInputError: the endpoint is malformed.
        """
        self.endpoint = endpoint
        self._timeout = timeout
        self._stall = stall
        self._channel = open_channel(endpoint, tls_roots)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _ask(self, method: Callable[..., R], request: object, timeout: float | None = None) -> R:
        """One message for one message."""
        seconds = timeout or self._timeout
        with calling(self.endpoint, seconds):
            return method(request, timeout=seconds)

    def _stream_within(self, method: Callable[..., Any], request: Any, seconds: float) -> Iterator[Any]:
        """The messages of an answer, which has so many seconds from the first to the last."""
        with calling(self.endpoint, seconds):
            yield from method(request, timeout=seconds)

    def _stream(self, method: Callable[..., Any], request: Any, *, patient: bool = False) -> Iterator[Any]:
        """The messages of an answer, as long as the call moves.

        Args:
            request: a message, or an iterator of messages.
            patient: wait for a connection that is broken, as long as for a message.

        Raises:
            UnavailableError: it does not move, or the connection broke.
        """
        guard = StallGuard(self._stall)
        sent = guard.sent(request) if isinstance(request, Iterator) else request
        call = method(sent, wait_for_ready=patient)
        with calling(self.endpoint), guard.watching(call.cancel):
            try:
                yield from guard.incoming(call)
            except grpc.RpcError as error:
                if not guard.stalled:
                    raise
                raise UnavailableError(
                    f"nothing moved between here and {self.endpoint} for {self._stall:g} seconds; "
                    "try again, or raise stall_timeout where the line is that slow"
                ) from error
            finally:
                call.cancel()  # the reader may have had enough

    def _blob(
        self,
        method: Callable[..., Any],
        request: BlobRequest,
        limit: int,
        what: str,
        expected: bytes | None = None,
        *,
        within: float | None = None,
    ) -> bytes:
        """A streamed blob, checked as by ``BlobReader``; one that breaks off goes on where it stopped.

        Args:
            within: seconds for all of it, which is then asked for once.
        """
        reader = BlobReader(limit, what, expected)
        if within is not None:
            return reader.read(self._stream_within(method, request, within))
        while True:
            request.offset = begun = reader.offset
            try:
                return reader.read(self._stream(method, request, patient=begun > 0))
            except UnavailableError:
                if reader.offset == begun:
                    raise
