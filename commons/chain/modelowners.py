"""Who owns a task, or did: a task can be passed on, and what a former model owner signed stays signed."""

from __future__ import annotations

from typing import Any

from commons.chain.decoding import ROUND_OPENED
from commons.chain.view import ChainView

TASK_TRANSFERRED = "TaskTransferred(uint256,address,address)"
_Place = tuple[int, int]
"""Block and index of an event's log."""


def model_owners(view: ChainView, task_id: int) -> frozenset[bytes]:
    """Addresses of a task's present and former model owners.  Raises UnknownError, ChainError."""
    record = view.task(task_id)
    taken = view.events.read(_taker, TASK_TRANSFERRED, task_id)
    return frozenset((record.terms.creator, record.model_owner, *taken))


def handovers(view: ChainView, task_id: int) -> dict[bytes, int]:
    """Former model owners, each with the first round that was opened after it passed the task on for the last time.

    Whoever owns a task no more has no say in its later rounds.  Raises UnknownError, ChainError.
    """
    present = view.task(task_id).model_owner
    passed_on = view.events.read(lambda log: (bytes(log["topics"][2])[12:], _place(log)), TASK_TRANSFERRED, task_id)
    opened = view.events.read(_place, ROUND_OPENED, task_id) if passed_on else []
    return {giver: sum(each < at for each in opened) for giver, at in passed_on if giver != present}


def _place(log: Any) -> _Place:
    return int(log["blockNumber"]), int(log["logIndex"])


def _taker(log: Any) -> bytes:
    return bytes(log["topics"][3])[12:]
