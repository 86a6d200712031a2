"""The one way in which a file is cut into blocks: raw leaves of 1 MiB below a balanced tree of 1,024 links a node.

Source: the specifications of UnixFS (version 1) and DAG-PB.  It is what ``ipfs add --cid-version=1 --raw-leaves
--chunker=size-1048576 --max-file-links=1024`` makes.  The whole tree follows from the size of the file, so whoever
reads knows each node's links and sizes before it is fetched; a node that says anything else is refused.  A tree can
therefore not be deeper, wider or larger than the size that its root states, and that is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from circuits.errors import InvalidInputError
from commons.artifacts.cids import DAG_PB, Cid

LEAF = 1 << 20
"""Bytes of each leaf but the last."""
WIDTH = 1024
"""Links of a node at most."""
MAX_BLOCK = 2 << 20
"""Bytes of a block that any store may serve: what IPFS nodes pass on to each other at most."""
MAX_SIZE = 1 << 40
"""Bytes of the largest file: a tree of two levels above its leaves."""
_FILE = 2
"""UnixFS's type of a node of a file."""
_CID_BYTES = 36


@dataclass(frozen=True, slots=True)
class Link:
    """A child of a node.

    Attributes:
        size: bytes of the file below it.
        total: bytes of all blocks of its tree (DAG-PB's Tsize).
    """

    cid: Cid
    size: int
    total: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node above leaves or other nodes."""

    links: tuple[Link, ...]

    @property
    def size(self) -> int:
        """Bytes of the file below it."""
        return sum(link.size for link in self.links)

    def encode(self) -> bytes:
        """The block: links first, then UnixFS's message, as every writer of DAG-PB orders them."""
        return b"".join(map(_link, self.links)) + _field(1, _unixfs(self.size, [link.size for link in self.links]))

    def link(self) -> Link:
        """What its parent has of it."""
        block = self.encode()
        return Link(Cid.of(block, DAG_PB), self.size, len(block) + sum(link.total for link in self.links))

    @classmethod
    def decode(cls, block: bytes) -> Node:
        """The node in a block, which is refused unless ``encode`` gives it back bit by bit.

        Raises:
            InvalidInputError: it is no node of a file, or not written as every writer would.
        """
        links: list[tuple[Cid, int]] = []
        reader = _Reader(block)
        while reader.next_is(_LINK):
            if len(links) == WIDTH:
                raise InvalidInputError(f"a node of the file has more than {WIDTH} links; {_CURE}")
            links.append(_read_link(_Reader(reader.piece(_LINK))))
        sizes = _read_unixfs(_Reader(reader.piece(_DATA)), len(links))
        node = cls(tuple(Link(cid, size, total) for (cid, total), size in zip(links, sizes, strict=True)))
        if node.encode() != block:
            raise InvalidInputError(f"a node of the file is not written as every writer would; {_CURE}")
        return node


_LINK, _DATA = 0x12, 0x0A
"""Keys of DAG-PB's two fields: links (2) and data (1), both of bytes."""
_CURE = (
    "add the file with `gradroll artifact put`, or with ipfs add --cid-version=1 --raw-leaves --chunker=size-1048576 "
    "--max-file-links=1024"
)


def depth_of(size: int) -> int:
    """Levels of nodes above the leaves of a file of so many bytes; 0 where the file is one leaf."""
    leaves, depth = max(-(-size // LEAF), 1), 0
    while WIDTH**depth < leaves:
        depth += 1
    return depth


def spans(size: int, depth: int) -> Iterator[int]:
    """Bytes below each link of a node ``depth`` levels above the leaves, with ``size`` bytes below it."""
    full = LEAF * WIDTH ** (depth - 1)
    for first in range(0, size, full):
        yield min(full, size - first)


def require_shape(node: Node, size: int, depth: int) -> None:
    """Raise InvalidInputError unless the node is the one that a file has there: links, sizes, codecs, totals."""
    expected = list(spans(size, depth))
    if [link.size for link in node.links] != expected:
        raise InvalidInputError(f"the file is not cut into leaves of {LEAF} bytes below {WIDTH} links a node; {_CURE}")
    for link in node.links:
        if (link.cid.codec == DAG_PB) != (depth > 1) or (depth == 1 and link.total != link.size):
            raise InvalidInputError(f"the file's leaves are not raw bytes, or lie not all equally deep; {_CURE}")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _link(link: Link) -> bytes:
    """Hash (1), an empty name (2), and the total (3)."""
    return _field(2, _field(1, bytes(link.cid)) + _field(2, b"") + b"\x18" + _varint(link.total))


def _unixfs(size: int, sizes: Sequence[int]) -> bytes:
    """Type (1), size of the file (3), and of each child (4)."""
    return bytes((0x08, _FILE, 0x18)) + _varint(size) + b"".join(b"\x20" + _varint(each) for each in sizes)


def _read_link(reader: _Reader) -> tuple[Cid, int]:
    cid = Cid.decode(reader.piece(0x0A, _CID_BYTES))
    reader.piece(0x12, 0)
    total = reader.number(0x18)
    reader.require_end()
    return cid, total


def _read_unixfs(reader: _Reader, count: int) -> list[int]:
    if count == 0 or reader.number(0x08) != _FILE:
        raise InvalidInputError(f"this is no node of a file, but a directory or something else; {_CURE}")
    reader.number(0x18)  # that it is the children's sum, the comparison of the whole says
    sizes = [reader.number(0x20) for _ in range(count)]
    reader.require_end()
    return sizes


class _Reader:
    """Fields of a message in the order in which they must come."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def next_is(self, key: int) -> bool:
        """Whether a field with this key comes next."""
        return self._data[self._at : self._at + 1] == bytes((key,))

    def number(self, key: int) -> int:
        """A field's varint."""
        self._key(key)
        return self._varint()

    def piece(self, key: int, length: int | None = None) -> bytes:
        """A field's bytes."""
        self._key(key)
        size = self._varint()
        if size > len(self._data) - self._at or length not in (None, size):
            raise InvalidInputError(f"a node of the file is cut off or damaged; {_CURE}")
        self._at += size
        return self._data[self._at - size : self._at]

    def require_end(self) -> None:
        """Refuse more fields."""
        if self._at != len(self._data):
            raise InvalidInputError(f"a node of the file has fields that a file has not; {_CURE}")

    def _key(self, key: int) -> None:
        if not self.next_is(key):
            raise InvalidInputError(f"this is no node of a file as artifacts are cut; {_CURE}")
        self._at += 1

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 63, 7):
            byte = self._data[self._at : self._at + 1]
            if not byte:
                break
            self._at += 1
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return value
        raise InvalidInputError(f"a node of the file has a number that is cut off or too large; {_CURE}")
