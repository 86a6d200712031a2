"""Small JSON files of one record: something signed that travels between people, or a process's own state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from circuits.atomicfile import storing
from circuits.errors import GradrollError, InvalidInputError, StorageError, UnknownError
from circuits.foreignjson import parse_json
from commons.protocol.codec import Codec, RecordError
from commons.storage.database import require_known
from commons.storage.files import LOCAL_DISK, Disk, write_durably

T = TypeVar("T")
_MAX_BYTES = 1 << 14
_AGAIN = "have it signed again"


def write_record(path: Path, codec: Codec[T], value: T, *, replace: bool = True, disk: Disk = LOCAL_DISK) -> None:
    """Write a value to a file.  Raises StorageError, also for a file that exists and is not to be replaced."""
    write_durably(path, record_bytes(codec, value), replace=replace, disk=disk)


def record_bytes(codec: Codec[T], value: T) -> bytes:
    """What ``write_record`` writes."""
    return json.dumps(codec.encode(value), indent=1).encode() + b"\n"


def read_record(path: Path, codec: Codec[T], what: str, *, most: int = _MAX_BYTES, cure: str = _AGAIN) -> T:
    """Read a value from a file that somebody else may have written.

    Args:
        what: what it should be, "claim order".
        most: bytes of a file that is read.
        cure: what to do where it is none.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it holds no such record.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise UnknownError(f"there is no {what} {path}; correct the path") from None
    except OSError as error:
        raise InvalidInputError(f"the {what} {path} cannot be read ({error.strerror}); correct the path") from error
    if len(content) > most:
        raise no_record(path, what, cure)
    return parse_record(content, codec, path, what, cure)


def parse_record(content: bytes, codec: Codec[T], named: object, what: str, cure: str = _AGAIN) -> T:
    """The value in a record's bytes, which have the name ``named``.  Raises InvalidInputError."""
    try:
        return codec.decode(parse_json(content))
    except (RecordError, ValueError):
        raise no_record(named, what, cure) from None


def no_record(path: object, what: str, cure: str = _AGAIN) -> InvalidInputError:
    """What to raise for a file that holds something else."""
    return InvalidInputError(f"{path} is no {what} of this release; {cure}")


def read_state(path: Path, codec: Codec[T], version: int, what: str, cure: str) -> T | None:
    """Read what this process wrote itself; None where there is no file.

    Args:
        version: the newest that this release knows; the record's first member.
        what: what is said of a damaged file, "names no market".
        cure: what to do with a file that is damaged.

    Raises:
        StorageError: the file cannot be read, is damaged, or is of a newer release.
    """
    with storing(f"cannot read {path}"):
        raw = path.read_bytes() if path.exists() else None
    if raw is None:
        return None
    try:
        document = parse_json(raw)
        if isinstance(document, dict) and type(found := document.get("version")) is int:
            require_known(path, found, version)
        return codec.decode(document)
    except StorageError:
        raise
    except (ValueError, GradrollError) as error:
        raise StorageError(f"{path} {what}: {error}; {cure}") from error
