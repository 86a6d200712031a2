"""The store that settings or an option name, ready to use."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from circuits.errors import ConfigError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.gatewaystore import GatewayStore
from commons.artifacts.kubostore import KuboStore
from commons.artifacts.localstore import LocalStore
from commons.artifacts.s3store import S3Store
from commons.artifacts.webstores import Access
from commons.settings.artifactsettings import ArtifactSettings
from commons.settings.hosts import HintError, is_loopback
from commons.settings.storeplaces import WORDS, StorePlace, parse_store

_LONGEST_TOKEN = 4096


def open_store(url: str, settings: ArtifactSettings) -> BlockStore:
    """The store at a place, with what the settings say of time and token.

    Raises:
        ConfigError: it is no place of a store, the token cannot be read or would go over the network in the clear, or
            the packages or credentials of S3 are missing.
    """
    try:
        place = parse_store(url)
    except ValueError as error:
        hint = f": {error}" if isinstance(error, HintError) else ""
        raise ConfigError(f"the store must be {WORDS}{hint}") from None
    if place.kind == "directory":
        return LocalStore(place.directory)
    if place.kind == "s3":
        return S3Store(place, Access(settings.timeout))
    access = Access(settings.timeout, _token(settings.token_file, place))
    return KuboStore(place.url, access) if place.kind == "kubo" else GatewayStore(place.url, access)


def _token(path: Path | None, place: StorePlace) -> str:
    if path is None:
        return ""
    parts = urlsplit(place.url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            "artifacts.token_file: the token would go to another machine in the clear; use an https:// address of the "
            "store, or unset it"
        )
    try:
        with path.open("rb") as file:
            token = file.read(_LONGEST_TOKEN + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"artifacts.token_file: {path} cannot be read, or is no text; correct the path") from None
    if not token.isprintable() or not token or len(token) > _LONGEST_TOKEN or " " in token:
        raise ConfigError(f"artifacts.token_file: {path} holds no token; write it there alone, in one line")
    return token
