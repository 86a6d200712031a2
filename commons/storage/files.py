"""Files that are whole or absent: written beside their place, synced, renamed."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from circuits.atomicfile import SECRET, storing, written_aside
from circuits.errors import StorageError


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make what a file holds durable.  Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(path: Path, mode: int = 0o700) -> None:
    """Make a directory, and those above it, unless they are there; on return their names survive a crash.

    Raises:
        OSError: it cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    for folder in reversed(missing):
        sync_directory(folder.parent)


class Disk:
    """Where nodes keep their state.  Every step by which something becomes durable goes through it.

    A simulation replaces it, to let a node crash at each such step, or find the disk full.
    """

    def durably(self, act: Callable[[], object]) -> None:
        """Do one durable step.  Raises OSError when it cannot be done."""
        act()


LOCAL_DISK = Disk()


def write_durably(
    path: Path, data: bytes, *, replace: bool = True, mode: int = SECRET, disk: Disk = LOCAL_DISK
) -> None:
    """Write a file; after return it survives a crash, before return the old one is untouched.

    Args:
        mode: by default only the owner reads the file, and a directory that is made for it.

    Raises:
        StorageError: the disk is full or not writable, or the file exists and must not be replaced.
    """
    with written_durably(path, replace=replace, mode=mode, disk=disk) as out:
        out.write(data)


@contextmanager
def written_durably(
    path: Path, *, replace: bool = True, mode: int = SECRET, disk: Disk = LOCAL_DISK
) -> Generator[IO[bytes]]:
    """A file to write piece by piece; it is there when the block has ended, and not if that raises.

    Arguments and errors are those of ``write_durably``.
    """
    with storing(f"cannot write {path}"):
        make_directory(path.parent, 0o700 if mode == SECRET else 0o777)
        with written_aside(path, lambda name: disk.durably(lambda: _publish(name, path, replace=replace)), mode) as out:
            yield out


def move_durably(source: Path, target: Path, disk: Disk = LOCAL_DISK) -> None:
    """Give a synced file its place.  Raises OSError."""

    def move() -> None:
        source.replace(target)
        sync_directory(target.parent)

    disk.durably(move)


def open_regular(path: Path, flags: int, mode: int = SECRET) -> int:
    """A handle of a file; a pipe or a device that somebody put in its place is neither waited for nor read.

    Raises:
        StorageError: it is no file.
        OSError: it cannot be opened.
    """
    handle = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StorageError(f"{path} is no file; name another, or remove it")
    return handle


def publish_durably(part: Path, path: Path, *, replace: bool) -> None:
    """Give a synced file its place; on return it has it after a crash too.

    Args:
        replace: what has the name already.

    Raises:
        StorageError: the name is taken and must not be replaced.
        OSError: it cannot be done.
    """
    _publish(str(part), path, replace=replace)


def _publish(temporary: str, path: Path, *, replace: bool) -> None:
    if replace:
        os.replace(temporary, path)
    else:
        _link_new(temporary, path)
    sync_directory(path.parent)


def _link_new(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise StorageError(f"{path} exists already; it is not overwritten, so choose another name") from None
    os.unlink(temporary)


class TakenError(StorageError):
    """Another process has it."""


class FileLock:
    """Keeps a second process off what a lock file stands for."""

    def __init__(self, path: Path, taken: str, failed: str = "") -> None:
        """Raises TakenError with ``taken`` when another process has it, StorageError when there can be no such file."""
        with storing(failed or f"cannot lock {path}"):
            make_directory(path.parent)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            raise TakenError(taken) from None

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._handle)


class DirectoryLock(FileLock):
    """Keeps a second process off a state directory."""

    def __init__(self, directory: Path) -> None:
        """Raises StorageError when another process holds the directory."""
        taken = f"the state directory {directory} is in use by another process; stop it first"
        super().__init__(directory / "lock", taken)
