"""Files into a store and out of it: block by block, checked, gone on with after a break, whole or absent at the end."""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from circuits.atomicfile import storing
from circuits.errors import InvalidInputError, StorageError, UnknownError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import DAG_PB, RAW, Cid
from commons.artifacts.unixfs import LEAF, MAX_SIZE, Link, Node, depth_of, require_shape, spans
from commons.storage.files import TakenError, make_directory, open_regular, publish_durably

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


def silent(done: int, size: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in a store: its root and its size in bytes."""

    root: Cid
    size: int


def put_file(store: BlockStore, path: Path, progress: Progress = silent) -> Artifact:
    """Put a file into a store; blocks that are there already are not sent again.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it cannot be read, is too large, or changed meanwhile.
        StorageError: it is no file.
        UnavailableError, StorageError: of the store.
    """
    with _opened(path) as (file, size):
        writer = _Writer(file, size, progress, store)
        root = writer.below(size, depth_of(size)).cid
    store.keep(root)
    return Artifact(root, size)


def put_bytes(store: BlockStore, content: bytes) -> Artifact:
    """Put what is in memory into a store, under the name that a file of it has.  Raises as ``put_file``."""
    root = _Writer(io.BytesIO(content), len(content), silent, store).below(len(content), depth_of(len(content))).cid
    store.keep(root)
    return Artifact(root, len(content))


def cid_of_file(path: Path, progress: Progress = silent) -> Artifact:
    """What a file is named in every store.  Raises as ``put_file``."""
    with _opened(path) as (file, size):
        return Artifact(_Writer(file, size, progress).below(size, depth_of(size)).cid, size)


def cid_of_bytes(content: bytes) -> Cid:
    """What a file of these bytes is named in every store."""
    return _Writer(io.BytesIO(content), len(content), silent).below(len(content), depth_of(len(content))).cid


def look_up(store: BlockStore, root: Cid, most: int) -> Artifact:
    """What a store has under a root, by its first block.

    Args:
        most: bytes that the file may have.

    Raises:
        InvalidInputError: it is not cut as artifacts are, or larger.
        UnknownError, ProofError, UnavailableError, StorageError: of the store.
    """
    return Artifact(root, _Reader(store, root, most).size)


def find_root(store: BlockStore, digest: bytes) -> Cid:
    """The root that has a digest, where a chain names no more than that, as 32 bytes.

    The block says which of the two codecs it is: one that reads as a node is a node.  (A file that is itself such a
    block, and says so on purpose, has no name on a chain.)

    Raises:
        UnknownError, ProofError, UnavailableError, StorageError: of the store.
    """
    for codec in (RAW, DAG_PB):  # stores that name blocks by codec have it under one of them
        try:
            block = store.get(Cid(codec, digest))
        except UnknownError:
            if codec == DAG_PB:
                raise
        else:
            return Cid(DAG_PB if _is_node(block) else RAW, digest)
    raise AssertionError  # the last turn returns or raises


def get_file(
    store: BlockStore, root: Cid, path: Path, *, most: int, progress: Progress = silent, replace: bool = False
) -> Artifact:
    """Fetch a file; its name is there when all of it is, and synced.

    What has come is kept beside it, in a hidden file, so that the same call goes on after a break of any kind; there
    each leaf is compared with its identifier again, so that nothing that a crash has left is believed.

    Args:
        most: bytes that the file may have; no more are fetched or written.
        replace: what has the name already.

    Raises:
        InvalidInputError: it is not cut as artifacts are, or larger.
        UnknownError, ProofError, UnavailableError: of the store.
        StorageError: the disk is full, the name is taken, or another process fetches the same file there.
    """
    if not replace and os.path.lexists(path):
        raise StorageError(f"{path} exists already; it is not overwritten, so choose another name")
    reader = _Reader(store, root, most)
    with storing(f"cannot write {path}"), _partial(path, root) as (part, out):
        done = 0
        for link in reader.leaves():
            if not _is_there(out, done, link):
                out.seek(done)
                out.write(reader.leaf(link))
            done += link.size
            progress(done, reader.size)
        out.truncate(done)
        out.flush()
        os.fsync(out.fileno())
        publish_durably(part, path, replace=replace)
    return Artifact(root, reader.size)


def get_kept(store: BlockStore, root: Cid, path: Path, *, most: int, progress: Progress = silent) -> Artifact:
    """Fetch a file, unless it is there already; other bytes under the name are replaced.  Raises as ``get_file``."""
    if path.is_file():
        found = cid_of_file(path)
        if found.root == root and found.size <= most:
            return found
    return get_file(store, root, path, most=most, progress=progress, replace=True)


def read_bytes(store: BlockStore, root: Cid, *, most: int, progress: Progress = silent) -> bytes:
    """All of a file, in memory.  Raises as ``get_file``."""
    reader, body = _Reader(store, root, most), bytearray()
    for link in reader.leaves():
        body += reader.leaf(link)
        progress(len(body), reader.size)
    return bytes(body)


def check_stored(store: BlockStore, root: Cid, *, most: int, progress: Progress = silent) -> Artifact:
    """Read all of a file from a store and keep nothing of it.  Raises as ``get_file``."""
    reader, done = _Reader(store, root, most), 0
    for link in reader.leaves():
        done += len(reader.leaf(link))
        progress(done, reader.size)
    return Artifact(root, reader.size)


@contextmanager
def _opened(path: Path) -> Generator[tuple[IO[bytes], int]]:
    """A file and its size."""
    try:
        handle = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        raise UnknownError(f"there is no file {path}; correct the path") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read ({error.strerror}); correct the path") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if found.st_size > MAX_SIZE:
            raise InvalidInputError(f"{path} has more than {MAX_SIZE} bytes; cut it into several files")
        yield file, found.st_size
        if os.fstat(handle).st_size != found.st_size:
            raise _changed()


def _changed() -> InvalidInputError:
    return InvalidInputError("the file changed while it was read; do it again when nobody writes to it")


class _Writer:
    """Reads a file once, leaf after leaf, and names or stores its blocks from below."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress, store: BlockStore | None = None) -> None:
        self._file, self._size, self._progress, self._store = file, size, progress, store
        self._done = 0

    def below(self, size: int, depth: int) -> Link:
        """The next ``size`` bytes, under one link."""
        if depth == 0:
            return self._leaf(size)
        node = Node(tuple(self.below(each, depth - 1) for each in spans(size, depth)))
        self._keep(node.link().cid, node.encode())
        return node.link()

    def _leaf(self, size: int) -> Link:
        block = self._file.read(size)
        if len(block) != size:
            raise _changed()
        link = Link(Cid.of(block), size, size)
        self._keep(link.cid, block)
        self._done += size
        self._progress(self._done, self._size)
        return link

    def _keep(self, cid: Cid, block: bytes) -> None:
        if self._store is not None and not self._store.has(cid):
            self._store.put(cid, block)


class _Reader:
    """A file in a store, whose tree must be the one that its size asks for."""

    def __init__(self, store: BlockStore, root: Cid, most: int) -> None:
        self._store, self._root = store, root
        block = store.get(root)
        self._node = Node.decode(block) if root.codec == DAG_PB else None
        self._only = block if self._node is None else None
        self.size = len(block) if self._node is None else self._node.size
        if self.size > min(most, MAX_SIZE):
            raise InvalidInputError(f"{root} has {self.size} bytes, more than the {most} that may be fetched")
        if (self.size > LEAF) != (self._node is not None):
            raise InvalidInputError(
                f"{root} is not cut as artifacts are: leaves have {LEAF} bytes, one alone has no node"
            )
        if self._node is not None:
            require_shape(self._node, self.size, depth_of(self.size))

    def leaves(self) -> Iterator[Link]:
        """Every leaf in order; nodes on the way are fetched when they are reached."""
        if self._node is None:
            yield Link(self._root, self.size, self.size)
        else:
            yield from self._leaves(self._node, depth_of(self.size))

    def _leaves(self, node: Node, depth: int) -> Iterator[Link]:
        for link in node.links:
            if depth == 1:
                yield link
                continue
            child = Node.decode(self._store.get(link.cid))
            require_shape(child, link.size, depth - 1)
            if child.link() != link:
                raise InvalidInputError(
                    f"{self._root} states other sizes of a node than the node has; use another file"
                )
            yield from self._leaves(child, depth - 1)

    def leaf(self, link: Link) -> bytes:
        """The bytes of a leaf."""
        block = self._store.get(link.cid) if self._only is None else self._only
        if len(block) != link.size:
            raise InvalidInputError(f"{self._root} states another size of a leaf than the leaf has; use another file")
        return block


def _is_node(block: bytes) -> bool:
    try:
        Node.decode(block)
    except InvalidInputError:
        return False
    return True


@contextmanager
def _partial(path: Path, root: Cid) -> Generator[tuple[Path, IO[bytes]]]:
    """What has come of a file so far, to read and write, for this process alone; it stays when the block raises."""
    make_directory(path.parent)
    part = path.parent / f".{root}.part"
    with os.fdopen(open_regular(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW), "r+b") as file:
        handle = file.fileno()
        if os.fstat(handle).st_uid != os.geteuid():  # its owner could change the file after it was checked
            raise StorageError(f"{part} belongs to another user; fetch into a directory of your own")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TakenError(f"another process fetches {root} into {path.parent}; wait for it") from None
        if not part.exists() or not os.path.samestat(part.stat(), os.fstat(handle)):
            raise TakenError(f"another process has just fetched {root} into {path.parent}; look there")
        yield part, file


def _is_there(out: IO[bytes], at: int, link: Link) -> bool:
    """Whether a leaf has come before, all of it."""
    out.seek(at)
    return link.cid.fits(out.read(link.size))
