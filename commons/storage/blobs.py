"""Models, payloads and audit bundles: files named by their Keccak-256 digest, each in its task's folder."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from math import inf
from pathlib import Path

from circuits.atomicfile import UNFINISHED, storing
from circuits.errors import StorageError, UnknownError
from circuits.hashing import keccak
from commons.storage.files import LOCAL_DISK, Disk, sync_directory, write_durably
from commons.storage.quota import Quota

NO_TASK = -1
"""Of files that an earlier release put beside the folders."""
_NAME = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A directory of immutable files.  Thread-safe."""

    def __init__(self, directory: Path, *, max_bytes: int, what: str = "models", disk: Disk = LOCAL_DISK) -> None:
        """Look at what is there.

        Args:
            max_bytes: most bytes of all blobs together; one task never has all of them.
            what: is kept here, in words.

        Raises:
            StorageError: the directory cannot be read.
        """
        self._directory = directory
        self._disk = disk
        self._lock = threading.Lock()
        self._quota = Quota(max_bytes, what, "coordinator.max_store_bytes")
        self._places: dict[bytes, dict[int, Path]] = {}
        held: Counter[int] = Counter()
        with storing("cannot look at the stored files"):
            for task_id, path in self._files():
                self._places.setdefault(bytes.fromhex(path.name), {})[task_id] = path
                held[task_id] += path.stat().st_size
        self._quota.recount(held)

    def require(self, task_id: int, size: int) -> None:
        """Raise FullError when a task may not have so many bytes more."""
        self._quota.require(task_id, size)

    def put(self, data: bytes, task_id: int, *, promised: bool = False) -> bytes:
        """Store a task's bytes; durable on return.  Returns their digest.

        What is there already is kept as if it came now.

        Args:
            promised: somebody relies on them since there was room (``require``): only the disk may be too small.

        Raises:
            FullError: there is no room, or none for this task.
            StorageError: they cannot be written.
        """
        digest = keccak(data)
        with self._lock:  # callers of many threads share what room there is
            if not self.renew(digest, task_id):
                if not promised:
                    self._quota.require(task_id, len(data))
                path = self._directory / f"{task_id:064x}" / digest.hex()
                write_durably(path, data, disk=self._disk)
                self._places.setdefault(digest, {})[task_id] = path
                self._quota.add(task_id, len(data))
        return digest

    def renew(self, digest: bytes, task_id: int) -> bool:
        """Whether a task's bytes are here; their age begins anew.  Raises StorageError."""
        path = self._places.get(digest, {}).get(task_id)
        if path is None or not path.exists():
            return False
        with storing(f"cannot renew {path}"):
            os.utime(path)
        return True

    def has(self, digest: bytes) -> bool:
        """Whether bytes with this digest are stored here, for any task."""
        return any(path.exists() for path in self._paths(digest))

    def get(self, digest: bytes) -> bytes:
        """Raises UnknownError for bytes that were never stored here or are deleted, StorageError for damaged ones."""
        path = next((path for path in self._paths(digest) if path.exists()), None)
        if path is None:
            raise UnknownError(f"nothing with the digest 0x{digest.hex()} is stored here")
        with storing(f"cannot read {path}"):
            data = path.read_bytes()
        if keccak(data) != digest:
            raise StorageError(f"{path} is damaged; restore it from a backup")
        return data

    def tasks(self) -> set[int]:
        """Tasks of which there is anything."""
        with self._lock:
            return {task_id for places in self._places.values() for task_id in places}

    def older(self, task_id: int, before: float) -> set[bytes]:
        """Digests of a task's bytes that were stored, or renewed, before a time, seconds since 1970."""
        with self._lock, storing("cannot look at the stored files"):
            own = [(digest, places[task_id]) for digest, places in self._places.items() if task_id in places]
            return {digest for digest, path in own if path.exists() and path.stat().st_mtime < before}

    def discard(self, digests: Collection[bytes], task_id: int, *, before: float = inf) -> None:
        """Delete a task's bytes; what is not there is passed over.

        Args:
            before: what was stored, or renewed, then or later stays.

        Raises:
            StorageError: they cannot be deleted.
        """
        with self._lock, storing("cannot delete a stored file"):
            for digest in digests:
                path = self._places.get(digest, {}).get(task_id)
                there = path.stat() if path is not None and path.exists() else None
                if path is not None and (there is None or there.st_mtime < before):
                    size = 0 if there is None else there.st_size
                    self._disk.durably(partial(path.unlink, missing_ok=True))
                    self._quota.add(task_id, -size)
                    del self._places[digest][task_id]
                    if not self._places[digest]:
                        del self._places[digest]

    def _paths(self, digest: bytes) -> list[Path]:
        with self._lock:
            return list(self._places.get(digest, {}).values())

    def _files(self) -> Iterator[tuple[int, Path]]:
        """Every whole file, with its task; what a crash has left is deleted."""
        if not self._directory.is_dir():
            return
        sync_directory(self._directory)  # a process that died may have made folders, and not come to this
        for path in sorted(self._directory.rglob("*")):
            if path.name.startswith(UNFINISHED):
                path.unlink()
            elif _NAME.fullmatch(path.name) and path.is_file():
                task = path.parent.name if _NAME.fullmatch(path.parent.name) else None
                yield NO_TASK if task is None else int(task, 16), path
