"""Files in and out of stores: whole or absent, gone on with, and never more than was asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from circuits.errors import InvalidInputError, ProofError, StorageError, UnknownError
from commons.artifacts import transfers, unixfs
from commons.artifacts.cids import DAG_PB, RAW, Cid
from commons.artifacts.transfers import (
    check_stored,
    cid_of_file,
    find_root,
    get_file,
    get_kept,
    look_up,
    put_bytes,
    put_file,
    read_bytes,
)
from commons.artifacts.unixfs import LEAF, WIDTH, Link, Node
from commons.storage.files import TakenError
from tests.artifacts.memorystore import MemoryStore
from tests.artifacts.vectors import counted

DATA = counted(3 * LEAF + 5)
MOST = 1 << 30


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def put(store: MemoryStore, node: Node) -> Cid:
    """A node as a hostile store has it."""
    cid = Cid.of(node.encode(), DAG_PB)
    store.blocks[cid] = node.encode()
    return cid


@pytest.mark.parametrize("size", [0, 1, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF])
def test_a_file_comes_back(size: int, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA[:size])
    put_in = put_file(store, tmp_path / "file")
    got = get_file(store, put_in.root, tmp_path / "out" / "copy", most=size)
    assert got == put_in == cid_of_file(tmp_path / "file") == look_up(store, put_in.root, size)
    assert (tmp_path / "out" / "copy").read_bytes() == DATA[:size] == read_bytes(store, got.root, most=size)
    assert os.listdir(tmp_path / "out") == ["copy"]
    assert store.kept == [put_in.root]
    store.got.clear()
    check_stored(store, put_in.root, most=size)
    assert set(store.got.values()) == {1}  # also of a file that is one block


def test_a_deep_tree_comes_back(store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three levels of nodes, the last of each not full; with so few links and small leaves that it is quick."""
    monkeypatch.setattr(unixfs, "WIDTH", 3)
    for module in (unixfs, transfers):
        monkeypatch.setattr(module, "LEAF", 16)
    data = counted(19 * 16 + 7)
    (tmp_path / "file").write_bytes(data)
    root = put_file(store, tmp_path / "file").root
    assert len(store.blocks) == 20 + 7 + 3 + 1
    told: list[tuple[int, int]] = []
    get_file(store, root, tmp_path / "copy", most=len(data), progress=lambda *two: told.append(two))
    assert (tmp_path / "copy").read_bytes() == data == read_bytes(store, root, most=len(data))
    assert told[-1] == (len(data), len(data))
    assert len(told) == 20
    assert check_stored(store, root, most=len(data)) == cid_of_file(tmp_path / "copy")


def test_an_upload_goes_on_where_it_broke_off(store: MemoryStore, source: Path) -> None:
    store.breaks = 2
    with pytest.raises(KeyboardInterrupt):
        put_file(store, source)
    assert len(store.blocks) == 2
    assert not store.kept
    store.breaks = None
    put_file(store, source)
    assert set(store.stored.values()) == {1}


def test_a_download_goes_on_where_it_broke_off(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root
    store.breaks = 3
    with pytest.raises(KeyboardInterrupt):
        get_file(store, root, tmp_path / "copy", most=MOST)
    assert not (tmp_path / "copy").exists()
    store.breaks = None
    get_file(store, root, tmp_path / "copy", most=MOST)
    assert (tmp_path / "copy").read_bytes() == DATA
    assert {store.got[link.cid] for link in Node.decode(store.blocks[root]).links} == {1}


def test_what_a_crash_left_is_not_believed(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root
    left = bytearray(DATA[: 2 * LEAF]) + bytes(5 * LEAF)
    left[7] ^= 1
    (tmp_path / f".{root}.part").write_bytes(left)
    get_file(store, root, tmp_path / "copy", most=MOST)
    assert (tmp_path / "copy").read_bytes() == DATA
    links = Node.decode(store.blocks[root]).links
    assert [store.got[link.cid] for link in links] == [1, 0, 1, 1]


def test_a_store_that_serves_other_bytes_is_caught(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root
    store.blocks[Cid.of(DATA[LEAF : 2 * LEAF])] = bytes(LEAF)
    with pytest.raises(ProofError, match="serves other bytes"):
        get_file(store, root, tmp_path / "copy", most=MOST)
    assert not (tmp_path / "copy").exists()


def test_a_larger_file_than_wanted_is_refused_by_its_first_block(
    store: MemoryStore, source: Path, tmp_path: Path
) -> None:
    root = put_file(store, source).root
    with pytest.raises(InvalidInputError, match="more than the"):
        get_file(store, root, tmp_path / "copy", most=len(DATA) - 1)
    assert set(store.got) == {root}
    assert os.listdir(tmp_path) == ["source"]


def test_one_block_a_million_times_is_refused_by_its_size(store: MemoryStore, tmp_path: Path) -> None:
    """A tree of three blocks that stands for a terabyte."""
    leaf = Link(Cid.of(bytes(LEAF)), LEAF, LEAF)
    inner = Node((leaf,) * WIDTH)
    put(store, inner)
    root = put(store, Node((inner.link(),) * WIDTH))
    with pytest.raises(InvalidInputError, match=f"has {WIDTH * WIDTH * LEAF} bytes, more than the {MOST}"):
        get_file(store, root, tmp_path / "copy", most=MOST)
    assert set(store.got) == {root}


def test_a_file_larger_than_any_is_refused_whatever_is_wanted(store: MemoryStore) -> None:
    inner = Node((Link(Cid.of(b"x", DAG_PB), 1 << 40, 1 << 41),) * 2)
    with pytest.raises(InvalidInputError):
        look_up(store, put(store, inner), 1 << 62)


def test_a_small_root_over_a_deep_tree_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    """Nodes of no bytes, below each other: as deep as somebody likes, and of no size."""
    empty = Node((Link(Cid.of(b""), 0, 0),))
    for _ in range(5):
        put(store, empty)
        empty = Node((empty.link(),))
    with pytest.raises(InvalidInputError):
        get_file(store, put(store, empty), tmp_path / "copy", most=MOST)


def test_a_child_of_another_size_than_stated_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    store.blocks[Cid.of(b"short")] = b"short"
    store.blocks[Cid.of(bytes(LEAF))] = bytes(LEAF)
    lying = Node((Link(Cid.of(bytes(LEAF)), LEAF, LEAF), Link(Cid.of(b"short"), 6, 6)))
    with pytest.raises(InvalidInputError, match="another size of a leaf"):
        get_file(store, put(store, lying), tmp_path / "copy", most=MOST)
    assert not (tmp_path / "copy").exists()


def test_a_node_of_other_totals_than_stated_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    leaf = Link(Cid.of(bytes(LEAF)), LEAF, LEAF)
    store.blocks[leaf.cid] = bytes(LEAF)
    first, last = Node((leaf,) * WIDTH), Node((leaf,))
    put(store, first)
    put(store, last)
    link = first.link()
    root = put(store, Node((Link(link.cid, link.size, link.total + 1), last.link())))
    with pytest.raises(InvalidInputError, match="other sizes of a node"):
        get_file(store, root, tmp_path / "copy", most=1 << 40)


def test_a_raw_root_beyond_a_leaf_is_refused(store: MemoryStore) -> None:
    block = bytes(LEAF + 1)
    store.blocks[Cid.of(block)] = block
    with pytest.raises(InvalidInputError, match="not cut"):
        look_up(store, Cid.of(block), MOST)


def test_a_name_that_is_taken_is_left_alone(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root
    (tmp_path / "copy").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="not overwritten"):
        get_file(store, root, tmp_path / "copy", most=MOST)
    get_file(store, root, tmp_path / "copy", most=MOST, replace=True)
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "copy").is_symlink()


def test_a_name_that_is_taken_meanwhile_is_left_alone(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root

    def take(*_: int) -> None:
        (tmp_path / "copy").write_bytes(b"mine")

    with pytest.raises(StorageError, match="not overwritten"):
        get_file(store, root, tmp_path / "copy", most=MOST, progress=take)
    assert (tmp_path / "copy").read_bytes() == b"mine"


def test_a_link_or_a_pipe_in_place_of_the_partial_file_is_not_followed(
    store: MemoryStore, source: Path, tmp_path: Path
) -> None:
    root, victim = put_file(store, source).root, tmp_path / "victim"
    victim.write_bytes(b"dear")
    part = tmp_path / f".{root}.part"
    part.symlink_to(victim)
    with pytest.raises(StorageError):
        get_file(store, root, tmp_path / "copy", most=MOST)
    assert victim.read_bytes() == b"dear"
    part.unlink()
    os.mkfifo(part)
    with pytest.raises(StorageError, match="no file"):
        get_file(store, root, tmp_path / "copy", most=MOST)


def test_a_partial_file_of_another_user_is_not_filled(
    store: MemoryStore, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory of all, whoever put it there could change the file after it was checked."""
    found = put_file(store, source)
    target = tmp_path / "target"
    target.with_name(f".{found.root}.part").write_bytes(b"")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(StorageError, match="belongs to another user"):
        get_file(store, found.root, target, most=1 << 30)
    assert not target.exists()


def test_two_downloads_of_one_file_to_one_place_are_one(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root

    def second(*_: int) -> None:
        with pytest.raises(TakenError):
            get_file(store, root, tmp_path / "other", most=MOST)

    get_file(store, root, tmp_path / "copy", most=MOST, progress=second)
    assert (tmp_path / "copy").read_bytes() == DATA


def test_what_is_no_file_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("", "pipe"):
        with pytest.raises(StorageError, match="is no file"):
            put_file(store, tmp_path / name)
    with pytest.raises(UnknownError):
        put_file(store, tmp_path / "absent")


def test_a_file_that_changes_meanwhile_is_refused(store: MemoryStore, source: Path) -> None:
    def grow(done: int, size: int) -> None:
        with source.open("ab") as file:
            file.write(b"more")

    with pytest.raises(InvalidInputError, match="changed"):
        put_file(store, source, grow)
    assert not store.kept


def test_a_file_that_shrinks_meanwhile_is_refused(store: MemoryStore, source: Path) -> None:
    with pytest.raises(InvalidInputError, match="changed"):
        put_file(store, source, lambda *_: os.truncate(source, LEAF))


@pytest.mark.parametrize("size", [5, 2 * LEAF])
def test_a_root_is_found_by_its_digest(size: int, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA[:size])
    root = put_file(store, tmp_path / "file").root
    assert find_root(store, root.digest) == root
    with pytest.raises(UnknownError):
        find_root(store, bytes(32))


def test_a_node_that_is_served_as_a_file_is_a_node_all_the_same(store: MemoryStore, source: Path) -> None:
    """Else a digest on the chain would stand for two files, as whoever serves it likes."""
    root = put_file(store, source).root
    store.blocks[Cid(RAW, root.digest)] = store.blocks[root]
    assert find_root(store, root.digest) == root


def test_bytes_have_the_name_that_a_file_of_them_has(store: MemoryStore, source: Path) -> None:
    assert put_bytes(store, DATA) == cid_of_file(source)
    assert store.kept == [cid_of_file(source).root]
    assert read_bytes(store, store.kept[0], most=MOST) == DATA


def test_what_was_fetched_before_is_not_asked_for_again(store: MemoryStore, source: Path, tmp_path: Path) -> None:
    root = put_file(store, source).root
    for _ in range(2):
        assert get_kept(store, root, tmp_path / "copy", most=MOST).size == len(DATA)
    assert store.got[root] == 1
    (tmp_path / "copy").write_bytes(DATA[:-1])
    get_kept(store, root, tmp_path / "copy", most=MOST)
    assert (tmp_path / "copy").read_bytes() == DATA
    with pytest.raises(InvalidInputError, match="may be fetched"):
        get_kept(store, root, tmp_path / "copy", most=len(DATA) - 1)
