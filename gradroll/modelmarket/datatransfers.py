"""Groups of data by content: lists of files, which sets name on the chain, and whose words are checked against it.

A list says under which name each group's file is kept.  It is believed in nothing else: what is fetched is committed to
again, and compared with the hash that the chain has of the group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from circuits.errors import InvalidInputError, UnknownError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from commons.artifacts.transfers import (
    Artifact,
    Progress,
    put_bytes,
    put_file,
    read_bytes,
    silent,
)
from commons.protocol.bountydraws import HiddenGroup
from commons.protocol.codec import Codec
from commons.storage.recordfiles import parse_record, record_bytes
from gradroll.modelmarket.bountybook import KeptGroup
from gradroll.modelmarket.datagroups import DataGroup

VERSION = 1
_MOST_LIST = 1 << 14
_MOST_GROUPS = 64
ReadGroup = Callable[[Path], DataGroup]
"""Reads a group of data from its file."""


@dataclass(frozen=True, slots=True)
class GroupFile:
    """One group's file.

    Attributes:
        group: its number in the set, or its index in a bounty's commitment.
        file: content identifier.
    """

    group: int
    file: str


@dataclass(frozen=True, slots=True)
class GroupList:
    """Files of groups, by their numbers, in their order."""

    version: int
    groups: tuple[GroupFile, ...]

    def roots(self) -> dict[int, Cid]:
        """Files by number of the group.  Raises InvalidInputError for a list that nobody writes."""
        numbers = [each.group for each in self.groups]
        if self.version != VERSION or numbers != sorted(set(numbers)) or not 0 < len(numbers) <= _MOST_GROUPS:
            raise InvalidInputError("the list of groups is damaged, or of another release; get another one")
        return {each.group: Cid.parse(each.file) for each in self.groups}


_LISTS: Codec[GroupList] = Codec(GroupList)


def put_groups(store: BlockStore, files: Mapping[int, Path], progress: Progress = silent) -> Artifact:
    """Put groups' files, and the list of them, into a store; returns the list, the same for the same files.

    Raises as ``put_file``.
    """
    roots = {number: put_file(store, path, progress).root for number, path in sorted(files.items())}
    listed = GroupList(VERSION, tuple(GroupFile(number, str(root)) for number, root in roots.items()))
    return put_bytes(store, record_bytes(_LISTS, listed))


def read_list(store: BlockStore, root: Cid) -> dict[int, Cid]:
    """The files in a list, by number of the group.  Raises InvalidInputError, and the errors of the store."""
    content = read_bytes(store, root, most=_MOST_LIST)
    return parse_record(content, _LISTS, root, "list of groups", "get another one").roots()


def kept_files(kept: tuple[KeptGroup, ...], shown: Mapping[int, HiddenGroup]) -> dict[int, Path]:
    """The files of an owner's groups that the chain shows already, and of no others.

    A group is taken for shown only where the node tells its salt, which nobody but the owner knew before: a node that
    lies gets no hidden group out of its owner.

    Raises:
        InvalidInputError: what the node shows are not the groups that were committed to, or a file holds other data.
    """
    files = {}
    for index, hidden in sorted(shown.items()):
        if not 0 <= index < len(kept) or kept[index].hidden != hidden:
            raise InvalidInputError(f"the node shows another group {index} than was committed to; use another node")
        if _digest(kept[index].file) != hidden.file_digest:
            raise InvalidInputError(
                f"{kept[index].file} holds other data than were committed to; put a copy of the file back"
            )
        files[index] = kept[index].file
    return files


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        raise UnknownError(f"there is no file {path}; put a copy of it back") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read ({error.strerror}); put a copy of it back") from None
