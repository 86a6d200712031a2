"""The public parameters that a role keeps on disk: SRS, commitment bases, proving and verifying keys."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from circuits import commitment, srs
from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, KeyMismatchError
from circuits.groth16 import VerifyingKey
from circuits.keys import load_verifying_key
from circuits.srs import Srs

SRS_FILE = "srs.gsrs"


def proving_key_file(directory: Path, policy: str, capacity: int) -> Path:
    """Where `gradroll setup keys` puts a policy's proving key."""
    return directory / f"{policy}-{capacity}.proving"


def verifying_key_file(directory: Path, policy: str, capacity: int) -> Path:
    """Where `gradroll setup keys` puts a policy's verifying key."""
    return directory / f"{policy}-{capacity}.verifying"


class Parameters:
    """Parameters read on first use and kept.

    Args:
        srs_path: the SRS file.
        keys: directory of key files; derived commitment bases are cached below it.
        allow_insecure: accept seeded development files, which protect nothing.
    """

    def __init__(self, srs_path: Path, keys: Path, *, allow_insecure: bool = False) -> None:
        self._srs_path = srs_path
        self._keys = keys
        self._allow_insecure = allow_insecure
        self._commitments: dict[int, CommitmentKey] = {}

    @cached_property
    def srs(self) -> Srs:
        """The SRS.  Raises KeyFileError, KeyMismatchError or InsecureSetupError."""
        return srs.load(self._srs_path, allow_insecure=self._allow_insecure)

    def commitment_key(self, dimension: int) -> CommitmentKey:
        """The basis that commits to gradients of this dimension."""
        if dimension not in self._commitments:
            self._commitments[dimension] = commitment.commitment_key(self.srs, dimension, self._keys / "cache")
        return self._commitments[dimension]

    def verifying_key(self, key_hash: bytes) -> VerifyingKey:
        """The verifying key with a hash, among the files of the key directory.

        Raises:
            KeyMismatchError: no readable file there has the hash.
        """
        refused: list[str] = []
        for path in sorted(self._keys.glob("*.verifying")):
            try:
                key = load_verifying_key(path, allow_insecure=self._allow_insecure)
            except GradrollError as error:
                refused.append(str(error))
                continue
            if key.key_hash == key_hash:
                return key
        detail = f" ({'; '.join(refused)})" if refused else ""
        raise KeyMismatchError(
            f"no verifying key in {self._keys} has the hash 0x{key_hash.hex()} that the task's verifier names; "
            f"fetch the key files of this policy{detail}"
        )
