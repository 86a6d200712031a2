"""Which network a hidden model is: of its task's manifest, or described by its owner before there is one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commons.protocol.hidingschemes import HidingScheme
    from commons.protocol.modelmanifests import ModelManifest

NETWORK_HELP = (
    "describe the network of a hidden model (JSON): input, layers, and, if outputs share a secret number, groups and "
    "gamma (docs/model-privacy.md)"
)


def network_options(parser: argparse.ArgumentParser) -> None:
    """The options for a hidden model's network; one of them has to be there."""
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument(
        "--manifest", type=Path, metavar="FILE", help="the task's model manifest (gradroll task manifest)"
    )
    named.add_argument("--network", type=Path, metavar="FILE", help=NETWORK_HELP)


def the_network(arguments: argparse.Namespace) -> HidingScheme:
    """The network that these options name.

    Raises:
        InvalidInputError: the file describes none, or the manifest hides no model.
        GradrollError: the file cannot be read.
    """
    from circuits.errors import InvalidInputError
    from commons.storage.manifestfiles import read_manifest

    manifest = read_manifest(arguments.manifest, "--manifest")
    if manifest is None:
        return described(arguments.network)
    if manifest.hiding is None:
        raise InvalidInputError(
            f"{arguments.manifest} says nothing of a hidden model; name the manifest of a task that has one, or "
            "describe the network (--network)"
        )
    return manifest.hiding


def described(path: Path) -> HidingScheme:
    """The network in a file.

    Raises:
        InvalidInputError: it holds none.
        GradrollError: it cannot be read.
    """
    from circuits.errors import InvalidInputError
    from commons.protocol.hidingschemes import MAX_DESCRIPTION, scheme_described
    from gradroll.model_owner.decisionfiles import read_bounded

    try:
        return scheme_described(read_bounded(path, "description of a network", MAX_DESCRIPTION))
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{path} describes no network that can be hidden ({error}); correct it by what docs/model-privacy.md shows"
        ) from error


def manifest_of(path: Path) -> ModelManifest:
    """A manifest of the network in a file, whose blocks have no scales yet.  Raises as `described`."""
    from commons.protocol.modelmanifests import Block, ModelManifest

    scheme = described(path)
    blocks = tuple(Block(name, length, 0) for name, length in scheme.blocks())
    return ModelManifest(blocks, scheme.model_length, hiding=scheme)
