"""What a log is known to have held: its length, and a digest of all its records, in a file that is not in Redis.

Redis may come back without what it had taken: without an append-only file after a crash, emptied, or as a copy that
lags.  A log that is shorter than its witness, or another, would have a coordinator do twice what it has done.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from circuits.errors import StorageError
from commons.protocol.codec import Codec
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.recordfiles import read_state, write_record

FILE = "log-witness.json"
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
    """What the file holds, in its order.

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
    """The file of one log, beside the models, sums and bundles that the log's events speak of."""

    def __init__(self, directory: Path, disk: Disk = LOCAL_DISK) -> None:
        """Read the file, or begin one.  Raises StorageError."""
        self.path = directory / FILE
        self._disk = disk
        self._written = True
        self._seen = self._read() or self._begun()

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

    def reread(self) -> None:
        """Another process may have written the file.  Raises StorageError."""
        found = self._read()
        if found is None:
            raise StorageError(f"{self.path} is gone, and says how far the event log went; put it back, or {_CURE}")
        self._seen = found

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
        self._seen = replace(
            self._seen, records_version=records_version, records=head.records, digest=head.digest,
            compactions=compactions, next_records=0, next_digest=b"",
        )  # fmt: skip
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

    def _read(self) -> _Seen | None:
        return read_state(self.path, _CODEC, _VERSION, "says how far the event log went", "restore it from a backup")

    def _begun(self) -> _Seen:
        """A new file, unless another process has just begun it."""
        new = _Seen(_VERSION, secrets.token_bytes(16), 0, 0, bytes(32))
        try:
            write_record(self.path, _CODEC, new, replace=False, disk=self._disk)
        except StorageError:
            found = self._read()
            if found is None:
                raise
            return found
        return new

    def _write(self) -> None:
        write_record(self.path, _CODEC, self._seen, disk=self._disk)
        self._written = True
