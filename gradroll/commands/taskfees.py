"""`gradroll task fees` and `gradroll task challenge`: what coordinator and provers are owed, and whether they earned
it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.buying import escrow_leaf, paying
from gradroll.commands.options import Subparsers, natural, the_task

if TYPE_CHECKING:
    from circuits.terms import Pay
    from commons.runtime.amounts import Currency
    from gradroll.model_owner.escrow import BatchFees


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = escrow_leaf(
        commands,
        "fees",
        "Show the fees of accepted batches that the market holds until a quorum's word is shown that the sum is "
        "served. With --refund those whose time is over go back to the task, and the coordinator gets its part; "
        "anybody may.",
        "gradroll task fees 0x3fa9",
        fees,
    )
    parser.add_argument("--refund", action="store_true", help="have what is overdue paid back")
    parser = escrow_leaf(
        commands,
        "challenge",
        "Have a quorum of the provers sign anew that they serve a batch's sum, because it is not to be had: once a "
        "batch, in the first half of its availability window. Where nobody shows it in time, their fees go back to "
        "the task.",
        "gradroll task challenge 0x3fa9 --round 0 --batch 0",
        challenge,
    )
    parser.add_argument("--round", type=natural, required=True)
    parser.add_argument("--batch", type=natural, required=True, help="its number in the round, as task fees shows it")


def fees(arguments: argparse.Namespace) -> int:
    """Show held fees, and have overdue ones refunded."""
    console = arguments.console
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        pay = session.view.terms(task).pay
        coin = session.view.tokens.currency(pay.token)
        refunded = escrow.refund_fees(task) if arguments.refund else ()
        for each in refunded:
            console.line(f"round {each.round}, batch {each.batch}: what was overdue is paid back")
        held = escrow.held_fees(task)
        for each in held:
            console.line(_words(each, pay, coin))
        if not held:
            console.line(f"the market holds no fees of batches of task {shown(task)}")
        console.result(task=shown(task), held=[_machine(each, pay) for each in held], refunded=len(refunded))
    return 0


def challenge(arguments: argparse.Namespace) -> int:
    """Challenge a batch's availability."""
    with paying(arguments) as session:
        escrow, task = session.escrow, the_task(session.view, arguments.task)
        escrow.challenge(task, arguments.round, arguments.batch)
        until = next(
            each.held.due for each in escrow.held_fees(task)
            if (each.round, each.batch) == (arguments.round, arguments.batch)
        )  # fmt: skip
        arguments.console.line(
            f"a quorum of the provers has until {utc(until)} to sign that the sum of batch {arguments.batch} of round "
            f"{arguments.round} is served"
        )
        arguments.console.result(task=shown(task), round=arguments.round, batch=arguments.batch, due=until)
    return 0


def _words(each: BatchFees, pay: Pay, coin: Currency) -> str:
    held, attesters = each.held, each.held.attesters.bit_count()
    if held.due == 0:
        state = "provers' part is over, the coordinator's waits for the end of the round (then --refund pays it)"
    elif held.paid:
        state = f"{held.paid.bit_count()} of them are paid, others can be added until {utc(held.due)}"
    elif held.challenge:
        state = f"challenged; until {utc(held.due)} a quorum has to sign anew that the sum is served"
    else:
        state = f"until {utc(held.due)} a quorum has to sign that the sum is served"
    return (
        f"round {each.round}, batch {each.batch}, {held.owners} gradients: {coin.shown(_of_coordinator(each, pay))} "
        f"for {checksum(held.payee)}, {coin.shown(pay.of_prover(held.owners))} for each of {attesters} provers that "
        f"attested; {state}"
    )


def _of_coordinator(each: BatchFees, pay: Pay) -> int:
    return 0 if each.held.payee_paid else pay.of_coordinator(each.held.owners)


def _machine(each: BatchFees, pay: Pay) -> dict[str, object]:
    held = each.held
    return {
        "round": each.round, "batch": each.batch, "gradients": held.owners, "payee": checksum(held.payee),
        "coordinator_fee": str(_of_coordinator(each, pay)), "prover_fee": str(pay.of_prover(held.owners)),
        "attesters": held.attesters, "paid": held.paid, "payee_paid": held.payee_paid, "due": held.due,
        "challenged": bool(held.challenge),
    }  # fmt: skip
