"""How a file is cut, and that no other way is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.artifacts.cids import DAG_PB, RAW, Cid
from commons.artifacts.transfers import cid_of_file
from commons.artifacts.unixfs import LEAF, MAX_SIZE, WIDTH, Link, Node, depth_of, require_shape, spans
from tests.artifacts.vectors import counted

LINKS = (Link(Cid.of(b"a" * 9), LEAF, LEAF), Link(Cid.of(b"b"), 1, 1))
NODE = Node(LINKS)


@pytest.mark.parametrize(
    ("size", "depth"),
    [(0, 0), (1, 0), (LEAF, 0), (LEAF + 1, 1), (LEAF * WIDTH, 1), (LEAF * WIDTH + 1, 2), (MAX_SIZE, 2)],
)
def test_depth_follows_from_the_size(size: int, depth: int) -> None:
    assert depth_of(size) == depth


@given(st.integers(LEAF + 1, MAX_SIZE))
def test_links_cover_the_file(size: int) -> None:
    parts = list(spans(size, depth_of(size)))
    assert sum(parts) == size
    assert 2 <= len(parts) <= WIDTH
    assert all(part == parts[0] for part in parts[:-1])


def test_a_node_is_read_back() -> None:
    assert Node.decode(NODE.encode()) == NODE
    require_shape(NODE, LEAF + 1, 1)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_by_name(block: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Node.decode(block)


@given(st.integers(0, len(NODE.encode()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_means_something_else(at: int, change: int) -> None:
    block = bytearray(NODE.encode())
    block[at] ^= change
    try:
        found = Node.decode(bytes(block))
    except InvalidInputError:
        return
    assert found != NODE
    assert found.encode() == block


def test_fields_in_another_order_are_refused() -> None:
    """Protobuf would read data before links; then one file would have two names."""
    block = NODE.encode()
    at = block.index(b"\x0a", sum(len(b) for b in [block[: block.rindex(b"\x0a\x0c\x08\x02")]]))
    with pytest.raises(InvalidInputError):
        Node.decode(block[at:] + block[:at])


def test_a_number_written_longer_than_needed_is_refused() -> None:
    one = Node((Link(Cid.of(b"b"), 1, 1),)).encode()
    longer = one.replace(b"\x18\x01", b"\x18\x81\x00", 1)
    fixed = longer.replace(one[1:2], bytes((one[1] + 1,)), 1)
    with pytest.raises(InvalidInputError, match="as every writer would"):
        Node.decode(fixed)


def test_a_directory_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        Node.decode(b"\x0a\x02\x08\x01")


def test_a_node_with_too_many_links_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=f"more than {WIDTH} links"):
        Node.decode(Node(LINKS[:1] * (WIDTH + 1)).encode())


@pytest.mark.parametrize(
    "links",
    [
        LINKS[::-1], LINKS[:1], (*LINKS, LINKS[1]), (LINKS[0], LINKS[0]),
        (Link(Cid(DAG_PB, LINKS[0].cid.digest), LEAF, LEAF), LINKS[1]),  # a node where a leaf belongs
        (Link(LINKS[0].cid, LEAF, LEAF + 1), LINKS[1]),  # a total that is not the leaf's size
    ],
)  # fmt: skip
def test_another_shape_is_refused(links: tuple[Link, ...]) -> None:
    with pytest.raises(InvalidInputError):
        require_shape(Node(links), LEAF + 1, 1)


def test_a_leaf_where_a_node_belongs_is_refused() -> None:
    size = LEAF * WIDTH + 1
    good = Node((Link(Cid(DAG_PB, bytes(32)), LEAF * WIDTH, LEAF * WIDTH + 99), Link(Cid(DAG_PB, bytes(32)), 1, 99)))
    require_shape(good, size, 2)
    with pytest.raises(InvalidInputError):
        require_shape(Node((good.links[0], Link(Cid(RAW, bytes(32)), 1, 1))), size, 2)


NAMED = {
    0: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    1: "bafkreic2nz5eovfprz7up7eusmca3bj6pma6hhktpsy52nj4so324whlhu",
    LEAF - 1: "bafkreih2276hw3twjawppx2mt73ybyd3o4k5zgdjljclq7n3mlg2ubgd7u",
    LEAF: "bafkreideeyd2kwgjzezoiwhuyouepeupk4xficfzqshba3txc2ee4o27bi",
    LEAF + 1: "bafybeiaexsalcsoug7gc4g3igi4ly6f4hiyrvlxgraph7oxye3zqduuuli",
    2 * LEAF: "bafybeia22sprjd66jbzxq2qccwovv5a67lspx47lt4gsuidurtkurur5ji",
    3 * LEAF + 5: "bafybeib55gwktfwvumw7nghd3opvxs56ro2d3xvnrzdxru5cr6vjn5n7fy",
}
"""What Helia's importer (ipfs-unixfs-importer 17.1.1 for JavaScript, of the makers of IPFS) names `counted` bytes, with
raw leaves of 1,048,576 bytes below 1,024 links a node."""
ZEROS = {
    (1024, 0): "bafybeibqawkaltgjfdebq4no6nmfcvkcw7k52xqzclkwfmrkn6oxw7srmy",
    (1025, 0): "bafybeigt7wofv4vnxbg3titijasuw4ptg5kfztec4smsk7opdt7z6djoxq",
    (1025, 7): "bafybeib5lqrdbo44k4be4g3lpvbxgq7fuixffc2azus6ef65ndvyo3n2ti",
    (2047, 0): "bafybeibbsch4os2opqvsdwya2acdjuae35kk7ypvmqu4ytzij6t7hlps6u",
    (2049, 7): "bafybeibcghawmmzo7i4isxl45rlqe2rao362kivnpypxzqb6dohpvlbsmu",
}
"""The same of files of zeros: so many leaves, and bytes beyond.  The last is kubo 0.41's: Helia's release writes sizes
from 2^31 bytes on as zeros."""


@pytest.mark.parametrize("size", NAMED)
def test_another_implementation_names_files_alike(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(counted(size))
    assert str(cid_of_file(path).root) == NAMED[size]


@pytest.mark.parametrize(("leaves", "rest"), ZEROS)
def test_another_implementation_names_trees_alike(leaves: int, rest: int) -> None:
    def below(size: int, depth: int) -> Link:
        if depth == 0:
            return Link(Cid.of(bytes(size)) if size != LEAF else whole, size, size)
        return Node(tuple(below(each, depth - 1) for each in spans(size, depth))).link()

    whole, size = Cid.of(bytes(LEAF)), leaves * LEAF + rest
    assert str(below(size, depth_of(size)).cid) == ZEROS[leaves, rest]


def test_sizes_beyond_31_bits_are_written_as_protobuf_says() -> None:
    half = Node((Link(Cid.of(bytes(LEAF)), LEAF, LEAF),) * WIDTH).link()
    root = Node((half, half))
    assert b"\x0a\x14\x08\x02\x18\x80\x80\x80\x80\x08" in root.encode()
    assert Node.decode(root.encode()).size == 1 << 31
