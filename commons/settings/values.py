"""Values that settings hold, and what must be true of them; errors name the key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a server's certificate chain and private key."""

    certificate: Path
    key: Path


def split_address(text: str, what: str) -> tuple[str, int]:
    """``host:port`` in parts.  Raises ConfigError."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"{what}: {text!r} is not host:port")
    return host, int(port)


def require_range(key: str, value: float, low: float, high: float) -> None:
    """Raise ConfigError unless ``low <= value <= high``."""
    if not low <= value <= high:
        raise ConfigError(f"{key} is {value}, it must lie in [{low}, {high}]")


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Both files, or neither."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "tls_certificate" if certificate is None else "tls_key"
        raise ConfigError(f"{missing} is missing: TLS needs certificate and key")
    return TlsFiles(certificate, key)
