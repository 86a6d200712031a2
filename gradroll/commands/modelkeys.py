"""`gradroll setup model-keys`: key files of the model market's size classes."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.options import Subparsers, leaf, settings


def add_model_keys(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands,
        "model-keys",
        "Generate the keys of a size class of the model market: for its accuracy proofs and for the rounding of its "
        "lineages. Whoever runs this could keep the secrets and prove any accuracy: run it where all parties trust. "
        "With --cached, development keys that protect nothing are made where there are none, with a reference string.",
        "gradroll setup model-keys --class small --srs srs.gsrs --out keys",
        model_keys,
    )
    parser.add_argument("--class", dest="size", required=True, metavar="NAME", help="small, medium or large")
    parser.add_argument("--srs", type=Path, metavar="FILE", help="reference string (not with --cached)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cached", action="store_true", help="development only: seeded keys, kept between runs")
    force_option(parser)


def model_keys(arguments: argparse.Namespace) -> int:
    """Generate the keys of a size class."""
    from circuits.accuracy.sizeclasses import MAX_CHUNKS, size_class
    from circuits.errors import InvalidInputError
    from circuits.srs import load
    from gradroll.setup.keygen import proving_key_file, verifying_key_file
    from gradroll.setup.modelkeygen import cached_development_model_keys, generate_model_keys

    chosen, size = settings(arguments), size_class(arguments.size)
    if arguments.cached == (arguments.srs is not None):
        raise InvalidInputError("name a reference string with --srs, or take seeded keys with --cached; one of them")
    if arguments.cached:
        chosen.require_development("keys from a seed")
        made = cached_development_model_keys(arguments.out, size)
    else:
        for name, capacity in ((size.policy, MAX_CHUNKS), (f"rounding-{size.weights}", 1)):
            for file in (proving_key_file, verifying_key_file):
                require_free(file(arguments.out, name, capacity), force=arguments.force)
        made = generate_model_keys(arguments.out, size, load(arguments.srs, allow_insecure=chosen.development), None)
    for key in made:
        arguments.console.line(f"{arguments.out}: {key.policy}, setup {key.setup}, 0x{key.key_hash.hex()}")
    arguments.console.result(
        directory=arguments.out, keys={key.policy: "0x" + key.key_hash.hex() for key in made}, setup=made[0].setup
    )
    return 0
