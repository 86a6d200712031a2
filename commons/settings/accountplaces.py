"""Where an account's key is: in a key file, or at an external signer.

``https://host:port#0x<40 hexadecimal digits>``: where a signer that speaks the API of Web3Signer is reached, and behind
the ``#`` the address of the account.  In the clear, ``http://``, only this machine's loopback is one.  Before the host
there may be a name and a password, behind the port a path: neither is ever shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from eth_utils.address import to_checksum_address
from pydantic import BeforeValidator, PlainValidator

from commons.runtime.urls import SecretUrl
from commons.settings.hosts import HintError, host_and_port, is_loopback
from commons.settings.values import Kind, address_bytes, below, not_empty

MAX_URL = 2048
"""Characters."""
WORDS = "a path of a key file, or https://host:port#0x... of an external signer"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class SignerPlace:
    """An external signer, and the account that it signs for.  Two of one account are equal: nonces are the account's.

    Attributes:
        url: without the address.
        address: 20 bytes.
    """

    url: SecretUrl = field(compare=False)
    address: bytes

    def __str__(self) -> str:
        """As it is written, without what may be secret."""
        return f"{self.url.shown}#{to_checksum_address(self.address)}"


AccountPlace = Path | SignerPlace


def parse_account(text: str) -> AccountPlace:
    """A key file's path, or the place of an external signer.

    Raises:
        ValueError: it is neither; a ``HintError``, which never shows it, where there is more to say.
    """
    return _signer(text) if _SCHEME.match(text) else Path(str(not_empty(text)))


def _signer(text: str) -> SignerPlace:
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise HintError(f"a signer's address has at most {MAX_URL} characters, all of them ASCII and none a space")
    url, _, written = text.partition("#")
    if _ADDRESS.fullmatch(written) is None:
        raise HintError("behind # stands the address of the account that it signs for, 0x and 40 hexadecimal digits")
    parts = urlsplit(url)
    host, port = host_and_port(parts.netloc.rpartition("@")[2])
    if port == 0 or parts.scheme not in ("http", "https") or "?" in url:
        raise ValueError
    if parts.scheme == "http" and not is_loopback(host):
        raise HintError("nothing to be signed is sent to another machine in the clear; write https://")
    return SignerPlace(SecretUrl(url), address_bytes(written))


def _account(value: object) -> AccountPlace:
    if isinstance(value, str):
        return parse_account(value)
    if not isinstance(value, Path | SignerPlace):
        raise ValueError
    not_empty(str(value))
    return value


def _placed(place: AccountPlace, base: Path) -> AccountPlace:
    return below(place, base) if isinstance(place, Path) else place


def _key_file(value: object) -> object:
    """A path; an external signer is told why it cannot be one."""
    if isinstance(value, SignerPlace) or (isinstance(value, str) and _SCHEME.match(value)):
        raise HintError("an external signer cannot have this key, which signs every request to provers at once")
    return not_empty(value)


Account = Annotated[AccountPlace, PlainValidator(_account), Kind(WORDS, placed=_placed)]
"""Of an account that may be at an external signer."""
KeyFile = Annotated[Path, BeforeValidator(_key_file), Kind("a path", placed=below)]
"""Of an account that cannot be there."""
