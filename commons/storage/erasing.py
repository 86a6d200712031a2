"""Secrets that are destroyed: overwritten where they lie, then unlinked, each step durable.

A file system that copies on write, a disk that levels wear, a snapshot or a backup may keep what was there before: who
operates the machine keeps no copies of such files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from circuits.atomicfile import UNFINISHED, storing
from commons.storage.files import LOCAL_DISK, Disk, FileLock, TakenError, sync_directory, write_durably

_SUFFIX = ".erase"
LOCK = "erasing.lock"
"""Kept by whoever destroys something in a directory: another process would take it for what a crash has left."""
_ABANDONED = 3600.0
"""Seconds after which nobody writes a new file any more: a crash has left it."""


def destroy(path: Path, instead: bytes, disk: Disk = LOCAL_DISK) -> None:
    """Put something else in a file's place and destroy what it held; a crash in between loses neither wholly.

    The name changes hands first: there is no time at which the file is absent, or half of either.  After a crash
    ``finish_destroying`` does the rest.

    Raises:
        StorageError: it could not be done, or another process destroys something there; do it again.
    """
    dying = path.with_name(path.name + _SUFFIX)
    with _alone(path.parent), storing(f"cannot destroy {path}"):
        if dying.exists() and not path.samefile(dying):
            _erase(dying, disk)  # of an earlier time, which a crash ended
        if not dying.exists():
            disk.durably(lambda: _link(path, dying))
        write_durably(path, instead, disk=disk)
        _erase(dying, disk)


def finish_destroying(directory: Path, disk: Disk = LOCAL_DISK) -> None:
    """Destroy what a crash has left: of files whose place something else has already, and of new ones that got none.

    While another process destroys something there, this leaves all of it to that.

    Raises:
        StorageError: something cannot be destroyed.
    """
    with storing(f"cannot destroy keys in {directory}"):
        if not _leftovers(directory):
            return
        with suppress(TakenError), _alone(directory):
            for dying in _leftovers(directory):
                _finish(dying, disk)


def _leftovers(directory: Path) -> list[Path]:
    abandoned = filter(_is_abandoned, directory.glob(f"{UNFINISHED}*"))
    return [*sorted(directory.glob(f"*{_SUFFIX}")), *abandoned]


def _is_abandoned(unfinished: Path) -> bool:
    """Whether the process that wrote a new file died before it gave that its place."""
    with suppress(FileNotFoundError):  # another process has just done so
        return unfinished.stat().st_mtime < time.time() - _ABANDONED
    return False


def _finish(dying: Path, disk: Disk) -> None:
    """Unlink what has another name, under which it is whole and in use; overwrite what has none."""
    path = dying.with_name(dying.name.removesuffix(_SUFFIX))
    if path.exists() and path.samefile(dying) and dying.stat().st_nlink > 1:
        disk.durably(dying.unlink)
    else:
        _erase(dying, disk)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Raises TakenError while another process destroys something in a directory."""
    lock = FileLock(directory / LOCK, f"another process destroys keys in {directory}; wait until it has finished")
    try:
        yield
    finally:
        lock.release()


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
