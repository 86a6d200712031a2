"""Where samples come from: a file of JSON, one record a line, or a folder of images with a folder for each class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from circuits.atomicfile import storing
from circuits.errors import InvalidInputError, UnknownError
from commons.runtime.extras import require
from commons.samples.schemadocuments import MAX_DOCUMENT, SchemaDocument, parse_document
from commons.storage.files import open_regular

__all__ = ["SourceRecord", "load_document", "opened_file", "source_records"]

_MAX_FILES = 1 << 17
"""Files of a folder of images."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record, before it is a sample.

    Attributes:
        where: line or file, for people.
        raw: bytes that the sample follows from, with the schema.
        sample: makes it.  Raises InvalidInputError.
        done, size: bytes read with this one, and of everything.
    """

    where: str
    raw: bytes = field(repr=False)
    sample: Callable[[], bytes] = field(repr=False)
    done: int
    size: int

    def checked(self) -> bytes:
        """The sample.  Raises InvalidInputError, which says where the record is."""
        try:
            return self.sample()
        except InvalidInputError as error:
            raise InvalidInputError(f"{self.where}: {error}") from None


def load_document(path: Path) -> SchemaDocument:
    """The schema in a file.  Raises UnknownError, InvalidInputError, StorageError."""
    return parse_document(_bounded(path, MAX_DOCUMENT, "a schema"))


def source_records(source: Path, document: SchemaDocument) -> Iterator[SourceRecord]:
    """All records of a file or a folder, in an order that is always the same.

    Of images, each class gives one in turn, the first names first: models that train in a
    contract see them in this order.

    Raises:
        UnknownError: there is nothing of the name.
        InvalidInputError: a line is too long, or a folder has no classes; the iterator raises it.
        ConfigError: the packages that read records are not installed.
    """
    if source.is_dir():
        require("images as samples", "data", "PIL")
        return _images(source, document)
    require("records as samples", "data", "jsonschema")
    return _lines(source, document)


def _lines(path: Path, document: SchemaDocument) -> Iterator[SourceRecord]:
    from commons.samples.recordvalidation import MAX_RECORD, RecordReader  # noqa: PLC0415 - an extra

    reader = RecordReader(document)
    with storing(f"cannot read {path}"), opened_file(path, "records") as lines:
        size, done, number = os.fstat(lines.fileno()).st_size, 0, 0
        while line := lines.readline(MAX_RECORD + 1):
            done, number = done + len(line), number + 1
            if len(line) > MAX_RECORD:
                raise InvalidInputError(
                    f"line {number} of {path} is longer than {MAX_RECORD} bytes; write a record a line"
                )
            if line.strip():
                yield SourceRecord(f"line {number} of {path}", line, partial(reader.read, line), done, size)


def _images(folder: Path, document: SchemaDocument) -> Iterator[SourceRecord]:
    from commons.samples.sampleimages import MAX_IMAGE, read_image  # noqa: PLC0415 - an extra

    named = {str(document.label.value(number)): number for number in range(document.schema.classes)}
    with storing(f"cannot read {folder}"):
        folders = {each.name: each for each in folder.iterdir() if each.is_dir()}
        if not folders or not folders.keys() <= named.keys():
            raise InvalidInputError(
                f"{folder} has a folder for each class, named like it, with the images of the class"
            )
        labels = sorted(named[name] for name in folders)
        files = [sorted(folders[str(document.label.value(label))].glob("*.png")) for label in labels]
        if sum(map(len, files)) > _MAX_FILES:
            raise InvalidInputError(f"{folder} has more than {_MAX_FILES} images; make several bundles")
        size, done = sum(path.stat().st_size for part in files for path in part), 0
    for turn in zip_longest(*files):
        for label, path in zip(labels, turn, strict=True):
            if path is not None:
                data = _bounded(path, MAX_IMAGE, "an image")
                done += len(data)
                made = partial(read_image, document, label, data)
                yield SourceRecord(str(path), label.to_bytes(2, "big") + data, made, done, size)


def _bounded(path: Path, most: int, what: str) -> bytes:
    with storing(f"cannot read {path}"), opened_file(path, what) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InvalidInputError(f"{path} has more than {most} bytes, which is the most for {what}")
    return data


def opened_file(path: Path, what: str) -> BinaryIO:
    """A file to read, of which it is said what it should be.

    Raises:
        UnknownError: there is none of the name.
        StorageError: it is something else than a file.
        OSError: it cannot be opened.
    """
    try:
        return os.fdopen(open_regular(path, os.O_RDONLY), "rb")
    except FileNotFoundError:
        raise UnknownError(f"there is no file {path} for {what}; correct the path") from None
