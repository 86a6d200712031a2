"""A round's public record in one file: all that an audit asks of coordinator and provers, kept for longer than they do.

Version 1, integers big-endian; a record has exactly one encoding:

    14 bytes     "gradroll-round"
    2 bytes      version
    84 bytes     market: chain 32, address 20, deployment 32
    64 bytes     task and round, 32 each
    8 bytes      how many batches, and how many certificates, 4 each
    batches      in the market's order; each the length and the audit bundle, the length and the sum (lengths 8 bytes)
    certificates in ascending order of their bytes; each the length and the certificate
    32 bytes     SHA-256 of everything above

The digest finds damage.  It does not authenticate: who can replace a file can replace its digest, and nothing in it is
believed before an audit has held it against the chain.  Files are written and read batch by batch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from circuits.atomicfile import PUBLIC
from circuits.errors import InvalidInputError, UnknownError, WireError
from circuits.hashing import words
from circuits.payload import largest_payload
from circuits.terms import MarketId
from commons.protocol.bundle import MAX_CERTIFICATE, AuditBundle, Certificate, largest_bundle
from commons.storage.files import LOCAL_DISK, Disk, written_durably

VERSION = 1
MAX_CERTIFICATES = 1024
_MAGIC = b"gradroll-round"
_MAX_BATCHES = 1 << 16
"""No task has more registration indices, and each batch takes one at least."""
_WORD, _ADDRESS, _COUNT, _LENGTH, _DIGEST = 32, 20, 4, 8, 32
_HEAD = len(_MAGIC) + 2 + (_WORD + _ADDRESS + _WORD) + 2 * _WORD + 2 * _COUNT
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """What stands at the beginning.

    Attributes:
        batches: how many follow, 1 to 2^16.
        certificates: how many follow, at most ``MAX_CERTIFICATES``.
    """

    market: MarketId
    task_id: int
    round: int
    batches: int
    certificates: int

    def encode(self) -> bytes:
        """Canonical bytes."""
        market = words(self.market.chain_id) + self.market.address + self.market.deployment
        counts = self.batches.to_bytes(_COUNT, "big") + self.certificates.to_bytes(_COUNT, "big")
        return _MAGIC + VERSION.to_bytes(2, "big") + market + words(self.task_id, self.round) + counts


@dataclass(frozen=True, slots=True)
class ArchivedBatch:
    """What is kept of one batch.

    Attributes:
        payload: its encoded sum (``circuits.payload``); empty where sums are private.
    """

    bundle: AuditBundle
    payload: bytes = field(repr=False)


def write_archive(
    path: Path,
    head: ArchiveHead,
    batches: Iterable[ArchivedBatch],
    certificates: Iterable[Certificate],
    disk: Disk = LOCAL_DISK,
) -> None:
    """Write a new file, whole or not at all; batches are taken one by one, as they are written.

    Args:
        batches: as many as the head says, in the market's order.
        certificates: as many as the head says, in any order.

    Raises:
        StorageError: there is a file of that name, which is not overwritten, or none can be written.
    """
    with written_durably(path, replace=False, mode=PUBLIC, disk=disk) as file:
        digest = hashlib.sha256()
        for piece in archive_pieces(head, batches, certificates):
            digest.update(piece)
            file.write(piece)
        file.write(digest.digest())


def archive_pieces(
    head: ArchiveHead, batches: Iterable[ArchivedBatch], certificates: Iterable[Certificate]
) -> Iterator[bytes]:
    """The bytes of an archive, but for the digest; the arguments are those of ``write_archive``."""
    yield head.encode()
    for batch in batches:
        yield from _sized(batch.bundle.encode())
        yield from _sized(batch.payload)
    for raw in sorted(certificate.encode() for certificate in certificates):
        yield from _sized(raw)


def _sized(raw: bytes) -> Iterator[bytes]:
    yield len(raw).to_bytes(_LENGTH, "big")
    yield raw


class RoundArchive:
    """An open file.  Call ``require_whole`` first, then take the batches, then the certificates.

    Attributes:
        head: what it says that it is; the rest has to be held against that, and all of it against the chain.
    """

    def __init__(self, path: Path, file: IO[bytes], size: int) -> None:
        """Raises InvalidInputError for a file that does not begin like an archive of this version."""
        self._path, self._file, self._left = path, file, size
        self.head = self._read_head()

    def require_whole(self, dimension: int) -> None:
        """Refuse a file that is damaged, or longer than an archive of so many batches of such a model can be.

        Args:
            dimension: of the task's model, by the chain.

        Raises:
            InvalidInputError: it is.
        """
        each = 2 * _LENGTH + largest_bundle(dimension) + largest_payload(dimension)
        most = self.head.batches * each + self.head.certificates * (_LENGTH + MAX_CERTIFICATE) + _DIGEST
        if not _DIGEST <= self._left <= most:
            raise self._damaged("it has another length than it says")
        digest, left = hashlib.sha256(self.head.encode()), self._left - _DIGEST
        while left and (piece := self._file.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
        if left or self._file.read(_DIGEST) != digest.digest():
            raise self._damaged("its digest differs")
        self._file.seek(_HEAD)
        self._left -= _DIGEST

    def batches(self, dimension: int) -> Iterator[ArchivedBatch]:
        """Take all batches.

        Args:
            dimension: of the task's model; bounds what is read.

        Raises:
            InvalidInputError: one is malformed.
        """
        for _ in range(self.head.batches):
            with self._reading():
                bundle = AuditBundle.decode(self._record(largest_bundle(dimension)))
            yield ArchivedBatch(bundle, self._record(largest_payload(dimension)))

    def certificates(self) -> Iterator[Certificate]:
        """Take all certificates; nothing may follow them.

        Raises:
            InvalidInputError: one is malformed, or not in its place.
        """
        last = b""
        for _ in range(self.head.certificates):
            raw = self._record(MAX_CERTIFICATE)
            if raw <= last:
                raise self._damaged("its certificates are not in order")
            with self._reading():
                certificate = Certificate.decode(raw)
            yield certificate
            last = raw
        if self._left:
            raise self._damaged("something follows its last certificate")

    def _read_head(self) -> ArchiveHead:
        raw = self._file.read(_HEAD)
        version, at = raw[len(_MAGIC) : len(_MAGIC) + 2], len(_MAGIC) + 2
        if len(raw) < _HEAD or not raw.startswith(_MAGIC):
            raise InvalidInputError(
                f"{self._path} is no archive of a round; name a file that gradroll audit --export wrote"
            )
        if int.from_bytes(version, "big") != VERSION:
            raise InvalidInputError(
                f"{self._path} is an archive of another version than {VERSION}; use the release that wrote it"
            )
        self._left -= _HEAD
        sizes, cut = (_WORD, _ADDRESS, _WORD, _WORD, _WORD, _COUNT, _COUNT), []
        for size in sizes:
            cut.append(raw[at : at + size])
            at += size
        chain, address, deployment, *numbers = cut
        task_id, number, batches, certificates = (int.from_bytes(each, "big") for each in numbers)
        if not 1 <= batches <= _MAX_BATCHES or certificates > MAX_CERTIFICATES:
            raise self._damaged(f"{batches} batches and {certificates} certificates are in no round")
        market = MarketId(int.from_bytes(chain, "big"), address, deployment)
        return ArchiveHead(market, task_id, number, batches, certificates)

    def _record(self, most: int) -> bytes:
        length = int.from_bytes(self._take(_LENGTH), "big")
        if length > most:
            raise self._damaged("a record in it is longer than can be")
        return self._take(length)

    def _take(self, size: int) -> bytes:
        raw = self._file.read(size) if size <= self._left else b""
        if len(raw) != size:
            raise self._damaged("a record in it is cut off")
        self._left -= size
        return raw

    @contextmanager
    def _reading(self) -> Generator[None]:
        try:
            yield
        except WireError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> InvalidInputError:
        return InvalidInputError(f"{self._path} is damaged: {why}; take another copy of it")


@contextmanager
def read_archive(path: Path) -> Generator[RoundArchive]:
    """Open an archive that somebody else may have made.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it cannot be read, or does not begin like an archive of this version.
    """
    try:
        if not path.exists():
            raise UnknownError(f"there is no archive {path}; correct the path")
        if not path.is_file():  # a pipe would wait for its other end
            raise InvalidInputError(f"{path} is no file; name one that gradroll audit --export wrote")
        with path.open("rb") as file:
            yield RoundArchive(path, file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise InvalidInputError(f"the archive {path} cannot be read ({error.strerror}); correct the path") from error
