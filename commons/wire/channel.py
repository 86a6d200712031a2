"""Endpoints, channels, clients and servers of gRPC, with every size limit explicit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc

from circuits.errors import ConfigError, InvalidInputError
from commons.settings.values import TlsFiles, split_address
from commons.wire.checks import MAX_GRPC_MESSAGE

_OPTIONS = (
    ("grpc.max_send_message_length", MAX_GRPC_MESSAGE),
    ("grpc.max_receive_message_length", MAX_GRPC_MESSAGE),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.http2.max_pings_without_data", 0),
)
_SERVER_OPTIONS = (*_OPTIONS, ("grpc.so_reuseport", 0), ("grpc.http2.min_ping_interval_without_data_ms", 30_000))
_PLAIN, _TLS = "grpc://", "grpcs://"


def open_channel(endpoint: str, tls_roots: bytes | None = None) -> grpc.Channel:
    """A channel to an endpoint.  Raises InvalidInputError for one that is malformed."""
    secure = endpoint.startswith(_TLS)
    target = endpoint.removeprefix(_TLS).removeprefix(_PLAIN)
    try:
        split_address(target, "endpoint")
    except ConfigError as error:
        raise InvalidInputError(str(error)) from error
    if secure:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(tls_roots), _OPTIONS)
    return grpc.insecure_channel(target, _OPTIONS)


class Client:
    """What clients of all services have in common: a channel to one endpoint.  A context manager."""

    def __init__(self, endpoint: str, *, timeout: float = 30.0, tls_roots: bytes | None = None) -> None:
        """Connect when first used.

        Args:
            endpoint: ``host:port`` or ``grpc://host:port`` in the clear, ``grpcs://host:port`` over TLS.
            timeout: seconds for one call, unless the call is given its own.
            tls_roots: PEM certificates to trust instead of the system's.

        Raises:
            InvalidInputError: the endpoint is malformed.
        """
        self.endpoint = endpoint
        self._timeout = timeout
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


def new_server(workers: int) -> grpc.Server:
    """A server that works on ``workers`` calls at a time and refuses when twice as many wait."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rpc")
    return grpc.server(pool, options=_SERVER_OPTIONS, maximum_concurrent_rpcs=3 * workers)


def bind(server: grpc.Server, listen: str, tls: TlsFiles | None) -> int:
    """Bind a server and return its port.  Raises ConfigError when the address is taken or a TLS file unreadable."""
    split_address(listen, "listen")
    try:
        if tls is None:
            return server.add_insecure_port(listen)
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return server.add_secure_port(listen, grpc.ssl_server_credentials([pair]))
    except RuntimeError as error:
        raise ConfigError(
            f"listen: {listen} cannot be used; another process has it, or it is no address of this machine"
        ) from error
    except OSError as error:
        raise ConfigError(f"tls: {error.filename} cannot be read ({error.strerror})") from error
