"""`gradroll submit` and `gradroll status`: a data owner hands in a gradient, and looks what became of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.confirming import DECLINED, yes_option
from gradroll.commands.options import (
    Subparsers,
    account_place,
    chain_options,
    leaf,
    natural,
    positive,
    roots_option,
    settings,
    task_argument,
    the_task,
)
from gradroll.commands.posting import advise
from gradroll.commands.registering import registered_first
from gradroll.commands.termwords import pay_in_words
from gradroll.console import Console

if TYPE_CHECKING:
    from commons.protocol.status import SubmissionStatus
    from commons.runtime.amounts import Currency
    from gradroll.data_owner.owner import Submitted
    from gradroll.data_owner.standing import OwnRound, Standing
    from gradroll.session import Session


def add(parent: Subparsers) -> None:
    """Add the commands."""
    _add_submit(parent)
    parser = leaf(
        parent,
        "status",
        "Show what became of your gradients: each round of a task, the coordinator's word, the market's, your pay.",
        "gradroll status 0x3fa9 --config owner.toml",
        status,
    )
    _common(parser)


def _add_submit(parent: Subparsers) -> None:
    parser = leaf(
        parent,
        "submit",
        "Hand in a gradient: clip, quantise, commit, share with the provers. Nobody sees the gradient; only the sum of "
        "all gradients of a round is published. Interrupted? Run the same command again: it continues. Ends with 7 "
        "when the gradient was rejected, with 4 when its round ended without it.",
        "gradroll submit 0x3fa9 --gradient update.npy --config owner.toml --register --wait 600",
        submit,
    )
    _common(parser)
    parser.add_argument(
        "--gradient", type=Path, required=True, metavar="FILE", help="numpy file (.npy), floats of shape (d,)"
    )
    parser.add_argument("--round", type=natural, help="the round (default: the latest)")
    parser.add_argument(
        "--register",
        action="store_true",
        help="register this key for the task first, if it is not, and pay the deposit",
    )
    parser.add_argument(
        "--reuse-model",
        action="store_true",
        help="where the task grades: submit also if a gradient for this model was handed in for another round; one "
        "more number about the same data becomes public",
    )
    parser.add_argument(
        "--no-clip",
        action="store_true",
        help="refuse a gradient beyond the task's norm bound; by default it is shrunk to it, with a warning",
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="the task's model manifest, where the coordinator is not to be asked for it (owner.manifest)",
    )
    yes_option(parser)
    parser.add_argument(
        "--wait", type=positive, metavar="SECONDS", help="stay until the gradient is accepted or has another end"
    )


def _common(parser: argparse.ArgumentParser) -> None:
    task_argument(parser)
    parser.add_argument("--account", type=account_place, metavar="FILE", help="key file (owner.account)")
    parser.add_argument("--coordinator", metavar="grpcs://HOST:PORT", help="the task's coordinator (owner.coordinator)")
    roots_option(parser, "owner.tls_roots")
    chain_options(parser)


def submit(arguments: argparse.Namespace) -> int:
    """Submit and say what happened."""
    from circuits.errors import GradrollError
    from commons.telemetry.tracing import traced
    from gradroll.commands.arrayfiles import read_array

    gradient = read_array(arguments.gradient, "gradient")
    with _session(arguments) as session, traced(session.settings, "owner"):
        owner, console = session.data_owner, arguments.console
        task = the_task(session.view, arguments.task)
        owner.quantized(task, gradient, clip=not arguments.no_clip, warn=console.warn)  # told before anything is paid
        if not registered_first(session, owner, arguments, task):
            return DECLINED
        try:
            done = owner.submit(
                task, gradient, round_number=arguments.round, reuse_model=arguments.reuse_model,
                clip=not arguments.no_clip, warn=lambda _: None,
            )  # fmt: skip
        except GradrollError:
            advise(session, arguments, task)
            raise
        _tell(done, console)
        ended = done.status
        if arguments.wait is not None:
            ended = owner.wait(done.submission, timeout=arguments.wait)
        console.line(f"state: {_words(ended)}")
        console.result(state=str(ended.state), reason=ended.reason)
        return _exit_status(ended)


def status(arguments: argparse.Namespace) -> int:
    """Print where the owner stands."""
    with _session(arguments) as session:
        owner, console = session.data_owner, arguments.console
        task = the_task(session.view, arguments.task)
        stands = owner.standing(task)
        coin = session.view.tokens.currency(stands.task.terms.pay.token)
        levelled = session.view.is_levelled(stands.task.terms.verifier)
    account = checksum(owner.address)
    console.result(
        task=shown(task), account=account, index=stands.index, owed=str(stands.owed), accepted=stands.accepted,
        settled=stands.settled, leaves_at=stands.owner.leaves_at if stands.owner else None,
        excluded=bool(stands.owner and stands.owner.excluded),
        rounds=[_machine(each) for each in stands.rounds],
    )  # fmt: skip
    if stands.owner is None:
        console.line(f"{account} is not registered for task {shown(task)}; gradroll submit --register does it")
        return 0
    pay = pay_in_words(stands.task.terms, coin, levelled=levelled)
    console.line(f"{account} is owner {stands.index} of task {shown(task)}, which pays {pay}")
    if stands.owner.account != owner.address:
        console.line(f"its account, which is paid and may leave, is {checksum(stands.owner.account)}")
    for each in stands.rounds:
        console.line(f"  round {each.number}: {_of_round(each)}")
    console.line(
        f"{stands.settled} of {stands.accepted} accepted gradients are paid, to be claimed {coin.shown(stands.owed)}"
    )
    for line in leaving_in_words(stands, coin):
        console.line(line)
    return 0


def leaving_in_words(stands: Standing, coin: Currency) -> list[str]:
    """How an owner that leaves gets its deposit."""
    owner, deposit = stands.owner, coin.shown(stands.task.terms.pay.deposit)
    if owner is None or owner.leaves_at is None:
        return []
    if owner.excluded:
        return [
            f"a quorum of the provers signed that it dealt badly: it takes no part in rounds from {owner.leaves_at} "
            f"on, and its deposit of {deposit} is lost"
        ]
    if owner.exited:
        return [f"it has left, and its deposit of {deposit} was paid back"]
    when = f"after {utc(owner.free_at or 0)}, once all pay is claimed"
    return [
        f"it takes no part in rounds from {owner.leaves_at} on; its deposit of {deposit} is paid back {when}: "
        "gradroll owner exit"
    ]


def _session(arguments: argparse.Namespace) -> Session:
    from gradroll.session import Session

    return Session(
        settings(
            arguments,
            owner__account=arguments.account,
            owner__coordinator=arguments.coordinator,
            owner__tls_roots=arguments.tls_roots,
            owner__manifest=getattr(arguments, "manifest", None),
        )
    )


def _tell(done: Submitted, console: Console) -> None:
    holders = ", ".join(map(str, done.receipts))
    console.line(f"submitted 0x{done.submission.hex()} for round {done.round}; provers {holders} hold shares")
    if done.earlier:
        console.line("what was handed in before for this round has expired; this is a fresh submission")
    if done.scale < 1:
        console.line(f"the gradient was shrunk to the task's norm bound, by the factor {done.scale:.6g}")
    if done.scale > 1:
        console.line(f"the gradient was stretched to the task's norm bound, as all are, by the factor {done.scale:.6g}")
    console.line(f"largest quantisation error of a coordinate: {done.max_error:.3g}")
    for prover, reason in done.missing.items():
        console.line(f"prover {prover} has no share ({reason}); enough others have", "yellow")
    console.result(
        submission=done.submission, round=done.round, receipts=done.receipts, missing=done.missing, scale=done.scale,
        max_error=done.max_error,
    )  # fmt: skip


def _words(status: SubmissionStatus) -> str:
    return f"{status.state}{f': {status.reason}' if status.reason else ''}"


def _exit_status(status: SubmissionStatus) -> int:
    from circuits.errors import ClosedError, ProofError
    from commons.protocol.status import SubmissionState

    ends = {SubmissionState.REJECTED: ProofError.exit_status, SubmissionState.EXPIRED: ClosedError.exit_status}
    return ends.get(status.state, 0)


def _of_round(each: OwnRound) -> str:
    return f"{_outcome_of(each)}{'; posted on the chain' if each.posted else ''}"


def _outcome_of(each: OwnRound) -> str:
    if each.accepted:
        return f"accepted, {_pay_of(each)}"
    if each.status is not None:
        return _words(each.status)
    if not each.seated:
        return "no seat for this owner"
    return f"the coordinator does not say ({each.trouble})" if each.trouble else "nothing handed in from here"


def _pay_of(each: OwnRound) -> str:
    if each.settled:
        return "paid"
    if each.due is None:
        return "to be claimed when the round's settle deadline has passed"
    return "to be claimed: gradroll claim" if each.due else "it earned nothing"


def _machine(each: OwnRound) -> dict[str, object]:
    said = None if each.status is None else {"state": str(each.status.state), "reason": each.status.reason}
    return {
        "round": each.number, "coordinator": said, "trouble": each.trouble, "accepted": each.accepted,
        "settled": each.settled, "seated": each.seated, "posted": each.posted,
        "due": None if each.due is None else str(each.due),
    }  # fmt: skip
