"""Models, payloads and audit bundles: files named by their Keccak-256 digest."""

from __future__ import annotations

import threading
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import FullError, StorageError, UnknownError
from circuits.hashing import keccak
from commons.storage.files import LOCAL_DISK, Disk, write_durably


class Blobs:
    """A directory of immutable files."""

    def __init__(self, directory: Path, *, max_bytes: int, disk: Disk = LOCAL_DISK) -> None:
        """Args:
        max_bytes: most bytes of all blobs together.
        """
        self._directory = directory
        self._max_bytes = max_bytes
        self._disk = disk
        self._lock = threading.Lock()

    def put(self, data: bytes) -> bytes:
        """Store bytes; durable on return.  Returns their digest.  Raises StorageError when there is no room."""
        digest = keccak(data)
        path = self._path(digest)
        with self._lock:  # callers of many threads share what room there is
            if not path.exists():
                self._require_room(len(data))
                write_durably(path, data, disk=self._disk)
        return digest

    def has(self, digest: bytes) -> bool:
        """Whether bytes with this digest are stored here."""
        return self._path(digest).exists()

    def get(self, digest: bytes) -> bytes:
        """Raises UnknownError for bytes that were never stored here, StorageError for damaged ones."""
        path = self._path(digest)
        if not self.has(digest):
            raise UnknownError(f"nothing with the digest 0x{digest.hex()} is stored here")
        with storing(f"cannot read {path}"):
            data = path.read_bytes()
        if keccak(data) != digest:
            raise StorageError(f"{path} is damaged; restore it from a backup")
        return data

    def _require_room(self, size: int) -> None:
        with storing("cannot look at the stored models"):
            used = sum(path.stat().st_size for path in self._directory.glob("*")) if self._directory.is_dir() else 0
        if used + size > self._max_bytes:
            raise FullError(f"the room for models and payloads ({self._max_bytes} bytes) is used up")

    def _path(self, digest: bytes) -> Path:
        return self._directory / digest.hex()
