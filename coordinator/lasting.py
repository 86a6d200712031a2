"""What the chain says once may be taken back: only what it says still, when that block is deep enough, counts."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from commons.chain.depth import HEAD, BlockHead
from commons.chain.ports import MarketReader
from commons.settings.values import Depth


class Lasting:
    """Remembers at which block something was first seen.  Thread-safe.

    Args:
        depth: how deep that block must be.
    """

    def __init__(self, view: MarketReader, depth: Depth) -> None:
        self._view = view
        self._depth = depth
        self._seen: dict[Hashable, BlockHead] = {}
        self._lock = threading.Lock()

    def holds(self, what: Hashable) -> bool:
        """Whether something that is so now was so when a block was the latest that is deep by now.

        A block that was replaced meanwhile does not count: what was seen there begins anew.  Raises ChainError.
        """
        head = self._view.block(HEAD)
        with self._lock:
            first = self._seen.setdefault(what, head)
        if self._view.block_hash(first.number) != first.hash:
            with self._lock:
                self._seen[what] = head
            first = head
        return self._view.block(self._depth).number >= first.number

    def forget(self, what: Hashable) -> None:
        """It is not so, or nobody asks any more."""
        with self._lock:
            self._seen.pop(what, None)
