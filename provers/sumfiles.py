"""A prover's shares of sums: files named by the digest of the set that was summed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path

from circuits.atomicfile import storing
from commons.storage.files import Disk, write_durably
from native import FrArray
from provers.sharefiles import map_sealed


class SumFiles:
    """A directory with a file a sum."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory, self._disk = directory, disk

    def find(self, digest: bytes) -> FrArray | None:
        """The sum of a set, FrArray (d + 129, 4), mapped; None if it is not here.  Raises DamagedError."""
        path = self._path(digest)
        return map_sealed(path) if path.exists() else None

    def put(self, digest: bytes, scalars: bytes) -> FrArray:
        """Keep the sum of a set, 32 bytes little-endian a scalar; durable on return.  Raises StorageError."""
        write_durably(self._path(digest), scalars + sha256(scalars).digest(), disk=self._disk)
        return map_sealed(self._path(digest))

    def size(self, digest: bytes) -> int:
        """Bytes of a sum; 0 if it is not here."""
        with storing("cannot look at a sum"):
            path = self._path(digest)
            return path.stat().st_size if path.exists() else 0

    def is_empty(self) -> bool:
        """Whether there is none."""
        with storing("cannot look at the sums"):
            return not any(self._directory.iterdir())

    def discard(self, digests: Iterable[bytes]) -> None:
        """Delete the sums of sets."""
        with storing("cannot delete a sum"):
            for digest in digests:
                self._disk.durably(partial(self._path(digest).unlink, missing_ok=True))

    def discard_old(self, before: float, kept: Collection[bytes]) -> int:
        """Delete sums that were written before a time, seconds since 1970, but those of some sets; how many."""
        names = {digest.hex() for digest in kept}
        with storing("cannot tidy the sums"):
            old = [p for p in self._directory.iterdir() if p.name not in names and p.stat().st_mtime < before]
            for path in old:
                self._disk.durably(path.unlink)
        return len(old)

    def _path(self, digest: bytes) -> Path:
        return self._directory / digest.hex()
