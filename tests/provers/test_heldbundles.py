"""What a prover keeps of bundles: whose room it is, a full disk, and a crash between any two writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import IO

import pytest

from circuits.errors import FullError, ProofError, StorageError, UnknownError
from provers.heldbundles import BundleFiles, HeldBundle
from tests.support.failingdisk import FailingDisk, StruckError

NAME, OTHER = b"\x01" * 32, b"\x02" * 32
A, B, C = (bytes((at,)) * 20 for at in (10, 11, 12))
FILE = b"a bundle of samples" * 100
HELD = HeldBundle(7, sha256(FILE).digest(), bytes(32), len(FILE))
NEED = len(FILE) + 1024
STEPS = 3
"""Durable steps of a bundle: its room, its record, its file; a fourth one when its room is settled."""


def pieces() -> Iterator[bytes]:
    yield from (FILE[:100], FILE[100:])


def right(file: IO[bytes]) -> None:
    assert file.read() == FILE, "what is looked at is what is kept"


def put(files: BundleFiles, name: bytes = NAME, owners: bytes = A + B, length: int = len(FILE)) -> None:
    files.put(name, owners, replace(HELD, length=length), pieces, right)


def test_a_bundle_is_there_after_a_restart_as_it_came(tmp_path: Path) -> None:
    put(BundleFiles(tmp_path, 1 << 20))
    files = BundleFiles(tmp_path, 1 << 20)
    told = files.bundle(NAME)
    assert (told.number, told.content_digest, told.length) == (7, HELD.content_digest, len(FILE))
    assert files.held > len(FILE) and files.promised == NEED and files.names() == [NAME]
    with files.file(HELD.content_digest) as (file, same):
        assert (file.read(), same) == (FILE, told)
    files.drop(NAME)
    assert files.promised == 0 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("steps", range(STEPS + 1))
@pytest.mark.parametrize("error", [StruckError(), OSError(28, "No space left on device")])
def test_a_crash_or_a_full_disk_at_any_write_leaves_all_or_nothing(
    tmp_path: Path, steps: int, error: Exception
) -> None:
    struck = BundleFiles(tmp_path, 1 << 20, FailingDisk(steps, error))
    with pytest.raises((StruckError, StorageError)):
        put(struck)
    files = BundleFiles(tmp_path, 1 << 20)
    if steps < STEPS:
        assert files.names() == [] and files.promised == 0 and not list(tmp_path.iterdir())
        with pytest.raises(UnknownError):
            files.bundle(NAME)
    put(files)
    assert files.holds(NAME) and files.promised == NEED


@pytest.mark.parametrize("name", ["bundle", f"{HELD.content_digest.hex()}.data"])
@pytest.mark.parametrize("damage", [b"", b"x" * 160, FILE[:-1] + b"\x00"])
def test_what_a_disk_has_damaged_counts_as_lost(tmp_path: Path, name: str, damage: bytes) -> None:
    files = BundleFiles(tmp_path, 1 << 20)
    put(files)
    (tmp_path / NAME.hex() / name).write_bytes(damage)
    for seen in (files, BundleFiles(tmp_path, 1 << 20)):
        assert not seen.holds(NAME)
    put(files)
    assert files.holds(NAME)


def test_what_is_refused_takes_no_room_and_another_upload_of_it_goes_on(tmp_path: Path) -> None:
    """A stranger that sends something else for the same bundle, or lies about its length, keeps nothing from it."""
    files = BundleFiles(tmp_path, 3 * NEED)

    def meanwhile() -> Iterator[bytes]:
        yield FILE[:1]
        put(files)
        yield b"something else"

    with pytest.raises(ProofError):
        files.put(NAME, A + B, replace(HELD, length=len(FILE) + 500), meanwhile, right)
    assert files.holds(NAME) and files.promised == NEED
    with pytest.raises(ProofError):
        files.put(OTHER, C, HELD, lambda: iter((b"something else",)), right)
    assert files.promised == NEED and files.names() == [NAME] and not list(tmp_path.rglob(".new-*"))


def test_nobody_keeps_the_others_out(tmp_path: Path) -> None:
    """Contributors have what they leave free, and the campaigns of one owner too, however many contribute to them."""
    files = BundleFiles(tmp_path, 4 * NEED)
    put(files, b"\x01" * 32, A + B)
    put(files, b"\x02" * 32, A + B)
    for owners in (A + C, C + B):
        with pytest.raises(FullError, match="as they leave free"):
            put(files, b"\x03" * 32, owners)
    put(files, b"\x03" * 32, C)
    for owners in (C, b"\x0d" * 20):
        with pytest.raises(FullError):
            put(files, b"\x04" * 32, owners)
    again = BundleFiles(tmp_path, 3 * NEED)
    assert again.promised == 3 * NEED
    with pytest.raises(FullError, match="used up"):
        put(again, b"\x04" * 32, b"\x0d" * 20)
