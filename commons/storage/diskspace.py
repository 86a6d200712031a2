"""Whether a disk has room for what is coming."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

_log = logging.getLogger(__name__)
_LEAST = 1 << 28
"""Bytes that a node wants free whatever is coming: results, logs, and the database's own files."""


def warn_if_full(directory: Path, coming: int) -> None:
    """Say in the log when a directory's disk has no room for so many more bytes and some beside."""
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        _log.warning("event=disk-not-looked-at directory=%s reason=%r", directory, error.strerror)
        return
    needed = coming + _LEAST
    if free < needed:
        _log.warning("event=disk-nearly-full directory=%s free_bytes=%d wanted_bytes=%d", directory, free, needed)
