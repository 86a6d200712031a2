"""`gradroll committee report` and `collect`: evidence against a prover is handed in, and its share paid out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.collect import credit_options, tell_collected
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.options import Subparsers, account_option, chain_options, leaf, settings

if TYPE_CHECKING:
    from commons.chain.bonds import Bond
    from commons.chain.view import ChainView
    from commons.protocol.evidence import Evidence
    from commons.protocol.forfeits import Forfeit
    from commons.runtime.amounts import Currency


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = leaf(
        commands, "report",
        "Hand in evidence that a prover signed what no honest one signs: coordinators, provers and gradroll audit "
        "write it when they notice. It is checked first. The prover loses its bond and its key's word; a quarter is "
        "credited to this account, and paid with gradroll committee collect.",
        "gradroll committee report evidence/0x00000000000000c0-0x1111.json --account operator.key --config chain.toml",
        report,
    )  # fmt: skip
    parser.add_argument("evidence", type=Path, metavar="FILE", help="the evidence")
    account_option(parser, "", "that reports it", required=True)
    yes_option(parser)
    chain_options(parser)
    parser = leaf(
        commands, "collect",
        "Have a credit of an account at the committee registry paid out: its part of a bond that was lost.",
        "gradroll committee collect --account operator.key --config chain.toml",
        collect,
    )  # fmt: skip
    credit_options(parser)
    account_option(parser, "", "of the account", required=True)
    chain_options(parser)


def report(arguments: argparse.Namespace) -> int:
    """Check evidence, say what it costs whom, and report it."""
    from commons.chain.bonds import bond_of
    from commons.protocol.evidence import in_words
    from commons.protocol.forfeits import Forfeit
    from commons.storage.evidencefiles import load_evidence
    from gradroll.commands.paying import paying_session

    evidence, console = load_evidence(arguments.evidence), arguments.console
    culprit = evidence.culprit()
    with paying_session(arguments, settings(arguments)) as session:
        view, committee = session.view, evidence.committee_id
        bond = bond_of(view, committee, culprit)
        harmed = _harmed(view, evidence, (culprit, bond.controller))
        coin = view.tokens.currency(view.committee_terms(committee).bond_token)
        parts = Forfeit.of(bond.amount, harmed=harmed is not None)
        console.line(f"prover {checksum(culprit)} of committee {shown(committee)} {in_words(evidence)}")
        for line in _costs(bond, parts, harmed, coin):
            console.line(line)
        if not confirmed(arguments, "report it?"):
            return DECLINED
        session.writer(arguments.account).report(evidence)
        console.line(f"reported: {coin.shown(parts.reporter)} are yours, with gradroll committee collect")
        console.result(
            committee=shown(committee), prover=checksum(culprit), what=evidence.kind, membership=bond.membership,
            bond=str(bond.amount), bond_token=checksum(coin.token), credited=str(parts.reporter),
            harmed=None if harmed is None else checksum(harmed),
        )  # fmt: skip
    return 0


def collect(arguments: argparse.Namespace) -> int:
    """Collect a credit at the registry."""
    from circuits.terms import ETHER
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, settings(arguments)) as session:
        token = arguments.token or ETHER
        coin, account = session.view.tokens.currency(token), session.writer(arguments.account)
        collected = account.collect_bond_share(token, arguments.to)
        tell_collected(arguments, coin, account.address, collected, " at the registry")
    return 0


def _costs(bond: Bond, parts: Forfeit, harmed: bytes | None, coin: Currency) -> list[str]:
    """Who loses what, and who gets it."""
    if not bond.amount:
        return [
            f"nothing is held for its membership {bond.membership} any more; its key loses its word, you get nothing"
        ]
    lines = [
        f"it loses its bond of {coin.shown(bond.amount)} (membership {bond.membership}, controlled by "
        f"{checksum(bond.controller)}), and its key's word in all rounds",
        f"you get {coin.shown(parts.reporter)}; {coin.shown(parts.burnt)} are burnt",
    ]
    if harmed is not None:
        lines.append(f"{coin.shown(parts.harmed)} go to {checksum(harmed)}, the account of the owner in both sets")
    return lines


def _harmed(view: ChainView, evidence: Evidence, culprits: tuple[bytes, ...]) -> bytes | None:
    """Account of the owner that two sets have in common, where the market knows it and it is no culprit's."""
    from circuits.errors import UnknownError
    from commons.protocol.evidence import ConflictingAttestations

    if not isinstance(evidence, ConflictingAttestations) or evidence.first.context.market != view.market_id:
        return None
    owner = evidence.first.owners[evidence.slot]
    try:
        known = view.owner(evidence.first.context.task_id, owner.index)
    except UnknownError:
        return None
    return known.account if known.signer == owner.address and known.account not in culprits else None
