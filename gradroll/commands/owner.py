"""`gradroll owner`: what a data owner does beside submitting: register, leave, have itself paid elsewhere."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands import owneraccount, ownerpay, posting
from gradroll.commands.confirming import DECLINED, yes_option
from gradroll.commands.options import (
    Run,
    Subparsers,
    account_option,
    address,
    chain_options,
    group,
    leaf,
    owner_index,
    settings,
    signature,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from gradroll.session import Session

_SOMEONE = "0x1111111111111111111111111111111111111111"


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "owner", "Register, leave a task, be paid elsewhere")
    _add_coming(commands)
    _add_going(commands)
    posting.add(commands)
    ownerpay.add(commands)
    owneraccount.add(commands)


def _add_coming(commands: Subparsers) -> None:
    parser = _owner_leaf(
        commands, "register", "Register for a task and pay its deposit, after what it offers was shown. gradroll "
        "submit --register does the same. With --signer another key than the account's signs the gradients.",
        "gradroll owner register 0x3fa9", register,
    )  # fmt: skip
    parser.add_argument(
        "--signer", type=address, metavar="0x...", help="the key that signs gradients (default: the account)"
    )
    parser.add_argument(
        "--consent", type=signature, metavar="0x...", help="what gradroll owner consent printed for that key"
    )
    yes_option(parser)
    parser = _owner_leaf(
        commands, "consent", "Let an account, a contract perhaps, register this key: it pays the deposit and gets it "
        "back, is paid, and may leave; this key signs gradients. Sends nothing.",
        f"gradroll owner consent 0x3fa9 {_SOMEONE}", consent,
    )  # fmt: skip
    parser.add_argument("payer", type=address, metavar="0x...", help="the account that may register this key")


def _add_going(commands: Subparsers) -> None:
    parser = _owner_leaf(
        commands, "resign", "Take no part in rounds that are opened from now on. Only the owner's account can say so.",
        "gradroll owner resign 0x3fa9", resign,
    )  # fmt: skip
    _index_option(parser)
    parser = _owner_leaf(
        commands, "exit", "Have the deposit of an owner that leaves paid back to its account, when its last round is "
        "closed for the task's exit delay; what it is owed is claimed first. Anybody may send it.",
        "gradroll owner exit 0x3fa9", leave,
    )  # fmt: skip
    _index_option(parser)
    parser = _owner_leaf(
        commands, "lapse", "Free the place of an owner that was in no batch of the task's last rounds. Anybody may.",
        "gradroll owner lapse 0x3fa9 --index 7", lapse,
    )  # fmt: skip
    parser.add_argument("--index", type=owner_index, required=True, metavar="N", help="its registration index")


def _owner_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    parser = leaf(commands, name, summary, f"{example} --config owner.toml", run)
    task_argument(parser)
    account_option(parser, "owner.account")
    chain_options(parser)
    return parser


def _index_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--index",
        type=owner_index,
        metavar="N",
        help="the owner's registration index (default: of the account's own key)",
    )


def register(arguments: argparse.Namespace) -> int:
    """Register."""
    from circuits.errors import InvalidInputError
    from commons.settings.accountplaces import SignerPlace
    from gradroll.commands.registering import register as registered
    from gradroll.session import Session

    if (arguments.signer is None) != (arguments.consent is None):
        raise InvalidInputError("--signer and --consent go together: a key agrees to be registered by this account")
    chosen = settings(arguments, owner__account=arguments.account)
    if arguments.signer is None and isinstance(chosen.get("owner.account"), SignerPlace):
        raise InvalidInputError(
            "an account at an external signer signs no gradients: name the key that does with --signer, and its "
            "--consent (gradroll owner consent)"
        )
    with Session(chosen) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        signer = arguments.signer or key.address
        known = session.view.owner_index(task, signer)
        if known is None:
            return DECLINED if registered(session, arguments, task, signer, arguments.consent or b"") is None else 0
        arguments.console.line(f"{checksum(signer)} is owner {known} of task {shown(task)} already")
        arguments.console.result(index=known)
    return 0


def consent(arguments: argparse.Namespace) -> int:
    """Sign a consent."""
    from gradroll.session import Session

    with Session(settings(arguments, owner__account=arguments.account)) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        signed = key.consent(task, arguments.payer)
    arguments.console.line(
        f"{checksum(arguments.payer)} registers this key with: gradroll owner register {shown(task)} --signer "
        f"{checksum(key.address)} --consent 0x{signed.hex()}"
    )
    arguments.console.result(task=shown(task), signer=checksum(key.address), consent=signed)
    return 0


def resign(arguments: argparse.Namespace) -> int:
    """Announce that an owner leaves."""
    with _paying(arguments) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        index = key.index(task) if arguments.index is None else arguments.index
        key.resign(task, index)
        _tell_leaving(arguments, session, task, index)
    return 0


def lapse(arguments: argparse.Namespace) -> int:
    """Make a dormant owner leave."""
    with _paying(arguments) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        key.lapse(task, arguments.index)
        _tell_leaving(arguments, session, task, arguments.index)
    return 0


def _tell_leaving(arguments: argparse.Namespace, session: Session, task: int, index: int) -> None:
    owner = session.view.owner(task, index)
    arguments.console.line(
        f"owner {index} of task {shown(task)} takes no part in rounds from {owner.leaves_at} on; its deposit can be "
        f"had after {utc(owner.free_at or 0)}, once all pay is claimed: gradroll owner exit"
    )
    arguments.console.result(task=shown(task), index=index, leaves_at=owner.leaves_at, deposit_free_at=owner.free_at)


def leave(arguments: argparse.Namespace) -> int:
    """Claim what is left, and have the deposit paid back."""
    with _paying(arguments) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        index = key.index(task) if arguments.index is None else arguments.index
        paid = key.exit(task, index)
        record, owner = session.view.task(task), session.view.owner(task, index)
        deposit = owner.returned(record.terms.pay.deposit)
        coin = session.view.tokens.currency(record.terms.pay.token)
        back = "no deposit, as it was excluded" if owner.excluded else f"its deposit of {coin.shown(deposit)}"
        arguments.console.line(
            f"owner {index} has left task {shown(task)}: {checksum(owner.account)} got {back}"
            + (f", and {coin.shown(paid)} of pay" if paid else "")
        )
        arguments.console.result(task=shown(task), index=index, deposit=str(deposit), paid=str(paid))
    return 0


def _paying(arguments: argparse.Namespace) -> AbstractContextManager[Session]:
    from gradroll.commands.paying import paying_session

    return paying_session(arguments, settings(arguments, owner__account=arguments.account))
