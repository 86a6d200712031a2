"""`gradroll owner order` and `relay`: pay that goes elsewhere, for a tip."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.options import (
    Subparsers,
    account_option,
    address,
    amount,
    chain_options,
    leaf,
    settings,
    task_argument,
    the_task,
    whole,
)

if TYPE_CHECKING:
    from commons.settings.accountplaces import AccountPlace
    from gradroll.data_owner.orders import OrderFile
    from gradroll.session import Session

_DAYS = 30


def add(commands: Subparsers) -> None:
    """Add the commands."""
    someone = "0x1111111111111111111111111111111111111111"
    parser = leaf(
        commands,
        "order",
        "Write an order with which anybody has what is owed paid to a recipient, and keeps a tip of it. It costs "
        "nothing, works once, and only while nobody claims in between; the account needs no ether.",
        f"gradroll owner order 0x3fa9 --to {someone} --max-tip 0.0001ether --out order.json --config owner.toml",
        order,
    )
    task_argument(parser)
    parser.add_argument("--to", type=address, required=True, metavar="0x...", help="who is paid")
    parser.add_argument(
        "--max-tip", type=amount(0), metavar="AMOUNT", help="most of it that whoever sends the order keeps (default 0)"
    )
    parser.add_argument(
        "--days", type=whole(1, 3650), default=_DAYS, help=f"days for which it is good (default {_DAYS})"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    _account_options(parser)
    parser = leaf(
        commands,
        "relay",
        "Carry out claim orders of any owners in one transaction; the account pays the gas and gets the tips. Orders "
        "that cannot be carried out are told and left out.",
        "gradroll owner relay order-0.json order-1.json --config owner.toml",
        relay,
    )
    parser.add_argument("orders", type=Path, nargs="+", metavar="FILE", help="what gradroll owner order wrote")
    _account_options(parser)


def _account_options(parser: argparse.ArgumentParser) -> None:
    account_option(parser, "owner.account")
    chain_options(parser)


def order(arguments: argparse.Namespace) -> int:
    """Sign an order and write it."""
    from circuits.terms import DAY
    from gradroll.data_owner.orders import save_order
    from gradroll.session import Session

    require_free(arguments.out, force=arguments.force)
    with Session(settings(arguments, owner__account=arguments.account)) as session:
        key, task = session.participant, the_task(session.view, arguments.task)
        coin = session.view.tokens.currency(session.view.terms(task).pay.token)
        tip = 0 if arguments.max_tip is None else arguments.max_tip.of(coin)
        signed = key.sign_claim(task, arguments.to, max_tip=tip, valid_for=arguments.days * DAY)
        save_order(arguments.out, signed)
        terms = signed.order
        owed = session.view.claimable(task, terms.index, terms.through).amount
    arguments.console.line(
        f"{arguments.out}: pays {coin.shown(owed)} of owner {terms.index} of task {shown(task)} to "
        f"{checksum(terms.recipient)}, less a tip of up to {coin.shown(tip)}, until {utc(terms.deadline)}; anybody "
        f"carries it out with: gradroll owner relay {arguments.out}"
    )
    arguments.console.result(
        task=shown(task), index=terms.index, file=arguments.out, owed=str(owed), deadline=terms.deadline
    )
    return 0


def relay(arguments: argparse.Namespace) -> int:
    """Carry out orders."""
    from gradroll.commands.paying import paying_session
    from gradroll.data_owner.orders import carry_out, load_order

    orders = [load_order(path) for path in arguments.orders]
    with paying_session(arguments, settings(arguments, owner__account=arguments.account)) as session:
        refused = carry_out(session.writer(_account(session)), orders)
        done = [place for place in range(len(orders)) if place not in refused]
        for place, error in refused.items():
            arguments.console.warn(f"{arguments.orders[place]} is left out: {error}")
        for place in done:
            _tell(arguments, arguments.orders[place], orders[place])
        arguments.console.result(
            carried_out=[arguments.orders[place] for place in done],
            refused={str(arguments.orders[place]): str(error) for place, error in refused.items()},
        )
        return 0 if done else min(error.exit_status for error in refused.values())


def _tell(arguments: argparse.Namespace, path: Path, signed: OrderFile) -> None:
    order = signed.order
    arguments.console.line(
        f"{path}: owner {order.index} of task {shown(order.task_id)} was paid, to {checksum(order.recipient)}"
    )


def _account(session: Session) -> AccountPlace:
    from commons.settings.sections import OwnerSettings

    return session.settings.section(OwnerSettings, "account").account
