"""Secrets in files: one JSON object each, stamped with kind and version, for their owner only."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuits.errors import KeyFileError
from circuits.foreignjson import parse_json
from commons.storage.files import write_durably

_VERSION = 1


def write_secret_file(path: Path, kind: str, content: Mapping[str, Any], *, replace: bool) -> None:
    """Write a file of a kind, durable on return; StorageError where it exists and must not be replaced."""
    document = {"kind": kind, "version": _VERSION, **content}
    write_durably(path, json.dumps(document, sort_keys=True).encode() + b"\n", replace=replace)


def read_secret_file(path: Path, kind: str) -> dict[str, Any]:
    """The content of a file of a kind.  KeyFileError: missing, broken, of another kind, readable by others."""
    try:
        mode = path.stat().st_mode
        document = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise KeyFileError(f"{path}: no such key file; create the keys first, or correct the path") from None
    except OSError as error:
        raise KeyFileError(
            f"{path}: not a readable key file ({error.strerror}); correct the path or its permissions"
        ) from error
    except ValueError:  # not chained: the library's own error holds the content
        raise KeyFileError(
            f"{path}: not a readable key file; put a copy of it back, or import the key (gradroll setup account "
            "--import)"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path}: others can read this key; chmod 600 it, and replace the key if they did")
    if not isinstance(document, dict) or (document.get("kind"), document.get("version")) != (kind, _VERSION):
        raise KeyFileError(f"{path}: not a key file of kind {kind!r}, version {_VERSION}; name the right file")
    return document


def hexadecimal(path: Path, text: object) -> bytes:
    """Bytes in hexadecimal; KeyFileError, with the file that they stood in, when they are not."""
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        raise KeyFileError(f"{path}: the key is not hexadecimal") from None


def secret_of(path: Path, kind: str) -> bytes:
    """The 32 bytes in a file of a kind.  Raises KeyFileError."""
    secret = hexadecimal(path, read_secret_file(path, kind).get("secret"))
    if len(secret) != 32:
        raise KeyFileError(f"{path}: the key has {len(secret)} bytes, it must have 32")
    return secret
