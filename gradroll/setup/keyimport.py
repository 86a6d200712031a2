"""Keys that were made elsewhere: Ethereum keystores, and files with a key in hexadecimal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Any, cast

from circuits.errors import KeyFileError
from circuits.foreignjson import parse_json
from commons.storage.accounts import SigningKey
from commons.storage.web3keystores import decrypted, is_web3

_MOST_BYTES = 1 << 16
_HEXADECIMAL = re.compile(rb"(0x)?([0-9a-fA-F]{64})")


def read_source(source: str) -> bytes:
    """What is in a file, or on standard input for "-".  Raises KeyFileError."""
    try:
        if source == "-":
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise KeyFileError(
            f"{source} cannot be read: {error.strerror}; correct the path, or its permissions"
        ) from error
    if len(content) > _MOST_BYTES:
        raise KeyFileError(f"{source} is too long for a key; name the right file")
    return content


def ask_password(file: str | None) -> str:
    """The first line of a file, or what is typed at the terminal without being shown.  Raises KeyFileError."""
    try:
        if file is None:
            return getpass("password of the keystore: ")
        return read_source(file).decode().partition("\n")[0].removesuffix("\r")
    except (EOFError, UnicodeDecodeError):
        raise KeyFileError("there is no password to read; put it into the first line of --password-file") from None


def new_passphrase() -> str:
    """What is typed twice at the terminal, without being shown.  Raises KeyFileError."""
    try:
        first, again = getpass("new passphrase: "), getpass("the same again: ")
    except EOFError:
        raise KeyFileError(
            "there is no passphrase to read; set unlock.passphrase_file, or run the command at a terminal"
        ) from None
    if not first or first != again:
        raise KeyFileError("the two are not the same, or empty; nothing was written, so try again")
    return first


def imported_key(source: str, content: bytes, password: Callable[[], str]) -> SigningKey:
    """The key in a keystore (Ethereum's Web3 Secret Storage), or 64 hexadecimal digits with or without 0x.

    Args:
        source: what messages call the content; they never show it.
        password: asked for a keystore only.

    Raises:
        KeyFileError: it is neither, the password is wrong, or the number is no key.
    """
    digits = _HEXADECIMAL.fullmatch(content.strip())
    if digits:
        return SigningKey.from_secret(bytes.fromhex(digits[2].decode()))
    try:
        keystore = parse_json(content)
    except ValueError:
        keystore = None
    if not is_web3(keystore):
        raise KeyFileError(
            f"{source} is neither an Ethereum keystore nor 64 hexadecimal digits; export the key as one of them"
        )
    return SigningKey.from_secret(decrypted(source, cast("dict[str, Any]", keystore), password()))
