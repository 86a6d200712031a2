"""What a server shows of itself over TLS, and the endpoint under which others can know it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from cryptography import x509

from circuits.errors import ConfigError
from commons.settings.pins import Place, parse_endpoint, with_pin, written_pin
from commons.settings.sections import CoordinatorSettings, ProverSettings, Server
from commons.storage.tlsfiles import read_pair
from commons.storage.tlskeys import TLS_FILE, ServerKey, open_server_key, read_server_key
from commons.wire.tls import pin_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's key.

    Attributes:
        certificates: PEM, its own certificate first.
        private: PEM.
        pin: 32 bytes, which clients can know it by.
        own: it made the key itself, so that clients know it by the pin only.
    """

    certificates: bytes
    private: bytes = field(repr=False)
    pin: bytes
    own: bool

    @property
    def credentials(self) -> grpc.ServerCredentials:
        """For a server of gRPC."""
        return grpc.ssl_server_credentials([(self.private, self.certificates)])


def identity_of(settings: Server, *, make: bool = True) -> Identity | None:
    """What a server shows: the certificate that its settings name, or else its own key.

    Args:
        make: its own key, where there is none yet.

    Returns:
        None: it listens in the clear, at a loopback address.

    Raises:
        ConfigError: settings that contradict each other, or a certificate that cannot be used.
        KeyFileError, StorageError: its own key cannot be read, or made.
    """
    place = None if settings.endpoint is None else parse_endpoint(settings.endpoint)
    if place is not None and not place.secure:
        if settings.tls is not None:
            raise ConfigError("tls_certificate is set, but the endpoint is in the clear; write grpcs:// before it")
        return None
    if settings.tls is not None:
        certificates, private = read_pair(settings.tls.certificate, settings.tls.key)
    else:
        file = own_key_file(settings)
        key = open_server_key(file) if make else read_server_key(file)
        certificates, private = key.certificate, key.private
    leaf = x509.load_pem_x509_certificates(certificates)[0]
    identity = Identity(certificates, private, pin_of(leaf), own=settings.tls is None)
    _require_own(place, identity)
    return identity


def own_key_file(settings: Server) -> Path:
    """Where a server has the key that it made itself."""
    if isinstance(settings, ProverSettings):
        return settings.keystore / TLS_FILE
    if isinstance(settings, CoordinatorSettings):
        return settings.state / TLS_FILE
    raise TypeError(type(settings))


def pin_of_key(key: ServerKey) -> bytes:
    """The pin of a key that a server made itself."""
    return pin_of(x509.load_pem_x509_certificate(key.certificate))


def announced(endpoint: str, identity: Identity | None) -> str:
    """An endpoint with all that clients need to know the server by: with the pin of a key that it made itself."""
    if identity is None or not identity.own or parse_endpoint(endpoint).pin is not None:
        return endpoint
    return with_pin(endpoint, identity.pin)


def tell(settings: Server, identity: Identity | None) -> None:
    """Say in the log what clients know the server by."""
    if identity is None:
        _log.info("event=listens-in-the-clear reach='this machine alone'")
        return
    endpoint = "" if settings.endpoint is None else announced(settings.endpoint, identity)
    _log.info("event=listens-over-tls pin=%s endpoint=%r", written_pin(identity.pin), endpoint)


def _require_own(place: Place | None, identity: Identity) -> None:
    if place is not None and place.pin is not None and place.pin != identity.pin:
        raise ConfigError(
            f"endpoint: its pin is not of this server's key, whose pin is {written_pin(identity.pin)}; correct it, or "
            "leave it out, or put the key's file back"
        )
