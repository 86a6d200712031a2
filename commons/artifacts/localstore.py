"""Blocks in a directory: a file each, whole or absent, safe for several processes."""

from __future__ import annotations

import os
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import ProofError, StorageError, UnknownError
from commons.artifacts.blockstores import checked, require_block
from commons.artifacts.cids import Cid
from commons.artifacts.unixfs import MAX_BLOCK
from commons.storage.files import LOCAL_DISK, Disk, open_regular, write_durably


class LocalStore:
    """A directory of blocks, in folders by the last letters but one of their identifiers, as go-ds-flatfs has them.

    What is read is compared with its identifier each time, so that a damaged block is noticed, and put anew by whoever
    has it.  Files can be read by the owner of the process alone: models are worth money.
    """

    def __init__(self, directory: Path, disk: Disk = LOCAL_DISK) -> None:
        self._directory, self._disk = directory, disk

    @property
    def shown(self) -> str:
        """The directory."""
        return f"the store {self._directory}"

    def get(self, cid: Cid) -> bytes:
        """As of every store.  Raises UnknownError, ProofError, StorageError."""
        return checked(cid, self._read(cid), self.shown)

    def put(self, cid: Cid, block: bytes) -> None:
        """As of every store.  Raises InvalidInputError, StorageError."""
        require_block(cid, block)
        if not self.has(cid):
            write_durably(self._place(cid), block, disk=self._disk)

    def has(self, cid: Cid) -> bool:
        """Whether the block is here, and undamaged.  Raises StorageError."""
        try:
            return cid.fits(self._read(cid))
        except (UnknownError, ProofError):
            return False

    def keep(self, root: Cid) -> None:
        """Nothing is cleared away here."""

    def _place(self, cid: Cid) -> Path:
        name = str(cid)
        folder = self._directory / name[-3:-1]
        if folder.is_symlink():
            raise StorageError(f"{folder} is a symbolic link; a store has none, so remove it")
        return folder / name

    def _read(self, cid: Cid) -> bytes:
        path = self._place(cid)
        with storing(f"cannot read {path}"):
            try:
                handle = open_regular(path, os.O_RDONLY | os.O_NOFOLLOW)
            except FileNotFoundError:
                raise UnknownError(f"{self.shown} has no block {cid}; name a store that has it") from None
            with os.fdopen(handle, "rb") as file:
                return file.read(MAX_BLOCK + 1)
