"""`gradroll scales`: which scale each block of a task's vector should have, by samples, and what rounding loses."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from circuits.grading import LEAST_SCALE, NOISE_BITS
from gradroll.commands.networks import NETWORK_HELP, manifest_of
from gradroll.commands.options import Subparsers, leaf, whole
from gradroll.console import Console

if TYPE_CHECKING:
    from commons.protocol.modelmanifests import Block, ModelManifest
    from gradroll.model_owner.scalechoice import BlockLoss, ScaleChoice

_DITHER = 4
"""That of a task that grades, where it is not named."""
_BOUND = 2**62 - 1
"""Largest bound of any task."""
_GRADED_BOUND = (_DITHER << NOISE_BITS) // LEAST_SCALE
"""Largest bound of one that grades."""


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "scales",
        "Choose a scale for each block of a task's vector by samples of it, so that the whole fits the bound, and tell "
        "what rounding loses. Blocks are named with their lengths, in the order of the vector. Takes no chain.",
        "gradroll scales --sample update.npy --block conv=150 --block dense=500 --out manifest.json",
        run,
    )
    parser.add_argument(
        "--sample", type=Path, action="append", required=True, metavar="FILE",
        help="a vector as owners will hand it in (.npy, floats of shape (d,)); give several",
    )  # fmt: skip
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument(
        "--block", type=_block, action="append", metavar="NAME=LENGTH", help="a block and its coordinates; give all"
    )
    named.add_argument(
        "--manifest", type=Path, metavar="FILE",
        help="take names and lengths from a model manifest, and the rest of it into --out",
    )  # fmt: skip
    named.add_argument("--network", type=Path, metavar="FILE", help=NETWORK_HELP)
    parser.add_argument(
        "--headroom", type=float, default=2.0, metavar="X",
        help="a vector X times as long as the longest sample still fits (default 2); below 1 samples are clipped",
    )  # fmt: skip
    parser.add_argument(
        "--graded", action="store_true", help="the task grades, so it brings all vectors to its bound; no headroom"
    )
    parser.add_argument(
        "--bound", type=whole(1, _BOUND), metavar="N",
        help=f"largest sum of squares of all integers (default {_BOUND}; with --graded {_GRADED_BOUND})",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the model manifest (JSON)")


def run(arguments: argparse.Namespace) -> int:
    """Choose and tell."""
    from circuits.errors import ConfigError
    from commons.storage.manifestfiles import read_manifest, write_manifest
    from gradroll.commands.arrayfiles import read_array
    from gradroll.model_owner.scalechoice import choose_scales

    console, given = arguments.console, read_manifest(arguments.manifest, "--manifest")
    if arguments.network is not None:
        given = manifest_of(arguments.network)
    if arguments.graded and given is not None and given.hiding is not None:
        raise ConfigError("a task with a hidden model does not grade, so its scales are others; leave out --graded")
    blocks: tuple[Block, ...] = tuple(arguments.block or ()) if given is None else given.blocks
    most = arguments.bound or (_GRADED_BOUND if arguments.graded else _BOUND)
    samples = [read_array(path, "sample") for path in arguments.sample]
    choice = choose_scales(blocks, samples, most=most, headroom=arguments.headroom, graded=arguments.graded)
    manifest = _manifest(choice, given)
    _tell(choice, console, graded=arguments.graded)
    if arguments.out is not None:
        write_manifest(arguments.out, manifest)
        console.line(f"{arguments.out}: the model manifest; it goes with its bound:")
        console.line(f"  gradroll task create --manifest {arguments.out} --bound {choice.bound}")
    console.result(file=arguments.out, digest=f"0x{manifest.digest.hex()}")
    return 0


def _block(text: str) -> Block:
    """An argparse type: a block without a scale yet."""
    from circuits.errors import InvalidInputError
    from commons.protocol.modelmanifests import Block

    name, _, length = text.rpartition("=")
    try:
        return Block(name, whole(1, 2**28)(length), 0)
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _manifest(choice: ScaleChoice, given: ModelManifest | None) -> ModelManifest:
    """What was given, with other scales; or a new one."""
    from dataclasses import replace

    from commons.protocol.modelmanifests import ModelManifest

    if given is not None:
        return replace(given, blocks=choice.blocks)
    return ModelManifest(choice.blocks, sum(block.length for block in choice.blocks))


def _tell(choice: ScaleChoice, console: Console, *, graded: bool) -> None:
    console.line(f"bound {choice.bound}, the square of {math.sqrt(choice.bound):.6g}")
    for block, loss in zip(choice.blocks, choice.losses, strict=True):
        console.line(f"block {block.name}: {block.length} coordinates, {block.fraction_bits} bits; {_words(loss)}")
    for name in choice.unseen:
        console.warn(f"block {name} is zero in all samples, so nothing says how large it becomes; name other samples")
    if choice.clipped and not graded:
        least = min(choice.factors)
        console.warn(f"{choice.clipped} of {len(choice.factors)} samples are clipped, by a factor down to {least:.6g}")
    console.result(
        bound=str(choice.bound), clipped=0 if graded else choice.clipped, factors=list(choice.factors),
        blocks=[
            {
                "name": block.name, "length": block.length, "fraction_bits": block.fraction_bits,
                "coordinates": loss.coordinates, "off": loss.off, "median_error": loss.median,
                "largest_error": loss.largest,
            }
            for block, loss in zip(choice.blocks, choice.losses, strict=True)
        ],
    )  # fmt: skip


def _words(loss: BlockLoss) -> str:
    if not loss.coordinates:
        return "zero in all samples"
    return (
        f"{100 * loss.off:.3g}% of coordinates are off by more than 1%; relative error {loss.median:.3g} in the "
        f"median, {loss.largest:.3g} at most"
    )
