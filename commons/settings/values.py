"""Kinds of values that settings hold: what each must be, in words that an operator reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from eth_utils.address import to_checksum_address
from pydantic import AfterValidator, BeforeValidator

from circuits.errors import ConfigError, InvalidInputError
from commons.runtime.identifiers import parse
from commons.settings.hosts import HintError, host_and_port
from commons.settings.pins import WORDS, parse_endpoint

_SQLITE = "sqlite://"
_LOGS = (_SQLITE, "redis://", "rediss://")
_ADDRESS = re.compile(r"[0-9a-fA-F]{40}")
_DEEPEST = 10_000
_MOST_NODES = 16


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be, for messages and the reference page.

    Attributes:
        secret: it may hold a password, so no message shows it.
        placed: puts a relative value below a directory; None for values that name no place on disk.
    """

    words: str
    secret: bool = False
    placed: Callable[[Any, Path], object] | None = None


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
    """``host:port`` in parts; an IPv6 address stands in brackets, which are taken off.  Raises ConfigError."""
    try:
        return host_and_port(text)
    except ValueError as error:
        hint = f": {error}" if isinstance(error, HintError) else ""
        raise ConfigError(f"{what}: {text!r} is not host:port{hint}") from None


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Both files, or neither.  Raises ConfigError for one alone."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "tls_certificate" if certificate is None else "tls_key"
        raise ConfigError(f"{missing} is missing: TLS needs certificate and key; set both, or neither")
    return TlsFiles(certificate, key)


def address_bytes(text: str) -> bytes:
    """The 20 bytes of an address.  Digits of both cases are a checksum (EIP-55), which must be right.

    Raises:
        ValueError: not 40 hexadecimal digits; a ``HintError`` when the checksum is wrong.
    """
    digits = text.removeprefix("0x")
    _require(_ADDRESS.fullmatch(digits) is not None)
    raw = bytes.fromhex(digits)
    if digits not in (digits.lower(), digits.upper()) and to_checksum_address(raw) != f"0x{digits}":
        raise HintError("the checksum in its capital letters is wrong (EIP-55); type it again, or use lower case")
    return raw


def require_node(text: str) -> str:
    """The URL of a node, checked.  Raises ValueError, which never shows it."""
    parts = urlsplit(text)
    _require(parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text))
    _ = parts.port  # raises ValueError
    return text


def split_nodes(text: str) -> list[str]:
    """The URLs of one or several nodes, with commas between them; a comma of a URL itself is written %2C (RFC 3986)."""
    return [each.strip() for each in text.split(",")]


def _nodes(value: object) -> object:
    """One URL or several, as text or as a list: as text."""
    if isinstance(value, list | tuple):
        _require(all(isinstance(each, str) and "," not in each for each in value))
        value = ",".join(value)
    return value


def _require_nodes(text: str) -> str:
    urls = [require_node(each) for each in split_nodes(text)]
    _require(len(urls) <= _MOST_NODES)
    if len(set(urls)) < len(urls):
        raise HintError("one of them is named twice")
    return ",".join(urls)


def _endpoint(text: str) -> str:
    """An endpoint as ``parse_endpoint`` reads it.  Raises ValueError."""
    parse_endpoint(text)
    return text


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError  # the caller says what the value must be


def not_empty(value: object) -> object:
    """Text or a path, checked.  Raises ValueError."""
    _require(isinstance(value, str | Path) and bool(str(value)) and "\0" not in str(value))
    return value


def _bytes_of_address(value: object) -> bytes:
    raw = address_bytes(value) if isinstance(value, str) else value
    _require(isinstance(raw, bytes) and len(raw) == 20)
    return raw  # type: ignore[return-value]


def _identifier(value: object) -> object:
    """A whole identifier: 0x and sixteen digits, a decimal, or the number itself."""
    if isinstance(value, str):
        try:
            named = parse(value)
        except InvalidInputError:
            raise ValueError from None  # the caller says what the value must be
        _require(isinstance(named, int))
        return named
    _require(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64)
    return value


def _listening(text: str) -> str:
    host_and_port(text)
    return text


def _log(text: str) -> str:
    _require(text.startswith(_LOGS) and text != _SQLITE)
    return text


def below(path: Path, base: Path) -> Path:
    """A relative path below a directory.  Raises HintError for the home of somebody whom nobody knows."""
    try:
        return base / path.expanduser()
    except RuntimeError:
        raise HintError("no user of this machine has that name") from None


def _log_below(url: str, base: Path) -> str:
    if not url.startswith(_SQLITE):
        return url
    return f"{_SQLITE}{below(Path(url.removeprefix(_SQLITE)), base)}"


def _depth(value: object) -> object:
    """A number of blocks, also written as text, or a tag."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value):
        value = int(value)
    _require(value in get_args(Tag) or (type(value) is int and 1 <= value <= _DEEPEST))
    return value


Tag = Literal["safe", "finalized"]
Depth = int | Tag
"""Blocks that vouch for a block, itself among them; or what the chain itself says of finality, by the tags of the
execution API: a "safe" block is justified, a "finalized" one is never taken back while two thirds of the stake are
honest."""
Text = Annotated[str, BeforeValidator(not_empty), Kind("text")]
Switch = Annotated[bool, Kind("true or false")]
LogFormat = Annotated[Literal["text", "json"], Kind('"text" or "json"')]
File = Annotated[Path, BeforeValidator(not_empty), Kind("a path", placed=below)]
Address = Annotated[bytes, BeforeValidator(_bytes_of_address), Kind("an address, 0x and 40 hexadecimal digits")]
"""20 bytes, written 0x... in settings."""
Identifier = Annotated[int, BeforeValidator(_identifier), Kind("an identifier, 0x and sixteen hexadecimal digits")]
"""Of a task or a committee; TOML has no numbers of 64 bits, so it is written as text."""
Confirmations = Annotated[
    Depth, BeforeValidator(_depth), Kind(f'a whole number from 1 to {_DEEPEST}, "safe" or "finalized"'), Unit("blocks")
]
Listen = Annotated[Text, AfterValidator(_listening), Kind("host:port")]
Endpoint = Annotated[Text, AfterValidator(_endpoint), Kind(WORDS)]
NodeUrl = Annotated[Text, AfterValidator(require_node), Kind("an http:// or https:// address", secret=True)]
NodeUrls = Annotated[
    Text,
    BeforeValidator(_nodes),
    AfterValidator(_require_nodes),
    Kind("an http:// or https:// address, or several with commas between them, or a list of them", secret=True),
]
"""Of nodes of one chain, with commas between them."""
LogUrl = Annotated[
    Text,
    AfterValidator(_log),
    Kind("sqlite:///path, sqlite://relative/path or redis://host:port/db", secret=True, placed=_log_below),
]
