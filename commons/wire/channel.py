"""Endpoints, channels and servers of gRPC, with every limit explicit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from circuits.errors import ConfigError, InvalidInputError
from commons.settings.hosts import HintError, is_loopback
from commons.settings.pins import WORDS, parse_endpoint
from commons.settings.values import split_address
from commons.wire.calls import Calls
from commons.wire.checks import MAX_GRPC_MESSAGE
from commons.wire.identity import Identity
from commons.wire.methods import require_rows
from commons.wire.pinnedchannel import PinnedChannel

_PING_PATIENCE = 3_600_000
"""Milliseconds.  On a slow link a ping queues behind megabytes that socket buffers have taken.  Pings keep connections
alive here; that nothing moves any more, each call finds out for itself."""
_OPTIONS = (
    ("grpc.max_send_message_length", MAX_GRPC_MESSAGE),
    ("grpc.max_receive_message_length", MAX_GRPC_MESSAGE),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", _PING_PATIENCE),
    ("grpc.http2.ping_timeout_ms", _PING_PATIENCE),
    ("grpc.http2.max_pings_without_data", 0),
)
LONGEST_BACKOFF = 3.0
"""Seconds before a connection that failed is tried again, at most.  gRPC's own two minutes would keep a coordinator
away from a prover for so long after its return."""
_CLIENT_OPTIONS = (
    *_OPTIONS,
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", round(1000 * LONGEST_BACKOFF)),
)
_SERVER_OPTIONS = (
    *_OPTIONS,
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.server_handshake_timeout_ms", 20_000),
    ("grpc.max_concurrent_streams", 100),  # of one connection: RFC 9113, section 6.5.2, recommends no fewer
    ("grpc.max_metadata_size", 8192),
)


def open_channel(endpoint: str, tls_roots: bytes | None = None) -> grpc.Channel:
    """A channel to an endpoint.

    Args:
        tls_roots: PEM certificates to trust instead of the system's, where the endpoint has no pin.

    Raises:
        InvalidInputError: it is none, or in the clear and not of this machine.
    """
    try:
        place = parse_endpoint(endpoint)
    except ValueError as error:
        hint = f": {error}" if isinstance(error, HintError) else ""
        raise InvalidInputError(f"endpoint: {endpoint!r} is not {WORDS}{hint}") from None
    if place.pin is not None:
        return PinnedChannel(place, endpoint, _CLIENT_OPTIONS)
    if place.secure:
        return grpc.secure_channel(place.target, grpc.ssl_channel_credentials(tls_roots), _CLIENT_OPTIONS)
    return grpc.insecure_channel(place.target, _CLIENT_OPTIONS)


def new_server(
    calls: Calls, *services: ServiceDescriptor, connections: int = 1024, idle: float = 60.0, age: float = 3600.0
) -> grpc.Server:
    """A server whose calls are let in by the table of methods.

    Args:
        services: that will be added to it.
        connections: most at a time; further ones are closed at once.
        idle: seconds after which a connection without a call is closed; another one costs an honest caller little.
        age: seconds after which a connection takes no new calls, and is closed when the last one has ended.

    Raises:
        GradrollError: a service has a method that has no row in the table.
    """
    require_rows(services)
    pool = ThreadPoolExecutor(calls.threads, thread_name_prefix="rpc")
    options = (
        *_SERVER_OPTIONS,
        ("grpc.max_allowed_incoming_connections", connections),
        ("grpc.max_connection_idle_ms", round(1000 * idle)),
        ("grpc.max_connection_age_ms", round(1000 * age)),
    )
    return grpc.server(pool, interceptors=[calls], options=options, maximum_concurrent_rpcs=calls.threads)


def bind(server: grpc.Server, listen: str, identity: Identity | None) -> int:
    """Bind a server and return its port.

    Args:
        identity: what it shows over TLS; None to listen in the clear, which a loopback address only may.

    Raises:
        ConfigError: the address is taken.
    """
    host, _ = split_address(listen, "listen")
    if identity is None and not is_loopback(host):
        raise ConfigError(
            f"listen: {listen} is reached from other machines, and the endpoint is in the clear; write grpcs:// before "
            "the endpoint, or listen at 127.0.0.1"
        )
    try:
        if identity is None:
            return server.add_insecure_port(listen)
        return server.add_secure_port(listen, identity.credentials)
    except RuntimeError as error:
        raise ConfigError(
            f"listen: {listen} cannot be used: another process has it, or it is no address of this machine; "
            "choose another"
        ) from error
