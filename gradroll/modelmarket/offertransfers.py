"""Offers by content: a seller puts an offer and its sealed row into a store, a buyer fetches both by one identifier.

No store is believed: each block is compared with its name, and no more bytes are taken than such a file can have.  A
store that serves what was named serves what the seller made, which is checked against the chain like any other file.
"""

from __future__ import annotations

from pathlib import Path

from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import InvalidInputError
from circuits.swap.sealedrows import encoded_length
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from commons.artifacts.transfers import Artifact, Progress, cid_of_file, get_kept, put_file, silent
from gradroll.modelmarket.offerfiles import MOST_BYTES

FETCHED = "fetched"
"""Folder of a state directory with what came out of stores."""


def put_offer(store: BlockStore, offer: Path, row: Path, progress: Progress = silent) -> Artifact:
    """Put the file of an offer and its sealed row into a store; returns the offer, whose file names the row.

    Blocks that are there already are not sent again.  The offer comes last: who finds it finds the row.

    Raises:
        UnknownError, InvalidInputError: a file cannot be read, or the store only serves.
        UnavailableError, StorageError: of the store.
    """
    put_file(store, row, progress)
    return put_file(store, offer)


def row_name(row: Path) -> str:
    """What an offer names its sealed row.  Raises as ``put_offer``."""
    return str(cid_of_file(row).root)


def fetch_offer_file(store: BlockStore, root: Cid, state: Path) -> Path:
    """The file of an offer, fetched below a state directory unless it is there.

    Raises:
        InvalidInputError: it is larger than an offer, or not cut as artifacts are.
        UnknownError, ProofError, UnavailableError, StorageError: of the store.
    """
    path = state / FETCHED / f"{root}.json"
    get_kept(store, root, path, most=MOST_BYTES)
    return path


def fetch_row(store: BlockStore, name: str, size: SizeClass, state: Path, progress: Progress = silent) -> Path:
    """A sealed row that an offer names, fetched below a state directory unless it is there.

    The same call goes on where a break stopped it.  The first block says how long the file is: a longer one than rows
    of the class is refused before more of it is asked for.

    Raises:
        InvalidInputError: the offer names none, or one of another class.
        UnknownError, ProofError, UnavailableError, StorageError: of the store.
    """
    if not name:
        raise InvalidInputError(
            "the offer does not say under which name its sealed row is kept; get row.sealed from the seller, and name "
            "its file"
        )
    root, length = Cid.parse(name), encoded_length(size.weights)
    path = state / FETCHED / f"{root}.sealed"
    if get_kept(store, root, path, most=length, progress=progress).size != length:
        path.unlink()
        raise InvalidInputError(
            f"{root} is no sealed row of class {size.name}, which has {length} bytes; ask the seller for another offer"
        )
    return path
