"""Notices a reorganisation: the block that was the latest at the last look has another hash now, or is gone.

What a process remembers of the blocks that were replaced may be wrong: two registrations in another order give owners
each other's indices, and a prover that remembered them would refuse the honest one for good.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from commons.chain.rpc import Rpc

_log = logging.getLogger(__name__)


class BlockWatch:
    """The blocks of one chain, looked at again and again, through one node or several.

    A node that does not have the last block that another one showed may be behind, so it is not asked what became of
    it; as soon as it has a block of that number, it is.

    Args:
        forget: called whenever blocks were replaced.
    """

    def __init__(self, rpc: Rpc, forget: Callable[[], None]) -> None:
        """Begin with the latest block.  Raises as ``look``."""
        self._rpc, self._forget = rpc, forget
        self._last, self._node = rpc.on_one_node(lambda node: (rpc.head(), node))

    def look(self) -> None:
        """Compare the block of the last look.  Raises ChainError when the node cannot be reached."""
        self._rpc.on_one_node(self._look)

    def _look(self, node: int) -> None:
        last, head = self._last, self._rpc.head()
        now = self._rpc.block_hash(last.number)  # after the head: a head of a branch that came in between hides nothing
        if now is None and node != self._node:
            return
        self._last, self._node = head, node
        if now != last.hash:
            _log.info("event=blocks-replaced block=%d", last.number)
            self._forget()
