"""Where a process has the passphrase of its key files from: read once, and shown by nothing."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from circuits.errors import ConfigError

_MOST_BYTES = 1 << 12
_lock = threading.Lock()
_known: dict[Passphrase, str] = {}


@dataclass(frozen=True, slots=True)
class Passphrase:
    """One place, or none.

    Attributes:
        file: its first line counts, and only its owner may read it.
        variable: an environment variable, which is removed once it was read, so that no process started here has it.
        descriptor: read to its end and closed; the first line counts.
    """

    file: Path | None = None
    variable: str | None = None
    descriptor: int | None = None

    def __bool__(self) -> bool:
        """Whether there is a place."""
        return (self.file, self.variable, self.descriptor) != (None, None, None)

    def read(self) -> str:
        """The passphrase; a descriptor and a variable are read once a process.

        Raises:
            ConfigError: there is none, or others can read its file.
        """
        with _lock:
            if self not in _known:
                _known[self] = self._read()
            return _known[self]

    def _read(self) -> str:
        found = self._first_line() if self.variable is None else os.environ.pop(self.variable, "")
        if not found:
            raise ConfigError(f"{self._name()} holds no passphrase; put it there, in one line")
        return found

    def _first_line(self) -> str:
        try:
            if self.descriptor is not None:
                with open(self.descriptor, "rb") as opened:
                    raw = opened.read(_MOST_BYTES)
            else:
                raw = _of_owner_alone(self.file or Path())
            return raw.decode().partition("\n")[0].removesuffix("\r")
        except OSError as error:
            raise ConfigError(
                f"{self._name()} cannot be read ({error.strerror}); correct it, or its permissions"
            ) from None
        except UnicodeDecodeError:  # not chained: the error holds what was read
            raise ConfigError(f"{self._name()} is not UTF-8 text; save it as UTF-8") from None

    def _name(self) -> str:
        if self.variable is not None:
            return f"the variable {self.variable} (unlock.passphrase_env)"
        if self.descriptor is not None:
            return f"descriptor {self.descriptor} (unlock.passphrase_fd)"
        return f"{self.file} (unlock.passphrase_file)"


def _of_owner_alone(path: Path) -> bytes:
    with path.open("rb") as opened:
        if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
            raise ConfigError(f"{path} (unlock.passphrase_file): others can read this passphrase; chmod 600 it")
        return opened.read(_MOST_BYTES)
