"""Goes through the chain for rounds of which batches were accepted: what is new first, then back to the beginning.

A market may have more events than a node shows at a time, so they are asked for in windows of blocks, and how far it
has come is kept.  A window counts as read once most nodes tell the same of it, up to a block that is deep enough on
most nodes: what one of them makes up, or leaves out, ends nothing.  The last blocks are read again each time, for a
reorganisation puts what is in them elsewhere; when one went deeper than that, all is gone through again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from circuits.errors import ChainError
from commons.chain.ports import MarketReader
from commons.settings.values import Depth
from coordinator.deepblocks import DeepMark, Found
from coordinator.roundstate import RoundKey
from coordinator.turns import MARGIN

_log = logging.getLogger(__name__)
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
        self._view, self._mark = view, DeepMark(view, depth, behind=MARGIN)
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
        became = self._mark.look()
        target = self._mark.height
        if target is None:
            raise ChainError("most nodes do not have the same chain; it is read on once they do")
        if became is Found.REPLACED:
            _log.error(
                "event=deep-blocks-replaced block=%d advice='the chain took back what was final by far, and is gone "
                "through again: look at the nodes, and raise coordinator.confirmations'", target,
            )  # fmt: skip
        if became is Found.REPLACED or self.high < 0:
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

    def _read(self, first: int, last: int) -> frozenset[RoundKey]:
        try:
            found = self._view.most(lambda: self._view.accepted_between(first, last))
        except ChainError:
            self._window = max(self._window // 2, 1)
            raise
        self._window = min(self._window + max(self._window // 8, 1), WINDOW)
        return found or frozenset()
