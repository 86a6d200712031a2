"""`gradroll task relay`: anybody hands in a batch that provers attested, when its coordinator does not."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, cast

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.options import (
    Subparsers,
    account_option,
    chain_options,
    leaf,
    natural,
    roots_option,
    settings,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from commons.runtime.amounts import Currency
    from commons.settings.accountplaces import AccountPlace
    from commons.settings.loading import Settings
    from gradroll.model_owner.relaying import Relayable


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands,
        "relay",
        "Hand in batches that provers have attested and nobody has handed in, for instance because their coordinator "
        "is gone. Their owners are paid then. Anybody may; after half of the settle window whoever does earns the "
        "coordinator's fee.",
        "gradroll task relay 0x3fa9 --round 0 --config owner.toml",
        run,
    )
    task_argument(parser)
    parser.add_argument("--round", type=natural, help="the round (default: the latest)")
    account_option(parser, "owner.account, model_owner.account", "that pays the gas")
    parser.add_argument("--dry-run", action="store_true", help="only say what could be handed in, and send nothing")
    roots_option(parser, "")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Find batches, and hand them in."""
    from commons.storage.tlsfiles import read_roots
    from gradroll.commands.paying import paying_session
    from gradroll.model_owner.from_provers import ProverReader
    from gradroll.model_owner.relaying import relay, relayable

    chosen, console = settings(arguments), arguments.console
    with paying_session(arguments, chosen) as session:
        view, task = session.view, the_task(session.view, arguments.task)
        number = _latest(view.task(task).rounds_opened, task) if arguments.round is None else arguments.round
        coin = view.tokens.currency(view.terms(task).pay.token)
        reader = ProverReader(view, tls_roots=read_roots(arguments.tls_roots, "--tls-roots"))
        found = relayable(view, reader, task, number)
        for batch in found:
            console.line(_described(batch, coin))
        console.result(task=shown(task), round=number, found=len(found))
        if not found:
            console.line(f"all batches of round {number} that provers have attested are accepted")
        elif not arguments.dry_run:
            sender = session.writer(_account(arguments, chosen))
            done = []
            for batch, batch_id in relay(sender, found):
                console.line(f"batch 0x{batch_id.hex()} is accepted: {batch.owners} owners are paid for it")
                done.append({"batch": f"0x{batch_id.hex()}", "owners": batch.owners})
                console.result(accepted=done)
    return 0


def _latest(opened: int, task: int) -> int:
    from circuits.errors import UnknownError

    if opened == 0:
        raise UnknownError(f"no round of task {shown(task)} was opened yet")
    return opened - 1


def _described(batch: Relayable, coin: Currency) -> str:
    """What can be handed in, and who earns by it."""
    attested = f"{batch.owners} owners, attested by {len(batch.forms[0].attestations)} provers"
    if batch.fee == 0:
        return f"a batch of {attested}; its task pays no fee for relaying"
    whom = "this account" if batch.late else f"{checksum(batch.payee)}, and until half of the settle window nobody else"
    return f"a batch of {attested}; relaying it earns {coin.shown(batch.fee)} for {whom}"


def _account(arguments: argparse.Namespace, chosen: Settings) -> AccountPlace:
    """The account of the option; that of an owner or a model owner where the settings have one."""
    from commons.settings.sections import ModelOwnerSettings, OwnerSettings

    if arguments.account is not None:
        return cast("AccountPlace", arguments.account)
    if chosen.get("owner.account") is None and chosen.get("model_owner.account") is not None:
        return chosen.section(ModelOwnerSettings, "account").account
    return chosen.section(OwnerSettings, "account").account
