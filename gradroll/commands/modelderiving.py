"""`gradroll model derive`: a model as it follows from rounds of the gradient market, and the proof of that."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.identifiers import shown
from gradroll.commands.destinations import require_free
from gradroll.commands.marketnames import market_name, resolve_names
from gradroll.commands.modeloptions import market_leaf, model_settings
from gradroll.commands.options import Subparsers, address, endpoint, natural, task_argument, the_task, whole

if TYPE_CHECKING:
    from circuits.accuracy.sizeclasses import SizeClass
    from gradroll.modelmarket.lineages import Derived
    from gradroll.session import Session

_MOST = 2**62


def add_deriving(commands: Subparsers) -> None:
    """Add the command."""
    parser = market_leaf(
        commands, "derive",
        "Compute the model that follows from rounds of a task: start - sum of coefficient times a round's sum, rounded "
        "to multiples of 2^12. Writes its integers; with --listing it proves on chain that the listed model is it. "
        "Sums are public, so a lineage shows where a model comes from and keeps nothing secret.",
        "gradroll model derive 0x3fa9 --class small --start start.npy --coefficient 2 --rounds 3 --out m.safetensors",
        derive,
    )  # fmt: skip
    task_argument(parser)
    parser.add_argument("--class", dest="size", required=True, metavar="NAME", help="size class: small, medium, large")
    parser.add_argument("--start", type=Path, required=True, metavar="FILE",
                        help="the public integers that training began with (.npy, int64)")  # fmt: skip
    parser.add_argument("--first", type=natural, default=0, metavar="N", help="the first round (default 0)")
    parser.add_argument("--rounds", type=whole(1, 64), required=True, metavar="N", help="how many rounds")
    parser.add_argument("--coefficient", type=whole(-_MOST, _MOST), required=True, action="append", metavar="C",
                        help="of every round, or once for each of them")  # fmt: skip
    parser.add_argument("--coordinator", type=endpoint, metavar="grpcs://HOST:PORT",
                        help="asked for sums that are not on the chain; it is not believed")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the model (safetensors)")
    parser.add_argument("--listing", type=market_name, metavar="LISTING", help="prove the lineage of this listing")
    parser.add_argument("--verifier", type=address, metavar="0x...", help="the rounding verifier, with --listing")


def derive(arguments: argparse.Namespace) -> int:
    """Derive a model, and prove its lineage."""
    from circuits.accuracy.sizeclasses import size_class
    from circuits.errors import InvalidInputError
    from commons.artifacts.networkfiles import NetworkArrays, write_network
    from gradroll.commands.paying import paying_session

    if (arguments.listing is None) != (arguments.verifier is None):
        raise InvalidInputError("--listing and --verifier go together: name the rounding verifier of the model's class")
    if len(arguments.coefficient) not in (1, arguments.rounds):
        raise InvalidInputError("give one --coefficient for all rounds, or one for each of them")
    if arguments.out is not None:
        require_free(arguments.out, force=False)
    size, console = size_class(arguments.size), arguments.console
    with paying_session(arguments, model_settings(arguments)) as session:
        resolve_names(arguments, session, own=True)
        derived = _derived(arguments, session, size)
        if arguments.out is not None:
            write_network(arguments.out, NetworkArrays.of_weights(size, derived.weights))
            console.line(
                f"{arguments.out}: the model of {arguments.rounds} rounds of task {shown(derived.statement.task)}"
            )
        console.result(
            task=shown(derived.statement.task), rounds=arguments.rounds, start=bytes(derived.statement.start)
        )
        if arguments.listing is not None:
            left = session.seller.prove_lineage(arguments.listing, arguments.verifier, derived)
            console.line(f"the lineage is proven; the commitment can be opened {left} times more")
            console.result(listing=arguments.listing, openings_left=left)
    return 0


def _derived(arguments: argparse.Namespace, session: Session, size: SizeClass) -> Derived:
    from circuits.errors import InvalidInputError
    from commons.runtime.stages import stage
    from gradroll.commands.arrayfiles import read_array
    from gradroll.modelmarket.lineages import derive as follow

    start = read_array(arguments.start, "start of the training")
    if start.dtype.name != "int64" or start.shape != (size.weights,):
        raise InvalidInputError(f"the start is int64[{size.weights}] of class {size.name}; save it so")
    task = the_task(session.view, arguments.task)
    reader = session.round_reader(arguments.coordinator)
    each = arguments.coefficient * (arguments.rounds if len(arguments.coefficient) == 1 else 1)
    numbers = range(arguments.first, arguments.first + arguments.rounds)
    with stage("reading the sums of the rounds"):
        rounds = [(c, reader.round_row(task, number)) for c, number in zip(each, numbers, strict=True)]
    key = session.model_parameters.commitment_key(size.weights)
    derived = follow(key, task, arguments.first, start, rounds)
    if max(abs(int(derived.weights.min())), int(derived.weights.max()) + 1) > size.half:
        raise InvalidInputError("the derived model has weights of more than 12 bits; train with weight decay")
    return derived
