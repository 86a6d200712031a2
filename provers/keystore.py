"""Private keys in files: one JSON object a key, stamped with kind and version, for their owner only."""

from __future__ import annotations

import hmac
import json
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_keys.datatypes import PrivateKey

from circuits.errors import KeyFileError
from commons.storage.files import write_durably
from provers import hpke
from provers.records import decode_keys, encode_keys
from provers.setup import KeySet
from provers.signing import sign_digest

_VERSION = 1
_ACCOUNT, _HPKE, _ENTROPY, _SHARED = "account", "hpke-x25519", "dealing-entropy", "shared-keys"
_RECIPIENTS = "dealing-recipients"


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
    """Write a new signing key to a file that does not exist yet."""
    key = SigningKey.generate()
    _write(path, _ACCOUNT, {"secret": key.secret_bytes().hex()}, replace=False)
    return key


def save_account(path: Path, key: SigningKey) -> None:
    """Write a given signing key to a file that does not exist yet."""
    _write(path, _ACCOUNT, {"secret": key.secret_bytes().hex()}, replace=False)


def load_account(path: Path) -> SigningKey:
    """Read a signing key.  Raises KeyFileError for a file that is missing, broken, or readable by others."""
    return SigningKey.from_secret(_secret(path, _ACCOUNT))


@dataclass(frozen=True, slots=True)
class SharedKeys:
    """One committee's shared keys as this prover holds them."""

    keys: Mapping[KeySet, bytes] = field(repr=False)
    confirmed: bool


class Keystore:
    """A prover's keys in one directory: signing key, HPKE key, and the shared keys of its committees."""

    def __init__(self, directory: Path, account: SigningKey, hpke_secret: bytes) -> None:
        self._directory = directory
        self.account = account
        self.hpke_secret = hpke_secret
        self.hpke_public = hpke.public_key(hpke_secret)

    def __repr__(self) -> str:
        return f"Keystore(address=0x{self.address.hex()})"

    @classmethod
    def create(cls, directory: Path) -> Keystore:
        """Draw new keys; refuses a directory that has keys already (StorageError)."""
        account = create_account(directory / "account.json")
        secret = hpke.generate()
        _write(directory / "hpke.json", _HPKE, {"secret": secret.hex()}, replace=False)
        return cls(directory, account, secret)

    @classmethod
    def load(cls, directory: Path) -> Keystore:
        """Read the keys; KeyFileError for files that are missing, broken, or readable by others."""
        account = load_account(directory / "account.json")
        return cls(directory, account, _secret(directory / "hpke.json", _HPKE))

    @property
    def address(self) -> bytes:
        """The prover's 20-byte signing address."""
        return self.account.address

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest with the prover's key."""
        return self.account.sign(digest)

    def dealing_entropy(self, committee: bytes) -> bytes:
        """The 32 bytes from which this prover deals a committee's keys; drawn once, so it deals the same."""
        path = self._directory / f"dealing-{committee.hex()}.json"
        if not path.exists():
            _write(path, _ENTROPY, {"secret": secrets.token_hex(32)}, replace=False)
        return _secret(path, _ENTROPY)

    def fix_recipients(self, committee: bytes, hpke_keys: Sequence[bytes]) -> bool:
        """Whether a committee's keys may be sealed to these public keys: the ones of the first time, for good."""
        path, given = self._directory / f"recipients-{committee.hex()}.json", [key.hex() for key in hpke_keys]
        if not path.exists():
            _write(path, _RECIPIENTS, {"keys": given}, replace=False)
        return bool(_read(path, _RECIPIENTS).get("keys") == given)

    def save_shared(self, committee: bytes, shared: SharedKeys) -> None:
        """Keep a committee's shared keys; durable on return."""
        content = {"keys": encode_keys(shared.keys).hex(), "confirmed": shared.confirmed}
        _write(self._shared_path(committee), _SHARED, content, replace=True)

    def load_shared(self, committee: bytes) -> SharedKeys | None:
        """A committee's shared keys; None before they were accepted."""
        path = self._shared_path(committee)
        if not path.exists():
            return None
        content = _read(path, _SHARED)
        return SharedKeys(decode_keys(_hex(path, content.get("keys"))), content.get("confirmed") is True)

    def _shared_path(self, committee: bytes) -> Path:
        return self._directory / f"shared-{committee.hex()}.json"


def _write(path: Path, kind: str, content: Mapping[str, Any], *, replace: bool) -> None:
    document = {"kind": kind, "version": _VERSION, **content}
    write_durably(path, json.dumps(document, sort_keys=True).encode() + b"\n", replace=replace)


def _read(path: Path, kind: str) -> dict[str, Any]:
    try:
        mode = path.stat().st_mode
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise KeyFileError(f"{path}: no such key file; create the keys first") from None
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{path}: not a readable key file") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path}: others can read this key; chmod 600 it, and replace the key if they did")
    if not isinstance(document, dict) or (document.get("kind"), document.get("version")) != (kind, _VERSION):
        raise KeyFileError(f"{path}: not a key file of kind {kind!r}, version {_VERSION}")
    return document


def _hex(path: Path, text: object) -> bytes:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        raise KeyFileError(f"{path}: the key is not hexadecimal") from None


def _secret(path: Path, kind: str) -> bytes:
    secret = _hex(path, _read(path, kind).get("secret"))
    if len(secret) != 32:
        raise KeyFileError(f"{path}: the key has {len(secret)} bytes, it must have 32")
    return secret
