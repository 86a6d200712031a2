"""Small disks for the state of servers, which a campaign fills; where none can be mounted, a limit for their files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_MEGABYTES = 64
_BALLAST = "ballast"
_PIECE = bytes(1 << 20)


class Disks:
    """A directory each.  A context manager.

    Attributes:
        mounted: whether they are file systems of their own (Linux, as root).
    """

    def __init__(self, home: Path, names: Iterable[str]) -> None:
        self._home, self._names = home, tuple(names)
        self.mounted = False

    def __enter__(self) -> Self:
        self._unmount()  # of a campaign that was killed
        for name in self._names:
            self.place(name).mkdir(parents=True, exist_ok=True)
        self.mounted = all(_mount(self.place(name)) for name in self._names)
        if not self.mounted:
            self._unmount()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unmount()

    def _unmount(self) -> None:
        for name in self._names:
            _run("umount", "--lazy", str(self.place(name)))

    def place(self, name: str) -> Path:
        """Directory of a server."""
        return self._home / name

    def fill(self, name: str) -> None:
        """Leave no byte free."""
        with suppress(OSError), (self.place(name) / _BALLAST).open("wb", buffering=0) as file:
            while True:
                written = file.write(_PIECE)
                if written < len(_PIECE):
                    file.write(_PIECE[: len(_PIECE) - written])

    def free(self, name: str) -> None:
        """Make room again."""
        (self.place(name) / _BALLAST).unlink(missing_ok=True)


def _mount(place: Path) -> bool:
    options = f"size={_MEGABYTES}m,mode=0700"
    return os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", options, "gradroll-chaos", str(place))


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
