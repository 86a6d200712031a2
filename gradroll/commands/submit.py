"""`gradroll submit`: a data owner hands in a gradient."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from circuits.errors import GradientError, UnknownError
from gradroll.commands.options import Subparsers, chain_options, leaf, natural, roots_option, settings
from gradroll.console import Console

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from commons.settings.loading import Settings
    from gradroll.data_owner.owner import DataOwner


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "submit",
        "Hand in a gradient: clip, quantise, commit, share with the provers. Nobody sees the gradient; only the sum of "
        "all gradients of a round is published. Interrupted? Run the same command again: it continues.",
        "gradroll submit 0 --gradient update.npy --config owner.toml --register",
        run,
    )
    parser.add_argument("task", type=natural, help="the task's number")
    parser.add_argument(
        "--gradient", type=Path, required=True, metavar="FILE", help="numpy file (.npy), floats of shape (d,)"
    )
    parser.add_argument("--round", type=natural, help="the round (default: the latest)")
    parser.add_argument(
        "--register", action="store_true", help="register this account for the task first, if it is not"
    )
    parser.add_argument("--account", type=Path, metavar="FILE", help="key file (owner.account)")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="the task's coordinator (owner.coordinator)")
    roots_option(parser, "owner.tls_roots")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Submit and say what happened."""
    from gradroll.commands.sessions import data_owner

    chosen = settings(
        arguments,
        owner__account=arguments.account,
        owner__coordinator=arguments.coordinator,
        owner__tls_roots=arguments.tls_roots,
    )
    gradient = read_gradient(arguments.gradient)
    owner = data_owner(chosen)
    if arguments.register:
        register(owner, chosen, arguments.task)
    done = owner.submit(arguments.task, gradient, round_number=arguments.round)
    console = Console()
    console.line(
        f"submitted 0x{done.submission.hex()} for round {done.round}; provers {list(done.receipts)} hold shares"
    )
    if done.scale < 1:
        console.line(f"the gradient was shrunk to the task's norm bound, by the factor {done.scale:.6g}")
    console.line(f"largest quantisation error of a coordinate: {done.max_error:.3g}")
    for prover, reason in done.missing.items():
        console.line(f"prover {prover} has no share ({reason}); enough others have", "yellow")
    console.line(f"state: {done.status.state.name.lower()} {done.status.reason}".rstrip())
    return 0


def register(owner: DataOwner, chosen: Settings, task: int) -> None:
    """Register the account for an open task unless it is registered."""
    from gradroll.commands.sessions import chain_view, owner_chain

    if chain_view(chosen).owner_index(task, owner.address) is None:
        index = owner_chain(chosen).register(task)
        Console().line(f"registered as owner {index} of task {task}")


def read_gradient(path: Path) -> npt.NDArray[np.floating]:
    """The array in a numpy file.

    Raises:
        GradientError: unreadable, or not one array of floats.
    """
    import numpy as np

    try:
        gradient = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UnknownError(f"there is no gradient file {path}") from None
    except (OSError, ValueError, EOFError) as error:
        raise GradientError(f"{path} is no numpy array file: {error}") from error
    if not isinstance(gradient, np.ndarray):
        raise GradientError(f"{path} holds several arrays; save the gradient alone with numpy.save")
    return gradient
