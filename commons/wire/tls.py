"""TLS: whom a client trusts, what a server shows, and in words what keeps the two apart."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from circuits.errors import ConfigError
from commons.settings.values import TlsFiles

_TROUBLES = (
    (
        "certificate has expired",
        "the certificate of {peer} has expired; its operator has to renew it, or this machine's clock is wrong",
    ),
    ("certificate is not yet valid", "the certificate of {peer} is not valid yet; is this machine's clock right?"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "nobody whom you trust vouches for the certificate of {peer}; if a private authority does, name the file of "
        "its root in tls_roots or --tls-roots (prover_roots at a coordinator); if the server made the key itself, its "
        "endpoint ends in a pin, #sha256-...",
    ),
    (
        "Hostname Verification Check failed",
        "the certificate of {peer} is for another name; use the name that stands in it as the endpoint",
    ),
    (
        "WRONG_VERSION_NUMBER",
        "{peer} does not speak TLS; is the port right? its operator has to write grpcs:// in its own settings, too",
    ),
    (
        "http1.x server",
        "{peer} is no gRPC server but one of HTTP/1; is the port right, or a proxy in between that cannot do HTTP/2?",
    ),
)
"""What gRPC's text holds, and what it means.  The more special one stands first."""
_HUNG_UP = ("failed to connect", "Socket closed")


def read_roots(path: Path | None, key: str) -> bytes | None:
    """The PEM certificates to trust in place of the system's; None for the system's.

    Args:
        key: the setting or option that names the file.

    Raises:
        ConfigError: the file cannot be read or holds no certificate.
    """
    if path is None:
        return None
    raw = _read(path, key)
    _certificates(raw, path, key)
    return raw


def read_pair(files: TlsFiles) -> tuple[bytes, bytes]:
    """A server's certificates and private key, PEM both.

    Raises:
        ConfigError: a file cannot be read or is none of its kind, the key belongs to another certificate, or the
            certificate has expired or is not valid yet.
    """
    chain, key = _read(files.certificate, "tls_certificate"), _read(files.key, "tls_key")
    _require_valid(_certificates(chain, files.certificate, "tls_certificate")[0], files.certificate)
    _require_pair(files)
    return chain, key


def pin_of(certificate: x509.Certificate) -> bytes:
    """The pin of a certificate's key: SHA-256 of its SubjectPublicKeyInfo in DER, 32 bytes."""
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()


def unreachable(peer: str, details: str) -> str:
    """In words why a connection to an endpoint failed.

    Args:
        details: what gRPC says.
    """
    for sign, words in _TROUBLES:
        if sign in details:
            return words.format(peer=peer)
    if all(sign in details for sign in _HUNG_UP):
        return (
            f"{peer} hangs up at once; if it uses TLS, take the endpoint as its operator shows it, with grpcs:// "
            f"({details})"
        )
    return f"{peer} cannot be reached ({details}); is it running, and is the address right?"


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{key}: {path} cannot be read ({error.strerror})") from error


def _certificates(raw: bytes, path: Path, key: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(raw)
    except ValueError as error:
        raise ConfigError(f"{key}: {path} holds no PEM certificate that can be read") from error


def _require_valid(certificate: x509.Certificate, path: Path) -> None:
    now = datetime.now(UTC)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > last:
        raise ConfigError(f"tls_certificate: {path} has expired on {last:%Y-%m-%d}; renew it")
    if now < first:
        raise ConfigError(f"tls_certificate: {path} is valid from {first:%Y-%m-%d} on; is this machine's clock right?")


def _require_pair(files: TlsFiles) -> None:
    def no_password() -> str:
        raise ConfigError(f"tls_key: {files.key} is encrypted; a server needs a key without a password")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key, no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"tls_key does not belong to tls_certificate: {files.key} is the key of another certificate than "
                f"{files.certificate}; name the two files of one pair"
            ) from error
        raise ConfigError(
            f"tls_key: {files.key} is no PEM private key that fits {files.certificate} ({error.reason or 'no key'})"
        ) from error
