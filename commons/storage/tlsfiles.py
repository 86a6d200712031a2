"""An operator's PEM files for TLS: whom to trust, and what this machine shows; read when a process starts, so that one
of no use is told then.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from circuits.errors import ConfigError


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


def read_pair(certificate: Path, key: Path, section: str = "") -> tuple[bytes, bytes]:
    """The certificates that this machine shows, and their private key, PEM both.

    Args:
        section: of the settings ``tls_certificate`` and ``tls_key``, with a dot, where more than one has them.

    Raises:
        ConfigError: a file cannot be read or is none of its kind, the key belongs to another certificate, or the
            certificate has expired or is not valid yet.
    """
    chain, private = _read(certificate, f"{section}tls_certificate"), _read(key, f"{section}tls_key")
    first = _certificates(chain, certificate, f"{section}tls_certificate")[0]
    _require_valid(first, certificate, section)
    _require_pair(certificate, key, section)
    return chain, private


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


def _require_valid(certificate: x509.Certificate, path: Path, section: str) -> None:
    now = datetime.now(UTC)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > last:
        raise ConfigError(f"{section}tls_certificate: {path} has expired on {last:%Y-%m-%d}; renew it")
    if now < first:
        raise ConfigError(
            f"{section}tls_certificate: {path} is valid from {first:%Y-%m-%d} on; is this machine's clock right?"
        )


def _require_pair(certificate: Path, key: Path, section: str) -> None:
    def no_password() -> str:
        raise ConfigError(f"{section}tls_key: {key} is encrypted; use a key without a password")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(
                f"{section}tls_key does not belong to {section}tls_certificate: {key} is the key of another "
                f"certificate than {certificate}; name the two files of one pair"
            ) from error
        raise ConfigError(
            f"{section}tls_key: {key} is no PEM private key that fits {certificate} ({error.reason or 'no key'})"
        ) from error
