"""What a model owner does with its account alone: `gradroll task fund`, `admit`, `withdraw`, `transfer` and the
like."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.buying import amount_argument, escrow_leaf, paying
from gradroll.commands.options import Subparsers, address, the_task

if TYPE_CHECKING:
    from commons.runtime.amounts import Currency
    from gradroll.console import Console
    from gradroll.model_owner.escrow import EscrowOwner
    from gradroll.session import Session


def add(commands: Subparsers) -> None:
    """Add the commands."""
    _add_money(commands)
    _add_people(commands)


def _add_money(commands: Subparsers) -> None:
    parser = escrow_leaf(
        commands, "fund", "Move money into the task's escrow. Of a token the market is first allowed to take as much.",
        "gradroll task fund 0x3fa9 0.5ether", fund,
    )  # fmt: skip
    amount_argument(parser)
    escrow_leaf(
        commands, "finalize", "End rounds past their deadline: what they reserved and did not spend is free again.",
        "gradroll task finalize 0x3fa9", finalize,
    )  # fmt: skip
    parser = escrow_leaf(
        commands, "withdraw", "Take unreserved escrow back; rounds past their deadline are settled first.",
        "gradroll task withdraw 0x3fa9 0.1ether", withdraw,
    )  # fmt: skip
    amount_argument(parser)
    parser.add_argument("--to", type=address, metavar="0x...", help="who is paid (default: the account itself)")


def _add_people(commands: Subparsers) -> None:
    someone = "0x1111111111111111111111111111111111111111"
    parser = escrow_leaf(
        commands, "admit", "Let data owners register for a permissioned task; each of them still has to.",
        f"gradroll task admit 0x3fa9 {someone}", admit,
    )  # fmt: skip
    parser.add_argument("owners", type=address, nargs="+", metavar="0x...", help="addresses of their signing keys")
    parser = escrow_leaf(
        commands,
        "transfer",
        "Offer a task to another model owner, with its escrow. It is theirs when they accept it; until then the offer "
        "can be taken back.",
        f"gradroll task transfer 0x3fa9 {someone}",
        transfer,
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("to", type=address, nargs="?", metavar="0x...", help="the account that may accept it")
    target.add_argument("--nobody", action="store_true", help="take the offer back")
    escrow_leaf(
        commands, "accept", "Take a task that was offered to this account, with its escrow.",
        "gradroll task accept 0x3fa9", accept,
    )  # fmt: skip
    parser = escrow_leaf(
        commands,
        "coordinator",
        "Name another coordinator: between rounds, or when the running one has no batch by half of its settle window.",
        f"gradroll task coordinator 0x3fa9 {someone}",
        coordinator,
    )
    parser.add_argument("relay", type=address, metavar="0x...", help="the account of the new coordinator")


def fund(arguments: argparse.Namespace) -> int:
    """Fund the escrow."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        coin = _coin(session, task)
        units = arguments.amount.of(coin)
        escrow.fund(task, units)
        free = session.view.task(task).balance
        arguments.console.line(f"task {shown(task)} received {coin.shown(units)}; {coin.shown(free)} are free now")
        arguments.console.result(task=shown(task), funded=str(units), free=str(free))
    return 0


def admit(arguments: argparse.Namespace) -> int:
    """Admit data owners."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        admitted = escrow.admit(task, arguments.owners, _admitting(arguments.console))
        before = len(set(arguments.owners)) - admitted
        known = f"; {before} were admitted before" if before else ""
        arguments.console.line(
            f"admitted {admitted} owners to task {shown(task)}{known}; they take part once they have registered "
            "(gradroll submit --register)"
        )
        arguments.console.result(task=shown(task), admitted=admitted)
    return 0


def _admitting(console: Console) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        if done < total:
            console.note(f"{done} of {total} owners are done")

    return told


def withdraw(arguments: argparse.Namespace) -> int:
    """Settle overdue rounds and take money back."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        coin = _coin(session, task)
        units = arguments.amount.of(coin)
        finalized = _finalize(escrow, task, arguments.console)
        escrow.withdraw(task, units, arguments.to)
        target = f" to {checksum(arguments.to)}" if arguments.to else ""
        arguments.console.line(f"withdrew {coin.shown(units)}{target}")
        arguments.console.result(task=shown(task), finalized=finalized, withdrawn=str(units))
    return 0


def finalize(arguments: argparse.Namespace) -> int:
    """Settle overdue rounds."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        finalized = _finalize(escrow, task, arguments.console)
        if not finalized:
            arguments.console.line(
                f"no round of task {shown(task)} is past its deadline and not finalized; gradroll task status shows "
                "the deadlines"
            )
        arguments.console.result(task=shown(task), finalized=finalized)
    return 0


def transfer(arguments: argparse.Namespace) -> int:
    """Offer a task, or take the offer back."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        escrow.transfer(task, arguments.to)
        if arguments.to is None:
            arguments.console.line(f"task {shown(task)} is offered to nobody")
        else:
            arguments.console.line(
                f"task {shown(task)} is offered to {checksum(arguments.to)}, who takes it with: gradroll task accept "
                f"{shown(task)}"
            )
        offered = None if arguments.to is None else checksum(arguments.to)
        arguments.console.result(task=shown(task), offered_to=offered)
    return 0


def accept(arguments: argparse.Namespace) -> int:
    """Take an offered task."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        escrow.accept(task)
        record = session.view.task(task)
        coin = _coin(session, task)
        arguments.console.line(
            f"task {shown(task)} is {checksum(record.model_owner)}'s now, with {coin.shown(record.balance)} of free "
            "escrow"
        )
        arguments.console.result(task=shown(task), model_owner=checksum(record.model_owner), free=str(record.balance))
    return 0


def coordinator(arguments: argparse.Namespace) -> int:
    """Name another coordinator."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        escrow.set_coordinator(task, arguments.relay)
        arguments.console.line(f"the coordinator of task {shown(task)} is {checksum(arguments.relay)} now")
        arguments.console.result(task=shown(task), coordinator=checksum(arguments.relay))
    return 0


def _finalize(escrow: EscrowOwner, task: int, console: Console) -> tuple[int, ...]:
    finalized = escrow.finalize_overdue(task)
    for number in finalized:
        console.line(f"round {number} is past its deadline: finalized")
    return finalized


def _coin(session: Session, task: int) -> Currency:
    return session.view.tokens.currency(session.view.terms(task).pay.token)
