"""What a node said of things that never change is remembered; a vote of most nodes rests on each one's own word."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar

from commons.chain.rpc import Rpc
from commons.runtime.memo import Memo

K = TypeVar("K")
V = TypeVar("V")


class NodeMemo(Generic[K, V]):
    """Answers by key.  Thread-safe.

    Whoever asks one node or another gets what any of them said.  What one says when most are asked (``Rpc.most``) is
    its own: else one that lied once, to whatever question, would have its word repeated by all others.

    Args:
        seconds: for which an answer serves.
    """

    def __init__(self, rpc: Rpc, *, seconds: float = math.inf) -> None:
        self._rpc = rpc
        self._memo = Memo[tuple[int | None, K], V](together=True, seconds=seconds)

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The answer under a key.  What ``ask`` raises is raised, and the next who wants it asks anew."""
        return self._memo.get((self._rpc.voter, key), ask)

    def forget(self) -> None:
        """Ask anew for everything."""
        self._memo.forget()
