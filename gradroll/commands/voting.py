"""`gradroll committee vote-coordinator` and `coordinator`: a committee names a task's coordinator in its model owner's
place."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.options import (
    Subparsers,
    account_option,
    address,
    chain_options,
    leaf,
    settings,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from commons.chain.facts import TaskRecord
    from commons.chain.view import ChainView
    from commons.protocol.coordinators import NewCoordinator

_SOMEONE = "0x1111111111111111111111111111111111111111"


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = leaf(
        commands, "vote-coordinator",
        "Sign that a task is to have another coordinator, for instance because its own is silent and the model owner "
        "names none; a quorum of the committee's present members has to. Writes a file and sends nothing. A vote "
        "works once, until a round of the task is opened, or anybody has named a coordinator; and as for the model "
        "owner, between rounds, or when the running one has no batch by half of its settle window.",
        f"gradroll committee vote-coordinator 0x3fa9 {_SOMEONE} --keystore keys --out vote-0.json --config chain.toml",
        vote,
    )  # fmt: skip
    task_argument(parser)
    parser.add_argument("relay", type=address, metavar="0x...", help="the account of the new coordinator")
    parser.add_argument("--keystore", type=Path, required=True, metavar="DIR", help="keys of the member that votes")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    chain_options(parser)
    parser = leaf(
        commands, "coordinator",
        "Name a task's coordinator, with the votes of a quorum of its committee. Anybody may.",
        "gradroll committee coordinator vote-0.json vote-1.json vote-2.json --account operator.key --config chain.toml",
        coordinator,
    )  # fmt: skip
    parser.add_argument(
        "votes", type=Path, nargs="+", metavar="FILE", help="what gradroll committee vote-coordinator wrote"
    )
    account_option(parser, "", "that sends it", required=True)
    chain_options(parser)


def vote(arguments: argparse.Namespace) -> int:
    """Sign for a coordinator and write the vote."""
    from commons.protocol.coordinators import NewCoordinator
    from gradroll.commands.votes import sign_vote
    from gradroll.session import Session
    from provers.joining.keyring import Keyring

    require_free(arguments.out, force=arguments.force)
    chosen, console = settings(arguments), arguments.console
    ring = Keyring.load(arguments.keystore, opening(chosen))
    with Session(chosen) as session:
        view, task = session.view, the_task(session.view, arguments.task)
        record = view.task(task)
        wanted = NewCoordinator(task, record.rounds_opened, record.coordinator_changes, arguments.relay)
        for line in _standing(view, record):
            console.line(line)
        own = sign_vote(arguments.out, view, wanted, record.terms.committee_id, ring)
    console.line(
        f"{arguments.out}: prover {own} votes for {checksum(arguments.relay)} as coordinator of task {shown(task)}, as "
        "long as no round is opened and nobody else is named"
    )
    console.result(
        task=shown(task), coordinator=checksum(arguments.relay), round=wanted.round, change=wanted.change, member=own,
        file=arguments.out,
    )  # fmt: skip
    return 0


def coordinator(arguments: argparse.Namespace) -> int:
    """Hand votes in."""
    from commons.protocol.coordinators import NewCoordinator
    from gradroll.commands.paying import paying_session
    from gradroll.commands.votes import load_votes

    wanted, votes = load_votes(arguments.votes, NewCoordinator)
    with paying_session(arguments, settings(arguments)) as session:
        chain, record = session.writer(arguments.account), session.view.task(wanted.task_id)
        if record.coordinator != wanted.coordinator:
            _require_current(wanted, record)
            chain.set_coordinator_by_quorum(wanted, votes)
        name = checksum(wanted.coordinator)
        arguments.console.line(f"the coordinator of task {shown(wanted.task_id)} is {name} now")
        arguments.console.result(task=shown(wanted.task_id), coordinator=name)
    return 0


def _standing(view: ChainView, record: TaskRecord) -> list[str]:
    """What speaks for a silent coordinator, or against that, for whoever votes."""
    said = [f"the coordinator is {checksum(record.coordinator)}, the model owner {checksum(record.model_owner)}"]
    if record.rounds_opened:
        last = view.round(record.terms.task_id, record.rounds_opened - 1)
        state = "closed" if last.closed else f"open until {utc(last.settle_deadline)}"
        said.append(
            f"round {record.rounds_opened - 1} is {state}; it has {last.batches} accepted batches, of {last.owners} "
            "gradients"
        )
    return said


def _require_current(wanted: NewCoordinator, record: TaskRecord) -> None:
    """Refuse votes that the market takes no more, before anybody looks for another reason."""
    from circuits.errors import ClosedError

    if (wanted.round, wanted.change) != (record.rounds_opened, record.coordinator_changes):
        raise ClosedError(
            f"since these votes were signed a round of task {shown(wanted.task_id)} was opened, or a coordinator was "
            "named; have the members vote again, if they still want to"
        )
