"""What a view says of a task's owners, of one or of many in few requests: a cohort has hundreds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from commons.chain import decoding
from commons.chain.contractreader import ContractReader
from commons.chain.facts import OwnerRecord

_WORD = 256
"""Owners in one word of the market's record of a round."""


class RosterReader(ContractReader):
    """The owners of tasks."""

    def owner(self, task_id: int, index: int) -> OwnerRecord:
        """The owner with a registration index, at present.  Raises UnknownError."""
        return self.owner_records(task_id, (index,))[0]

    def owner_records(self, task_id: int, indices: Sequence[int]) -> tuple[OwnerRecord, ...]:
        """The owners with registration indices, in the order of these.  Raises UnknownError for any of them."""
        each = [[task_id, index] for index in indices]
        found = self._market_all("ownerAt(uint256,uint256)", each, [decoding.OWNER])
        return tuple(decoding.owner(raw) for (raw,) in found)

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        """Whether the owner with a registration index is in an accepted batch of the round."""
        return bool(self.consumed_among(task_id, number, (index,)))

    def consumed_among(self, task_id: int, number: int, indices: Iterable[int]) -> frozenset[int]:
        """Those of some registration indices whose owners are in accepted batches of the round."""
        wanted = frozenset(indices)
        words = sorted({index // _WORD for index in wanted})
        each = [[task_id, number, word] for word in words]
        found = self._market_all("consumed(uint256,uint256,uint256)", each, ["uint256"])
        bits = {word: int(raw) for word, (raw,) in zip(words, found, strict=True)}
        return frozenset(index for index in wanted if bits[index // _WORD] >> index % _WORD & 1)
