"""Groups of data out of stores that are not believed: each is committed to again, and held against the chain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from circuits.accuracy.sizeclasses import MAX_CHUNKS, SizeClass
from circuits.atomicfile import storing
from circuits.errors import InvalidInputError, StorageError, UnknownError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import RAW, Cid
from commons.artifacts.tensorfiles import MAX_HEADER
from commons.artifacts.transfers import Progress, find_root, get_kept, silent
from commons.artifacts.unixfs import LEAF
from commons.chain.modelview import ModelView
from commons.protocol.bountydraws import HiddenGroup
from commons.storage.files import publish_durably
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.datatransfers import ReadGroup, read_list
from gradroll.modelmarket.modelparameters import ModelParameters


def fetch_set(
    models: ModelView, parameters: ModelParameters, size: SizeClass, store: BlockStore, set_id: bytes, directory: Path,
    progress: Progress = silent,
) -> dict[int, Path]:  # fmt: skip
    """Fetch the registered groups of a set whose manifest lists their files; see ``fetch_groups``.

    Args:
        size: class for which the groups were committed to.
        directory: gets a file for each group.

    Raises:
        UnknownError: there is no such set, it names no list, or the list lacks a group.
    """
    record = models.set_of(set_id)
    listed, wanted = set_files(store, record.manifest), {}
    for number, known in enumerate(record.hashes):
        if known is not None:
            if number not in listed:
                raise UnknownError(f"the set's list of files lacks group {number}; get its file from the set's creator")
            wanted[number] = listed[number], known
    return fetch_groups(store, wanted, size, directory, _reader(parameters, size), progress)


def fetch_shown(
    models: ModelView, parameters: ModelParameters, store: BlockStore, bounty: bytes, directory: Path,
    root: Cid | None = None, progress: Progress = silent,
) -> dict[int, Path]:  # fmt: skip
    """Fetch the groups that a bounty's owner showed, of both stages; see ``fetch_groups``.

    Args:
        directory: gets a file for each group, by its index in the commitment.
        root: the list that the owner published, without which files of more than a MiB are not found.

    Raises:
        UnknownError: there is no such bounty, or a group is in neither list nor chain.
    """
    size = parameters.class_of(models.verifier(models.bounty(bounty).terms.verifier))
    shown = models.all_shown_groups(bounty)
    listed = {} if root is None else read_list(store, root)
    roots = shown_files(shown, size, listed)
    wanted = {index: (roots[index], hidden.group_hash) for index, hidden in shown.items()}
    return fetch_groups(store, wanted, size, directory, _reader(parameters, size), progress)


def _reader(parameters: ModelParameters, size: SizeClass) -> ReadGroup:
    return lambda path: DataGroup.of_file(size, parameters.srs, path)


def most_bytes(size: SizeClass) -> int:
    """The largest file of a group of a class: 16 chunks, features of two bytes, labels of one."""
    return MAX_HEADER + MAX_CHUNKS * size.samples * (2 * size.inputs + 1)


def set_files(store: BlockStore, manifest: bytes) -> dict[int, Cid]:
    """The files that the manifest of a set lists.

    Raises:
        UnknownError: the set has no manifest, or the store has it not.
        InvalidInputError: its manifest is something else.
    """
    if not any(manifest):
        raise UnknownError("the set names no list of its files; get them from whoever registered it")
    return read_list(store, find_root(store, manifest))


def shown_files(shown: Mapping[int, HiddenGroup], size: SizeClass, listed: Mapping[int, Cid]) -> dict[int, Cid]:
    """Files of the groups that a bounty's owner showed: as a list names them, else as the chain itself does.

    The chain has the SHA-256 of each file, which is the name of one of at most a MiB.

    Raises:
        UnknownError: a file is larger, and no list names it.
    """
    found = {}
    for index, hidden in sorted(shown.items()):
        if index in listed:
            found[index] = listed[index]
        elif hidden.samples * (2 * size.inputs + 1) + MAX_HEADER <= LEAF:
            found[index] = Cid(RAW, hidden.file_digest)
        else:
            raise UnknownError(
                f"the file of group {index} has more than a MiB, so the chain does not say its name; pass the list "
                "that the bounty's owner published (--from)"
            )
    return found


def fetch_groups(
    store: BlockStore, wanted: Mapping[int, tuple[Cid, bytes]], size: SizeClass, directory: Path, read: ReadGroup,
    progress: Progress = silent,
) -> dict[int, Path]:  # fmt: skip
    """Fetch groups' files into a directory, each held against the hash that the chain has of it.

    The same call goes on where a break stopped it.  A file that is not the group's is taken away again.

    Args:
        wanted: root and hash, by number of the group.
        read: commits to the data in a file.

    Raises:
        InvalidInputError: a file is larger than any group's, or its data are others than the chain names.
        UnknownError, ProofError, UnavailableError, StorageError: of the store.
    """
    fetched = {}
    for number, (root, expected) in sorted(wanted.items()):
        path = directory / f"group-{number}.safetensors"
        fetched[number] = path
        if path.exists():
            if read(path).hash != expected:
                raise StorageError(f"{path} exists already and holds other data; choose another directory")
            continue
        part = directory / f".group-{number}.{root}"
        get_kept(store, root, part, most=most_bytes(size), progress=progress)
        try:
            if read(part).hash != expected:
                raise InvalidInputError(
                    f"what is listed as group {number} holds other data than the chain names; get the file from "
                    "somebody else"
                )
        except InvalidInputError:
            part.unlink()
            raise
        with storing(f"cannot write {path}"):
            publish_durably(part, path, replace=False)
    return fetched
