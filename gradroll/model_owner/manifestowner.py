"""What a model owner and its task's coordinator hold of a task beside its terms: the model manifest, and models."""

from __future__ import annotations

from circuits.arrays import FloatArray
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.blockscales import BlockScales
from commons.protocol.modelmanifests import ModelManifest
from commons.runtime.stages import stage
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.published import fetch_manifest, fetch_model
from gradroll.model_owner.escrow import EscrowOwner


class ManifestOwner(EscrowOwner):
    """One model owner's account at one market, with a coordinator; ``ModelOwner`` says what the arguments are."""

    def __init__(
        self, view: ChainView, chain: ChainWriter, coordinator: CoordinatorClient, manifest: ModelManifest | None
    ) -> None:
        super().__init__(view, chain)
        self._coordinator, self._manifest = coordinator, manifest

    def publish_manifest(self, task_id: int) -> ModelManifest | None:
        """Hand the model manifest of a task to its coordinator, which serves it as it does models; None without one.

        Raises:
            UnknownError: it is not at hand, and the coordinator does not have it either.
            InvalidInputError: the one at hand is another task's.
        """
        manifest = self.manifest(task_id)
        if manifest is not None:
            with stage("publishing the model manifest at the coordinator"):
                self._coordinator.put_manifest(manifest, task_id, self._chain)
        return manifest

    def manifest(self, task_id: int) -> ModelManifest | None:
        """The model manifest that a task's terms name, if they name one.

        Raises:
            UnknownError, InvalidInputError: as of ``publish_manifest``.
        """
        return fetch_manifest(self._view.terms(task_id), self._coordinator, self._manifest)

    def _scales(self, task_id: int) -> BlockScales:
        return BlockScales.of(self._view.terms(task_id), self.manifest(task_id))

    def fetch_model(self, task_id: int, round_number: int | None = None) -> tuple[int, FloatArray]:
        """A round, by default the latest, and its model, checked against the digest on the chain.

        Raises:
            UnknownError: no such task or round, or its coordinator has no such model.
        """
        return fetch_model(self._view, self._coordinator, task_id, round_number, self._manifest)
