"""Where files are kept by what is in them: a directory, an IPFS node, an S3 bucket, or a gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator

from commons.settings.hosts import HintError
from commons.settings.values import Kind, below, not_empty

WORDS = (
    "a directory, the RPC of a kubo node (http://127.0.0.1:5001/api/v0), s3://bucket/prefix?endpoint=..&region=.., or "
    "a gateway (https://host)"
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_RPC = "/api/v0"


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A store.

    Attributes:
        kind: which one.
        url: of a node's RPC or a gateway, without a slash at its end.
        directory: where the kind is "directory".
        bucket, prefix, endpoint, region: of "s3"; the prefix is empty or ends in a slash, endpoint and region are empty
            where they are not said.
    """

    kind: Literal["directory", "kubo", "s3", "gateway"]
    url: str = ""
    directory: Path = Path()
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""


def parse_store(text: str) -> StorePlace:
    """The store that is named.

    Raises:
        ValueError: it is none of them, or holds a password (HintError); no message shows it.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        return StorePlace("directory", directory=Path(text))
    if scheme == "file":
        _require(rest.startswith("/") and "?" not in rest and "#" not in rest)
        return StorePlace("directory", directory=Path(rest))
    if scheme == "s3":
        return _bucket(text)
    url = _plain_url(text)
    return StorePlace("kubo" if url.endswith(_RPC) else "gateway", url=url)


def _bucket(text: str) -> StorePlace:
    parts = urlsplit(text)
    _refuse_password(parts.netloc)
    prefix = parts.path.removeprefix("/")
    prefix += "/" if prefix and not prefix.endswith("/") else ""
    query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    options = dict(query)
    if options.keys() - {"endpoint", "region"}:
        raise HintError("after ? only endpoint and region may be said; credentials come from the environment or ~/.aws")
    _require(len(options) == len(query) and not parts.fragment)
    _require(bool(_BUCKET.fullmatch(parts.netloc)) and bool(_PREFIX.fullmatch(prefix)))
    endpoint, region = options.get("endpoint", ""), options.get("region", "")
    _require(not region or bool(_REGION.fullmatch(region)))
    return StorePlace(
        "s3", bucket=parts.netloc, prefix=prefix, endpoint=_plain_url(endpoint) if endpoint else "", region=region
    )


def _plain_url(text: str) -> str:
    """A URL of scheme, host, port and path alone."""
    parts = urlsplit(text)
    _refuse_password(parts.netloc)
    _require(parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s?#]", text))
    _ = parts.port  # raises ValueError
    return text.rstrip("/")


def _refuse_password(netloc: str) -> None:
    if "@" in netloc:
        raise HintError(
            "it holds a user name or password, which would end up in logs and lists of processes; for a node or a "
            "gateway write a token into the file artifacts.token_file, for S3 use the environment or ~/.aws"
        )


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError  # the caller says what the value must be


def _checked(text: str) -> str:
    parse_store(text)
    return text


def _below(text: str, base: Path) -> str:
    """A directory's relative path below another one."""
    return text if "://" in text else str(below(Path(text), base))


StoreUrl = Annotated[str, BeforeValidator(not_empty), AfterValidator(_checked), Kind(WORDS, secret=True, placed=_below)]
"""Where artifacts are kept; ``parse_store`` takes it apart."""
