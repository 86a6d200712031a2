"""Goes through the chain for rounds of which batches were accepted: what is new first, then back to the beginning.

A market may have more events than a node shows at a time, so they are asked for in windows of blocks, and how far it
has come is kept.  A window counts as read once most nodes tell the same of it, up to a block that is deep enough on
most nodes: what one of them makes up, or leaves out, ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from circuits.errors import ChainError
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import MarketReader
from commons.settings.values import Depth
from coordinator.roundstate import RoundKey
from coordinator.turns import MARGIN

WINDOW = 1 << 16
"""Most blocks of a question; after trouble it is half as many, and a little more after each that is answered."""


class Combing:
    """How far the chain was gone through.

    Args:
        depth: how deep a block must be.

    Attributes:
        high: the last block that was read, -1 before the first.
    """

    def __init__(self, view: MarketReader, depth: Depth) -> None:
        self._view, self._depth = view, depth
        self.high = -1
        self._low = 0  # the first that was read, with all from there to the last
        self._window = WINDOW

    @property
    def is_through(self) -> bool:
        """Whether it has come to the beginning."""
        return self.high >= 0 and self._low == 0

    def begin_again(self) -> None:
        """Go back to the beginning once more."""
        self._low = self.high + 1

    def newer(self) -> Iterator[frozenset[RoundKey]]:
        """Tasks and rounds of what came since, window by window.  Who stops, or meets trouble, goes on from there.

        Raises ChainError.
        """
        target = self._height()
        if self.high < 0:
            self.high, self._low = target, target + 1
        first = max(self.high + 1 - MARGIN, self._low)
        while first <= target:
            last = min(first + self._window - 1, target)
            found = self._read(first, last)
            self.high, first = max(self.high, last), last + 1
            yield found

    def older(self) -> Iterator[frozenset[RoundKey]]:
        """Those of what was there before, the last first.  As ``newer``, which comes first."""
        while self._low > 0:
            first = max(self._low - self._window, 0)
            found = self._read(first, self._low - 1)
            self._low = first
            yield found

    def _height(self) -> int:
        """The last block that is deep enough on most nodes.  Raises ChainError."""
        said: set[int] = set()

        def ask() -> int:
            said.add(number := self._view.block(self._depth).number)
            return number

        try:
            agreed = self._view.most(ask)
        except NoAgreementError:
            agreed = next((number for number in sorted(said, reverse=True) if self._most_have(number)), None)
        if agreed is None:
            raise ChainError("most nodes do not say how long the chain is; it is asked again later")
        return agreed

    def _most_have(self, number: int) -> bool:
        return bool(self._view.most(lambda: self._view.block(self._depth).number >= number or None))

    def _read(self, first: int, last: int) -> frozenset[RoundKey]:
        try:
            found = self._view.most(lambda: self._view.accepted_between(first, last))
        except ChainError:
            self._window = max(self._window // 2, 1)
            raise
        self._window = min(self._window + max(self._window // 8, 1), WINDOW)
        return found or frozenset()
