"""The model of a round, as its coordinator serves it and the chain vouches for it."""

from __future__ import annotations

from circuits.arrays import FloatArray
from circuits.errors import ClosedError, UnknownError
from commons.chain.openings import model_digest
from commons.chain.view import ChainView
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from commons.storage.modelfiles import decode_model
from commons.wire.coordinator_client import CoordinatorClient


def opened_round(view: ChainView, task_id: int, wanted: int | None) -> int:
    """The number of a round that was opened, by default the latest.

    Raises:
        UnknownError: no such task, or round.
        ClosedError: the task has opened none.
    """
    opened = view.task(task_id).rounds_opened
    if opened == 0:
        raise ClosedError(f"task {shown(task_id)} has no open round yet; wait for its model owner to open one")
    current = opened - 1 if wanted is None else wanted
    if not 0 <= current < opened:
        raise UnknownError(f"task {shown(task_id)} has no round {current}; the latest is {opened - 1}, so ask for that")
    return current


def fetch_model(
    view: ChainView, coordinator: CoordinatorClient, task_id: int, wanted: int | None
) -> tuple[int, FloatArray]:
    """A round, by default the latest, and its model, float64[d], checked against the digest on the chain.

    Raises:
        UnknownError: no such task or round, or the coordinator has no such model.
        ClosedError: the task has opened no round.
    """
    number = opened_round(view, task_id, wanted)
    dimension = view.terms(task_id).dimension
    with stage("fetching the model"):
        data = coordinator.get_model(model_digest(view, task_id, number), dimension)
    return number, decode_model(data, dimension)
