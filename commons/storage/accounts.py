"""Accounts: secp256k1 keys that sign for owners, provers, coordinators and model owners, and their files."""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from eth_keys.datatypes import PrivateKey

from circuits.errors import KeyFileError
from commons.protocol.signing import sign_digest
from commons.storage.secretfiles import secret_of, write_secret_file

_ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secp256k1 key and its address; the secret is hidden from repr."""

    address: bytes
    _secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key from the operating system's randomness."""
        return cls.from_secret(PrivateKey(_random_scalar()).to_bytes())

    @classmethod
    def from_secret(cls, secret: bytes) -> SigningKey:
        """The key with a 32-byte secret; KeyFileError when it is none."""
        try:
            address = PrivateKey(secret).public_key.to_canonical_address()
        except Exception as error:
            raise KeyFileError("a signing key has 32 bytes and lies below the curve's order") from error
        return cls(address, secret)

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest: 65 bytes r, s, v with low s."""
        return sign_digest(self._secret, digest)

    def secret_bytes(self) -> bytes:
        """The raw secret, for libraries that sign transactions themselves."""
        return self._secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.address)


def _random_scalar() -> bytes:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    return (secrets.randbelow(order - 1) + 1).to_bytes(32, "big")


def create_account(path: Path) -> SigningKey:
    """Write a new signing key to a file that does not exist yet; raises as ``save_account``."""
    key = SigningKey.generate()
    save_account(path, key)
    return key


def save_account(path: Path, key: SigningKey) -> None:
    """Write a given signing key to a file.  Raises StorageError when it exists already or cannot be written."""
    write_secret_file(path, _ACCOUNT, {"secret": key.secret_bytes().hex()}, replace=False)


def open_account(path: Path) -> SigningKey:
    """Read a signing key, or create it where there is no file; raises as both do."""
    return load_account(path) if os.path.exists(path) else create_account(path)


def load_account(path: Path) -> SigningKey:
    """Read a signing key.  Raises KeyFileError for a file that is missing, broken, or readable by others."""
    return SigningKey.from_secret(secret_of(path, _ACCOUNT))
