"""Model manifests in words, and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commons.protocol.modelmanifests import ModelManifest

_SHOWN = 32
"""Blocks that are told to people."""


def blocks_in_words(manifest: ModelManifest) -> list[str]:
    """What a manifest says, a line each."""
    blocks = manifest.blocks
    lines = [
        f"block {block.name}: {block.length} coordinates, in multiples of 2^-{block.fraction_bits}"
        for block in blocks[:_SHOWN]
    ]
    if len(blocks) > _SHOWN:
        lines.append(f"and {len(blocks) - _SHOWN} blocks more; gradroll task manifest writes all of them")
    if manifest.training is not None:
        method = type(manifest.training.method).__name__.lower()
        lines.append(f"models follow from each other by {method}, in {manifest.training.max_rounds} rounds at most")
    if manifest.hiding is not None:
        lines.append(
            f"the model is hidden: {manifest.model_length} coordinates are published, of which owners compute a "
            "gradient and the terms that take the noise out of it"
        )
    return lines


def machine_manifest(manifest: ModelManifest) -> dict[str, object]:
    """A manifest for programs: what its encoding holds, and its digest."""
    return {
        "digest": f"0x{manifest.digest.hex()}", "model_length": manifest.model_length,
        "blocks": [
            {"name": each.name, "length": each.length, "fraction_bits": each.fraction_bits} for each in manifest.blocks
        ],
        "training": None if manifest.training is None else manifest.training.to_json(),
        "hiding": None if manifest.hiding is None else manifest.hiding.to_json(),
    }  # fmt: skip
