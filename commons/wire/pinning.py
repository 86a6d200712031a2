"""A server's certificate, fetched by a handshake of its own and compared with the pin of an endpoint.

gRPC's Python library checks certificates against roots and a name, and lets nobody else look.  So the certificate is
fetched first, and one that holds the pinned key becomes the only root of the channel.  What is fetched is believed in
nothing else: whoever stands in between can choose the certificate here only among those with the pinned key, and has to
prove in the channel's own handshake that it has that key, or a certificate that the key has signed.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from circuits.errors import UnavailableError
from commons.settings.pins import Place, written_pin
from commons.wire.tls import pin_of, unreachable

PATIENCE = 20.0
"""Seconds that a server has to connect and to show its certificate."""
_MOST_BYTES = 1 << 15
"""Of a certificate; OpenSSL itself takes no more than 100 KiB of a server's whole chain."""


def fetching(place: Place, peer: str) -> Future[x509.Certificate]:
    """Fetch the certificate of a server, in a thread of its own: looking up a name has no time limit.

    Returns:
        The certificate, of which nothing is checked yet, or UnavailableError.
    """
    found = Future[x509.Certificate]()
    Thread(target=_keep, args=(found, lambda: _fetch(place, peer)), daemon=True, name="certificate").start()
    return found


def require_pinned(certificate: x509.Certificate, place: Place, peer: str) -> None:
    """Raises UnavailableError for a certificate of another key than the pinned one."""
    try:
        shown = pin_of(certificate)
    except Exception:  # a key that the library cannot read is none that anybody pinned
        shown = b""
    if shown != place.pin:
        raise UnavailableError(
            f"the server at {place.target} has another key than {peer} names"
            f"{f' (its own is {written_pin(shown)})' if shown else ''}: it is another server, or somebody stands in "
            "between; if its operator says that the key is new, take the endpoint that is published now"
        )


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate for gRPC."""
    return certificate.public_bytes(Encoding.PEM)


def name_in(certificate: x509.Certificate) -> str:
    """A name that gRPC finds in a certificate; which one is of no matter where the key is pinned."""
    return next(_names(certificate), "")


def _names(certificate: x509.Certificate) -> Iterator[str]:
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for name in others.get_values_for_type(x509.DNSName):
            yield f"any{name[1:]}" if name.startswith("*.") else name
        yield from map(str, others.get_values_for_type(x509.IPAddress))
    except (x509.ExtensionNotFound, ValueError):
        pass
    for common in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        yield str(common.value)


def _keep(found: Future[x509.Certificate], fetch: Callable[[], x509.Certificate]) -> None:
    try:
        found.set_result(fetch())
    except BaseException as error:
        found.set_exception(error)


def _fetch(place: Place, peer: str) -> x509.Certificate:
    until = time.monotonic() + PATIENCE
    try:
        addresses = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(unreachable(peer, str(error))) from None
    last: Exception | None = None
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as line:
                line.settimeout(max(until - time.monotonic(), 0.01))
                line.connect(address)
                return _shown(line, until)
        except Exception as error:  # whatever a stranger makes the libraries raise
            last = error
    raise UnavailableError(unreachable(peer, str(last)))


def _shown(line: socket.socket, until: float) -> x509.Certificate:
    line.settimeout(max(until - time.monotonic(), 0.01))  # Python holds a whole handshake to it
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the channel checks, see above
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(line) as secured:
        raw = secured.getpeercert(binary_form=True)
    if raw is None or len(raw) > _MOST_BYTES:
        raise ValueError(f"it shows no certificate of up to {_MOST_BYTES} bytes")
    return x509.load_der_x509_certificate(raw)
