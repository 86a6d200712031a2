"""Files that are whole or absent: written beside their place, synced, then given it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from circuits.errors import StorageError

SECRET = 0o600
"""Mode of a file that only its owner may read."""
PUBLIC = 0o666
"""Mode of a file for everybody, as far as the process's umask lets them."""

UNFINISHED = ".new-"
"""How the names of files begin that have no place yet."""


@contextmanager
def storing(what: str) -> Generator[None]:
    """Turn an operating-system error into a StorageError that names what could not be stored."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise StorageError(f"{what}: {error.filename} is no directory; choose another place") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{what}: {reason}; free some space or check the permissions") from error


@contextmanager
def written_aside(path: Path, publish: Callable[[str], object], mode: int = SECRET) -> Generator[IO[bytes]]:
    """A new file beside `path`; when the block ends it is synced, and `publish` gives it its place.

    When the block or `publish` raises, the file is gone and `path` untouched.  What was written can be read again.

    Args:
        mode: `SECRET` or `PUBLIC`.
    """
    name = f"{path.parent}/{UNFINISHED}{secrets.token_hex(8)}"
    handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        publish(name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
