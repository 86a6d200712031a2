"""Ethereum's encrypted key files: Web3 Secret Storage, version 3, as geth, Foundry and wallets read and write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuits.errors import KeyFileError
from commons.storage.unlock import not_opened

_MOST_MEMORY, _MOST_PARALLEL, _MOST_ROUNDS = 1 << 23, 16, 10_000_000
"""Of scrypt N r, of which each takes 128 bytes, and p; rounds of PBKDF2: what a file may ask for."""


def is_web3(document: object) -> bool:
    """Whether parsed JSON is such a file."""
    return isinstance(document, dict) and "crypto" in {str(name).lower() for name in document}


def encrypted(secret: bytes, passphrase: str) -> bytes:
    """The file of a signing key's 32 bytes, with scrypt."""
    from eth_account import Account  # noqa: PLC0415 - slow to import

    return json.dumps(Account.encrypt(secret, passphrase), sort_keys=True).encode() + b"\n"


def decrypted(source: Path | str, document: Mapping[str, Any], passphrase: str) -> bytes:
    """The signing key in such a file.

    Raises:
        KeyFileError: the passphrase is wrong, or the file is damaged.
    """
    from eth_account import Account  # noqa: PLC0415 - slow to import

    _require_cheap(source, document)
    try:
        return bytes(Account.decrypt(dict(document), passphrase))
    except ValueError:
        raise not_opened(source) from None
    except Exception:  # the library meets a damaged keystore with errors of many kinds
        raise KeyFileError(f"{source} is a damaged keystore; put a copy of it back") from None


def _require_cheap(source: Path | str, document: Mapping[str, Any]) -> None:
    """A file from elsewhere must not take all memory or all day."""
    crypto = next((value for name, value in document.items() if str(name).lower() == "crypto"), None)
    costs = crypto.get("kdfparams") if isinstance(crypto, dict) else None
    numbers = [costs.get(name, 1) for name in ("n", "r", "p", "c")] if isinstance(costs, dict) else [0]
    if not all(type(number) is int and number > 0 for number in numbers):
        raise KeyFileError(f"{source} is a damaged keystore; put a copy of it back")
    n, r, p, rounds = numbers
    if n * r > _MOST_MEMORY or p > _MOST_PARALLEL or rounds > _MOST_ROUNDS:
        raise KeyFileError(f"{source} asks for more work than any wallet does; make another copy with the usual cost")
