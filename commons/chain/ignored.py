"""Which owners were ignored in a round, and when that is certain (`contracts/src/libraries/Fees.sol`)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from commons.chain.ports import MarketReader


def certain_after(view: MarketReader, task_id: int, number: int) -> int:
    """Chain time after which the payees of a round's batches can be paid, as it looks now; 0 where they get nothing.

    Who posts a submission later, or a pause of the market, moves it.  Raises ChainError.
    """
    if not view.terms(task_id).pay.pays_coordinator:
        return 0
    record = view.round(task_id, number)
    return record.settle_deadline if view.posted(task_id, number) else record.submit_deadline


@dataclass(frozen=True, slots=True)
class PostedOwners:
    """What owners posted in a round: registration indices.

    Attributes:
        posted: all who did.
        ignored: those of them that are, by now, neither in an accepted batch nor excluded.
    """

    posted: frozenset[int] = frozenset()
    ignored: frozenset[int] = frozenset()


def postings(view: MarketReader, task_id: int, number: int, among: AbstractSet[int] | None = None) -> PostedOwners:
    """Who posted in a round, and what became of it.  Raises ChainError.

    Args:
        among: registration indices; what became of others is not asked.
    """
    posted = frozenset(each.header.owner_index for each in view.posted(task_id, number))
    left = posted if among is None else posted & among
    if not left:
        return PostedOwners(posted)
    left -= {each.index for each in view.excluded(task_id, number)}
    return PostedOwners(posted, left - view.consumed_among(task_id, number, left))
