"""Model manifests in files, in their canonical encoding."""

from __future__ import annotations

from pathlib import Path

from circuits.errors import ConfigError, InvalidInputError
from commons.protocol.modelmanifests import MAX_MANIFEST, ModelManifest
from commons.storage.files import write_durably


def read_manifest(path: Path | None, key: str) -> ModelManifest | None:
    """The model manifest in a file, in its canonical encoding; None for no file.

    Args:
        key: the setting or option that names the file.

    Raises:
        ConfigError: the file cannot be read.
        InvalidInputError: it holds none.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MANIFEST + 1)
    except OSError as error:
        raise ConfigError(
            f"{key}: {path} cannot be read ({error.strerror}); name a file that gradroll scales or gradroll task "
            "manifest wrote"
        ) from error
    try:
        return ModelManifest.decode(raw)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{path} is no model manifest: {error}; name one that gradroll scales or gradroll task manifest wrote"
        ) from error


def write_manifest(path: Path, manifest: ModelManifest) -> None:
    """Write a model manifest to a file, whole or not at all.  Raises StorageError."""
    write_durably(path, manifest.encoded)
