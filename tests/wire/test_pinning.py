"""Whoever has no pinned key is no server, whatever stands in its certificate and wherever it stands."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from circuits.errors import ConfigError, GradrollError, InvalidInputError, UnavailableError
from commons.settings.pins import with_pin, written_pin
from commons.storage.tlskeys import open_server_key
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server, open_channel
from commons.wire.health import is_serving
from commons.wire.identity import Identity
from commons.wire.prover_client import ProverClient
from commons.wire.tls import pin_of
from gradroll.setup.freeports import free_ports
from tests.support.certificates import issued
from tests.support.tlsservers import Between, answering, identity
from tests.support.waiting import wait_for

HOST = x509.DNSName("localhost")


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def own(key: ec.EllipticCurvePrivateKey | None = None, names: Sequence[x509.GeneralName] = (HOST,)) -> Identity:
    key = key or new_key()
    return identity(key, issued(key.public_key(), names, key))


def pinned(port: int, server: Identity, host: str = "127.0.0.1") -> str:
    return with_pin(f"grpcs://{host}:{port}", server.pin)


def gets_through(client: ProverClient) -> bool:
    """Whether the server answers: that it knows no such call."""
    try:
        client.status()
    except UnavailableError:
        return False
    except GradrollError as error:
        assert "UNIMPLEMENTED" in str(error)
        return True
    raise AssertionError


def refused(endpoint: str, timeout: float = 30.0, roots: bytes | None = None) -> str:
    with ProverClient(endpoint, timeout=timeout, tls_roots=roots) as client, pytest.raises(UnavailableError) as caught:
        client.status()
    return str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        [HOST],
        [x509.DNSName("elsewhere.example")],
        [x509.DNSName("*.example.org")],
        [x509.IPAddress(ipaddress.ip_address("192.0.2.1"))],
        [],
    ],
    ids=["its own", "another", "any", "an address", "none"],
)
def test_the_key_alone_counts_and_not_the_name(names: list[x509.GeneralName]) -> None:
    server = own(names=names)
    with answering(server) as port, ProverClient(pinned(port, server)) as client:
        assert gets_through(client)


def test_a_key_that_a_server_made_itself_is_taken_by_its_pin(tmp_path: object) -> None:
    key = open_server_key(tmp_path / "tls.pem")  # type: ignore[operator]
    pin = pin_of(x509.load_pem_x509_certificate(key.certificate))
    server = Identity(key.certificate, key.private, pin, own=True)
    with answering(server) as port:
        for host in ("127.0.0.1", "localhost"):
            with ProverClient(pinned(port, server, host)) as client:
                assert gets_through(client)
        assert "nobody whom you trust" in refused(f"grpcs://127.0.0.1:{port}")


def test_a_certificate_of_an_authority_is_taken_by_its_pin_without_the_authority() -> None:
    authority, key = new_key(), new_key()
    leaf = issued(key.public_key(), [HOST], authority, subject="server", issuer="authority", authority=False)
    root = issued(authority.public_key(), [], authority, subject="authority", authority=True)
    server = identity(key, leaf, root)
    with answering(server) as port, ProverClient(pinned(port, server)) as client:
        assert gets_through(client)


def test_another_key_is_refused_whoever_vouches_for_it() -> None:
    meant, other = own(), own()
    with answering(other) as port:
        for roots in (None, other.certificates):
            words = refused(pinned(port, meant), roots=roots)
            assert "has another key" in words
            assert written_pin(other.pin) in words


def test_who_passes_the_handshake_on_and_then_takes_the_call_gets_nothing() -> None:
    """It shows the right certificate, by way of the right server, and answers the call with a key of its own."""
    meant = own()
    attacker = own(names=[HOST])
    with answering(meant) as real, answering(attacker) as false, Between(real, false) as between:
        words = refused(pinned(between.port, meant))
        assert "nobody whom you trust vouches" in words
        assert between.connections > 1


def test_a_false_certificate_of_the_right_key_vouches_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever could choose what is fetched: a certificate that holds the pinned key, but that another key signed."""
    meant, attacker, evil = own(), new_key(), new_key()
    public = x509.load_pem_x509_certificate(meant.certificates).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    forged = issued(public, [HOST], attacker, subject="authority", authority=True)
    leaf = issued(evil.public_key(), [HOST], attacker, subject="server", issuer="authority")
    found = Future[x509.Certificate]()
    found.set_result(forged)
    monkeypatch.setattr("commons.wire.pinnedchannel.fetching", lambda *_: found)
    for chain in ([leaf], [leaf, forged]):
        with answering(identity(evil, *chain)) as port:
            assert "BAD_SIGNATURE" in refused(pinned(port, meant))


def test_a_server_in_the_clear_is_refused() -> None:
    with answering(None) as port:
        assert "does not speak TLS" in refused(pinned(port, own()))


def test_a_pinned_certificate_that_has_expired_is_refused() -> None:
    key = new_key()
    old = identity(key, issued(key.public_key(), [HOST], key, days=(-3, -1)))
    with answering(old) as port:
        assert "has expired" in refused(pinned(port, old))


def test_who_never_shows_a_certificate_is_given_up_in_the_time_of_the_call() -> None:
    with Between(0) as silent:
        assert "showed no certificate within 0.2 seconds" in refused(pinned(silent.port, own()), 0.2)


def test_a_stream_gives_up_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commons.wire.pinnedchannel.PATIENCE", 0.2)
    with (
        Between(0) as silent,
        ProverClient(pinned(silent.port, own())) as client,
        pytest.raises(UnavailableError, match="showed no certificate"),
    ):
        client.audit_bundle(bytes(32), 1)


def test_many_callers_wait_for_one_handshake() -> None:
    server = own()
    with answering(server) as real, Between(0) as silent, ThreadPoolExecutor(8) as pool:
        with ProverClient(pinned(silent.port, server), timeout=0.3) as client:
            assert not any(pool.map(lambda _: gets_through(client), range(8)))
        assert silent.connections == 1
        with Between(real) as between, ProverClient(pinned(between.port, server)) as client:
            assert all(pool.map(lambda _: gets_through(client), range(8)))
            assert between.connections == 2


def test_nobody_at_the_port_is_said_as_in_the_clear() -> None:
    (port,) = free_ports(1)
    assert "cannot be reached" in refused(pinned(port, own()))


def test_a_name_that_nobody_knows_is_said() -> None:
    assert "cannot be reached" in refused(with_pin("grpcs://nobody.invalid:1", bytes(32)))


def test_a_server_that_comes_back_with_another_certificate_of_its_key_is_taken() -> None:
    key, (port,) = new_key(), free_ports(1)
    first, renewed = own(key), own(key)
    with ProverClient(pinned(port, first)) as client:
        for server in (first, renewed, first):
            with answering(server, port):
                wait_for(lambda: gets_through(client))
            assert not gets_through(client)


def test_another_server_at_the_place_of_the_pinned_one_is_refused() -> None:
    meant, (port,) = own(), free_ports(1)
    with ProverClient(pinned(port, meant)) as client:
        with answering(meant, port):
            assert gets_through(client)
        with answering(own(), port):
            for _ in range(3):
                assert not gets_through(client)
        with answering(meant, port):
            wait_for(lambda: gets_through(client))


def test_a_closed_connection_is_not_opened_again() -> None:
    server = own()
    with answering(server) as port:
        client = ProverClient(pinned(port, server))
        client.close()
        with pytest.raises(UnavailableError, match="was closed here"):
            client.status()


def test_calls_that_begin_when_a_connection_was_closed_end_like_those_under_way() -> None:
    server = own()
    with answering(server) as port:
        client = ProverClient(pinned(port, server))
        assert gets_through(client)
        client.close()
        for ask in (client.status, lambda: list(client.batches(1, 0)), lambda: client.deal_keys(1)):
            with pytest.raises(UnavailableError, match="was closed here"):
                ask()


def test_health_is_asked_over_a_pinned_channel() -> None:
    meant, other = own(), own()
    with answering(other) as port, pytest.raises(UnavailableError, match="has another key"):
        is_serving(pinned(port, meant), timeout=30.0)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("prover0.example.org:7101", "nothing is sent to another machine in the clear"),
        ("grpc://10.0.0.1:7101", "nothing is sent to another machine in the clear"),
        ("grpcs://h:1#sha256-short", "behind # stands one pin"),
        ("h:0", "is not grpcs://host:port"),
    ],
)
def test_no_channel_is_opened_to_what_is_no_endpoint(endpoint: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        open_channel(endpoint)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "prover0.example.org:0"])
def test_no_server_listens_in_the_clear_where_other_machines_reach_it(listen: str) -> None:
    with pytest.raises(ConfigError, match="reached from other machines"):
        bind(new_server(Calls(Limits(4))), listen, None)
