"""What every store of blocks can do, and that none of them is believed."""

from __future__ import annotations

from typing import Protocol

from circuits.errors import InvalidInputError, ProofError
from commons.artifacts.cids import Cid
from commons.artifacts.unixfs import MAX_BLOCK


class BlockStore(Protocol):
    """Blocks by their identifiers.  Safe for several processes at once.

    Attributes:
        shown: the store's name in messages, without what may be secret.
    """

    @property
    def shown(self) -> str:
        """See the class."""

    def get(self, cid: Cid) -> bytes:
        """A block, whose bytes are those that its identifier names.

        Raises:
            UnknownError: the store has it not.
            ProofError: the store serves other bytes.
            UnavailableError: the store cannot be reached, takes too long, or refuses.
            StorageError: a disk cannot be read.
        """

    def put(self, cid: Cid, block: bytes) -> None:
        """Keep a block; it is there for good on return.  Raises as ``get``; InvalidInputError where none is taken."""

    def has(self, cid: Cid) -> bool:
        """Whether the store has a block, as far as it says.  Raises UnavailableError or StorageError."""

    def keep(self, root: Cid) -> None:
        """Have the store not clear away a file whose blocks were all put.  Raises as ``put``."""


def checked(cid: Cid, block: bytes, shown: str) -> bytes:
    """A block as a store served it.  Raises ProofError where it is not the one that was asked for."""
    if len(block) > MAX_BLOCK or not cid.fits(block):
        raise ProofError(f"{shown} serves other bytes than {cid} names; use another store")
    return block


def require_block(cid: Cid, block: bytes) -> None:
    """Raise InvalidInputError for a block that no store should be given."""
    if len(block) > MAX_BLOCK or not cid.fits(block):
        raise InvalidInputError(f"these bytes are not the block {cid}, or are more than {MAX_BLOCK}")
