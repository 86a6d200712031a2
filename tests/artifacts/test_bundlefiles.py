"""Bundles made of records on disk: gone on with after an interruption, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from circuits.errors import InvalidInputError, StorageError, UnknownError
from commons.artifacts.bundlefiles import load_bundle, make_samples, save_bundle
from commons.artifacts.recordsources import SourceRecord, load_document, source_records
from commons.samples.canonicalsamples import label_of
from commons.samples.samplebundles import SampleBundle
from commons.samples.schemadocuments import SchemaDocument, parse_document
from tests.samples.documents import FLOWER, TABLE, changed, encoded

DOCUMENT = parse_document(encoded(TABLE))


def silent(done: int, size: int) -> None:
    """No progress."""


def lines(path: Path, *petals: int) -> Path:
    """A file of flowers."""
    path.write_text("".join(json.dumps({**FLOWER, "petals": each}) + "\n" for each in petals))
    return path


def counted(records: Iterator[SourceRecord], computed: list[str], until: int = 10**9) -> Iterator[SourceRecord]:
    """Records that say which were computed; after some of them the line breaks."""
    for number, record in enumerate(records):
        if number == until:
            raise KeyboardInterrupt

        def sample(record: SourceRecord = record) -> bytes:
            computed.append(record.where)
            return record.sample()

        yield SourceRecord(record.where, record.raw, sample, record.done, record.size)


def made(source: Path, out: Path, until: int = 10**9, document: SchemaDocument = DOCUMENT) -> tuple[list[bytes], int]:
    """The samples, and how many were computed."""
    computed: list[str] = []
    samples = make_samples(document, counted(source_records(source, document), computed, until), out, silent)
    return samples, len(computed)


def test_a_bundle_is_made_saved_and_loaded(tmp_path: Path) -> None:
    source, out = lines(tmp_path / "flowers", 1, 2, 3), tmp_path / "bundle"
    samples, _ = made(source, out)
    assert [DOCUMENT.record(sample)["petals"] for sample in samples] == [1, 2, 3]
    save_bundle(out, SampleBundle(DOCUMENT.schema.digest, tuple(samples)))
    assert load_bundle(out).samples == tuple(samples)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "flowers"]
    assert out.stat().st_mode & 0o077 == 0
    with pytest.raises(StorageError):
        save_bundle(out, SampleBundle(DOCUMENT.schema.digest, tuple(samples)))


def test_making_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    source, out = lines(tmp_path / "flowers", *range(10)), tmp_path / "bundle"
    whole, computed = made(source, tmp_path / "another")
    assert computed == 10
    with pytest.raises(KeyboardInterrupt):
        made(source, out, until=6)
    assert made(source, out) == (whole, 4)
    assert made(source, out) == (whole, 0)


def test_a_torn_end_and_a_changed_byte_are_computed_anew(tmp_path: Path) -> None:
    source, out = lines(tmp_path / "flowers", *range(10)), tmp_path / "bundle"
    whole, _ = made(source, out)
    journal = tmp_path / ".bundle.making"
    data = journal.read_bytes()
    entry = (len(data) - 49) // 10
    journal.write_bytes(data[:-1])
    assert made(source, out) == (whole, 1)
    for place in (49 + 3 * entry, 49 + 3 * entry + 33, 49 + 4 * entry - 1):
        journal.write_bytes(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :])
        assert made(source, out) == (whole, 7)


def test_changed_records_and_schemas_are_computed_anew(tmp_path: Path) -> None:
    source, out = lines(tmp_path / "flowers", *range(10)), tmp_path / "bundle"
    made(source, out)
    lines(source, 0, 1, 2, 99, *range(4, 10))
    samples, computed = made(source, out)
    assert [DOCUMENT.record(sample)["petals"] for sample in samples] == [0, 1, 2, 99, *range(4, 10)]
    assert computed == 7
    other = parse_document(encoded(changed(TABLE, "properties/petals/minimum", -4)))
    assert made(source, out, document=other)[1] == 10


def test_what_cannot_be_a_bundle_is_refused_with_its_place(tmp_path: Path) -> None:
    source, out = lines(tmp_path / "flowers", 1, 301, 2), tmp_path / "bundle"
    with pytest.raises(InvalidInputError, match=r"line 2 of .*flowers: a record does not fit"):
        made(source, out)
    lines(source)
    with pytest.raises(InvalidInputError, match="no records"):
        made(source, out)
    source.write_bytes(b" " * 300_000)
    with pytest.raises(InvalidInputError, match=r"line 1 of .* is longer"):
        made(source, out)
    with pytest.raises(UnknownError, match="there is no file"):
        made(tmp_path / "absent", out)
    with pytest.raises(UnknownError, match="there is no file"):
        load_bundle(out)
    with pytest.raises(UnknownError, match="there is no file"):
        load_document(tmp_path / "absent")
    (tmp_path / "large").write_bytes(b" " * (1 << 19))
    with pytest.raises(InvalidInputError, match="more than"):
        load_document(tmp_path / "large")


def test_images_come_from_a_folder_for_each_class_in_turn(tmp_path: Path) -> None:
    document = parse_document(encoded({"array": {"dtype": "uint8", "shape": [2, 2], "classes": 11}}))
    for label, count in ((10, 3), (2, 1)):
        for number in range(count):
            folder = tmp_path / "images" / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = np.full((2, 2), 16 * label + number, np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    samples, computed = made(tmp_path / "images", tmp_path / "bundle", document=document)
    assert computed == 4
    assert [(label_of(sample), sample[2]) for sample in samples] == [(2, 32), (10, 160), (10, 161), (10, 162)]
    (tmp_path / "images" / "11").mkdir()
    with pytest.raises(InvalidInputError, match="a folder for each class"):
        made(tmp_path / "images", tmp_path / "bundle", document=document)
