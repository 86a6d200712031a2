"""All keys that a prover has in its directory: those that it began with, and those of each rotation since.

Each rotation has a folder of its own and no file ever moves: which keys count, the registry says, so that a crash at
any time leaves keys of which the right ones are used.  The keys of a rotation are made, and durable, before anybody is
told of them.  Their folders are numbered: a signer never sits twice, so that keys before those in force never count
again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from circuits.errors import StorageError
from circuits.statement import Committee
from commons.storage.accounts import is_encrypted
from commons.storage.files import make_directory
from commons.storage.unlock import LOCKED, Unlock
from provers.joining.keystore import ACCOUNT_FILE, Keystore

_FOLDER = re.compile(r"rotation-([1-9][0-9]{0,5})")


class Keyring:
    """The keystores of one prover, the first ones first; what was made last may not be in force yet."""

    def __init__(self, directory: Path, keystores: Sequence[Keystore], unlock: Unlock = LOCKED) -> None:
        """Keys that were read; use ``load``."""
        self._directory, self._unlock = directory, unlock
        self.keystores = tuple(keystores)

    @classmethod
    def load(cls, directory: Path, unlock: Unlock = LOCKED) -> Keyring:
        """Read all keys.  Raises as ``Keystore.load``."""
        folders = [directory, *(directory / name for name in _rotations(directory))]
        return cls(directory, [Keystore.load(folder, unlock) for folder in folders], unlock)

    @property
    def newest(self) -> Keystore:
        """The keys that were made last."""
        return self.keystores[-1]

    def with_address(self, address: bytes) -> Keystore | None:
        """The keys with a signing address."""
        return next((keys for keys in self.keystores if keys.address == address), None)

    def seated(self, committee: Committee) -> Keystore:
        """The keys of the member that sits in a committee; the newest where none does."""
        return next((keys for keys in reversed(self.keystores) if keys.address in committee.members), self.newest)

    def before(self, keystore: Keystore) -> tuple[Keystore, ...]:
        """Those that were made before, the first ones first."""
        return self.keystores[: self.keystores.index(keystore)]

    def make_next(self) -> Keystore:
        """Draw the keys of another rotation, encrypted if the first ones are; durable on return.

        What an earlier call that was interrupted did not come to is completed.

        Raises:
            StorageError: they cannot be written.
        """
        folder = self._directory / f"rotation-{len(self.keystores)}"
        make_directory(folder)
        unlock = self._unlock if is_encrypted(self._directory / ACCOUNT_FILE) else None
        made = Keystore.create(folder, unlock)
        self.keystores = (*self.keystores, made)
        return made


def _rotations(directory: Path) -> list[str]:
    """Folders of rotations whose keys are whole, in order.

    Raises:
        StorageError: one is missing in between.
    """
    numbers = sorted(int(found[1]) for name in _names(directory) if (found := _FOLDER.fullmatch(name)))
    names = [f"rotation-{number}" for number in numbers]
    if numbers and not Keystore.is_whole(directory / names[-1]):
        names.pop()  # a crash: what is there of it is gone on with
    if numbers != list(range(1, len(numbers) + 1)):
        raise StorageError(
            f"{directory} lacks the keys of a rotation (folders rotation-1, rotation-2 and so on); put them back from "
            "where you keep a copy"
        )
    return names


def _names(directory: Path) -> list[str]:
    return os.listdir(directory) if directory.is_dir() else []
