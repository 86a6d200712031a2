"""What commands that compute a training again take beside the chain: files, or whoever serves the same."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.identifiers import shown

if TYPE_CHECKING:
    from circuits.arrays import FloatArray
    from commons.protocol.modelmanifests import ModelManifest
    from commons.protocol.trainingdecisions import SignedDecision
    from commons.settings.loading import Settings
    from gradroll.model_owner.roundsums import RoundReader


def coordinator_named(arguments: argparse.Namespace, chosen: Settings) -> tuple[str | None, Path | None]:
    """The coordinator that an option or the settings name, if any does, and the certificates to trust for it."""
    from gradroll.commands.taskrounds import of_a_user

    keys = ("model_owner.coordinator", "owner.coordinator")
    if arguments.coordinator is not None or all(chosen.get(key) is None for key in keys):
        return arguments.coordinator, arguments.tls_roots
    own = of_a_user(chosen)
    return own.coordinator, arguments.tls_roots or own.tls_roots


def given_model(path: Path | None, reader: RoundReader, task: int) -> Callable[[bytes], FloatArray]:
    """How to come by a task's first model where it is not zeros: a file, else the coordinator."""

    def serve(digest: bytes) -> FloatArray:
        from circuits.arrays import float_vector
        from circuits.errors import UnavailableError
        from commons.storage.modelfiles import decode_model
        from gradroll.commands.arrayfiles import read_array

        length = reader.view.terms(task).dimension  # no rule goes with a model of another length
        if path is not None:
            return float_vector(read_array(path, "initial model"), length, "initial model")
        if reader.coordinator is None:
            raise UnavailableError(
                f"the first model of task {shown(task)} is not zeros: name its file (--initial), or a coordinator "
                "that serves it (--coordinator)"
            )
        return decode_model(reader.coordinator.get_model(digest, length), length)

    return serve


def given_manifest(path: Path | None, reader: RoundReader, task: int) -> ModelManifest | None:
    """A task's manifest: of a file, else the coordinator's; None for a task without one."""
    from circuits.errors import UnavailableError
    from circuits.terms import NO_DIGEST
    from commons.storage.manifestfiles import read_manifest
    from commons.wire.published import fetch_manifest

    terms = reader.view.terms(task)
    if terms.manifest == NO_DIGEST:
        return None
    manifest = read_manifest(path, "--manifest")
    if manifest is not None:
        manifest.require_of(terms)
        return manifest
    if reader.coordinator is None:
        raise UnavailableError(f"nobody serves the manifest of task {shown(task)}: name its file (--manifest)")
    return fetch_manifest(terms, reader.coordinator)


def given_decisions(path: Path | None, chosen: Settings, task: int) -> tuple[SignedDecision, ...]:
    """What a model owner signed: of a file, else what the settings' model owner keeps."""
    from gradroll.model_owner.decisionfiles import DecisionFiles, read_decisions

    if path is not None:
        return read_decisions(path)
    state = chosen.get("model_owner.state")
    return DecisionFiles.within(state).read(task) if isinstance(state, Path) else ()
