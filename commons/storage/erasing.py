"""Secrets that are destroyed: overwritten where they lie, then unlinked, each step durable.

A file system that copies on write, a disk that levels wear, a snapshot or a backup may keep what was there before: who
operates the machine keeps no copies of such files.
"""

from __future__ import annotations

import os
from pathlib import Path

from circuits.atomicfile import storing
from commons.storage.files import LOCAL_DISK, Disk, sync_directory, write_durably

_SUFFIX = ".erase"


def destroy(path: Path, instead: bytes, disk: Disk = LOCAL_DISK) -> None:
    """Put something else in a file's place and destroy what it held; a crash in between loses neither wholly.

    The name changes hands first: there is no time at which the file is absent, or half of either.  After a crash
    ``finish_destroying`` does the rest.

    Raises:
        StorageError: it could not be done; do it again.
    """
    dying = path.with_name(path.name + _SUFFIX)
    with storing(f"cannot destroy {path}"):
        if dying.exists() and not path.samefile(dying):
            _erase(dying, disk)  # of an earlier time, which a crash ended
        if not dying.exists():
            disk.durably(lambda: _link(path, dying))
        write_durably(path, instead, disk=disk)
        _erase(dying, disk)


def finish_destroying(directory: Path, disk: Disk = LOCAL_DISK) -> None:
    """Destroy what a crash has left of files that something else has the place of already.  Raises StorageError."""
    with storing(f"cannot destroy keys in {directory}"):
        for dying in sorted(directory.glob(f"*{_SUFFIX}")):
            path = dying.with_name(dying.name.removesuffix(_SUFFIX))
            if path.exists() and path.samefile(dying):
                disk.durably(dying.unlink)  # it came no further: the file is as it was
            else:
                _erase(dying, disk)


def _link(path: Path, dying: Path) -> None:
    os.link(path, dying)
    sync_directory(path.parent)


def _erase(dying: Path, disk: Disk) -> None:
    disk.durably(lambda: _overwrite(dying))
    disk.durably(lambda: _unlink(dying))


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())


def _unlink(path: Path) -> None:
    path.unlink()
    sync_directory(path.parent)
