"""Bundles of samples on disk: made of records, gone on with after an interruption, and read.

While a bundle is made, what is done stands in a file beside it, each sample with a digest of itself and of the record
that it follows from.  Whoever makes it again reads the records again, but computes only what is not there; a record
that changed, and everything after it, is computed anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from circuits.atomicfile import SECRET, storing
from circuits.errors import InvalidInputError
from commons.artifacts.recordsources import SourceRecord, opened_file
from commons.samples.bundlechecks import require_fitting
from commons.samples.merkletrees import MAX_LEAVES
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import MAX_SAMPLE
from commons.samples.schemadocuments import SchemaDocument
from commons.storage.files import open_regular, written_durably

__all__ = ["load_bundle", "make_samples", "save_bundle"]

_MAGIC = b"gradroll/making/1"
_LENGTH = 2


def load_bundle(path: Path) -> SampleBundle:
    """The bundle in a file.  Raises UnknownError, InvalidInputError, StorageError."""
    with storing(f"cannot read {path}"), opened_file(path, "a bundle") as file:
        return SampleBundle.read(file)


def save_bundle(path: Path, bundle: SampleBundle, *, replace: bool = False) -> None:
    """Write a bundle, whole or not at all, for its owner's eyes: others may not see it before it is opened.

    Raises:
        StorageError: the disk is full or not writable, or the file exists.
    """
    with written_durably(path, replace=replace) as out:
        for piece in bundle.pieces():
            out.write(piece)
    _journal_of(path).unlink(missing_ok=True)


def make_samples(
    document: SchemaDocument, records: Iterable[SourceRecord], out: Path, progress: Callable[[int, int], None]
) -> list[bytes]:
    """The samples of records, in their order; what was done before for the file ``out`` is not done again.

    Args:
        progress: is told how many bytes of how many were read.

    Raises:
        InvalidInputError: a record does not fit the schema, or there are none, or more than a bundle has.
        StorageError: what is done cannot be kept.
    """
    samples: list[bytes] = []
    with _journal(_journal_of(out), document.digest) as journal:
        for record in records:
            if len(samples) == MAX_LEAVES:
                raise InvalidInputError(f"a bundle has at most {MAX_LEAVES} samples; make several")
            samples.append(journal.sample(record))
            progress(record.done, record.size)
    if not samples:
        raise InvalidInputError("there are no records; a bundle has one sample or more")
    require_fitting(document.schema, samples)
    return samples


def _journal_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.making")


@contextmanager
def _journal(path: Path, digest: bytes) -> Iterator[_Journal]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with storing(f"cannot write {path}"):
        file = os.fdopen(open_regular(path, os.O_RDWR | os.O_CREAT, SECRET), "r+b")
    with file:
        yield _Journal(file, _MAGIC + digest)


class _Journal:
    """Samples that are done.

    Args:
        head: what the file begins with, if it is of the same schema.
    """

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file, self._going_on = file, file.read(len(head)) == head
        if not self._going_on:
            self._cut(0)
            self._file.write(head)

    def sample(self, record: SourceRecord) -> bytes:
        """The sample of the next record, out of the file or computed and written there."""
        source = hashlib.sha256(record.raw).digest()
        if self._going_on:
            start = self._file.tell()
            kept = self._next(source)
            if kept is not None:
                return kept
            self._cut(start)
            self._going_on = False
        made = record.checked()
        with storing("cannot keep what is done of the bundle"):
            self._file.write(_sealed(source, made) + len(made).to_bytes(_LENGTH, "big") + made)
        return made

    def _next(self, source: bytes) -> bytes | None:
        """What the file has next, if it is of that source and whole."""
        seal, length = self._file.read(32), int.from_bytes(self._file.read(_LENGTH), "big")
        sample = self._file.read(min(length, MAX_SAMPLE))
        return sample if seal == _sealed(source, sample) else None

    def _cut(self, end: int) -> None:
        self._file.seek(end)
        self._file.truncate()


def _sealed(source: bytes, sample: bytes) -> bytes:
    return hashlib.sha256(source + sample).digest()
