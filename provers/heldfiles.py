"""What a prover keeps for others: a folder for each bounty or bundle, and how much room there is for all of them.

NAME/room                       whose it is, and how many bytes are kept free for all of it
NAME/over                       since when nodes show that it is over
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

from circuits.atomicfile import storing
from circuits.errors import GradrollError, StorageError
from commons.runtime.clock import Clock
from commons.storage.files import LOCAL_DISK, Disk, make_directory, write_durably
from provers.heldroom import Share, Shares, Wording

NAME = re.compile(r"[0-9a-f]{64}")
_OVER, _ROOM = "over", "room"
_OWNER, _BYTES = 20, 8
_log = logging.getLogger(__name__)


class HeldFiles:
    """A directory of folders that are named by 32 bytes.  Thread-safe.

    Args:
        most: bytes of all files together.

    Attributes:
        most: as given.
        wording: how what is kept is called.

    Raises:
        StorageError: the directory cannot be made or read.
    """

    wording: ClassVar[Wording]

    def __init__(self, directory: Path, most: int, disk: Disk = LOCAL_DISK) -> None:
        self._directory, self._disk = directory, disk
        self._lock = threading.RLock()
        self._over = dict[bytes, int]()
        with storing(f"cannot use {directory}"):
            make_directory(directory)
            shares = {name: _share(self._folder(name)) for name in self.names()}
        self._shares = Shares(most, shares, self.wording)
        self.most = most

    def begin(self, name: bytes, owners: bytes, room: int) -> None:
        """Keep room for all that something may need, unless that is done; durable on return.

        Args:
            owners: 20-byte addresses, one after the other.
            room: bytes.

        Raises:
            FullError: what these owners have here, or all, leaves none.
            StorageError: it cannot be written.
        """
        with self._lock:
            if self._shares.admits(name, _split(owners), room):
                self.resize(name, owners, room)

    def resize(self, name: bytes, owners: bytes, room: int) -> None:
        """Keep so much room, whatever others have; arguments and errors are otherwise those of ``begin``."""
        with self._lock:
            write_durably(self._folder(name) / _ROOM, owners + room.to_bytes(_BYTES, "big"), disk=self._disk)
            self._shares.admit(name, _split(owners), room)

    @contextmanager
    def room(self, name: bytes, size: int) -> Iterator[None]:
        """Keep room for a file while it comes.  Raises FullError where there is none."""
        with self._lock:
            self._shares.reserve(name, size)
        try:
            yield
        finally:
            with self._lock:
                self._shares.release(name, size)

    def names(self) -> list[bytes]:
        """Those of which something is here.  Raises StorageError."""
        with storing(f"cannot look at {self._directory}"):
            return [bytes.fromhex(path.name) for path in self._directory.iterdir() if NAME.fullmatch(path.name)]

    def over_since(self, name: bytes, now: int) -> int:
        """When something was first found to be over, which is now unless it was before.

        On a disk that is too full for the note it is kept in memory: a full disk is what deleting is for.
        """
        path = self._folder(name) / _OVER
        raw = content_of(path)
        if raw is not None and len(raw) == _BYTES:
            return int.from_bytes(raw, "big")
        since = self._over.setdefault(name, now)
        try:
            write_durably(path, since.to_bytes(_BYTES, "big"), disk=self._disk)
        except StorageError as error:
            one = self.wording.one
            _log.warning("event=%s-end-not-noted %s=0x%s reason=%r", one, one, name.hex()[:16], str(error))
        return since

    def go_on(self, name: bytes) -> None:
        """It is not over: a block that said so was taken back.  Raises StorageError."""
        self._over.pop(name, None)
        with storing(f"cannot tidy the {self.wording.all}"):
            (self._folder(name) / _OVER).unlink(missing_ok=True)

    def drop(self, name: bytes) -> None:
        """Delete all of it.  Raises StorageError."""
        folder = self._folder(name)
        with self._changed(name), storing(f"cannot delete the {self.wording.one}'s files"):
            self.erase(folder)
            self._disk.durably(lambda: shutil.rmtree(folder))
            self._over.pop(name, None)

    def erase(self, folder: Path) -> None:
        """Overwrite what is secret in a folder that is to be deleted; nothing is where nothing says otherwise."""

    def tidy(self, now: int, kept: Callable[[bytes], int | None]) -> None:
        """Delete what is over for long enough.

        Args:
            now: this machine's time, seconds since 1970.
            kept: seconds for which one of these is kept after its end; None where it is not over.

        Raises:
            StorageError: something could not be deleted; all else was, and the next turn goes on.
        """
        failed: StorageError | None = None
        for name in self.names():
            try:
                self._tidy(name, now, kept(name))
            except StorageError as error:  # one folder that cannot be deleted keeps no other one
                failed = error
            except GradrollError as error:  # nodes that are silent, or differ, delete nothing
                one = self.wording.one
                _log.debug("event=%s-kept %s=0x%s reason=%r", one, one, name.hex()[:16], str(error))
        if failed is not None:
            raise failed

    @property
    def held(self) -> int:
        """Bytes that are here."""
        with self._lock:
            return self._shares.held

    @property
    def promised(self) -> int:
        """Bytes that are here or kept free."""
        with self._lock:
            return self._shares.charged

    def _tidy(self, name: bytes, now: int, kept: int | None) -> None:
        if kept is None:
            self.go_on(name)
        elif now > self.over_since(name, now) + kept:
            self.drop(name)
            one = self.wording.one
            _log.info("event=%s-forgotten %s=0x%s", one, one, name.hex()[:16])

    @contextmanager
    def _changed(self, name: bytes) -> Iterator[None]:
        """One changes a folder at a time; then its size is counted anew."""
        with self._lock:
            try:
                yield
            finally:
                with storing(f"cannot count a {self.wording.one}'s files"):
                    folder = self._folder(name)
                    self._shares.count(name, _size(folder) if folder.is_dir() else None)

    def _folder(self, name: bytes) -> Path:
        return self._directory / name.hex()


class Tidied(Protocol):
    """What keeps something for others, and knows when it is over."""

    def tidy(self, now: int) -> None:
        """As ``HeldFiles.tidy``."""


def tidy_all(kept: Iterable[Tidied | None], clock: Clock) -> None:
    """Delete what is over.  Never raises: the next turn goes on."""
    for each in kept:
        try:
            if each is not None:
                each.tidy(int(clock.time()))
        except GradrollError as error:
            _log.warning("event=tidy-failed reason=%r", str(error))


def _share(folder: Path) -> Share:
    """What something had room kept for; none where a crash left no record, or a damaged one."""
    raw = content_of(folder / _ROOM)
    if raw is None or len(raw) <= _BYTES or (len(raw) - _BYTES) % _OWNER:
        return Share((), 0, _size(folder))
    return Share(_split(raw[:-_BYTES]), int.from_bytes(raw[-_BYTES:], "big"), _size(folder))


def _split(owners: bytes) -> tuple[bytes, ...]:
    return tuple(owners[at : at + _OWNER] for at in range(0, len(owners), _OWNER))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def content_of(path: Path) -> bytes | None:
    """What a small file holds, None where it is not there.  Raises StorageError."""
    with storing(f"cannot read {path}"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
