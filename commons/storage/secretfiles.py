"""Secrets in files: one JSON object each, stamped with kind and version, for their owner only, encrypted or not."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuits.errors import KeyFileError
from circuits.foreignjson import parse_json
from commons.storage.erasing import destroy
from commons.storage.files import write_durably
from commons.storage.unlock import LOCKED, Unlock

_PLAIN, _SEALED = 1, 2
"""Versions: content as it is, or encrypted as ``commons.storage.unlock`` has it."""


def write_secret_file(
    path: Path, kind: str, content: Mapping[str, Any], *, replace: bool, unlock: Unlock | None = None
) -> None:
    """Write a file of a kind, durable on return; StorageError where it exists and must not be replaced.

    Args:
        unlock: encrypts the content.
    """
    write_durably(path, _document(path, kind, content, unlock), replace=replace)


def destroy_secret_file(path: Path, kind: str, instead: Mapping[str, Any], unlock: Unlock | None = None) -> None:
    """Destroy what a file of a kind holds, and leave another content in its place.

    Args:
        instead: what is left, which is no secret.
        unlock: encrypts that as well, as the file was.

    Raises:
        StorageError: it could not be done; do it again.
    """
    destroy(path, _document(path, kind, instead, unlock))


def _document(path: Path, kind: str, content: Mapping[str, Any], unlock: Unlock | None) -> bytes:
    document = {"kind": kind, "version": _PLAIN, **content}
    if unlock is not None:
        raw = json.dumps(content, sort_keys=True).encode()
        document = {"kind": kind, "version": _SEALED, **unlock.seal(path, kind, raw)}
    return json.dumps(document, sort_keys=True).encode() + b"\n"


def read_secret_file(path: Path, kind: str, unlock: Unlock = LOCKED, *, sealed: bool = False) -> dict[str, Any]:
    """The content of a file of a kind.

    Args:
        unlock: opens one that is encrypted.
        sealed: one that is not encrypted is refused: somebody without the passphrase put it there.

    Raises:
        KeyFileError: missing, broken, of another kind, readable by others, or the passphrase is missing or wrong.
    """
    document, _ = read_document(path)
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise KeyFileError(f"{path}: not a key file of kind {kind!r}; name the right file")
    if document.get("version") == _SEALED:
        try:
            content = parse_json(unlock.open(path, kind, document))
        except ValueError:
            content = None
        if isinstance(content, dict):
            return content
    elif document.get("version") == _PLAIN and not sealed:
        return document
    elif document.get("version") == _PLAIN:
        raise KeyFileError(
            f"{path}: it is not encrypted, though the other files of its keystore are; put a copy of it back"
        )
    raise KeyFileError(f"{path}: not a key file of kind {kind!r} that this release reads; name the right file")


def read_document(path: Path) -> tuple[object, bytes]:
    """The JSON in a file for its owner only, and its bytes.  KeyFileError: missing, broken, readable by others."""
    try:
        mode = path.stat().st_mode
        raw = path.read_bytes()
        document = parse_json(raw)
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
    return document, raw


def is_sealed(path: Path) -> bool:
    """Whether a file of ours is encrypted.  Raises KeyFileError for one that cannot be read."""
    document, _ = read_document(path)
    return isinstance(document, dict) and document.get("version") == _SEALED


def hexadecimal(path: Path, text: object) -> bytes:
    """Bytes in hexadecimal; KeyFileError, with the file that they stood in, when they are not."""
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        raise KeyFileError(f"{path}: the key is not hexadecimal") from None


def secret_of(path: Path, kind: str, unlock: Unlock = LOCKED, *, sealed: bool = False) -> bytes:
    """The 32 bytes in a file of a kind; arguments and errors are those of ``read_secret_file``."""
    secret = hexadecimal(path, read_secret_file(path, kind, unlock, sealed=sealed).get("secret"))
    if len(secret) != 32:
        raise KeyFileError(f"{path}: the key has {len(secret)} bytes, it must have 32")
    return secret
