"""Settings files that commands write for other commands to read."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import tomli_w

from circuits.atomicfile import PUBLIC, SECRET, storing
from circuits.errors import StorageError
from commons.chain.datadeploying import DataModelPlaces
from commons.chain.deploying import Deployment
from commons.chain.modelfacts import ModelPlaces
from commons.runtime.urls import may_hold_secrets
from commons.storage.files import write_durably

Value = str | int | float | bool | Path


def chain_section(url: str, made: Deployment) -> dict[str, Value]:
    """The [chain] section that names a deployment."""
    return {"url": url, "chain_id": made.chain_id, "market": "0x" + made.market.hex(), "from_block": made.block}


def models_section(places: ModelPlaces) -> dict[str, Value]:
    """The part of [models] that names a deployment."""
    return {name: "0x" + getattr(places, name).hex() for name in ("registry", "sales", "bounties")}


def data_section(campaigns: bytes, beside: DataModelPlaces) -> dict[str, Value]:
    """The part of [data] that names a deployment."""
    places = {"campaigns": campaigns, **{each.name: getattr(beside, each.name) for each in fields(beside)}}
    return {name: "0x" + place.hex() for name, place in places.items() if place is not None}


def require_utf8(path: Path) -> None:
    """Raise StorageError for a path that no settings file can hold: TOML is UTF-8, names of files need not be."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise StorageError(f"{path!r} is not UTF-8, and settings files are; choose another directory") from None


def write_settings(
    path: Path,
    sections: Mapping[str, Mapping[str, Value]],
    *,
    development: bool = False,
    comments: Iterable[str] = (),
) -> None:
    """Write a settings file that `commons.settings.loading` reads.

    Everybody may read it, unless the node's URL is more than a host and a port: then it may hold a password or a key.

    Args:
        comments: lines for people, at the end.

    Raises:
        StorageError: the disk is full or not writable, or a path is not UTF-8.
    """
    document: dict[str, object] = {"development": True} if development else {}
    for name, section in sections.items():
        document[name] = {key: _plain(value) for key, value in section.items()}
    text = tomli_w.dumps(document) + "".join(f"# {comment}\n" for comment in comments)
    secret = may_hold_secrets(str(sections.get("chain", {}).get("url", "")))
    write_durably(path, text.encode(), mode=SECRET if secret else PUBLIC)


def add_section(path: Path, name: str, section: Mapping[str, Value]) -> None:
    """Add a section at the end of a settings file that was written without it; who may read the file stays.

    Raises:
        StorageError: the file cannot be read or written, or a path is not UTF-8.
    """
    with storing(f"cannot read {path}"):
        before, mode = path.read_text(encoding="utf-8"), stat.S_IMODE(path.stat().st_mode)
    added = tomli_w.dumps({name: {key: _plain(value) for key, value in section.items()}})
    write_durably(path, f"{before}\n{added}".encode(), mode=mode)


def _plain(value: Value) -> str | int | float | bool:
    if isinstance(value, Path):
        require_utf8(value)
        return str(value)
    return value
