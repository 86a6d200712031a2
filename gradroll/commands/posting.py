"""`gradroll owner post`, and the advice to do it: an owner that no coordinator takes goes to the chain."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import ether_at_most, utc
from commons.runtime.identifiers import shown
from gradroll.commands.options import (
    Subparsers,
    account_option,
    chain_options,
    leaf,
    natural,
    settings,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from gradroll.session import Session


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands,
        "post",
        "Put what gradroll submit has handed to the provers on the chain, because the coordinator refuses it or does "
        "not answer: the commitment, your signatures and the provers' receipts; nothing of the gradient. The "
        "coordinator takes it from there, or loses a part of its fees. Possible in the submit window, once a round; "
        "costs gas. A bad dealing that is posted costs the deposit.",
        "gradroll owner post 0x3fa9 --config owner.toml",
        run,
    )
    task_argument(parser)
    parser.add_argument("--round", type=natural, help="the round (default: the latest)")
    account_option(parser, "owner.account")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Post a submission."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, settings(arguments, owner__account=arguments.account)) as session:
        task = the_task(session.view, arguments.task)
        with session.submissions.held():
            posted = session.poster.post(task, arguments.round)
        arguments.console.line(
            f"posted 0x{posted.submission.hex()} for round {posted.round} of task {shown(task)}; its coordinator has "
            f"until {utc(posted.until)} to have it accepted: gradroll status tells"
        )
        arguments.console.result(task=shown(task), round=posted.round, submission=posted.submission, until=posted.until)
    return 0


def advise(session: Session, arguments: argparse.Namespace, task: int) -> None:
    """Say what can be done about a coordinator that did not take a submission whose shares the provers hold."""
    from circuits.errors import GradrollError

    try:
        if not session.poster.is_ready(task, arguments.round):
            return
        cost = ether_at_most(session.poster.cost(task, arguments.round))
    except GradrollError:  # the trouble that is told is another
        return
    arguments.console.warn(
        "the provers hold your shares, and the coordinator did not take your submission. Run the same command again "
        f"later; if it goes on like this, gradroll owner post {shown(task)} puts the submission on the chain while the "
        f"submit window is open, for at most {cost} of gas at its present price: a coordinator that ignores it then "
        "loses a part of its fees"
    )
