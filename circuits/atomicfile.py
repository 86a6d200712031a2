"""Files that are whole or absent: written beside their place, synced, then given it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def written_aside(path: Path, publish: Callable[[str], object]) -> Generator[IO[bytes]]:
    """A file of mode 0600 beside `path`; when the block ends it is synced, and `publish` gives it its place.

    When the block or `publish` raises, the file is gone and `path` untouched.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        publish(name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
