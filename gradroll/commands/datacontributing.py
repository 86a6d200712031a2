"""`gradroll data commit | reveal | attest | answer`: the way of a bundle, and opening what was committed to."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.dataoptions import (
    campaign_argument,
    chain_leaf,
    currency_of,
    data_settings,
    data_store_option,
    number_argument,
    the_campaign,
)
from gradroll.commands.datastatus import bundle_line
from gradroll.commands.options import Subparsers, natural
from gradroll.commands.storeoptions import progress

if TYPE_CHECKING:
    from gradroll.datamarket.datarevealing import Revealed
    from gradroll.datamarket.secretbook import Broken
    from gradroll.session import Session

_CAMPAIGN = "0x3fa9c1"


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = chain_leaf(
        commands, "commit",
        "Commit to a bundle of samples, and pay its deposits. Checks first that every sample fits and none is a copy "
        "of another. The salt and the samples are kept in the state directory before anything is sent: nobody else can "
        "open the bundle, and what is not opened in time is burnt. Run again after an interruption, it pays once.",
        f"commit {_CAMPAIGN} flowers.bundle", commit,
    )  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("bundle", type=Path, metavar="FILE", help="the bundle")
    parser.add_argument("--inline", action="store_true",
                        help="open it in the chain later, without a committee: at most 1 KiB of samples")  # fmt: skip
    parser.add_argument("--turn", type=natural, default=0, metavar="N",
                        help="another number commits to the same samples anew")  # fmt: skip
    yes_option(parser)
    parser = chain_leaf(
        commands, "reveal",
        "Open what this account committed to and whose time has come: bundles, challenges and votes. Run it until "
        "nothing is left, from a timer say: what is not opened in time costs what was staked. Bundles that are opened "
        "are put into the store, and are public.",
        "reveal", reveal,
    )  # fmt: skip
    data_store_option(parser)
    parser = chain_leaf(
        commands, "attest",
        "Send an opened bundle to the members of the campaign's committee, which check and keep it, and hand in the "
        "receipts of a quorum, so that its review begins. Run again, it sends nothing to members that have it.",
        "attest 17", attest,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    parser.add_argument("--receipts", type=Path, metavar="FILE", help="receipts that were collected before: a JSON "
                        'list of {"member": 0, "signature": "0x.."}, at least a quorum')  # fmt: skip
    parser = chain_leaf(
        commands, "answer",
        "Concede that a sample of an own bundle is bad: its deposit goes, but not the fee of a case. Who contests "
        "says nothing and waits.",
        "answer 17 3 --concede", answer,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    number_argument(parser, "sample", "its place in the bundle, from 0")
    parser.add_argument("--concede", action="store_true", required=True, help="that it is bad")


def commit(arguments: argparse.Namespace) -> int:
    """Commit to a bundle."""
    from commons.artifacts.bundlefiles import load_bundle
    from gradroll.commands.paying import paying_session

    bundle = load_bundle(arguments.bundle)
    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        own = session.data_roles.contributor
        own.check(campaign, bundle, inline=arguments.inline)
        for doubt in own.doubts(campaign):
            arguments.console.warn(doubt)
        coin, cost = currency_of(session, campaign), own.cost(campaign, len(bundle.samples))
        if not confirmed(arguments, f"commit to {len(bundle.samples)} samples, for {coin.shown(cost)}?"):
            return DECLINED
        number = own.commit(campaign, bundle, inline=arguments.inline, turn=arguments.turn)
        arguments.console.line(f"bundle {number}: {len(bundle.samples)} samples, {coin.shown(cost)} deposited", "green")
        arguments.console.note("open it in time (gradroll data reveal), and keep the state directory")
        arguments.console.result(bundle=number, campaign=campaign, cost=str(cost))
    return 0


def reveal(arguments: argparse.Namespace) -> int:
    """Open what is due."""
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.datarevealing import reveal_due

    with paying_session(arguments, data_settings(arguments)) as session:
        made = reveal_due(session.data_roles)
        published = _publish_all(arguments, session, made)
        for what, error in made.failed:
            arguments.console.warn(f"{what}: {error}")
        arguments.console.line(
            f"opened {len(made.bundles)} bundles, {len(made.challenges)} challenges, votes of {len(made.cases)} cases"
        )
        arguments.console.result(
            bundles=made.bundles, challenges=made.challenges, cases=made.cases, content=published,
            failed={what: error.code for what, error in made.failed},
        )  # fmt: skip
        if made.failed and not (made.bundles or made.challenges or made.cases):
            raise made.failed[0][1]
    return 0


def _publish_all(arguments: argparse.Namespace, session: Session, made: Revealed) -> dict[str, str]:
    """Put bundles that wait for receipts into the store, again where it failed before; their content identifiers."""
    from commons.chain.datafacts import BundleStage

    found: dict[str, str] = {}

    def waiting(broken: Broken) -> list[int]:  # whose files are broken was told before
        return session.data_roles.contributor.pending(lambda _: None, BundleStage.OPENED)

    def publish(number: int) -> None:
        found[str(number)] = _publish(arguments, session, number)

    made.each("publishing of bundle", waiting, publish)
    return found


def _publish(arguments: argparse.Namespace, session: Session, number: int) -> str:
    """Put an opened bundle into the store."""
    root = session.data_roles.contributor.publish(number, session.data_store, progress("put"))
    arguments.console.line(f"bundle {number} is {root}, in {session.data_store.shown}")
    return str(root)


def attest(arguments: argparse.Namespace) -> int:
    """Hand in receipts."""
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.datawitnesses import ReceiptFile

    given = None if arguments.receipts is None else ReceiptFile.read(arguments.receipts)
    with paying_session(arguments, data_settings(arguments)) as session:
        record = session.data_roles.contributor.attest(arguments.bundle, given or session.bundle_witnesses)
        terms = session.data.campaign(record.campaign).terms
        arguments.console.line(bundle_line(record, terms), "green")
        arguments.console.result(bundle=record.number, stage=record.stage.name.lower())
    return 0


def answer(arguments: argparse.Namespace) -> int:
    """Concede."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        session.data_roles.contributor.concede(arguments.bundle, arguments.sample)
        arguments.console.line(f"sample {arguments.sample} of bundle {arguments.bundle} is conceded to be bad")
        arguments.console.result(bundle=arguments.bundle, sample=arguments.sample)
    return 0
