"""`gradroll task`: a model owner buys training."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commons.runtime.amounts import checksum, ether, utc
from gradroll.commands import taskstatus
from gradroll.commands.options import (
    Subparsers,
    address,
    chain_options,
    group,
    leaf,
    natural,
    roots_option,
    settings,
    wei,
    whole,
)

if TYPE_CHECKING:
    from commons.settings.loading import Settings
    from commons.wire.coordinator_client import CoordinatorClient
    from gradroll.console import Console
    from gradroll.session import Session

Run = Callable[[argparse.Namespace], int]
_DEFAULTED = ("committee", "verifier", "relay")
"""Terms that a market's operator publishes; settings may hold them."""


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "task", "Buy training: create, fund, open rounds, read aggregates")
    _create(commands)
    _add_escrow(commands)
    _add_rounds(commands)
    taskstatus.add(commands)


def _add_escrow(commands: Subparsers) -> None:
    parser = _escrow_leaf(commands, "fund", "Move money into the task's escrow.", "gradroll task fund 0 1000000", fund)
    _amount(parser)
    parser = _escrow_leaf(
        commands,
        "admit",
        "Admit data owners to a permissioned task.",
        "gradroll task admit 0 0x1111111111111111111111111111111111111111",
        admit,
    )
    parser.add_argument("owners", type=address, nargs="+", metavar="0x...")
    _escrow_leaf(
        commands, "finalize", "End rounds past their deadline: what they reserved and did not spend is free again.",
        "gradroll task finalize 0", finalize,
    )  # fmt: skip
    parser = _escrow_leaf(
        commands, "withdraw", "Take unreserved escrow back; rounds past their deadline are settled first.",
        "gradroll task withdraw 0 1000", withdraw,
    )  # fmt: skip
    _amount(parser)


def _add_rounds(commands: Subparsers) -> None:
    parser = _task_leaf(
        commands,
        "open",
        "Publish a model and open the next round on it.",
        "gradroll task open 0 --model model.npy",
        open_round,
    )
    parser.add_argument(
        "--model", type=Path, required=True, metavar="FILE", help="numpy file (.npy), float64 of shape (d,)"
    )
    parser.add_argument(
        "--no-compact",
        action="store_true",
        help="leave the owners in storage; by default they are copied into code (6,500 gas an owner, once) where that "
        "saves more than it costs (2,000 gas an owner and round)",
    )
    parser = leaf(
        commands, "model", "Download the model of a round; it is checked against the digest on the chain. Takes no "
        "account: a data owner's settings serve as well as a model owner's.",
        "gradroll task model 0 --out model.npy --config owner.toml", model,
    )  # fmt: skip
    parser.add_argument("task", type=natural, help="the task's number")
    _coordinator_options(parser)
    chain_options(parser)
    parser.add_argument("--round", type=natural, help="the round (default: the latest)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it, float64 (.npy)")
    parser = _task_leaf(
        commands, "read",
        "Read a round's aggregate. It is checked against the commitments on the chain before it is written.",
        "gradroll task read 0 --round 0 --out sum.npy", read,
    )  # fmt: skip
    parser.add_argument("--round", type=natural, required=True)
    parser.add_argument(
        "--from-provers", action="store_true", help="ask the provers alone, for instance when the coordinator is gone"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to write the sum, float64 (.npy)"
    )
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory for derived bases (keys.directory)")


def _escrow_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    """A command about a task that takes the chain and an account, but no coordinator."""
    parser = leaf(commands, name, summary, f"{example} --config model-owner.toml", run)
    parser.add_argument("task", type=natural, help="the task's number")
    _account_options(parser)
    return parser


def _task_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    parser = _escrow_leaf(commands, name, summary, example, run)
    _coordinator_options(parser)
    return parser


def _amount(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wei", type=wei(1), metavar="AMOUNT", help="wei, or such as 0.06ether or 5gwei")


def _account_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", type=Path, metavar="FILE", help="key file (model_owner.account)")
    chain_options(parser)


def _coordinator_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="the task's coordinator (model_owner.coordinator)")
    roots_option(parser, "model_owner.tls_roots")


def _create(commands: Subparsers) -> None:
    parser = leaf(
        commands,
        "create",
        "Create a task. The norm bound is in the gradient's units: a gradient g is clipped to ||g|| "
        "<= --norm and rounded "
        "to multiples of 2^-fraction_bits.",
        "gradroll task create --committee 0 --verifier 0x... --relay 0x... --dimension 650 --norm 4 --reward 1000",
        create,
    )
    _account_options(parser)
    _coordinator_options(parser)
    parser.add_argument("--committee", type=natural, help="committee number in the registry (task.committee)")
    parser.add_argument("--verifier", type=address, metavar="0x...", help="the policy's verifier (task.verifier)")
    parser.add_argument("--relay", type=address, metavar="0x...", help="the coordinator's account (task.relay)")
    parser.add_argument("--dimension", type=whole(1, 2**28), required=True, help="coordinates of the model")
    parser.add_argument(
        "--fraction-bits",
        type=whole(0, 62),
        default=16,
        help="f: gradients are rounded to multiples of 2^-f (default 16)",
    )
    parser.add_argument("--norm", type=float, required=True, help="largest L2 norm of a gradient")
    parser.add_argument(
        "--min-owners", type=whole(1, 2**16 - 1), default=2, help="fewest owners of a batch (default 2)"
    )
    parser.add_argument(
        "--max-owners", type=whole(1, 2**16 - 1), default=16, help="most owners of a round (default 16)"
    )
    parser.add_argument(
        "--rounds", type=whole(1, 2**32 - 1), default=100, help="rounds that may be opened (default 100)"
    )
    parser.add_argument("--reward", type=wei(0), required=True, metavar="AMOUNT",
                        help="pay of one gradient: wei, or such as 0.06ether or 5gwei")  # fmt: skip
    parser.add_argument("--submit-window", type=whole(1, 2**32 - 1), default=600, metavar="SECONDS")
    parser.add_argument("--settle-window", type=whole(1, 2**32 - 1), default=600, metavar="SECONDS")
    parser.add_argument("--permissioned", action="store_true", help="only owners that you admit")
    parser.add_argument(
        "--inline-payload", action="store_true", help="aggregates of up to 16 KiB are put into the chain's log"
    )


def create(arguments: argparse.Namespace) -> int:
    """Create a task and print its number."""
    from gradroll.model_owner.plan import TaskPlan

    chosen = _settings(arguments).changed(
        {f"task.{key}": value for key in _DEFAULTED if (value := getattr(arguments, key)) is not None}
    )
    committee, verifier, relay = (_default(chosen, key) for key in _DEFAULTED)
    own = ("dimension", "norm", "reward", "fraction_bits", "min_owners", "max_owners", "rounds", "submit_window",
           "settle_window", "permissioned", "inline_payload")  # fmt: skip
    plan = TaskPlan(committee, verifier, relay, **{name: getattr(arguments, name) for name in own})
    need, console = plan.reserve, arguments.console
    with _paying(chosen, arguments) as session:
        task = session.model_owner.create_task(plan, console.warn)
        console.line(f"task {task} created; each round reserves {ether(need)}: gradroll task fund {task} {need}")
        console.result(task=task, round_reserve=str(need))
    return 0


def _default(chosen: Settings, key: str) -> Any:
    from circuits.errors import ConfigError

    value = chosen.get(f"task.{key}")
    if value is None:
        raise ConfigError(f"task.{key} is missing: pass --{key}, or put {key} under [task] in the settings file")
    return value


def fund(arguments: argparse.Namespace) -> int:
    """Fund the escrow."""
    with _paying(_settings(arguments), arguments) as session:
        session.escrow.fund(arguments.task, arguments.wei)
        free = session.view.task(arguments.task).balance
        arguments.console.line(f"task {arguments.task} received {ether(arguments.wei)}; {ether(free)} are free now")
        arguments.console.result(task=arguments.task, funded=str(arguments.wei), free=str(free))
    return 0


def admit(arguments: argparse.Namespace) -> int:
    """Admit data owners."""
    with _paying(_settings(arguments), arguments) as session:
        admitted = session.escrow.admit(arguments.task, arguments.owners, _admitting(arguments.console))
        before = len(set(arguments.owners)) - admitted
        known = f"; {before} were registered before" if before else ""
        arguments.console.line(f"admitted {admitted} owners to task {arguments.task}{known}")
        arguments.console.result(task=arguments.task, admitted=admitted)
    return 0


def _admitting(console: Console) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        if done < total:
            console.note(f"{done} of {total} owners are done")

    return told


def open_round(arguments: argparse.Namespace) -> int:
    """Open the next round."""
    from gradroll.commands.arrayfiles import read_array

    parameters, console = read_array(arguments.model, "model"), arguments.console
    with _paying(_settings(arguments), arguments) as session:
        number = session.model_owner.open_round(
            arguments.task, parameters, compact=not arguments.no_compact, warn=console.warn
        )
        deadline = session.view.round(arguments.task, number).submit_deadline
        console.line(f"round {number} of task {arguments.task} is open; it takes submissions until {utc(deadline)}")
        console.result(task=arguments.task, round=number, submit_deadline=deadline)
    return 0


def model(arguments: argparse.Namespace) -> int:
    """Write a round's model."""
    from commons.wire.published import fetch_model
    from gradroll.commands.arrayfiles import write_array

    with _reading(arguments) as session:
        coordinator = _serving_coordinator(session)
        number, parameters = fetch_model(session.view, coordinator, arguments.task, arguments.round)
    write_array(arguments.out, parameters)
    arguments.console.line(f"{arguments.out}: the model of round {number}, {len(parameters)} coordinates")
    arguments.console.result(task=arguments.task, round=number, file=arguments.out)
    return 0


def _serving_coordinator(session: Session) -> CoordinatorClient:
    """The coordinator of [model_owner]; that of [owner] where only that is set."""
    from commons.settings.sections import ModelOwnerSettings, OwnerSettings
    from commons.wire.tls import read_roots

    own: OwnerSettings | ModelOwnerSettings
    chosen = session.settings
    if chosen.get("model_owner.coordinator") is None and chosen.get("owner.coordinator") is not None:
        name, own = "owner", chosen.section(OwnerSettings, "coordinator")
    else:
        name, own = "model_owner", chosen.section(ModelOwnerSettings, "coordinator")
    return session.coordinator(own.coordinator, read_roots(own.tls_roots, f"{name}.tls_roots"), own.stall_timeout)


def read(arguments: argparse.Namespace) -> int:
    """Write a round's checked aggregate."""
    from gradroll.commands.arrayfiles import write_array

    with _reading(arguments) as session:
        aggregate = session.model_owner.read_aggregate(
            arguments.task, arguments.round, from_provers=arguments.from_provers
        )
    write_array(arguments.out, aggregate.total)
    gradients = len(aggregate.owners)
    arguments.console.line(f"{arguments.out}: sum of {gradients} gradients; it opens the commitments on the chain")
    owners = [checksum(owner) for owner in aggregate.owners]
    arguments.console.result(task=arguments.task, round=arguments.round, file=arguments.out, owners=owners)
    return 0


def withdraw(arguments: argparse.Namespace) -> int:
    """Settle overdue rounds and take money back."""
    with _paying(_settings(arguments), arguments) as session:
        finalized = _finalize(session, arguments)
        session.escrow.withdraw(arguments.task, arguments.wei)
        arguments.console.line(f"withdrew {ether(arguments.wei)}")
        arguments.console.result(task=arguments.task, finalized=finalized, withdrawn=str(arguments.wei))
    return 0


def finalize(arguments: argparse.Namespace) -> int:
    """Settle overdue rounds."""
    with _paying(_settings(arguments), arguments) as session:
        finalized = _finalize(session, arguments)
        if not finalized:
            arguments.console.line(
                f"no round of task {arguments.task} is past its deadline and not finalized; gradroll task status shows "
                "the deadlines"
            )
        arguments.console.result(task=arguments.task, finalized=finalized)
    return 0


def _finalize(session: Session, arguments: argparse.Namespace) -> tuple[int, ...]:
    finalized = session.escrow.finalize_overdue(arguments.task)
    for number in finalized:
        arguments.console.line(f"round {number} is past its deadline: finalized")
    return finalized


def _settings(arguments: argparse.Namespace) -> Settings:
    return settings(
        arguments,
        model_owner__account=getattr(arguments, "account", None),
        model_owner__coordinator=getattr(arguments, "coordinator", None),
        model_owner__tls_roots=getattr(arguments, "tls_roots", None),
        keys__srs=getattr(arguments, "srs", None),
        keys__directory=getattr(arguments, "keys", None),
    )


def _paying(chosen: Settings, arguments: argparse.Namespace) -> AbstractContextManager[Session]:
    from gradroll.commands.paying import paying_session

    return paying_session(arguments, chosen)


def _reading(arguments: argparse.Namespace) -> Session:
    from gradroll.session import Session

    return Session(_settings(arguments))
