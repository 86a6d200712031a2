"""Accounts: secp256k1 keys that sign for owners, provers, coordinators and model owners, and their files."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from eth_account import Account
from eth_keys.datatypes import PrivateKey
from pydantic import SecretBytes

from circuits.errors import KeyFileError
from circuits.hashing import keccak
from commons.protocol.signing import sign_digest
from commons.storage.files import write_durably
from commons.storage.secretfiles import read_document, secret_of, write_secret_file
from commons.storage.unlock import LOCKED, Unlock
from commons.storage.web3keystores import decrypted, encrypted, is_web3

_ACCOUNT = "account"


class Signer(Protocol):
    """Signs for an account, wherever its key is.  An external signer raises SignerError where it does not."""

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""

    def sign_transaction(self, call: Mapping[str, Any]) -> bytes:
        """The signed bytes of a transaction with fees as of EIP-1559, without an access list.

        Args:
            call: as web3 has it, complete with ``nonce`` and ``chainId``.
        """

    def sign_message(self, message: bytes) -> bytes:
        """Sign the Keccak-256 hash of a message: 65 bytes r, s, v with low s."""

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest, of which the message is not at hand; an external signer does not."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secp256k1 key and its address; neither repr nor fields show the secret."""

    address: bytes
    _secret: SecretBytes = field(repr=False)

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
        return cls(address, SecretBytes(secret))

    def sign_transaction(self, call: Mapping[str, Any]) -> bytes:
        """See ``Signer``; deterministic (RFC 6979)."""
        return bytes(Account.sign_transaction(dict(call), self.secret_bytes()).raw_transaction)

    def sign_message(self, message: bytes) -> bytes:
        """See ``Signer``."""
        return self.sign(keccak(message))

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest: 65 bytes r, s, v with low s."""
        return sign_digest(self.secret_bytes(), digest)

    def secret_bytes(self) -> bytes:
        """The raw secret, for libraries that sign transactions themselves."""
        return self._secret.get_secret_value()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and hmac.compare_digest(self.secret_bytes(), other.secret_bytes())

    def __hash__(self) -> int:
        return hash(self.address)


def _random_scalar() -> bytes:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    return (secrets.randbelow(order - 1) + 1).to_bytes(32, "big")


def create_account(path: Path, unlock: Unlock | None = None) -> SigningKey:
    """Write a new signing key to a file that does not exist yet; raises as ``save_account``."""
    key = SigningKey.generate()
    save_account(path, key, unlock)
    return key


def save_account(path: Path, key: SigningKey, unlock: Unlock | None = None) -> None:
    """Write a given signing key to a file.

    Args:
        unlock: has the passphrase with which it is encrypted, as an Ethereum keystore.

    Raises:
        StorageError: the file exists already, or cannot be written.
        ConfigError: the passphrase cannot be read.
    """
    if unlock is None:
        write_secret_file(path, _ACCOUNT, {"secret": key.secret_bytes().hex()}, replace=False)
    else:
        write_durably(path, encrypted(key.secret_bytes(), unlock.passphrase(path)), replace=False)


def open_account(path: Path, unlock: Unlock | None = None) -> SigningKey:
    """Read a signing key, or create it where there is no file; raises as both do."""
    return load_account(path, unlock or LOCKED) if os.path.exists(path) else create_account(path, unlock)


def is_encrypted(path: Path) -> bool:
    """Whether a signing key's file is an Ethereum keystore.  Raises KeyFileError for one that cannot be read."""
    return is_web3(read_document(path)[0])


def load_account(path: Path, unlock: Unlock = LOCKED) -> SigningKey:
    """Read a signing key: a plain file of ours, or an Ethereum keystore.

    Args:
        unlock: has the passphrase of a keystore.

    Raises:
        KeyFileError: the file is missing, broken or readable by others, or the passphrase is missing or wrong.
        ConfigError: the passphrase cannot be read.
    """
    document, raw = read_document(path)
    if not is_web3(document):
        return SigningKey.from_secret(secret_of(path, _ACCOUNT))
    passphrase = unlock.passphrase(path)
    found = cast("dict[str, Any]", document)
    return SigningKey.from_secret(unlock.once(raw, lambda: decrypted(path, found, passphrase)))
