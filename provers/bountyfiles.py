"""What a prover keeps for bounties: a folder for each, with files named by their digests.

BOUNTY/SHA-256.data             a group's file
BOUNTY/INDEX.group              which group that is, and the SHA-256 of that
BOUNTY/LISTING/OFFER.row        a sealed row
BOUNTY/LISTING/OFFER.blinding   x of it
BOUNTY/over                     since when nodes show that the bounty is over
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import FullError, UnknownError
from circuits.hashing import words
from commons.protocol.bountydraws import HiddenGroup
from commons.storage.erasing import destroy
from commons.storage.files import LOCAL_DISK, Disk, make_directory, write_durably

MOST_OFFERS = 8
"""Of one listing in one bounty.  None of them is let go of for a newer one: the winner may have any of them locked."""
_NAME = re.compile(r"[0-9a-f]{64}")
_OVER = "over"


class BountyFiles:
    """A directory of bounties.  Thread-safe.

    Args:
        most: bytes of all files together.

    Raises:
        StorageError: the directory cannot be made or read.
    """

    def __init__(self, directory: Path, most: int, disk: Disk = LOCAL_DISK) -> None:
        self._directory, self._most, self._disk = directory, most, disk
        self._lock = threading.Lock()
        self._reserved = 0
        with storing(f"cannot use {directory}"):
            make_directory(directory)
            self._held = {bounty: _size(self._folder(bounty)) for bounty in self.bounties()}

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Keep room for a file while it comes.  Raises FullError where there is none."""
        with self._lock:
            if self._reserved + sum(self._held.values()) + size > self._most:
                raise FullError(
                    "this prover's room for bounties is used up; try again when others are over, or ask its operator "
                    "to raise prover.max_bounty_bytes"
                )
            self._reserved += size
        try:
            yield
        finally:
            with self._lock:
                self._reserved -= size

    def put_group(self, bounty: bytes, index: int, group: HiddenGroup, file: bytes) -> None:
        """Keep a group's checked data; durable on return.  Raises StorageError."""
        record = words(group.samples, group.salt, group.group_hash, group.file_digest)
        folder = self._folder(bounty)
        with self._changed(bounty):
            write_durably(folder / f"{group.file_digest.hex()}.data", file, disk=self._disk)
            write_durably(folder / f"{index}.group", record + sha256(record).digest(), disk=self._disk)

    def group(self, bounty: bytes, index: int) -> HiddenGroup:
        """A group whose data are here, as they were when they came.

        Raises:
            UnknownError: they never came, or were lost or damaged since.
        """
        raw = _content(self._folder(bounty) / f"{index}.group")
        if raw is not None and len(raw) == 5 * 32 and sha256(raw[:128]).digest() == raw[128:]:
            group = HiddenGroup(raw[32:64], raw[64:96], raw[96:128], int.from_bytes(raw[:32], "big"))
            file = _content(self._folder(bounty) / f"{group.file_digest.hex()}.data")
            if file is not None and sha256(file).digest() == group.file_digest:
                return group
        raise UnknownError(f"the data of group {index} of the bounty are not here; send them (again)")

    def put_offer(self, bounty: bytes, listing: bytes, offer: bytes, row: bytes, blinding: int) -> None:
        """Keep a winner's checked offer; durable on return.

        Raises:
            FullError: as many offers of this listing are here as are kept.
            StorageError: it cannot be written.
        """
        folder, name = self._folder(bounty) / listing.hex(), offer.hex()
        with self._changed(bounty):
            known = {path.stem for path in folder.glob("*.row")}
            if name not in known and len(known) >= MOST_OFFERS:
                raise FullError(f"{MOST_OFFERS} offers of this listing are here already; have one of them locked")
            write_durably(folder / f"{name}.blinding", blinding.to_bytes(32, "big"), disk=self._disk)
            write_durably(folder / f"{name}.row", row, disk=self._disk)

    def blinding(self, bounty: bytes, listing: bytes, offer: bytes) -> int:
        """x of an offer.  Raises UnknownError."""
        raw = _content(self._folder(bounty) / listing.hex() / f"{offer.hex()}.blinding")
        if raw is None or len(raw) != 32:
            raise UnknownError("what opens this offer was not told here; ask another member of the committee")
        return int.from_bytes(raw, "big")

    def file(self, bounty: bytes, digest: bytes) -> bytes:
        """A group's file or a sealed row by its digest.  Raises UnknownError."""
        folder = self._folder(bounty)
        rows = folder.glob(f"*/{digest.hex()}.row") if folder.is_dir() else ()
        for path in (folder / f"{digest.hex()}.data", *rows):
            found = _content(path)
            if found is not None:
                return found
        raise UnknownError(f"nothing with the digest 0x{digest.hex()} is kept here for this bounty; ask another member")

    def bounties(self) -> list[bytes]:
        """Bounties of which something is here.  Raises StorageError."""
        with storing(f"cannot look at {self._directory}"):
            return [bytes.fromhex(path.name) for path in self._directory.iterdir() if _NAME.fullmatch(path.name)]

    def over_since(self, bounty: bytes, now: int) -> int:
        """When a bounty was first found to be over, which is now unless it was before.  Raises StorageError."""
        path = self._folder(bounty) / _OVER
        raw = _content(path)
        if raw is not None and len(raw) == 8:
            return int.from_bytes(raw, "big")
        write_durably(path, now.to_bytes(8, "big"), disk=self._disk)
        return now

    def go_on(self, bounty: bytes) -> None:
        """The bounty is not over: a block that said so was taken back.  Raises StorageError."""
        with storing("cannot tidy the bounties"):
            (self._folder(bounty) / _OVER).unlink(missing_ok=True)

    def drop(self, bounty: bytes) -> None:
        """Delete all of a bounty; what opens its offers is overwritten first.  Raises StorageError."""
        folder = self._folder(bounty)
        with self._changed(bounty), storing("cannot delete a bounty's files"):
            for path in folder.glob("*/*.blinding"):
                destroy(path, b"", self._disk)
            self._disk.durably(lambda: shutil.rmtree(folder))

    @property
    def held(self) -> int:
        """Bytes that are here."""
        with self._lock:
            return sum(self._held.values())

    @contextmanager
    def _changed(self, bounty: bytes) -> Iterator[None]:
        """One changes a bounty's files at a time; then its size is counted anew."""
        with self._lock:
            try:
                yield
            finally:
                with storing("cannot count a bounty's files"):
                    self._held[bounty] = _size(self._folder(bounty))
                if not self._held[bounty]:
                    del self._held[bounty]

    def _folder(self, bounty: bytes) -> Path:
        return self._directory / bounty.hex()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _content(path: Path) -> bytes | None:
    with storing(f"cannot read {path}"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
