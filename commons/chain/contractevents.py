"""Events of a contract, as a node shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from circuits.hashing import keccak
from commons.chain.rpc import Rpc
from commons.settings.values import Depth

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one contract, through one node.

    Attributes:
        look: raises ChainError while the node shows another deployment; called before each question.
        from_block: the first that is looked at.
    """

    rpc: Rpc
    contract: bytes
    look: Callable[[], None]
    from_block: int

    def find(
        self, event: str, *topics: int | bytes | None, first: int | None = None, last: int | None = None
    ) -> list[Any]:
        """The logs of an event, oldest first.  Raises ChainError.

        Args:
            event: its signature.
            topics: what it is indexed by, numbers or up to 32 bytes; None, and what is left out at the end, is any.
            first: the first block that is looked at, if that is later than ``from_block``.
            last: the last one.
        """
        self.look()
        begin = max(self.from_block, first or 0)
        if last is not None and last < begin:
            return []
        wanted = [keccak(event.encode("ascii")), *map(_word, topics)]
        return list(self.rpc.logs(self.contract, wanted, begin, last))

    def read(
        self,
        decode: Callable[[Any], T],
        event: str,
        *topics: int | bytes | None,
        first: int | None = None,
        last: int | None = None,
    ) -> list[T]:
        """As ``find``, with what ``decode`` makes of each log."""
        told = self.find(event, *topics, first=first, last=last)
        return cast("list[T]", self.rpc.guarded(lambda: list(map(decode, told))))

    def first(self, decode: Callable[[Any], T], event: str, *topics: int | bytes | None, depth: Depth) -> T | None:
        """The first event that so many blocks vouch for, its own among them; None where there is none.

        Raises ChainError also where it is of another block than the same node's chain has there.
        """

        def ask(_: int) -> T | None:
            found = self.find(event, *topics, last=self.rpc.block(depth).number)
            if not found:
                return None
            self.rpc.require_canonical(found[0])
            return cast(T, self.rpc.guarded(lambda: decode(found[0])))

        return self.rpc.on_one_node(ask)


def _word(topic: int | bytes | None) -> bytes | None:
    return topic.to_bytes(32, "big") if isinstance(topic, int) else topic and topic.rjust(32, b"\0")
