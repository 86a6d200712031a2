"""Groups of data by content: what a list or a store says is held against the chain, and nothing hidden gets out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from circuits.accuracy.sizeclasses import size_class
from circuits.errors import InvalidInputError, ProofError, StorageError, UnknownError
from commons.artifacts.cids import RAW, Cid
from commons.artifacts.datasetfiles import Dataset, write_dataset
from commons.artifacts.transfers import put_bytes, put_file
from commons.protocol.bountydraws import HiddenGroup
from commons.storage.recordfiles import record_bytes
from gradroll.modelmarket import datatransfers
from gradroll.modelmarket.bountybook import KeptGroup
from gradroll.modelmarket.datafetching import fetch_groups, fetch_set, most_bytes, shown_files
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.datatransfers import GroupFile, GroupList, kept_files, put_groups, read_list
from gradroll.modelmarket.modelparameters import ModelParameters
from tests.artifacts.memorystore import MemoryStore
from tests.modelmarket.modelstage import SIZE, Stage, model_stage, toy_group, toy_model

SALT = b"\x07" * 32


@dataclass
class Library:
    """A public set of two groups, whose files a store has."""

    stage: Stage
    store: MemoryStore
    parameters: ModelParameters
    files: dict[int, Path]
    groups: dict[int, DataGroup]
    set_id: bytes
    listed: Cid

    def read(self, path: Path) -> DataGroup:
        return DataGroup.of_file(SIZE, self.parameters.srs, path)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    directory, store = tmp_path_factory.mktemp("library"), MemoryStore()
    with model_stage(directory) as stage:
        parameters, files, groups = stage.parameters(), {}, {}
        for number in range(2):
            made = toy_group(parameters, toy_model(), 12, number + 1)
            files[number] = directory / f"made-{number}.safetensors"
            write_dataset(files[number], Dataset(made.features.astype(np.int16), made.labels.astype(np.uint8)))
            groups[number] = DataGroup.of_file(SIZE, parameters.srs, files[number])
        listed = put_groups(store, files).root
        writer = stage.writer(0)
        named = writer.create_set(SALT, 2, listed.digest)
        for number, group in groups.items():
            writer.register_group(named, number, group.hash)
        yield Library(stage, store, parameters, files, groups, named, listed)


def fetch(library: Library, directory: Path, set_id: bytes | None = None) -> dict[int, Path]:
    named = set_id or library.set_id
    return fetch_set(library.stage.models, library.parameters, SIZE, library.store, named, directory)


def test_whoever_knows_a_set_fetches_its_files(library: Library, tmp_path: Path) -> None:
    assert library.set_id in library.stage.models.sets()
    found = fetch(library, tmp_path / "data")
    assert {at: path.read_bytes() for at, path in found.items()} == {
        at: path.read_bytes() for at, path in library.files.items()
    }
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "group-0.safetensors", "group-1.safetensors"
    ]  # fmt: skip
    files = [put_file(library.store, path).root for path in library.files.values()]
    library.store.got.clear()
    assert fetch(library, tmp_path / "data") == found
    assert not any(library.store.got[root] for root in files)


def test_the_same_files_have_the_same_list(library: Library) -> None:
    again = put_groups(MemoryStore(), dict(reversed(library.files.items())))
    assert again.root == library.listed


def test_a_download_of_data_goes_on(library: Library, tmp_path: Path) -> None:
    library.store.breaks = 2  # the list, and the first file's root
    with pytest.raises(KeyboardInterrupt):
        fetch(library, tmp_path)
    library.store.breaks = None
    assert len(fetch(library, tmp_path)) == 2


def test_a_list_that_names_other_data_is_caught(library: Library, tmp_path: Path) -> None:
    """Whoever made the set may have listed files with other labels: a model proven on them would be another's."""
    swapped = {0: library.files[1], 1: library.files[0]}
    named = _registered(library, put_groups(library.store, swapped).root.digest, 1)
    with pytest.raises(InvalidInputError, match="other data than the chain names"):
        fetch(library, tmp_path, named)
    assert list(tmp_path.iterdir()) == []


def test_a_set_without_a_list_says_so(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="names no list"):
        fetch(library, tmp_path, _registered(library, bytes(32), 2))
    short = put_groups(library.store, {1: library.files[1]}).root.digest
    with pytest.raises(UnknownError, match="lacks group 0"):
        fetch(library, tmp_path, _registered(library, short, 3))


def _registered(library: Library, manifest: bytes, salt: int) -> bytes:
    writer = library.stage.writer(0)
    named = writer.create_set(salt.to_bytes(32, "big"), 2, manifest)
    for number, group in library.groups.items():
        writer.register_group(named, number, group.hash)
    return named


def test_a_store_that_has_other_bytes_is_caught(library: Library, tmp_path: Path) -> None:
    other = MemoryStore()
    other.blocks = dict.fromkeys(library.store.blocks, b"other")
    with pytest.raises(ProofError):
        fetch_set(library.stage.models, library.parameters, SIZE, other, library.set_id, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_lies_there_is_not_replaced(library: Library, tmp_path: Path) -> None:
    (tmp_path / "group-0.safetensors").write_bytes(library.files[1].read_bytes())
    with pytest.raises(StorageError, match="holds other data"):
        fetch(library, tmp_path)
    assert (tmp_path / "group-0.safetensors").read_bytes() == library.files[1].read_bytes()


def test_a_file_larger_than_any_group_is_not_fetched(library: Library, tmp_path: Path) -> None:
    store = MemoryStore()
    root = put_bytes(store, bytes(most_bytes(SIZE) + 1)).root
    with pytest.raises(InvalidInputError, match="may be fetched"):
        fetch_groups(store, {0: (root, bytes(32))}, SIZE, tmp_path, library.read)
    with pytest.raises(InvalidInputError):  # no data set at all
        fetch_groups(store, {0: (put_bytes(store, b"x").root, bytes(32))}, SIZE, tmp_path, library.read)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "numbers", [(), (1, 0), (0, 0), tuple(range(65))], ids=["none", "unordered", "twice", "too many"]
)
def test_a_list_that_nobody_writes_is_refused(numbers: tuple[int, ...]) -> None:
    name = str(Cid.of(b"x"))
    listed = GroupList(1, tuple(GroupFile(number, name) for number in numbers))
    with pytest.raises(InvalidInputError):
        listed.roots()
    with pytest.raises(InvalidInputError):
        replace(GroupList(1, (GroupFile(0, name),)), version=2).roots()
    with pytest.raises(InvalidInputError):
        GroupList(1, (GroupFile(0, "../x"),)).roots()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\x80\x04.", b"[" * 9000, bytes(1 << 15)])
def test_what_is_no_list_is_none(content: bytes) -> None:
    store = MemoryStore()
    with pytest.raises(InvalidInputError):
        read_list(store, put_bytes(store, content).root)


def test_the_longest_list_can_be_read() -> None:
    store, name = MemoryStore(), str(Cid.of(b"x"))
    listed = GroupList(1, tuple(GroupFile(number, name) for number in range(64)))
    root = put_bytes(store, record_bytes(datatransfers._LISTS, listed)).root
    assert set(read_list(store, root)) == set(range(64))


def hidden(file: bytes, samples: int = 12) -> HiddenGroup:
    return HiddenGroup(SALT, b"\x01" * 32, hashlib.sha256(file).digest(), samples)


def test_the_chain_names_files_of_one_block_itself() -> None:
    small, name = size_class("small"), Cid.of(b"listed")
    assert shown_files({3: hidden(b"x")}, small, {}) == {3: Cid.of(b"x")}
    assert shown_files({3: hidden(b"x")}, small, {3: name}) == {3: name}
    large = {3: hidden(b"x", 16 * 256)}
    with pytest.raises(UnknownError, match="--from"):
        shown_files(large, size_class("large"), {})
    assert shown_files(large, size_class("large"), {3: name}) == {3: name}
    assert Cid.of(b"x").codec == RAW


def test_a_node_that_lies_gets_no_hidden_group_out_of_its_owner(tmp_path: Path) -> None:
    """An owner puts what the chain shows.  A node that says so of a hidden group does not know its salt."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    kept = tuple(KeptGroup(hidden(name.encode()), tmp_path / name) for name in ("a", "b"))
    assert kept_files(kept, {1: kept[1].hidden}) == {1: tmp_path / "b"}
    for index, told in ((0, replace(kept[0].hidden, salt=bytes(32))), (0, kept[1].hidden), (2, kept[0].hidden)):
        with pytest.raises(InvalidInputError, match="another group"):
            kept_files(kept, {1: kept[1].hidden, index: told})
    (tmp_path / "b").write_bytes(b"changed")
    with pytest.raises(InvalidInputError, match="holds other data"):
        kept_files(kept, {1: kept[1].hidden})
    (tmp_path / "b").unlink()
    with pytest.raises(UnknownError, match="put a copy of it back"):
        kept_files(kept, {1: kept[1].hidden})
