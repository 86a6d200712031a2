"""What the clients of all services have in common: how they ask, stream, and give up."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from circuits.errors import BusyError, UnavailableError
from commons.wire._generated import common_pb2, coordinator_pb2, prover_pb2
from commons.wire.channel import open_channel
from commons.wire.checkedchannel import checked, readable
from commons.wire.rpcstatus import LEAST, calling, closed_here
from commons.wire.sharestreams import Sending
from commons.wire.stalling import StallGuard
from commons.wire.streams import BlobReader
from commons.wire.tracecontext import Metadata

R = TypeVar("R")
_LONGEST_FACTOR = 4.0
"""How much later than a busy server said one comes back, if it is busy again and again."""
Asked = Callable[[], Any]
"""Makes the message of a call, or its messages, anew for each try."""
BlobRequest = (
    common_pb2.BatchRequest | coordinator_pb2.GetModelRequest | prover_pb2.HeldRequest | prover_pb2.BundleRequest
)


class Client:
    """A channel to one endpoint.  A context manager."""

    def __init__(
        self, endpoint: str, *, timeout: float = 30.0, stall: float = 60.0, tls_roots: bytes | None = None
    ) -> None:
        """Connect when first used.

        Args:
            endpoint: as ``commons.settings.pins`` has it.
            timeout: seconds for a call of one message each way, unless the call is given its own.
            stall: seconds after which a stream on which nothing moves is given up; it may take as long as it likes.
            tls_roots: PEM certificates to trust instead of the system's, where the endpoint has no pin.

        Raises:
            InvalidInputError: the endpoint is malformed.
        """
        self.endpoint = endpoint
        self._timeout = timeout
        self._stall = stall
        self._closed = threading.Event()
        self._channel = open_channel(endpoint, tls_roots)
        self._checked = checked(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; who waits for a busy server waits no longer."""
        self._closed.set()
        self._channel.close()

    @contextmanager
    def _calling(self, seconds: float | None = None) -> Iterator[None]:
        """As ``calling``; a call that begins while the connection is closed here ends like those under way."""
        try:
            with calling(self.endpoint, seconds):
                yield
        except ValueError as error:  # gRPC's word for a channel that was closed
            if not self._closed.is_set():
                raise
            raise closed_here(self.endpoint) from error

    def _ask(self, method: Callable[..., R], request: object, timeout: float | None = None) -> R:
        """One message for one message."""

        def once(left: float) -> Iterator[R]:
            yield method(request, timeout=left)

        (answer,) = self._within(once, timeout or self._timeout)
        return answer

    def _stream_within(
        self, method: Callable[..., Any], asked: Asked, seconds: float, metadata: Metadata | None = None
    ) -> Iterator[Any]:
        """The messages of an answer, which has so many seconds from the first to the last."""
        return self._within(lambda left: method(asked(), timeout=left, metadata=metadata), seconds)

    def _within(self, once: Callable[[float], Iterator[R]], seconds: float) -> Iterator[R]:
        """What a call brings that is told how many seconds are left."""
        until = time.monotonic() + seconds

        def attempt() -> Iterator[R]:
            with self._calling(seconds):
                yield from once(max(until - time.monotonic(), LEAST))

        return self._unless_busy(attempt, seconds)

    def _stream(
        self,
        method: Callable[..., Any],
        asked: Asked,
        *,
        patient: bool = False,
        until: float = math.inf,
        metadata: Metadata | None = None,
    ) -> Iterator[Any]:
        """The messages of an answer, as long as the call moves.

        Args:
            patient: wait for a connection that is broken, as long as for a message.
            until: when it is given up although it moves, on the monotonic clock.
            metadata: that goes with the call.

        Raises:
            UnavailableError: it does not move, or not fast enough, or the connection broke.
        """
        seconds = min(self._stall, until - time.monotonic())

        def attempt() -> Iterator[Any]:
            return self._moving(partial(method, metadata=metadata), asked(), patient=patient, until=until)

        return self._unless_busy(attempt, seconds)

    def _upload(
        self, method: Callable[..., Any], sending: Callable[[], Sending[Any]], *, until: float = math.inf
    ) -> Generator[Any]:
        """The messages of an answer to an upload, which sends what the first of them says is missing.

        Args:
            sending: makes the upload anew for each try.
            until: when it is given up although it moves, on the monotonic clock.
        """
        tries: list[Sending[Any]] = []

        def asked() -> Iterator[Any]:
            for before in tries:
                before.end()
            tries.append(sending())
            return tries[-1].messages()

        try:
            for reply in self._stream(method, asked, until=until):
                if reply.WhichOneof("part") == "taken":
                    tries[-1].go_on(reply.taken)
                yield reply
        finally:
            for each in tries:
                each.end()

    def _moving(self, method: Callable[..., Any], request: Any, *, patient: bool, until: float) -> Iterator[Any]:
        guard = StallGuard(self._stall)
        sent = guard.sent(request) if isinstance(request, Iterator) else request
        with self._calling():
            call = method(sent, wait_for_ready=patient)
        deadline = None if until == math.inf else until - time.monotonic()
        with self._calling(), guard.watching(call.cancel, deadline=deadline):
            try:
                yield from guard.incoming(call)
            except grpc.RpcError as error:
                if not guard.stalled:
                    raise
                if time.monotonic() >= until:
                    raise UnavailableError(
                        f"{self.endpoint} did not take all of it in the time that there is for that; try another way"
                    ) from error
                raise UnavailableError(
                    f"nothing moved between here and {self.endpoint} for {self._stall:g} seconds; "
                    "try again, or raise stall_timeout where the line is that slow"
                ) from error
            finally:
                call.cancel()  # the reader may have had enough

    def _unless_busy(self, attempt: Callable[[], Iterator[R]], seconds: float) -> Iterator[R]:
        """What an attempt brings; one that finds a busy server is made again when the server said, for so many seconds.

        Nobody comes earlier than told, and those that were sent away together come back one by one.
        """
        until, factor = time.monotonic() + seconds, 1.0
        while True:
            begun = False
            try:
                for message in attempt():
                    begun = True
                    yield readable(message)
                return
            except BusyError as error:
                pause = error.retry_after * random.uniform(factor, 2 * factor)
                if begun or time.monotonic() + pause >= until or self._closed.wait(pause):
                    raise
                factor = min(2 * factor, _LONGEST_FACTOR)

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
            return reader.read(self._stream_within(method, lambda: request, within))
        while True:
            request.offset = begun = reader.offset
            try:
                return reader.read(self._stream(method, lambda: request, patient=begun > 0))
            except UnavailableError:
                if reader.offset == begun:
                    raise
