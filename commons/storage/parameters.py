"""Public parameters on disk: the reference string, commitment keys derived from it, policy keys.

Every role takes them from here, and nothing is taken unchecked (`circuits.srscheck`, `circuits.keycheck`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from circuits import container, keyfiles, srs
from circuits.commitment import CommitmentKey, cached_commitment_key, commitment_key
from circuits.errors import GradrollError, KeyFileError, KeyMismatchError
from circuits.groth16 import ProvingKey, VerifyingKey
from circuits.srs import Srs
from circuits.statement import domain_size
from commons.runtime.memo import Memo
from commons.runtime.stages import stage
from native import G2

V = TypeVar("V")
_log = logging.getLogger(__name__)


class PublicParameters:
    """Loads and checks each file once, when it is first needed.  Thread-safe."""

    def __init__(self, srs_file: Path, keys_directory: Path, *, allow_insecure: bool = False) -> None:
        """Args:
        srs_file: the reference string.
        keys_directory: ``*.proving`` and ``*.verifying`` files; derived commitment keys are kept beside them.
        allow_insecure: take development setups, which protect nothing.
        """
        self._srs_file = srs_file
        self._directory = keys_directory
        self._allow_insecure = allow_insecure
        self._srs = Memo[Path, Srs]()
        self._tau = Memo[Path, G2]()
        self._commitment = Memo[int, CommitmentKey]()
        self._proving = Memo[bytes, ProvingKey]()
        self._verifying = Memo[bytes, VerifyingKey]()

    @property
    def srs(self) -> Srs:
        """The reference string, checked.  Raises KeyFileError, KeyMismatchError, InsecureSetupError."""
        return self._srs.get(self._srs_file, lambda: srs.load(self._srs_file, allow_insecure=self._allow_insecure))

    @property
    def tau(self) -> G2:
        """[tau]_2 of the reference string; reads no powers, and no file that was read already.  Raises as ``srs``."""
        return self._tau.get(self._srs_file, self._load_tau)

    def require_string(self, tau: G2) -> None:
        """Raise KeyMismatchError unless [tau]_2 is this reference string's; as ``srs`` when the file is no good."""
        if self.tau != tau:
            raise KeyMismatchError(
                f"your reference string, {self._srs_file}, is another than the task's: get the file that the market's "
                "operator publishes (keys.srs)"
            )

    def require_dimension(self, dimension: int) -> None:
        """Raise KeyMismatchError when the reference string is too short for a model's dimension; else as ``srs``."""
        self.srs.require(domain_size(dimension))

    def commitment_key(self, dimension: int) -> CommitmentKey:
        """The commitment key of a dimension, checked; deriving it for the first time takes a while.

        Raises as ``srs``; KeyMismatchError also when the reference string is too short.
        """
        return self._commitment.get(dimension, lambda: self._load_commitment(dimension))

    def proving_key(self, key_hash: bytes) -> ProvingKey:
        """The proving key whose verifying key has a hash, checked against that.

        Raises:
            KeyMismatchError: no file holds it, or it belongs to another reference string.
            KeyFileError: a section does not fit the verifying key.
            InsecureSetupError: it is a development key.
        """
        return self._proving.get(key_hash, lambda: self._load_proving(key_hash))

    def verifying_key(self, key_hash: bytes) -> VerifyingKey:
        """The verifying key with a hash.  Raises KeyMismatchError when no file holds it."""
        return self._verifying.get(key_hash, lambda: self._load_verifying(key_hash))

    def has_verifying_key(self, key_hash: bytes) -> bool:
        """Whether a file says that it holds the verifying key with a hash; it may still be refused."""
        return self._search("*.verifying", keyfiles.VERIFYING, key_hash) is not None

    def require_proving_keys(self) -> None:
        """Load every proving key of the directory, and name in the log each file that is no good.

        Raises:
            KeyFileError: the directory cannot be read.
            KeyMismatchError: no file holds a key that is sound and fits the reference string.
        """
        self._require_keys("*.proving", keyfiles.PROVING, self.proving_key)

    def require_verifying_keys(self) -> None:
        """As ``require_proving_keys``, for verifying keys."""
        self._require_keys("*.verifying", keyfiles.VERIFYING, self.verifying_key)

    def _require_keys(self, pattern: str, kind: str, load: Callable[[bytes], object]) -> None:
        self._require_directory()
        held = 0
        for path in sorted(self._directory.glob(pattern)):
            try:
                load(_hash_in(path, kind))
                held += 1
            except GradrollError as error:
                _log.warning("event=key-file-refused file=%s code=%s reason=%r", path, error.code, str(error))
        if not held:
            raise KeyMismatchError(
                f"no {pattern} file in {self._directory} holds a key that is sound and of the reference string "
                f"{self._srs_file}; get the policy's key files, as the market's operator publishes them"
            )

    def _require_directory(self) -> None:
        """A glob finds nothing in a directory that is missing, or that may not be read, and does not say why."""
        try:
            next(self._directory.iterdir(), None)
        except OSError as error:
            raise KeyFileError(
                f"the key directory {self._directory} cannot be read: {error.strerror}; correct keys.directory"
            ) from error

    def _load_tau(self) -> G2:
        for known in self._srs.values():
            return known.tau
        return srs.load_tau(self._srs_file, allow_insecure=self._allow_insecure)

    def _load_commitment(self, dimension: int) -> CommitmentKey:
        """From the cache beside the keys, or derived: only that takes the powers into memory."""
        known = cached_commitment_key(self.tau, dimension, self._directory)
        if known is not None:
            return known
        with stage(f"deriving the commitment key of {dimension} coordinates (once)"):
            return commitment_key(self.srs, dimension, cache=self._directory)

    def _load_proving(self, key_hash: bytes) -> ProvingKey:
        path = self._find("*.proving", keyfiles.PROVING, key_hash)
        key = keyfiles.load_proving_key(path, allow_insecure=self._allow_insecure)
        return self._fitting(key, key.verifying, path)

    def _load_verifying(self, key_hash: bytes) -> VerifyingKey:
        path = self._find("*.verifying", keyfiles.VERIFYING, key_hash)
        key = keyfiles.load_verifying_key(path, allow_insecure=self._allow_insecure)
        return self._fitting(key, key, path)

    def _fitting(self, key: V, verifying: VerifyingKey, path: Path) -> V:
        """Rows are committed under the reference string, so the policy key must be of the same one."""
        if verifying.tau != self.tau:
            raise KeyMismatchError(f"{path} belongs to another reference string than {self._srs_file}")
        return key

    def _find(self, pattern: str, kind: str, key_hash: bytes) -> Path:
        if (found := self._search(pattern, kind, key_hash)) is not None:
            return found
        raise KeyMismatchError(
            f"no {pattern} file in {self._directory} has the key 0x{key_hash.hex()} that the task's verifier "
            "names; get the policy's key files, or leave this task alone"
        )

    def _search(self, pattern: str, kind: str, key_hash: bytes) -> Path | None:
        for path in sorted(self._directory.glob(pattern)):
            try:
                if _hash_in(path, kind) == key_hash:
                    return path
            except (KeyFileError, KeyMismatchError):
                continue
        return None


def _hash_in(path: Path, kind: str) -> bytes:
    """The hash that a key file states of its verifying key.  Raises KeyFileError, KeyMismatchError."""
    stated = container.read(path, kind).text("key_hash")
    try:
        return bytes.fromhex(stated)
    except ValueError:
        raise KeyFileError(f"{path} states no key hash; generate the file again") from None
