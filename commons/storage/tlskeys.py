"""A server's own key for TLS: P-256, with a certificate that it signed itself, in one file for its owner only.

Clients know the key by its pin, so name and dates of the certificate say nothing: the name is one that no resolver
knows (RFC 6761, section 6.4), and there is no last day (RFC 5280, section 4.1.2.5).  Both in one file, so that an
interruption leaves no key without its certificate.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from circuits.errors import KeyFileError, StorageError
from commons.storage.files import write_durably

TLS_FILE = "tls.pem"
"""Where a keystore or a state directory has the file."""
_NAME = "gradroll.invalid"
_FIRST, _LAST = datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59)
_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ServerKey:
    """PEM of a private key, and of its certificate."""

    private: bytes = field(repr=False)
    certificate: bytes


def open_server_key(path: Path) -> ServerKey:
    """Read a server's key, or make it where there is none; durable on return.

    Raises:
        KeyFileError: a file that is broken, or readable by others.
        StorageError: it cannot be written.
    """
    if not os.path.exists(path):
        try:
            write_durably(path, _new(), replace=False)
        except StorageError:
            if not os.path.exists(path):
                raise
            # another process was quicker: its key counts
    return read_server_key(path)


def read_server_key(path: Path) -> ServerKey:
    """Read a server's key.  Raises KeyFileError: missing, broken, readable by others."""
    try:
        with path.open("rb") as file:
            mode, raw = os.fstat(file.fileno()).st_mode, file.read(_MOST_BYTES)
    except OSError as error:
        raise KeyFileError(
            f"{path}: not a readable key file ({error.strerror}); start the server once, which makes it, or correct "
            "its permissions"
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(
            f"{path}: others can read this key; remove the file if they did, start the server, which makes another "
            "key, and publish its endpoint again; otherwise chmod 600 it"
        )
    try:
        private, certificate = load_pem_private_key(raw, None), x509.load_pem_x509_certificate(raw)
    except (ValueError, TypeError):  # not chained: the library's own error may hold the content
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or _public(private) != _public(certificate):
        raise KeyFileError(
            f"{path}: not a server's key and its certificate; put a copy of it back, or remove it: the server then "
            "makes another key, and its endpoint has to be published again"
        )
    return ServerKey(_private(private), certificate.public_bytes(Encoding.PEM))


def _new() -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FIRST)
        .not_valid_after(_LAST)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    return _private(private) + certificate.public_bytes(Encoding.PEM)


def _private(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(holder: ec.EllipticCurvePrivateKey | x509.Certificate) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
