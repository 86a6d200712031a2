"""A prover's keys in one directory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretBytes

from circuits.errors import ClosedError, StorageError
from commons.protocol.keypackages import decode_keys, encode_keys
from commons.sharing import sealing
from commons.sharing.prss import KeySet
from commons.storage.accounts import SigningKey, is_encrypted, load_account, open_account
from commons.storage.erasing import finish_destroying
from commons.storage.secretfiles import (
    destroy_secret_file,
    hexadecimal,
    is_sealed,
    read_secret_file,
    secret_of,
    write_secret_file,
)
from commons.storage.unlock import LOCKED, Unlock
from provers.joining.servings import Servings

_HPKE, _ENTROPY, _SHARED = "hpke-x25519", "dealing-entropy", "shared-keys"
_RECIPIENTS = "dealing-recipients"
ACCOUNT_FILE = "account.json"
"""Where a keystore has the key of the prover's account."""
_SEALING_FILE = "hpke.json"
"""The account is written first: a directory with a sealing key is complete."""


@dataclass(frozen=True, slots=True)
class SharedKeys:
    """One committee's shared keys as this prover holds them."""

    keys: Mapping[KeySet, bytes] = field(repr=False)
    confirmed: bool


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The key to which shares are sealed.

    Attributes:
        public: 32 bytes, X25519.
        secret: None once it is destroyed.
    """

    public: bytes
    secret: SecretBytes | None  # neither repr nor vars() shows it

    @classmethod
    def of(cls, secret: bytes) -> SealingKey:
        """The key with 32 secret bytes."""
        return cls(sealing.public_key(secret), SecretBytes(secret))


class Keystore:
    """A prover's keys in one directory: signing key, HPKE key, and the shared keys of its committees."""

    def __init__(
        self, directory: Path, account: SigningKey, key: SealingKey, unlock: Unlock = LOCKED, *, sealed: bool = False
    ) -> None:
        """Keys that were read or made; use ``create``, ``load`` or ``open``.

        Args:
            sealed: every file is encrypted, and one that is not is refused.
        """
        self._directory = directory
        self._unlock, self._sealed = unlock, sealed
        self.account = account
        self._key = key
        self.hpke_public = key.public
        self.servings = Servings(directory)

    def __repr__(self) -> str:
        return f"Keystore(address=0x{self.address.hex()})"

    @classmethod
    def create(cls, directory: Path, unlock: Unlock | None = None) -> Keystore:
        """Draw new keys, or what an earlier call that was interrupted did not come to.

        Args:
            unlock: has the passphrase with which the files are encrypted.

        Raises:
            StorageError: the directory has all keys already, or cannot be written.
            ConfigError: the passphrase cannot be read.
        """
        if cls.is_whole(directory):
            raise StorageError(
                f"{directory} holds a prover's keys already; they are not replaced, so go on with them, or "
                "name another directory"
            )
        account = open_account(directory / ACCOUNT_FILE, unlock)
        secret = sealing.generate()
        write_secret_file(directory / _SEALING_FILE, _HPKE, {"secret": secret.hex()}, replace=False, unlock=unlock)
        return cls(directory, account, SealingKey.of(secret), unlock or LOCKED, sealed=unlock is not None)

    @classmethod
    def load(cls, directory: Path, unlock: Unlock = LOCKED) -> Keystore:
        """Read the keys.

        Args:
            unlock: has the passphrase, where the files are encrypted.

        Raises:
            KeyFileError: files that are missing, broken, readable by others, or not encrypted where another one is;
                or the passphrase is missing or wrong.
            ConfigError: the passphrase cannot be read.
            StorageError: a key that a crash has left half destroyed cannot be destroyed.
        """
        account, file = load_account(directory / ACCOUNT_FILE, unlock), directory / _SEALING_FILE
        sealed = is_encrypted(directory / ACCOUNT_FILE) or is_sealed(file)
        finish_destroying(directory)
        return cls(directory, account, _sealing_key(file, unlock, sealed=sealed), unlock, sealed=sealed)

    @classmethod
    def open(cls, directory: Path) -> Keystore:
        """Read the keys, or create them where there are none yet; raises as ``load`` and ``create``."""
        return cls.load(directory) if cls.is_whole(directory) else cls.create(directory)

    @staticmethod
    def is_whole(directory: Path) -> bool:
        """Whether a directory has all keys."""
        return os.path.exists(directory / _SEALING_FILE)

    @property
    def address(self) -> bytes:
        """The prover's 20-byte signing address."""
        return self.account.address

    @property
    def hpke_secret(self) -> bytes:
        """The private key to which owners seal shares: 32 bytes.

        Raises:
            ClosedError: it is destroyed.
        """
        if self._key.secret is None:
            raise ClosedError(
                f"this prover has destroyed the sealing key 0x{self.hpke_public.hex()}: the rounds that were opened "
                "with it are over, or it was given up; seal to the key of a later round"
            )
        return self._key.secret.get_secret_value()

    @property
    def account_file(self) -> Path:
        """Key file of the account."""
        return self._directory / ACCOUNT_FILE

    @property
    def opens_shares(self) -> bool:
        """Whether the sealing key is here, and not destroyed."""
        return self._key.secret is not None

    def destroy_sealing_key(self) -> None:
        """Have what was sealed to it open for nobody any more, for good.  Raises StorageError: call it again."""
        if self._key.secret is not None:
            left = {"destroyed": True, "public": self.hpke_public.hex()}
            self._destroy(self._directory / _SEALING_FILE, _HPKE, left)
            self._key = SealingKey(self.hpke_public, None)

    def forget_shared(self, committee: bytes) -> None:
        """Destroy the shared keys of a list of members, and what its dealt ones follow from; others are never taken.

        Raises:
            StorageError: call it again.
        """
        dealing = self._directory / f"dealing-{committee.hex()}.json"
        if dealing.exists():
            self._destroy(dealing, _ENTROPY, {"destroyed": True})
        path, left = self._shared_path(committee), {"keys": "", "confirmed": False}
        if path.exists():  # last: as long as it is whole, all this is to be done
            self._destroy(path, _SHARED, left)
        else:
            self._write(path, _SHARED, left)

    def has_forgotten(self, committee: bytes) -> bool:
        """Whether the shared keys of a list of members were destroyed."""
        shared = self.load_shared(committee)
        return shared is not None and not shared.keys

    def unforgotten(self) -> list[bytes]:
        """Digests of the lists of members whose shared keys, or what the dealt ones follow from, are still here."""
        dealt = {_list_of(path): path for path in self._directory.glob("dealing-*.json")}
        shared = {_list_of(path) for path in self._directory.glob("shared-*.json")}
        dealing = {each for each, path in dealt.items() if self._read(path, _ENTROPY).get("destroyed") is not True}
        return sorted(dealing | {each for each in shared if not self.has_forgotten(each)})

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest with the prover's key."""
        return self.account.sign(digest)

    def dealing_entropy(self, committee: bytes) -> bytes:
        """The 32 bytes from which this prover deals a committee's keys; drawn once, so it deals the same."""
        path = self._directory / f"dealing-{committee.hex()}.json"
        if not path.exists():
            self._write(path, _ENTROPY, {"secret": secrets.token_hex(32)})
        return secret_of(path, _ENTROPY, self._unlock, sealed=self._sealed)

    def fix_recipients(self, committee: bytes, hpke_keys: Sequence[bytes]) -> bool:
        """Whether a committee's keys may be sealed to these public keys: the ones of the first time, for good."""
        path, given = self._directory / f"recipients-{committee.hex()}.json", [key.hex() for key in hpke_keys]
        if not path.exists():
            self._write(path, _RECIPIENTS, {"keys": given})
        return bool(self._read(path, _RECIPIENTS).get("keys") == given)

    def save_shared(self, committee: bytes, shared: SharedKeys) -> None:
        """Keep a committee's shared keys; durable on return.  What their file held before is overwritten.

        Raises:
            StorageError: call it again.
        """
        content = {"keys": encode_keys(shared.keys).hex(), "confirmed": shared.confirmed}
        path = self._shared_path(committee)
        if path.exists():
            self._destroy(path, _SHARED, content)
        else:
            self._write(path, _SHARED, content)

    def load_shared(self, committee: bytes) -> SharedKeys | None:
        """A committee's shared keys; None before they were accepted."""
        path = self._shared_path(committee)
        if not path.exists():
            return None
        content = self._read(path, _SHARED)
        return SharedKeys(decode_keys(hexadecimal(path, content.get("keys"))), content.get("confirmed") is True)

    def _write(self, path: Path, kind: str, content: Mapping[str, Any]) -> None:
        write_secret_file(path, kind, content, replace=False, unlock=self._unlock if self._sealed else None)

    def _destroy(self, path: Path, kind: str, left: Mapping[str, Any]) -> None:
        destroy_secret_file(path, kind, left, self._unlock if self._sealed else None)

    def _read(self, path: Path, kind: str) -> dict[str, Any]:
        return read_secret_file(path, kind, self._unlock, sealed=self._sealed)

    def _shared_path(self, committee: bytes) -> Path:
        return self._directory / f"shared-{committee.hex()}.json"


def _list_of(path: Path) -> bytes:
    """The digest that a file of a list of members is named by."""
    return hexadecimal(path, path.stem.partition("-")[2])


def _sealing_key(path: Path, unlock: Unlock, *, sealed: bool) -> SealingKey:
    """What is left of a sealing key.  Raises as ``secret_of``."""
    content = read_secret_file(path, _HPKE, unlock, sealed=sealed)
    if content.get("destroyed") is True:
        return SealingKey(hexadecimal(path, content.get("public")), None)
    return SealingKey.of(secret_of(path, _HPKE, unlock, sealed=sealed))
