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
    """The blocks of one node, looked at again and again.

    Args:
        forget: called whenever blocks were replaced.
    """

    def __init__(self, rpc: Rpc, forget: Callable[[], None]) -> None:
        """Begin with the latest block.  Raises as ``look``."""
        self._rpc, self._forget = rpc, forget
        self._last = rpc.head()

    def look(self) -> None:
        """Compare the block of the last look.  Raises ChainError when the node cannot be reached."""
        last = self._last
        replaced = self._rpc.block_hash(last.number) != last.hash
        self._last = self._rpc.head()
        if replaced:
            _log.info("event=blocks-replaced block=%d", last.number)
            self._forget()
