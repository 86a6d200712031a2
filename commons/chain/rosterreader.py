"""What a view says of a task's rounds and owners, of one or of many in few requests: a cohort has hundreds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from commons.chain import decoding
from commons.chain.abicoding import ViewCall
from commons.chain.contractreader import ContractReader
from commons.chain.facts import OwnerRecord, Participants, RoundRecord

_WORD = 256
"""Owners in one word of the market's record of a round."""


class RosterReader(ContractReader):
    """The rounds and owners of tasks."""

    def round(self, task_id: int, number: int) -> RoundRecord:
        """State of a round.  Raises UnknownError for one that was not opened."""
        ((raw,),) = self._market_each([_round(task_id, number)])
        return decoding.round_record(raw)

    def owner(self, task_id: int, index: int) -> OwnerRecord:
        """The owner with a registration index, at present.  Raises UnknownError."""
        return self.owner_records(task_id, (index,))[0]

    def owner_records(self, task_id: int, indices: Sequence[int]) -> tuple[OwnerRecord, ...]:
        """The owners with registration indices, in the order of these.  Raises UnknownError for any of them."""
        found = self._market_each([_owner_at(task_id, index) for index in indices])
        return tuple(decoding.owner(raw) for (raw,) in found)

    def participants(self, task_id: int, number: int, indices: Sequence[int]) -> Participants:
        """A round, and the owners with registration indices in it.  Raises UnknownError for any of them."""
        words = _words(indices)
        calls = [_round(task_id, number), *(_owner_at(task_id, index) for index in indices)]
        calls += [_consumed(task_id, number, word) for word in words]
        found = [raw for (raw,) in self._market_each(calls)]
        return Participants(
            decoding.round_record(found[0]),
            tuple(decoding.owner(raw) for raw in found[1 : 1 + len(indices)]),
            _set_among(indices, dict(zip(words, found[1 + len(indices) :], strict=True))),
        )

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        """Whether the owner with a registration index is in an accepted batch of the round."""
        return bool(self.consumed_among(task_id, number, (index,)))

    def consumed_among(self, task_id: int, number: int, indices: Iterable[int]) -> frozenset[int]:
        """Those of some registration indices whose owners are in accepted batches of the round."""
        wanted = tuple(indices)
        words = _words(wanted)
        found = [raw for (raw,) in self._market_each([_consumed(task_id, number, word) for word in words])]
        return _set_among(wanted, dict(zip(words, found, strict=True)))


def _round(task_id: int, number: int) -> ViewCall:
    return ViewCall("round(uint256,uint256)", [task_id, number], [decoding.ROUND])


def _owner_at(task_id: int, index: int) -> ViewCall:
    return ViewCall("ownerAt(uint256,uint256)", [task_id, index], [decoding.OWNER])


def _consumed(task_id: int, number: int, word: int) -> ViewCall:
    return ViewCall("consumed(uint256,uint256,uint256)", [task_id, number, word], ["uint256"])


def _words(indices: Iterable[int]) -> list[int]:
    """Numbers of the words that hold the bits of some indices."""
    return sorted({index // _WORD for index in indices})


def _set_among(indices: Iterable[int], words: Mapping[int, int]) -> frozenset[int]:
    """Those of some indices whose bits are set."""
    return frozenset(index for index in indices if words[index // _WORD] >> index % _WORD & 1)
