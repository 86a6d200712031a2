"""Kinds of values that settings hold: what each must be, in words that an operator reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from circuits.errors import ConfigError

_LOGS = ("sqlite://", "redis://", "rediss://")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be, for messages and the reference page.

    Attributes:
        secret: it may hold a password, so no message shows it.
    """

    words: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts."""

    name: str


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


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Both files, or neither.  Raises ConfigError for one alone."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "tls_certificate" if certificate is None else "tls_key"
        raise ConfigError(f"{missing} is missing: TLS needs certificate and key")
    return TlsFiles(certificate, key)


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError  # the caller says what the value must be


def _not_empty(value: object) -> object:
    _require(isinstance(value, str | Path) and bool(str(value)))
    return value


def _bytes_of_address(value: object) -> bytes:
    raw = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
    _require(isinstance(raw, bytes) and len(raw) == 20)
    return raw  # type: ignore[return-value]


def _listening(text: str) -> str:
    try:
        split_address(text, "listen")
    except ConfigError:
        raise ValueError from None
    return text


def _node(text: str) -> str:
    _require(text.startswith(("http://", "https://")))
    return text


def _log(text: str) -> str:
    _require(text.startswith(_LOGS))
    return text


Text = Annotated[str, BeforeValidator(_not_empty), Kind("text")]
File = Annotated[Path, BeforeValidator(_not_empty), Kind("a path")]
Address = Annotated[bytes, BeforeValidator(_bytes_of_address), Kind("an address, 0x and 40 hexadecimal digits")]
"""20 bytes, written 0x... in settings."""
Listen = Annotated[Text, AfterValidator(_listening), Kind("host:port")]
NodeUrl = Annotated[Text, AfterValidator(_node), Kind("an http:// or https:// address", secret=True)]
LogUrl = Annotated[Text, AfterValidator(_log), Kind("sqlite:///path or redis://host:port/db", secret=True)]
