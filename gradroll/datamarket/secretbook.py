"""What somebody commits to before it is shown, in files of a state directory: written before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from circuits.errors import KeyFileError, UnknownError
from commons.storage.secretfiles import hexadecimal, read_secret_file, write_secret_file
from commons.storage.unlock import LOCKED, Unlock

T = TypeVar("T")
Broken = Callable[[KeyFileError], None]
"""Told of a file that cannot be read."""


class SecretBook:
    """Openings by their commitments, mode 0600, in a directory that this process has locked.

    Args:
        kind: of what is committed to, as it stands in the files.
        unlock: opens files that are encrypted.
        encrypting: encrypts what is written; without it nothing is.
    """

    def __init__(self, directory: Path, kind: str, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._directory, self._kind, self._unlock, self._encrypting = directory, kind, unlock, encrypting

    def add(self, commitment: bytes, content: Mapping[str, Any]) -> None:
        """Write an opening down, durably, unless it is there.  Raises StorageError."""
        path = self._path(commitment)
        if not path.exists():
            write_secret_file(path, self._kind, content, replace=False, unlock=self._encrypting)

    def find(self, commitment: bytes) -> dict[str, Any]:
        """The opening of a commitment.

        Raises:
            UnknownError: it is not here.
            KeyFileError: the file is damaged, readable by others, or locked.
        """
        path = self._path(commitment)
        if not path.exists():
            raise UnknownError(
                f"what opens 0x{commitment.hex()[:16]}.. is not in {self._directory}, and nobody else has it; name the "
                "state directory with which it was committed to (data.state)"
            )
        return read_secret_file(path, self._kind, self._unlock)

    def all(self, read: Callable[[bytes, dict[str, Any]], T], broken: Broken | None = None) -> Iterator[T]:
        """Every opening.

        Args:
            read: makes something of a commitment and its opening.
            broken: is told of a file that cannot be read; without it, that raises KeyFileError.
        """
        for path in sorted(self._directory.glob("*.json")):
            try:
                commitment = hexadecimal(path, path.stem)
                made = read(commitment, self.find(commitment))
            except KeyFileError as error:
                if broken is None:
                    raise
                broken(error)
            else:
                yield made

    def damaged(self, commitment: bytes) -> KeyFileError:
        """What to raise for an opening that is not the one of its commitment."""
        return KeyFileError(f"{self._path(commitment)}: it opens another commitment; put a copy of the file back")

    def _path(self, commitment: bytes) -> Path:
        return self._directory / f"{commitment.hex()}.json"
