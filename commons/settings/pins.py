"""Endpoints: where a server is reached, over TLS or not, and the key that it must have.

``grpcs://host:port#sha256-<43 characters>``: behind the ``#`` stands the SHA-256 hash of the SubjectPublicKeyInfo of
the server's certificate (what RFC 7469, section 2.4, calls a pin), in base64url without padding (RFC 4648, section 5).
Without a pin the certificate is checked as on the web: by its name and an authority.  In the clear, ``host:port`` or
``grpc://host:port``, only this machine's loopback is an endpoint.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from commons.settings.hosts import HintError, host_and_port, is_loopback, join_address

MAX_ENDPOINT = 256
"""Bytes: what the registry takes."""
WORDS = "grpcs://host:port, with #sha256-... behind it or not, or a loopback address host:port"
_SCHEME = re.compile(r"grpcs?://")
_PIN = re.compile(r"sha256-([A-Za-z0-9_-]{43})")
_CLEAR = (
    "nothing is sent to another machine in the clear; write grpcs:// before it, and behind it the pin of the server's "
    "key, which its `status` command shows"
)


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint in parts.

    Attributes:
        secure: over TLS.
        pin: 32 bytes, SHA-256 of the key's SubjectPublicKeyInfo in DER; None where an authority vouches for the name.
    """

    host: str
    port: int
    secure: bool
    pin: bytes | None = None

    @property
    def target(self) -> str:
        """``host:port``."""
        return join_address(self.host, self.port)


def parse_endpoint(text: str) -> Place:
    """An endpoint in parts.

    Raises:
        ValueError: it is none; a ``HintError`` where there is more to say.
    """
    if len(text.encode()) > MAX_ENDPOINT:
        raise HintError(f"it is longer than {MAX_ENDPOINT} bytes, which the registry does not take")
    scheme = _SCHEME.match(text)
    secure = scheme is not None and scheme[0] == "grpcs://"
    address, mark, written = text[scheme.end() if scheme else 0 :].partition("#")
    host, port = host_and_port(address)
    if port == 0:
        raise ValueError
    if mark and not secure:
        raise HintError("a pin is of a key, and there is none without TLS: write grpcs://")
    if not secure and not is_loopback(host):
        raise HintError(_CLEAR)
    return Place(host, port, secure, parse_pin(written) if mark else None)


def parse_pin(text: str) -> bytes:
    """The hash in ``sha256-...``, which has one written form.  Raises HintError."""
    found = _PIN.fullmatch(text)
    pin = urlsafe_b64decode(f"{found[1]}=") if found else b""
    if not found or written_pin(pin) != text:  # of the last character's six bits two are none of the hash
        raise HintError("behind # stands one pin: sha256- and 43 characters of base64url, as the server shows it")
    return pin


def written_pin(pin: bytes) -> str:
    """A pin of 32 bytes as it stands behind the ``#``."""
    return f"sha256-{urlsafe_b64encode(pin).decode().rstrip('=')}"


def with_pin(endpoint: str, pin: bytes) -> str:
    """An endpoint over TLS that has no pin yet, with one."""
    return f"{endpoint}#{written_pin(pin)}"
