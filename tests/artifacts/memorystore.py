"""A store in memory, whose answers a test may change."""

from __future__ import annotations

from collections import Counter

from circuits.errors import UnknownError
from commons.artifacts.blockstores import checked, require_block
from commons.artifacts.cids import Cid


class MemoryStore:
    """Blocks in a dictionary.

    Attributes:
        blocks: what is served, by identifier.
        asked: how often each block was fetched, and put.
        breaks: fetches and puts until the connection breaks, for ever; None for never.
    """

    shown = "the store in memory"

    def __init__(self) -> None:
        self.blocks: dict[Cid, bytes] = {}
        self.got: Counter[Cid] = Counter()
        self.stored: Counter[Cid] = Counter()
        self.kept: list[Cid] = []
        self.breaks: int | None = None

    def get(self, cid: Cid) -> bytes:
        self._step()
        self.got[cid] += 1
        if cid not in self.blocks:
            raise UnknownError("not here")
        return checked(cid, self.blocks[cid], self.shown)

    def put(self, cid: Cid, block: bytes) -> None:
        self._step()
        require_block(cid, block)
        self.stored[cid] += 1
        self.blocks[cid] = block

    def has(self, cid: Cid) -> bool:
        return cid in self.blocks

    def keep(self, root: Cid) -> None:
        self.kept.append(root)

    def _step(self) -> None:
        if self.breaks is not None:
            self.breaks -= 1
            if self.breaks < 0:
                raise KeyboardInterrupt
