"""Keeps two processes of a user from sending transactions of one account at a time, whatever files have its key."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_log = logging.getLogger(__name__)


@contextmanager
def alone(identity: bytes, wait: Callable[[], None]) -> Generator[None]:
    """Hold the lock of an account.

    Processes of other users, in other containers or with another place for temporary files are not seen.  Without such
    a place nobody is: then the account's nonces show what happened.

    Args:
        identity: of the account on its chain.
        wait: called again and again while another process has the lock; raises to give up.
    """
    path = _directory() / f"{identity.hex()}.lock"
    handle = _locked(path, wait)
    try:
        yield
    finally:
        if handle is not None:
            with suppress(OSError):
                path.unlink()  # while it is held: who waits for it sees that this file is no longer the lock
            os.close(handle)


def _directory() -> Path:
    """Of this user alone; not below XDG_RUNTIME_DIR, which services and sessions of one user do not share."""
    return Path(tempfile.gettempdir(), f"gradroll-{os.getuid()}")


def _locked(path: Path, wait: Callable[[], None]) -> int | None:
    while True:
        try:
            handle = _opened(path)
        except OSError as error:
            _log.info("event=account-not-locked reason=%s", error.strerror)
            return None
        if _is_held(handle):
            return handle
        os.close(handle)
        wait()


def _opened(path: Path) -> int:
    """The lock's file.  Raises OSError, also for a directory that another user could have made."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    found = path.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(0, "the directory is not this user's alone")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _is_held(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(handle).st_nlink > 0
