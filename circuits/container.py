"""The file format of keys and reference strings: a versioned header, a digest, binary sections.

    8 bytes   "GRADROLL"
    2 bytes   format version, big-endian
    4 bytes   length of the header, big-endian
    header    JSON object {"kind", "fields", "sections": [[name, length], ...]}, keys sorted, no spaces, then
              spaces until the payload begins at a multiple of 64
    32 bytes  SHA-256 of everything above and of the payload
    payload   the sections, one behind the other

The digest finds truncation and corruption. It does not authenticate: who can replace a file can replace its
digest.

Arrays of points are stored as they lie in memory (`native.G1Bases.to_raw`) and used where the file is mapped, so
that processes share one copy in the page cache. Reading a file checks its digest and every point; after that its
bytes are trusted not to change. `write` replaces files and never touches an old one; whoever rewrites or cuts a
file in place makes the processes that use it wrong, or kills them.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from circuits.atomicfile import PUBLIC, storing, written_aside
from circuits.errors import KeyFileError, KeyMismatchError
from circuits.foreignjson import parse_json

MAGIC = b"GRADROLL"
VERSION = 3
_PREFIX = len(MAGIC) + 2 + 4
_MAX_HEADER = 1 << 16
_DIGEST = 32
_ALIGNMENT = 64

Field = str | int | bool


@dataclass(frozen=True)
class Container:
    """A checked file: its header fields and its sections, mapped into memory."""

    path: Path
    fields: Mapping[str, Field]
    sections: Mapping[str, memoryview]

    def text(self, name: str) -> str:
        """A header field that is a string. Raises `KeyFileError` when it is absent or something else."""
        value = self.fields.get(name)
        if isinstance(value, str):
            return value
        raise KeyFileError(f"{self.path}: header field {name!r} is missing or no text")

    def number(self, name: str) -> int:
        """A header field that is an integer. Raises `KeyFileError` when it is absent or something else."""
        value = self.fields.get(name)
        if isinstance(value, int):
            return value
        raise KeyFileError(f"{self.path}: header field {name!r} is missing or no number")

    def section(self, name: str) -> memoryview:
        """A section's bytes. Raises `KeyFileError` when the file lacks it."""
        try:
            return self.sections[name]
        except KeyError:
            raise KeyFileError(f"{self.path}: section {name!r} is missing; generate the file again") from None


def write(path: Path, kind: str, fields: Mapping[str, Field], sections: Mapping[str, bytes]) -> None:
    """Writes the file for everybody to read, atomically: readers see the old file or the whole new one.

    Raises:
        StorageError: the disk is full, or the place not writable.
    """
    listing = [[name, len(data)] for name, data in sections.items()]
    header = json.dumps(
        {"kind": kind, "fields": dict(fields), "sections": listing}, sort_keys=True, separators=(",", ":")
    ).encode()
    header += b" " * (-(_PREFIX + len(header) + _DIGEST) % _ALIGNMENT)
    prefix = MAGIC + VERSION.to_bytes(2, "big") + len(header).to_bytes(4, "big") + header
    digest = hashlib.sha256(prefix)
    for data in sections.values():
        digest.update(data)
    with storing(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path, lambda name: os.replace(name, path), PUBLIC) as out:
            for part in (prefix, digest.digest(), *sections.values()):
                out.write(part)


def read(path: Path, kind: str) -> Container:
    """Opens and checks a file of the given kind.

    Raises:
        KeyFileError: the file is missing, truncated, corrupt, or not one of ours.
        KeyMismatchError: it is of another format version or another kind.
    """
    view = map_file(path)
    header, start = _header(path, view)
    if header.kind != kind:
        raise KeyMismatchError(f"{path} holds {header.kind!r}, not {kind!r}; give the right file")
    digest = hashlib.sha256(view[: start - _DIGEST])
    digest.update(view[start:])
    if digest.digest() != view[start - _DIGEST : start]:
        raise KeyFileError(f"{path} is corrupt or truncated (its digest differs); fetch or generate it again")
    sections: dict[str, memoryview] = {}
    for name, length in header.sections:
        if length < 0:
            raise KeyFileError(f"{path}: section {name!r} has a negative length")
        sections[name] = view[start : start + length]
        start += length
    if start != len(view):
        raise KeyFileError(f"{path}: the sections do not fill the file")
    return Container(path, header.fields, sections)


def is_of_kind(path: Path, kind: str) -> bool:
    """Whether a file says that it is one of a kind; it may still be damaged."""
    try:
        return _header(path, map_file(path))[0].kind == kind
    except (KeyFileError, KeyMismatchError):
        return False


@dataclass(frozen=True)
class _Header:
    kind: str
    fields: dict[str, Field]
    sections: list[tuple[str, int]]


def map_file(path: Path) -> memoryview:
    """A file's bytes, mapped read-only for as long as a view of them lives. Raises `KeyFileError`."""
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is empty"
        raise KeyFileError(f"{path} cannot be read: {reason}; correct the path, or get the file again") from error


def _header(path: Path, view: memoryview) -> tuple[_Header, int]:
    """The parsed header and the offset of the payload."""
    if len(view) < _PREFIX or view[: len(MAGIC)] != MAGIC:
        raise KeyFileError(f"{path} is not a gradroll key file; give the right file")
    version = int.from_bytes(view[len(MAGIC) : len(MAGIC) + 2], "big")
    if version != VERSION:
        raise KeyMismatchError(f"{path} has format version {version}, this release reads {VERSION}; generate it again")
    length = int.from_bytes(view[len(MAGIC) + 2 : _PREFIX], "big")
    start = _PREFIX + length + _DIGEST
    if length > _MAX_HEADER or len(view) < start:
        raise KeyFileError(f"{path} is truncated; fetch or generate it again")
    try:
        raw = parse_json(bytes(view[_PREFIX : _PREFIX + length]))
        sections = [(str(name), int(size)) for name, size in raw["sections"]]
        return _Header(str(raw["kind"]), dict(raw["fields"]), sections), start
    except (ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"{path}: the header is malformed") from error
