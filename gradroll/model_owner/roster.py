"""Copying a task's owners into code before a round, where enough rounds are to come.

A batch reads each owner's address: 2,100 gas from storage, next to nothing from the copy that `Market.compactRoster`
makes.  The copy costs 89,000 gas and 6,500 an owner of its chunk, also for those who were in an earlier copy.  An
owner's part is earned back in about three rounds; the rest weighs little on rosters of many owners and is not counted
here.  A growing roster is copied again only when its new owners alone make up for the copy of all.
"""

from __future__ import annotations

from circuits.errors import ContractError
from commons.chain.facts import ROSTER_CHUNK
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter

BREAK_EVEN = 3
"""Rounds in which the copy of an owner saves what it costs."""


def pays(registered: int, copied: int, rounds_left: int, batch_owners: int) -> bool:
    """Whether copying a chunk earns back what it costs an owner by the end of the task.

    Args:
        registered: owners of the chunk.
        copied: how many of them are in its copy already.
        rounds_left: rounds that are still to be opened.
        batch_owners: most owners that a round accepts.
    """
    served = min(registered - copied, batch_owners)
    return rounds_left >= BREAK_EVEN and served > 0 and served * rounds_left >= BREAK_EVEN * registered


def chunks_to_compact(view: ChainView, task_id: int, seats: int) -> tuple[int, ...]:
    """The chunks of a task's roster whose copy pays, if a round of so many seats is about to be opened."""
    task = view.task(task_id)
    left = task.terms.rounds - task.rounds_opened
    sizes = [min(ROSTER_CHUNK, task.owners - first) for first in range(0, task.owners, ROSTER_CHUNK)]
    if left < BREAK_EVEN:
        return ()
    return tuple(c for c, size in enumerate(sizes) if pays(size, view.compacted(task_id, c), left, seats))


def compact(view: ChainView, chain: ChainWriter, task_id: int, seats: int) -> tuple[int, ...]:
    """Copy every chunk whose copy pays; returns them.

    Raises:
        ChainError: the market refused, or the node is the trouble.
    """
    chunks = chunks_to_compact(view, task_id, seats)
    for chunk in chunks:
        try:
            chain.compact_roster(task_id, chunk)
        except ContractError as error:
            if error.error != "RosterCompact":  # somebody else was faster
                raise
    return chunks
