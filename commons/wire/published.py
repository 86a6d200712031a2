"""What a task's coordinator publishes, as the chain vouches for it: the model of a round, the task's manifest."""

from __future__ import annotations

from circuits.arrays import FloatArray
from circuits.errors import ClosedError, UnknownError
from circuits.terms import NO_DIGEST, TaskTerms
from commons.chain.openings import model_digest
from commons.chain.view import ChainView
from commons.protocol.modelmanifests import ModelManifest
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


def fetch_manifest(
    terms: TaskTerms, coordinator: CoordinatorClient, given: ModelManifest | None = None
) -> ModelManifest | None:
    """The manifest that a task's terms name; None where they name none.

    Args:
        given: where one is at hand, so that the coordinator is not asked.

    Raises:
        UnknownError: the coordinator does not have it.
        InvalidInputError: the one at hand is another, or what the terms name is no manifest of such a task.
    """
    if given is not None:
        given.require_of(terms)
        return given
    if terms.manifest == NO_DIGEST:
        return None
    try:
        with stage("fetching the model manifest"):
            manifest = coordinator.get_manifest(terms.manifest)
    except UnknownError as error:
        raise UnknownError(
            f"the coordinator does not serve the model manifest 0x{terms.manifest.hex()} of task "
            f"{shown(terms.task_id)} ({error}); name a file that holds it (--manifest)"
        ) from error
    manifest.require_of(terms)
    return manifest


def model_length(terms: TaskTerms, manifest: ModelManifest | None) -> int:
    """Coordinates of the models that a task's rounds publish."""
    return terms.dimension if manifest is None else manifest.model_length


def fetch_model(
    view: ChainView,
    coordinator: CoordinatorClient,
    task_id: int,
    wanted: int | None,
    manifest: ModelManifest | None = None,
) -> tuple[int, FloatArray]:
    """A round, by default the latest, and its model, float64 of shape (model length,), checked by the chain's digest.

    Args:
        manifest: the task's, where it is at hand.

    Raises:
        UnknownError: no such task or round, or the coordinator has no such model, or not the task's manifest.
        ClosedError: the task has opened no round.
        InvalidInputError: the manifest at hand is another than the task's.
    """
    number, terms = opened_round(view, task_id, wanted), view.terms(task_id)
    length = model_length(terms, fetch_manifest(terms, coordinator, manifest))
    with stage("fetching the model"):
        data = coordinator.get_model(model_digest(view, task_id, number), length)
    return number, decode_model(data, length)
