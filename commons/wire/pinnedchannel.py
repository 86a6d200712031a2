"""A channel to a server whose key is pinned: made when first used, and anew when the certificate changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

import grpc
from cryptography import x509

from circuits.errors import UnavailableError
from commons.settings.pins import Place
from commons.wire.pinning import PATIENCE, fetching, name_in, pem, require_pinned
from commons.wire.rpcstatus import LEAST, closed_here

Options = Sequence[tuple[str, Any]]


class PinnedChannel(grpc.Channel):
    """Calls of one server, which only the holder of the pinned key can answer.

    A call that finds the server gone has the next one fetch the certificate again, as one with the same key may have
    taken its place.

    Args:
        peer: the endpoint, for messages.
        options: of gRPC.
    """

    def __init__(self, place: Place, peer: str, options: Options) -> None:
        self._place = place
        self._peer = peer
        self._options = options
        self._lock = threading.Lock()
        self._fetching: Future[x509.Certificate] | None = None
        self._certificate: x509.Certificate | None = None
        self._channels: list[grpc.Channel] = []
        self._doubted = True
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._closed = True
            channels = tuple(self._channels)
        _close(channels)

    def ready(self, seconds: float) -> grpc.Channel:
        """A channel that takes no other server than the pinned one.

        Raises:
            UnavailableError: the server is not reached within the time, or has another key.
        """
        with self._lock:
            if not self._doubted:
                return self._channels[-1]
            if self._fetching is None:
                self._fetching = fetching(self._place, self._peer)
            under_way = self._fetching
        try:
            found = under_way.result(seconds)
        except TimeoutError:
            raise UnavailableError(
                f"{self._peer} showed no certificate within {seconds:.3g} seconds; try again, or allow it more time"
            ) from None
        except UnavailableError:
            return self._former(under_way)
        with self._lock:
            current, former = self._taken(under_way, found), self._channels[:-2]  # the one before may have calls
            del self._channels[:-2]
        _close(former)
        return current

    def method(self, of: Callable[[grpc.Channel], Any], seconds: float) -> Any:
        """One method of a channel that is ready; ``of`` makes it.

        Under our lock: gRPC for Python makes none of a channel that is being closed, but ends the process (SIGSEGV).

        Raises:
            UnavailableError: as ``ready``; or the connection was closed here.
        """
        ready = self.ready(seconds)
        with self._lock:
            if self._closed:
                raise closed_here(self._peer)
            return of(ready if ready in self._channels else self._channels[-1])

    def look_at(self, call: grpc.Call) -> None:
        """Take note of how a call ended: whether anybody was there."""
        if call.code() is grpc.StatusCode.UNAVAILABLE and not call.trailing_metadata():
            with self._lock:
                self._doubted = True

    def _former(self, failed: Future[x509.Certificate]) -> grpc.Channel:
        """Who cannot be asked for its certificate may be back in a moment: gRPC waits, if the caller wants to."""
        with self._lock:
            if self._fetching is failed:
                self._fetching = None
            if self._channels and not self._closed:
                return self._channels[-1]
        raise failed.exception() or AssertionError

    def _taken(self, under_way: Future[x509.Certificate], found: x509.Certificate) -> grpc.Channel:
        if self._fetching is under_way:
            self._fetching = None
        require_pinned(found, self._place, self._peer)
        if self._closed:
            raise closed_here(self._peer)
        if found != self._certificate:
            self._open(found)
        self._doubted = False
        return self._channels[-1]

    def _open(self, certificate: x509.Certificate) -> None:
        roots = grpc.ssl_channel_credentials(pem(certificate))
        own = (("grpc.ssl_target_name_override", name_in(certificate)), ("grpc.enable_http_proxy", 0))
        self._channels.append(grpc.secure_channel(self._place.target, roots, (*self._options, *own)))
        self._certificate = certificate

    def unary_unary(self, *arguments: Any, **named: Any) -> Any:
        """See ``grpc.Channel``; so below."""
        return _Method(self, lambda channel: channel.unary_unary(*arguments, **named))

    def unary_stream(self, *arguments: Any, **named: Any) -> Any:
        """A message for a stream."""
        return _Method(self, lambda channel: channel.unary_stream(*arguments, **named))

    def stream_unary(self, *arguments: Any, **named: Any) -> Any:
        """A stream for a message."""
        return _Method(self, lambda channel: channel.stream_unary(*arguments, **named))

    def stream_stream(self, *arguments: Any, **named: Any) -> Any:
        """A stream for a stream."""
        return _Method(self, lambda channel: channel.stream_stream(*arguments, **named))

    def subscribe(
        self, callback: Callable[[grpc.ChannelConnectivity], None], try_to_connect: bool | None = False
    ) -> None:
        """Nobody here watches a connection; its calls tell."""
        raise NotImplementedError

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """As ``subscribe``."""
        raise NotImplementedError


class _Method:
    """One method of a server, called as those of ``grpc.Channel`` are."""

    def __init__(self, channel: PinnedChannel, of: Callable[[grpc.Channel], Any]) -> None:
        self._channel = channel
        self._of = of

    def __call__(self, request: Any, timeout: float | None = None, **named: Any) -> Any:
        began = time.monotonic()
        method = self._channel.method(self._of, PATIENCE if timeout is None else min(timeout, PATIENCE))
        left = None if timeout is None else max(timeout - (time.monotonic() - began), LEAST)
        try:
            answer = method(request, timeout=left, **named)
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call):
                self._channel.look_at(error)
            raise
        if isinstance(answer, grpc.Call) and not answer.add_callback(lambda: self._channel.look_at(answer)):
            self._channel.look_at(answer)  # it has ended
        return answer


def _close(channels: Sequence[grpc.Channel]) -> None:
    """Without our lock: gRPC waits for callbacks of calls that end, and these take the lock."""
    for channel in channels:
        channel.close()
