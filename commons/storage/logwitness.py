"""What a log is known to have held: its length, and a digest of all its records, in files that are not in Redis.

Redis may come back without what it had taken: without an append-only file after a crash, emptied, or as a copy that
lags.  A log that is shorter than its witness, or another, would have a coordinator do twice what it has done.

No file system refuses a write of a leader that was replaced while it stood still.  So each taking of the lease has a
file of its own, named by its token, and the one with the largest token counts.
"""

from __future__ import annotations

import logging
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import StorageError
from commons.protocol.codec import Codec
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.recordfiles import read_state, write_record

FILE = "log-witness.json"
"""Has the folder's number, and what a release knew that wrote no other file."""
_DIGITS = 12
_OF_TAKING = re.compile(rf"log-witness-([0-9]{{{_DIGITS}}})\.json")
_TRIES = 5
_VERSION = 1
_CURE = "see 'A log that lost events' in docs/operations.md"
_log = logging.getLogger(__name__)


class LostEventsError(StorageError):
    """The log is not the one that is known; there is no use in trying again."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log goes.

    Attributes:
        records: their number.
        digest: SHA-256, 32 bytes: of each record's row, hashed behind the digest of those before it.
    """

    records: int = 0
    digest: bytes = bytes(32)

    def after(self, row: bytes) -> Head:
        """The head behind another record."""
        return Head(self.records + 1, sha256(self.digest + row).digest())


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file holds, in its order.

    Attributes:
        folder: drawn for this folder; the log in Redis knows it, so that the two stay together.
        records_version: the version that the records had; an upgrade gives them other digests.
        compactions: how often events were dropped from it.
        next_records, next_digest: what it is, or is about to be, after one compaction more; none if there is no digest.
    """

    version: int
    folder: bytes
    records_version: int
    records: int
    digest: bytes
    compactions: int = 0
    next_records: int = 0
    next_digest: bytes = b""


_CODEC: Codec[_Seen] = Codec(_Seen)


class Witness:
    """The files of one log, beside the models, sums and bundles that the log's events speak of.

    Attributes:
        path: what is known is from this file; once ``begin`` was called, the one that is written.
        token: of the lease that wrote it, 0 if none did.
    """

    def __init__(self, directory: Path, disk: Disk = LOCAL_DISK) -> None:
        """Read what is known, or begin a folder.  Raises StorageError."""
        self._directory, self._disk = directory, disk
        self._written = True
        self.path, self.token = directory / FILE, 0
        self._seen = self._read(self.path) or self._begun()
        self.reread()

    @property
    def folder(self) -> str:
        """The folder's own number, in hexadecimal."""
        return self._seen.folder.hex()

    @property
    def head(self) -> Head:
        """How far the log is known to have gone."""
        return Head(self._seen.records, self._seen.digest)

    def known(self, compactions: int) -> Head:
        """How far the log is known to have gone, of which events were dropped so often.

        Raises LostEventsError where that is not known.
        """
        if compactions == self._seen.compactions:
            return self.head
        if compactions == self._seen.compactions + 1 and self._seen.next_digest:
            return Head(self._seen.next_records, self._seen.next_digest)
        raise self.lost("was made shorter by somebody else, or is an older copy")

    def expect(self, after: Head) -> None:
        """Events are about to be dropped.  Raises StorageError when that cannot be written: nothing may be dropped."""
        self._seen = replace(self._seen, next_records=after.records, next_digest=after.digest)
        self._write()

    def reread(self, *, led: bool = False) -> None:
        """Other processes may have led since.

        Args:
            led: some process is known to have led, so that there is something to read.

        Raises:
            StorageError: what is known is gone, or cannot be read.
        """
        for _ in range(_TRIES):  # whoever leads deletes older files than its own
            token, path = max(self._takings(), default=(0, self._directory / FILE))
            found = self._read(path)
            if found is not None and (token or found.records_version or not led):
                break
        else:
            raise StorageError(f"{path} is gone, and says how far the event log went; put it back, or {_CURE}")
        if found.folder != self._seen.folder:
            raise StorageError(f"{path} is of another folder; take it away, and put the one of this folder back")
        self.path, self.token, self._seen = path, token, found

    def begin(self, token: int, records_version: int, head: Head, compactions: int) -> None:
        """Lead, with a file that nobody else writes, and delete what those before knew.

        Args:
            token: of the lease, larger than that of everybody who led before.

        Raises:
            StorageError: it cannot be written, and the process must not lead.
        """
        self.path, self.token = self._directory / f"log-witness-{token:0{_DIGITS}}.json", token
        self._know(records_version, head, compactions)
        write_record(self.path, _CODEC, self._seen, replace=False, disk=self._disk)
        self._written = True
        for older, path in self._takings():
            if older < token:
                with suppress(OSError):  # it counts no more
                    path.unlink(missing_ok=True)

    def is_of(self, records_version: int) -> bool:
        """Whether it speaks of records of this version; of older ones it knows the number alone.

        Raises LostEventsError for a log that was of a newer version before.
        """
        if self._seen.records and self._seen.records_version > records_version:
            raise self.lost("is of an older version than it was")
        return self._seen.records_version == records_version

    def require_room(self) -> None:
        """Raise StorageError when the file could not be written the last time, and cannot be now."""
        if not self._written:
            self._write()

    def note(self, records_version: int, head: Head, compactions: int = 0) -> None:
        """The log is known to go so far.  What cannot be written now is tried again before the log grows further."""
        self._know(records_version, head, compactions)
        self._written = False
        try:
            self._write()
        except StorageError as error:
            _log.error("event=witness-not-written reason=%r", str(error))

    def lost(self, how: str) -> LostEventsError:
        """What to say of a log that is not the one that is known."""
        return LostEventsError(
            f"the event log {how}: {self._seen.records} events are known from {self.path}. Restore Redis from its "
            f"append-only file or a backup; {_CURE}"
        )

    def _know(self, records_version: int, head: Head, compactions: int) -> None:
        self._seen = replace(
            self._seen, records_version=records_version, records=head.records, digest=head.digest,
            compactions=compactions, next_records=0, next_digest=b"",
        )  # fmt: skip

    def _takings(self) -> list[tuple[int, Path]]:
        """The files of those who led, by their tokens."""
        with storing(f"cannot read {self._directory}"):
            named = [(_OF_TAKING.fullmatch(path.name), path) for path in self._directory.iterdir()]
        return [(int(name[1]), path) for name, path in named if name]

    def _read(self, path: Path) -> _Seen | None:
        return read_state(path, _CODEC, _VERSION, "says how far the event log went", "restore it from a backup")

    def _begun(self) -> _Seen:
        """A new file, unless another process has just begun it."""
        new = _Seen(_VERSION, secrets.token_bytes(16), 0, 0, bytes(32))
        try:
            write_record(self.path, _CODEC, new, replace=False, disk=self._disk)
        except StorageError:
            found = self._read(self.path)
            if found is None:
                raise
            return found
        return new

    def _write(self) -> None:
        write_record(self.path, _CODEC, self._seen, disk=self._disk)
        self._written = True
