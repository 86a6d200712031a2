"""The standard health service, asked as its published definition says."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.health import Health, is_serving

SERVICE = b"gradroll.v1.Prover"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
"""HealthCheckResponse with `status = 1` as SERVING and NOT_SERVING, in protobuf's encoding."""


def request(service: bytes) -> bytes:
    """A HealthCheckRequest, whose only field is `string service = 1`."""
    return b"\x0a" + bytes([len(service)]) + service if service else b""


@pytest.fixture
def asked() -> Iterator[tuple[Health, grpc.UnaryUnaryMultiCallable[bytes, bytes]]]:
    health, server = Health(SERVICE.decode()), new_server(Calls(Limits(4)))
    health.add_to(server)
    port = bind(server, "127.0.0.1:0", None)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield health, channel.unary_unary("/grpc.health.v1.Health/Check")
    server.stop(0).wait()


def test_a_node_serves_until_it_is_told_to_stop(
    asked: tuple[Health, grpc.UnaryUnaryMultiCallable[bytes, bytes]],
) -> None:
    health, check = asked
    assert [check(request(name)) for name in (b"", SERVICE)] == [SERVING, SERVING]
    health.stop()
    assert [check(request(name)) for name in (b"", SERVICE)] == [NOT_SERVING, NOT_SERVING]


def test_other_services_are_unknown(asked: tuple[Health, grpc.UnaryUnaryMultiCallable[bytes, bytes]]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        asked[1](request(b"somebody.Else"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_service_that_takes_no_calls_at_present_is_one_of_a_server_that_is_well() -> None:
    works = False
    health, server = Health(SERVICE.decode(), lambda: works), new_server(Calls(Limits(4)))
    health.add_to(server)
    endpoint = f"127.0.0.1:{bind(server, '127.0.0.1:0', None)}"
    server.start()
    try:
        assert is_serving(endpoint, timeout=900)
        assert not is_serving(endpoint, timeout=900, service=SERVICE.decode())
        works = True
        assert is_serving(endpoint, timeout=900, service=SERVICE.decode())
        health.stop()
        assert not is_serving(endpoint, timeout=900)
    finally:
        server.stop(0).wait()
