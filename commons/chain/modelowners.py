"""Who owns a task, or did: a task can be passed on, and what a former model owner signed stays signed."""

from __future__ import annotations

from typing import Any

from commons.chain.view import ChainView

TASK_TRANSFERRED = "TaskTransferred(uint256,address,address)"


def model_owners(view: ChainView, task_id: int) -> frozenset[bytes]:
    """Addresses of a task's present and former model owners.  Raises UnknownError, ChainError."""
    record = view.task(task_id)
    taken = view.events.read(_taker, TASK_TRANSFERRED, task_id)
    return frozenset((record.terms.creator, record.model_owner, *taken))


def _taker(log: Any) -> bytes:
    return bytes(log["topics"][3])[12:]
