"""How long the chain is for most nodes, and whether what was deep in it is still there: one question to each node,
however much that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from circuits.errors import ChainError
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import MarketReader
from commons.settings.values import Depth


class Found(Enum):
    """What became of the block that was deep.  UNKNOWN: nobody can say, as at first."""

    THERE = "there"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Mark:
    """A block, and how long the chain was when it was marked: number of the last block that was deep enough."""

    height: int
    number: int
    hash: bytes


class DeepMark:
    """Remembers a block that was deep enough, and looks whether most nodes have it still.

    While they have, they have all blocks in front of it, and what is in these.  A mark that they have moves forward
    only: one node that is silent while another one says that its chain is short would else have what lies between the
    two vouched for by nobody.

    Args:
        depth: how deep it must be.
        behind: how many blocks in front of the last one that is so deep; of a chain that is shorter, its first one.
    """

    def __init__(self, view: MarketReader, depth: Depth, behind: int = 0) -> None:
        self._view, self._depth, self._behind = view, depth, behind
        self._mark: _Mark | None = None
        self._stands = False

    @property
    def number(self) -> int | None:
        """Number of the marked block, which most nodes had at the last look; None where nobody could say."""
        return self._mark.number if self._mark is not None and self._stands else None

    @property
    def height(self) -> int | None:
        """Number of the last block that was deep enough when that one was marked; None as for ``number``."""
        return self._mark.height if self._mark is not None and self._stands else None

    def look(self) -> Found:
        """Whether every block up to the mark of the last look is in its place; then mark a later one.

        A mark of which nobody can say stays until somebody can.  Raises ChainError.
        """
        self._stands = False
        new = self._new()  # before the old one is looked at: what is replaced in between is seen now or the next time
        before = self._mark
        found = Found.UNKNOWN if before is None else self._became_of(before)
        if before is not None and found is Found.UNKNOWN:
            return found
        if new is not None and (before is None or found is Found.REPLACED or new.height > before.height):
            self._mark = new
        self._stands = new is not None or found is Found.THERE
        return found

    def _became_of(self, mark: _Mark) -> Found:
        now = self._hash(mark.number)
        if now is None:
            return Found.UNKNOWN
        return Found.THERE if now == mark.hash else Found.REPLACED

    def _new(self) -> _Mark | None:
        height = agreed_height(self._view, self._depth)
        number = max(height - self._behind, 0)
        found = self._hash(number)
        return _Mark(height, number, found) if found else None

    def _hash(self, number: int) -> bytes | None:
        """Hash of a block that most nodes have, empty where most have none; None where they do not agree."""
        try:
            return self._view.most(lambda: self._view.block_hash(number) or b"")
        except NoAgreementError:
            return None


def agreed_height(view: MarketReader, depth: Depth) -> int:
    """The last block that is deep enough on most nodes.  Raises ChainError."""
    said: set[int] = set()

    def ask() -> int:
        said.add(number := view.block(depth).number)
        return number

    try:
        agreed = view.most(ask)
    except NoAgreementError:
        agreed = next((number for number in sorted(said, reverse=True) if _most_have(view, depth, number)), None)
    if agreed is None:
        raise ChainError("most nodes do not say how long the chain is; it is asked again later")
    return agreed


def _most_have(view: MarketReader, depth: Depth, number: int) -> bool:
    return bool(view.most(lambda: view.block(depth).number >= number or None))
