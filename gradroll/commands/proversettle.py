"""`gradroll prover settle`: a prover has its fees credited when the coordinator does not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.encrypting import opening
from gradroll.commands.options import (
    Subparsers,
    chain_options,
    leaf,
    natural,
    roots_option,
    settings,
    task_argument,
    the_task,
)

if TYPE_CHECKING:
    from gradroll.model_owner.feesettling import SettledBatch


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands,
        "settle",
        "Have this prover's fees of accepted batches credited, when the coordinator does not do it: ask the "
        "committee's provers for their word that they serve the sums, and show it to the market. Those that sign are "
        "paid with it. Possible from the middle of a batch's availability window on, after a challenge at once. Of "
        "batches that it relayed in the second half of the settle window it collects the coordinator's fee as well.",
        "gradroll prover settle 0x3fa9 --config prover.toml",
        run,
    )
    task_argument(parser)
    parser.add_argument("--round", type=natural, help="only batches of this round (default: of all)")
    parser.add_argument("--keystore", type=Path, metavar="DIR", help="the prover's keys (prover.keystore)")
    roots_option(parser, "")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Settle what is held."""
    from commons.settings.sections import ProverSettings
    from commons.storage.tlsfiles import read_roots
    from gradroll.commands.paying import paying_session
    from gradroll.model_owner.feesettling import FeeSettler
    from gradroll.model_owner.from_provers import ProverReader
    from provers.joining.keyring import Keyring

    chosen, console = settings(arguments, prover__keystore=arguments.keystore), arguments.console
    keystore = chosen.section(ProverSettings, "keystore").keystore
    ring = Keyring.load(keystore, opening(chosen))
    with paying_session(arguments, chosen) as session:
        view, task = session.view, the_task(session.view, arguments.task)
        pay = view.terms(task).pay
        coin = view.tokens.currency(pay.token)
        reader = ProverReader(view, tls_roots=read_roots(arguments.tls_roots, "--tls-roots"))
        keys = ring.seated(view.committee(view.terms(task).committee_id))
        signers = [each.address for each in ring.keystores]
        settler = FeeSettler(reader, session.writer(keys.account_file), *signers)
        rounds = range(view.task(task).rounds_opened) if arguments.round is None else (arguments.round,)
        told: list[dict[str, object]] = []
        console.result(task=shown(task), prover=checksum(keys.address), fees=told)
        for each in settler.settle(task, *rounds):
            fee = coin.shown(pay.of_prover(each.held.owners))
            console.line(f"round {each.round}, batch {each.batch}: {_words(each, fee)}")
            told.append(_machine(each))
            console.result(fees=told)
        if not told:
            console.line(f"the market holds no fees of batches of task {shown(task)}")
    return 0


def _words(each: SettledBatch, fee: str) -> str:
    from gradroll.model_owner.feesettling import Outcome

    members = ", ".join(map(str, each.members))
    words = {
        Outcome.SETTLED: f"settled: {fee} are credited to the controller of each of provers {members}; "
        "gradroll collect",
        Outcome.PAID: "this prover is paid already",
        Outcome.EARLY: "the model owner may still ask for the sum; its fees can be settled from "
        f"{utc(each.earliest)} on",
        Outcome.WAITS: f"the fee for relaying it can be collected from {utc(each.earliest)} on, later if owners post",
        Outcome.RELAYED: "the fee for relaying it is credited; gradroll collect",
        Outcome.OVERDUE: f"its fees were due by {utc(each.held.due)}; what is left goes back to the task: gradroll "
        "task fees",
        Outcome.UNATTESTED: "this prover did not attest it",
        Outcome.CHANGED: "somebody settled it or asked for its sum meanwhile, or the market was paused; run this again",
    }
    return words[each.outcome]


def _machine(each: SettledBatch) -> dict[str, object]:
    return {"round": each.round, "batch": each.batch, "outcome": each.outcome, "paid": list(each.members)}
