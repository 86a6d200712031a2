"""Uploads that owners handed in, as they came, on disk until their round is over.

Nothing in them opens here.  A chunk is taken if it is the next one that the owner signed, so several streams of one
upload only help each other, and what came of one that broke off is the owner's, whoever sent it.  A file of chunks is
checked anew when a process first uses it; what stands behind the last that is whole is written over.  A look changes no
file: another process may be the one that writes there by now.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import DecodeError

from circuits.atomicfile import storing
from circuits.errors import ClosedError, FullError, GradrollError, StorageError, UnknownError, WireError
from commons.protocol.manifests import BodyEntry
from commons.protocol.streamheads import OfferHead
from commons.sharing.sealedbodies import END, SEALED, Chunks, NoChunks, RunningCheck, SealedChunk, take_rest
from commons.storage.files import LOCAL_DISK, Disk, write_durably
from commons.wire import sharestreams
from commons.wire._generated import coordinator_pb2 as pb
from coordinator.roundstate import RoundKey

PER_OWNER = 4
"""Uploads of an owner in a round; provers take no more submissions of one either."""
_VERSION, _HEAD = b"\x01", "head"
_RECORD = SEALED + len(END)
"""Bytes of a chunk in a file, but for the last one."""
_log = logging.getLogger(__name__)


class StoredBody:
    """One body's chunks in a file.  Thread-safe; implements ``commons.sharing.sealedbodies.Chunks``."""

    def __init__(self, path: Path, entry: BodyEntry) -> None:
        self._path, self._entry = path, entry
        self._check: RunningCheck | None = None
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many chunks it has when it is whole."""
        return self._entry.chunks

    @property
    def checked(self) -> bool:
        """Whether this process knows what is in the file."""
        return self._check is not None

    @property
    def taken(self) -> int:
        """How many have come.  Raises StorageError."""
        with self._lock:
            return self._checked().taken

    def take(self, index: int, chunk: SealedChunk) -> None:
        """Take a chunk that is not here yet.  Raises WireError for another than its owner signed; StorageError."""
        with self._lock:
            check = self._checked()
            if index != check.taken:
                return  # another stream brought it
            check.take(chunk)
            self._check = None  # until it is written: what is in the file is looked at again otherwise
            with storing("cannot store the upload"), self._path.open("r+b") as file:
                file.seek(index * _RECORD)
                file.write(chunk.sealed + chunk.rest)
                if check.complete:
                    file.truncate()
            self._check = check

    def chunk(self, index: int) -> SealedChunk:
        """A chunk that has come.  Raises StorageError, also where it was damaged since, which no owner did."""
        with storing("cannot read an upload"), self._path.open("rb") as file:
            file.seek(max(index * _RECORD - len(END), 0))
            wanted = file.read(len(END)) if index else self._entry.root
            chunk = _chunk(file.read(_RECORD))
        if chunk.digest != wanted:
            with self._lock:
                self._check = None  # what is whole is looked for again, and its owner can bring the rest
            raise StorageError("an upload was damaged on disk")
        return chunk

    def sync(self) -> None:
        """Make it durable.  Raises OSError."""
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def _checked(self) -> RunningCheck:
        if self._check is None:
            with storing("cannot read an upload"):
                self._check = self._whole_part()
        return self._check

    def _whole_part(self) -> RunningCheck:
        check = RunningCheck(self._entry.root, self._entry.chunks)
        self._path.touch(mode=0o600)
        with self._path.open("rb") as file:
            for raw in iter(lambda: file.read(_RECORD), b""):
                try:
                    check.take(_chunk(raw))
                except WireError:  # cut off when a process died, or damaged
                    break
        return check


def _chunk(raw: bytes) -> SealedChunk:
    return SealedChunk(raw[: -len(END)], raw[-len(END) :])


@dataclass(frozen=True)
class Offer:
    """One upload.

    Attributes:
        digest: of its manifest, by which it is known.
        submission: digest of the dealing.
    """

    digest: bytes
    submission: bytes
    head: OfferHead
    bodies: tuple[StoredBody, ...] = field(repr=False)

    @property
    def key(self) -> RoundKey:
        """Task and round."""
        return self.head.header.task_id, self.head.header.round

    @property
    def size(self) -> int:
        """Bytes that it may come to take."""
        return sum(body.count for body in self.bodies) * _RECORD

    @property
    def count(self) -> int:
        """Chunks of all bodies."""
        return sum(body.count for body in self.bodies)

    @property
    def taken(self) -> int:
        """How many of them have come, one body behind the other."""
        total = 0
        for body in self.bodies:
            total += body.taken
            if body.taken < body.count:
                break
        return total

    @property
    def checked(self) -> bool:
        """Whether this process knows what is in its files; looking takes a while for long ones."""
        return all(body.checked for body in self.bodies)

    @property
    def complete(self) -> bool:
        """Whether all have come."""
        return self.taken == self.count

    def look(self) -> None:
        """Look at what is in its files.  Raises StorageError."""
        for body in self.bodies:
            _ = body.taken

    def take(self, index: int, chunk: SealedChunk) -> None:
        """Take a chunk, if it is the next."""
        for body in self.bodies:
            if index < body.count:
                body.take(index, chunk)
                return
            index -= body.count

    def body(self, prover: int) -> Chunks:
        """What completes a prover's share."""
        number = self.head.manifest.parts[prover].body
        return NoChunks() if number is None else self.bodies[number]


def _dealer(offer: Offer) -> tuple[bytes, int]:
    """Whose upload it is; of a model owner's copies of a reference each counts for itself."""
    return offer.head.header.owner, offer.head.header.owner_index


class Offers:
    """All uploads.

    Args:
        max_bytes: most bytes of all of them.
    """

    def __init__(self, directory: Path, *, max_bytes: int, disk: Disk = LOCAL_DISK) -> None:
        """Raises StorageError when the directory cannot be read."""
        self._directory, self._max_bytes, self._disk = directory, max_bytes, disk
        self._lock = threading.Lock()
        self._offers: dict[bytes, Offer] = {}
        with storing("cannot read the uploads"):
            found = sorted(directory.iterdir()) if directory.is_dir() else []
        for folder in found:
            try:
                offer = _loaded(folder)
            except (GradrollError, DecodeError, ValueError, OSError):  # begun and not written, or half deleted
                _log.info("event=upload-dropped name=%s reason='it has no head'", folder.name)
                shutil.rmtree(folder, ignore_errors=True)
            else:
                self._offers[offer.digest] = offer

    def all(self) -> list[Offer]:
        """Those that are here."""
        with self._lock:
            return list(self._offers.values())

    def holds(self, offer: Offer) -> bool:
        """Whether an upload is here, and not dropped."""
        return self._offers.get(offer.digest) is offer

    def of(self, submission: bytes) -> list[Offer]:
        """Uploads of a submission.  Raises UnknownError for none."""
        found = [offer for offer in self.all() if offer.submission == submission]
        if not found:
            raise UnknownError(f"no upload of submission 0x{submission.hex()} is here")
        return found

    def begin(self, digest: bytes, submission: bytes, head: OfferHead) -> Offer:
        """The upload of a manifest that its owner signed; as far as it has come, or a new one.

        Raises:
            ClosedError: the owner has as many in this round as are taken.
            FullError: no room is left for this task.
            StorageError: it cannot be written.
        """
        with self._lock:
            known = self._offers.get(digest)
            if known is not None:
                return known
            folder = self._directory / digest.hex()
            offer = _offer(folder, digest, submission, head)
            self._require_room(offer)
            raw = _VERSION + submission + sharestreams.offer_to_wire(head).SerializeToString(deterministic=True)
            write_durably(folder / _HEAD, raw, disk=self._disk)
            self._offers[digest] = offer
            return offer

    def take(self, offer: Offer, chunks: Iterator[SealedChunk]) -> Iterator[int]:
        """Take what an upload lacks, as ``take_rest``; when the iterator ends, it is on disk.  Raises StorageError."""
        yield from take_rest(offer, offer.count, chunks)
        with storing("cannot store the upload"):
            for body in offer.bodies:
                self._disk.durably(body.sync)

    def drop(self, offer: Offer) -> None:
        """Delete an upload that nobody needs any more."""
        with self._lock:
            self._offers.pop(offer.digest, None)
        shutil.rmtree(self._directory / offer.digest.hex(), ignore_errors=True)

    def _require_room(self, offer: Offer) -> None:
        """A task has no more than is free for others: anybody can make one that names this coordinator."""
        task, dealer = offer.head.header.task_id, _dealer(offer)
        own = [o for o in self._offers.values() if o.key == offer.key and _dealer(o) == dealer]
        if len(own) >= PER_OWNER:
            raise ClosedError(f"this owner has handed in {PER_OWNER} uploads in this round already")
        free = self._max_bytes - sum(each.size for each in self._offers.values())
        of_task = sum(each.size for each in self._offers.values() if each.key[0] == task)
        if of_task + offer.size > free:
            raise FullError("this coordinator's room for uploads is used up; hand the shares to the provers themselves")


def _offer(folder: Path, digest: bytes, submission: bytes, head: OfferHead) -> Offer:
    bodies = (StoredBody(folder / f"body-{n}", entry) for n, entry in enumerate(head.manifest.bodies))
    return Offer(digest, submission, head, tuple(bodies))


def _loaded(folder: Path) -> Offer:
    """An upload of before.  Raises ValueError, DecodeError, WireError or OSError for a folder that holds none."""
    raw = (folder / _HEAD).read_bytes()
    if raw[:1] != _VERSION:
        raise ValueError("another version")
    head = sharestreams.offer_from_wire(pb.OfferSharesRequest.FromString(raw[33:]))
    return _offer(folder, bytes.fromhex(folder.name), raw[1:33], head)
