"""`gradroll claim`: owners collect their pay, for many rounds and for many owners at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.options import (
    Subparsers,
    account_option,
    address,
    chain_options,
    leaf,
    natural,
    owner_index,
    settings,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from commons.chain.view import ChainView
    from gradroll.session import Session

_ALL = "all"


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "claim",
        "Collect the pay of accepted gradients, over all rounds in one transaction. Claiming twice pays nothing twice. "
        "Anybody may send it, for any owners: the account only pays the gas, the money goes to the owners' accounts.",
        "gradroll claim 0x3fa9 --config owner.toml",
        run,
    )
    task_argument(parser)
    parser.add_argument(
        "--through", type=natural, metavar="ROUND", help="only of rounds before this one (default: all)"
    )
    parser.add_argument(
        "--owner", type=_owner, action="append", default=[], metavar="INDEX|0x...|all", dest="owners",
        help="claim for this owner, by registration index or by the address of its key; repeat for several (default: "
        "the account's own)",
    )  # fmt: skip
    parser.add_argument(
        "--to",
        type=address,
        metavar="0x...",
        help="pay what is owed to somebody else; only the owner's own account can",
    )
    account_option(parser, "owner.account", "that pays the gas")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Claim what is owed."""
    from gradroll.commands.paying import paying_session

    _require_one_way(arguments)
    with paying_session(arguments, settings(arguments, owner__account=arguments.account)) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        through = _through(session.view, task, arguments.through)
        indices = _indices(session, task, arguments.owners)
        elsewhere = arguments.to is not None
        paid = key.claim_to(task, arguments.to) if elsewhere else _claim(session, task, indices, through)
        _tell(arguments, session, task, indices, through, paid)
    return 0


def _require_one_way(arguments: argparse.Namespace) -> None:
    from circuits.errors import InvalidInputError

    if arguments.to is not None and (arguments.owners or arguments.through is not None):
        raise InvalidInputError("--to is about all that this account is owed; leave out --owner and --through")


def _through(view: ChainView, task: int, wanted: int | None) -> int:
    from circuits.errors import UnknownError

    opened = view.task(task).rounds_opened
    if wanted is not None and wanted > opened:
        raise UnknownError(
            f"task {shown(task)} has opened {opened} rounds, so --through is at most {opened}; see gradroll task status"
        )
    return opened if wanted is None else wanted


def _indices(session: Session, task: int, named: Sequence[int | bytes | str]) -> tuple[int, ...]:
    """Registration indices of the owners that are meant; those that are not registered are left out."""
    view = session.view
    if _ALL in named:
        return tuple(range(view.task(task).owners))
    found = [
        view.owner_index(task, one) if isinstance(one, bytes) else int(one)
        for one in named or [session.participant.address]
    ]
    return tuple(dict.fromkeys(index for index in found if index is not None))


def _claim(session: Session, task: int, indices: Sequence[int], through: int) -> int:
    from commons.runtime.stages import stage
    from commons.settings.sections import OwnerSettings
    from gradroll.data_owner.claims import claim_all

    account = session.settings.section(OwnerSettings, "account").account
    with stage("looking up what is owed, and claiming it"):
        return claim_all(session.writer(account), task, indices, through)


def _tell(
    arguments: argparse.Namespace, session: Session, task: int, indices: Sequence[int], through: int, paid: int
) -> None:
    from gradroll.data_owner.claims import why_nothing

    console, view = arguments.console, session.view
    coin = view.tokens.currency(view.terms(task).pay.token)
    whom = _whom(session, task, indices, arguments)
    console.result(task=shown(task), owners=indices, paid=str(paid))
    if paid:
        console.line(f"{whom} received {coin.shown(paid)}")
        return
    if len(indices) > 1:
        reason = "none of these owners is owed anything now"
    else:
        reason = why_nothing(view, task, indices[0] if indices else None, through)
    console.result(reason=reason)
    console.line(f"nothing to claim for {whom}: {reason}")


def _whom(session: Session, task: int, indices: Sequence[int], arguments: argparse.Namespace) -> str:
    if arguments.to is not None:
        return checksum(arguments.to)
    if len(indices) > 1:
        return f"{len(indices)} owners of task {shown(task)}"
    if indices:
        return checksum(session.view.owner(task, indices[0]).account)
    named = [one for one in arguments.owners if isinstance(one, bytes)]
    return checksum(named[0] if named else session.participant.address)


def _owner(text: str) -> int | bytes | str:
    """An argparse type: an owner by its registration index or its key's address, or all of them."""
    if text == _ALL:
        return text
    return owner_index(text) if text.isdecimal() and len(text) < 40 else address(text)
