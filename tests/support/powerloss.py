"""What a disk holds after the power failed: what was synced, and nothing that was only written.

A file's content is what it was when it was last synced, a directory's entries what they were when the directory was:
so a new file that was synced, but whose directory was not, is gone, a renamed one has its old name, and a deleted one
is back.  Sqlite syncs its files by itself, and its directory when it makes one; they are taken as they are.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

_SQLITE = (".sqlite", ".sqlite-wal")
Entries = dict[str, int]


class PowerLoss:
    """Watches the syncs below a directory, all that is there now being durable.

    Args:
        root: the directory.
        torn: a file that was never synced, but whose name is durable, holds its first half, else nothing.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, *, torn: bool = False) -> None:
        self._root, self._torn = root, torn
        self._content: dict[int, bytes] = {}
        self._entries: dict[int, Entries] = {}
        self._kept: list[int] = []
        for path in (root, *root.rglob("*")):
            self._note(path)
        self._sync = os.fsync
        patch.setattr(os, "fsync", self._fsync)

    def strike(self, target: Path) -> None:
        """Make in an empty directory what the disk would hold if the power failed now."""
        self._restore(self._root, target)

    def close(self) -> None:
        """Let go of the files that are only kept so that no inode is given out twice."""
        for handle in self._kept:
            os.close(handle)
        self._kept.clear()

    def _fsync(self, handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path == self._root or self._root in path.parents:
            self._note(path)
        else:
            self._sync(handle)

    def _note(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        found = os.fstat(handle)
        if found.st_ino in self._content or found.st_ino in self._entries:
            os.close(handle)
        else:
            self._kept.append(handle)
        if stat.S_ISDIR(found.st_mode):
            self._entries[found.st_ino] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            self._content[found.st_ino] = path.read_bytes()

    def _restore(self, source: Path, target: Path) -> None:
        durable = self._entries.get(source.stat().st_ino, {}) if source.is_dir() else {}
        here = {entry.name: entry.inode() for entry in os.scandir(source)} if source.is_dir() else {}
        sqlite = {name: inode for name, inode in here.items() if name.endswith(_SQLITE)}
        for name, inode in {**durable, **sqlite}.items():
            self._restore_one(source / name, inode, target / name, as_it_is=name in sqlite)

    def _restore_one(self, source: Path, inode: int, target: Path, *, as_it_is: bool) -> None:
        if as_it_is:
            target.write_bytes(source.read_bytes())
        elif inode in self._entries:
            target.mkdir(mode=0o700)
            self._restore(source, target)
        elif inode in self._content:
            target.write_bytes(self._content[inode])
        elif source.is_dir():
            target.mkdir(mode=0o700)
        else:
            there = source.read_bytes() if source.exists() and source.stat().st_ino == inode else b""
            target.write_bytes(there[: len(there) // 2] if self._torn else b"")
        if target.is_file():
            target.chmod(0o600)
