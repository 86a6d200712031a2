"""What the chain says once may be taken back: only what it says still, when that block is deep enough, counts.

Blocks are looked at through most nodes: one alone could show an old one, which is deep at once.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable

from commons.chain.depth import HEAD, BlockHead
from commons.chain.ports import MarketReader
from commons.settings.values import Depth

_RECENT = 8
"""Blocks that the one at which something is first seen may lie behind a node's latest: as many as a node may lag."""


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
        with self._lock:
            first = self._seen.get(what)
        if first is None or not self._most_have(first):
            first = self._begun(what)
        return first is not None and self._is_deep(first)

    def _begun(self, what: Hashable) -> BlockHead | None:
        """The latest block, remembered; None where most nodes do not know it, or know much later ones."""
        heads = [self._view.block(HEAD) for _ in range(2)]  # behind one address there may be a node that lags
        head = max(heads, key=lambda block: block.number)
        known = self._most_have(head, latest=head.number + _RECENT)
        with self._lock:
            if known:
                self._seen[what] = head
            else:
                self._seen.pop(what, None)
        return head if known else None

    def _most_have(self, block: BlockHead, latest: int | None = None) -> bool:
        """Whether most nodes have a block; ``latest``: and none after this number."""

        def ask() -> bool | None:
            if self._view.block_hash(block.number) != block.hash:
                return None
            return latest is None or self._view.block(HEAD).number <= latest or None

        return bool(self._view.most(ask))

    def _is_deep(self, block: BlockHead) -> bool:
        return bool(self._view.most(lambda: self._view.block(self._depth).number >= block.number or None))

    def forget(self, what: Hashable) -> None:
        """It is not so, or nobody asks any more."""
        with self._lock:
            self._seen.pop(what, None)
