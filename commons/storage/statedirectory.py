"""A directory in which one process keeps what it must not lose."""

from __future__ import annotations

from pathlib import Path

from commons.storage.files import DirectoryLock


class StateDirectory:
    """A state directory, which one process has at a time; close it.

    Attributes:
        directory: where it is.

    Raises:
        StorageError: another process has it, or it cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = DirectoryLock(directory)
        self.directory = directory

    def close(self) -> None:
        """Let another process have it."""
        self._lock.release()
