"""The secret of a hidden model in a file: the key that all noise of a task follows from, kept as other secrets are.

The file names the network that it was made for.  With another network the same key would give factors of which some are
those of the first one.
"""

from __future__ import annotations

from pathlib import Path

from circuits.errors import KeyMismatchError
from commons.protocol.hidingschemes import HidingScheme
from commons.storage.secretfiles import hexadecimal, read_secret_file, secret_of, write_secret_file
from commons.storage.unlock import LOCKED, Unlock

_KIND = "hiding-key"


def save_hiding_key(path: Path, key: bytes, scheme: HidingScheme, unlock: Unlock | None = None) -> None:
    """Write a new key to a file that does not exist yet.

    Args:
        key: 32 secret random bytes.
        unlock: encrypts it.

    Raises:
        StorageError: the file exists already, or cannot be written.
        ConfigError: the passphrase cannot be read.
    """
    content = {"secret": key.hex(), "network": scheme.digest.hex()}
    write_secret_file(path, _KIND, content, replace=False, unlock=unlock)


def load_hiding_key(path: Path, scheme: HidingScheme, unlock: Unlock = LOCKED) -> bytes:
    """The key in a file, 32 bytes.

    Raises:
        KeyFileError: as ``read_secret_file``.
        KeyMismatchError: it was made for another network.
    """
    key = secret_of(path, _KIND, unlock)
    network = hexadecimal(path, read_secret_file(path, _KIND, unlock).get("network"))
    if network != scheme.digest:
        raise KeyMismatchError(
            f"{path} was made for the network 0x{network.hex()}, this one is 0x{scheme.digest.hex()}; name the secret "
            "and the network of one task"
        )
    return key
