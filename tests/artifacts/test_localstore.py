"""A directory of blocks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from circuits.errors import InvalidInputError, ProofError, StorageError, UnknownError
from commons.artifacts.cids import Cid
from commons.artifacts.localstore import LocalStore
from commons.artifacts.unixfs import MAX_BLOCK
from commons.storage.files import Disk

BLOCK = b"a block"
CID = Cid.of(BLOCK)


def place(root: Path) -> Path:
    return root / str(CID)[-3:-1] / str(CID)


def test_a_block_stays(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    assert not store.has(CID)
    with pytest.raises(UnknownError):
        store.get(CID)
    store.put(CID, BLOCK)
    store.keep(CID)
    assert LocalStore(tmp_path / "store").get(CID) == BLOCK
    assert place(tmp_path / "store").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"another", BLOCK + b"\0", bytes(MAX_BLOCK + 9)])
def test_a_damaged_block_is_noticed_and_put_anew(damage: bytes, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put(CID, BLOCK)
    place(tmp_path).write_bytes(damage)
    with pytest.raises(ProofError):
        store.get(CID)
    assert not store.has(CID)
    store.put(CID, BLOCK)
    assert store.get(CID) == BLOCK


def test_no_wrong_or_large_block_is_taken(tmp_path: Path) -> None:
    large = bytes(MAX_BLOCK + 1)
    for cid, block in ((CID, b"another"), (Cid.of(large), large)):
        with pytest.raises(InvalidInputError):
            LocalStore(tmp_path).put(cid, block)
    assert not list(tmp_path.iterdir())


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    store, path = LocalStore(tmp_path), place(tmp_path)
    (tmp_path / "outside").mkdir()
    path.parent.symlink_to(tmp_path / "outside")
    with pytest.raises(StorageError, match="symbolic link"):
        store.put(CID, BLOCK)
    assert not list((tmp_path / "outside").iterdir())
    path.parent.unlink()
    path.parent.mkdir()
    path.symlink_to("/dev/zero")
    with pytest.raises(StorageError):
        store.get(CID)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StorageError, match="no file"):
        store.get(CID)


class _Full(Disk):
    def durably(self, act: object) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No space left"):
        LocalStore(tmp_path, _Full()).put(CID, BLOCK)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


_WRITER = """
import sys
from pathlib import Path
from commons.artifacts.transfers import put_file
from commons.artifacts.localstore import LocalStore
for _ in range(5):
    print(put_file(LocalStore(Path(sys.argv[1])), Path(sys.argv[2])).root)
"""


def test_two_processes_share_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(3 << 20))
    command = [sys.executable, "-c", _WRITER, str(tmp_path / "store"), str(tmp_path / "file")]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    roots = {line for writer in writers for line in writer.communicate()[0].splitlines()}
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(roots) == 1
    store = LocalStore(tmp_path / "store")
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert all(store.has(Cid.parse(path.name)) for path in files)
