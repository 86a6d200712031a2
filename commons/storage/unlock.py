"""What key files are encrypted with: keys that follow from a passphrase, each derived once a process.

scrypt (RFC 7914) makes a key of 32 bytes from the passphrase, AES-256-GCM seals with it. All files that a process
writes have the salt of those that it has read, so that opening them takes scrypt's time once. What a file is, and its
name, are sealed with it: no sealed file stands for another one.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretBytes

from circuits.errors import KeyFileError
from circuits.hashing import keccak
from commons.runtime.passphrases import Passphrase

_LABEL = b"gradroll/v1/secret-file"
_N, _R, _P = 1 << 17, 8, 1
"""Cost of scrypt: 128 MiB, and half a second (OWASP's cheat sheet on the storage of passwords)."""
_SALT, _NONCE = 32, 12
Sealed = Mapping[str, str]


class Unlock:
    """Opens and seals with one passphrase.  Neither ``repr`` nor ``vars`` shows it or what follows from it.

    Args:
        read: brings the passphrase; None where none is known.
    """

    def __init__(self, read: Callable[[], str] | None) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._keys: dict[bytes, SecretBytes] = {}
        self._opened: dict[bytes, SecretBytes] = {}

    def passphrase(self, path: Path) -> str:
        """The passphrase, for a file that needs it.

        Raises:
            KeyFileError: none is known.
            ConfigError: it cannot be read.
        """
        if self._read is None:
            raise KeyFileError(
                f"{path} is encrypted, and no passphrase is set; name its file in unlock.passphrase_file (or set "
                "passphrase_env or passphrase_fd there)"
            )
        return self._read()

    def once(self, content: bytes, opened: Callable[[], bytes]) -> bytes:
        """What is in a file of another format, which is opened when it is first seen."""
        name = keccak(content)
        with self._lock:
            if name not in self._opened:
                self._opened[name] = SecretBytes(opened())
            return self._opened[name].get_secret_value()

    def seal(self, path: Path, kind: str, secret: bytes) -> Sealed:
        """Encrypt what a file is to hold; texts in hexadecimal."""
        salt = next(iter(self._keys), None) or secrets.token_bytes(_SALT)
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._key(path, salt)).encrypt(nonce, secret, _bound(path, kind))
        return {"salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}

    def open(self, path: Path, kind: str, sealed: Sealed) -> bytes:
        """Decrypt what a file holds.

        Raises:
            KeyFileError: the passphrase is wrong, or the file was changed, renamed or damaged; no word says which.
        """
        try:
            salt, nonce, text = (bytes.fromhex(str(sealed.get(name))) for name in ("salt", "nonce", "sealed"))
            if (len(salt), len(nonce)) != (_SALT, _NONCE):
                raise ValueError
            return AESGCM(self._key(path, salt)).decrypt(nonce, text, _bound(path, kind))
        except (InvalidTag, ValueError):
            raise not_opened(path) from None

    def _key(self, path: Path, salt: bytes) -> bytes:
        passphrase = self.passphrase(path).encode()
        with self._lock:
            if salt not in self._keys:
                self._keys[salt] = SecretBytes(Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase))
            return self._keys[salt].get_secret_value()


LOCKED = Unlock(None)
"""Opens nothing that is encrypted."""


@cache
def unlock_by(passphrase: Passphrase) -> Unlock:
    """What opens with the passphrase of a place; the same for the same place, so that scrypt is paid once."""
    return Unlock(passphrase.read) if passphrase else LOCKED


def not_opened(path: Path | str) -> KeyFileError:
    """The one thing that is said of whatever kept a file from being opened."""
    return KeyFileError(
        f"{path} cannot be opened: the passphrase is wrong, or the file is damaged; try again, or put a copy back"
    )


def _bound(path: Path, kind: str) -> bytes:
    return b"\0".join((_LABEL, kind.encode(), path.name.encode()))
