"""The key for private sums of a task, in a file: an X25519 private key, kept as other secrets are."""

from __future__ import annotations

from pathlib import Path

from commons.sharing.sealing import generate, public_key
from commons.storage.secretfiles import secret_of, write_secret_file
from commons.storage.unlock import LOCKED, Unlock

_KIND = "sum-key"


def create_sum_key(path: Path, unlock: Unlock | None = None) -> bytes:
    """Write a new key to a file that does not exist yet; returns its public key, 32 bytes.

    Args:
        unlock: encrypts it.

    Raises:
        StorageError: the file exists already, or cannot be written.
        ConfigError: the passphrase cannot be read.
    """
    secret = generate()
    write_secret_file(path, _KIND, {"secret": secret.hex()}, replace=False, unlock=unlock)
    return public_key(secret)


def load_sum_key(path: Path, unlock: Unlock = LOCKED) -> bytes:
    """The private key in a file, 32 bytes.  Raises KeyFileError as ``read_secret_file``."""
    return secret_of(path, _KIND, unlock)
