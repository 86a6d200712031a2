"""Whether what was deep in the chain is still there, for one question to each node, however much that is."""

from __future__ import annotations

from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import MarketReader
from commons.settings.values import Depth


class Standing:
    """Remembers the block that was deep enough, and looks whether most nodes have it still.

    While they have, they have all blocks in front of it, and what is in these.

    Args:
        depth: how deep it must be.
    """

    def __init__(self, view: MarketReader, depth: Depth) -> None:
        self._view, self._depth = view, depth
        self._mark: tuple[int, bytes] | None = None

    @property
    def number(self) -> int | None:
        """Number of the block that was deep at the last call of ``holds``; None where nobody can say."""
        return None if self._mark is None else self._mark[0]

    def holds(self) -> bool:
        """Whether every block that was deep at the last call is in its place; False where nobody can say, as at first.

        Raises ChainError; the next call says False then.
        """
        before, self._mark = self._mark, None
        mark = self._deep()  # before the old one is looked at: what is replaced in between is seen now or the next time
        holds = before is not None and self._hash(before[0]) == before[1]
        self._mark = mark
        return holds

    def _deep(self) -> tuple[int, bytes] | None:
        """The latest block that is deep enough, by one node, and on most: one that is too low vouches for little."""
        number = self._view.block(self._depth).number
        found = self._hash(number)
        return None if found is None else (number, found)

    def _hash(self, number: int) -> bytes | None:
        """Hash of a block that most nodes have; None where they have none, or different ones."""
        try:
            return self._view.most(lambda: self._view.block_hash(number))
        except NoAgreementError:
            return None
