"""`gradroll data fetch | review | challenge | verdict`: looking at bundles, and staking on what is wrong."""

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
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.options import Subparsers, whole
from gradroll.commands.storeoptions import content_identifier, progress

if TYPE_CHECKING:
    from gradroll.datamarket.findings import Findings
    from gradroll.session import Session

_SHOWN = 20
"""Findings that people are told one by one."""


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = chain_leaf(
        commands, "fetch",
        "Fetch a bundle that was opened, hold it against the chain, and keep it: from the chain where its samples "
        "stand there, else from the store, else from the members of the committee, whose receipts say that they hold "
        "it. None of them is believed.",
        "fetch 17 --from bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", fetch,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    parser.add_argument("--from", dest="root", type=content_identifier, metavar="CID",
                        help="content identifier in the store; files of one block need none")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the bundle there, too, to look at its samples")
    force_option(parser)
    data_store_option(parser)
    parser = chain_leaf(
        commands, "initial", "Hold the initial data of a campaign against its terms, and keep them for reviews.",
        "initial 0x3fa9c1 initial.bundle", initial,
    )  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="their bundle")
    parser = chain_leaf(
        commands, "review",
        "Say what can be proven of a fetched bundle: samples that do not fit the schema, and copies of samples that "
        "came before. Earlier bundles that were not fetched are named: copies of theirs are not found.",
        "review 17", review,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    parser = chain_leaf(
        commands, "challenge",
        "Stake on a sample's being bad. With --schema or --copy-of it is proven to the contract later; without, the "
        "contributor may concede, and then the campaign's arbiter decides. What opens it is kept in the state "
        "directory before the stake is sent: open it in time (gradroll data reveal), or the stake is burnt.",
        "challenge 17 3 --copy-of 12 40", challenge,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    number_argument(parser, "sample", "its place in the bundle, from 0")
    grounds = parser.add_mutually_exclusive_group()
    grounds.add_argument("--schema", action="store_true", help="it does not fit the schema")
    grounds.add_argument("--copy-of", nargs=2, type=whole(0, 2**63 - 1), metavar=("BUNDLE", "SAMPLE"),
                         help="it is a copy of this one; bundle 0 is the initial data")  # fmt: skip
    grounds.add_argument("--correction", type=Path, metavar="FILE",
                         help="bundle of one sample: what it should be; a right one is paid")  # fmt: skip
    yes_option(parser)
    parser = chain_leaf(
        commands, "verdict",
        "Decide as the owner of a campaign whose arbiter it is. BAD costs you the reward, which is burnt with the "
        "deposit; silence accepts.",
        "verdict 17 3 good", verdict,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    number_argument(parser, "sample", "its place in the bundle, from 0")
    parser.add_argument("verdict", choices=("good", "bad", "corrected"))


def fetch(arguments: argparse.Namespace) -> int:
    """Fetch a bundle."""
    from commons.artifacts.bundlefiles import save_bundle
    from gradroll.session import Session

    if arguments.out is not None:
        require_free(arguments.out, force=arguments.force)
    with Session(data_settings(arguments)) as session:
        library = session.data_roles.reviewer.library
        bundle = library.fetch(
            arguments.bundle, session.data_store, arguments.root, progress("fetched"), session.bundle_witnesses
        )
    if arguments.out is not None:
        save_bundle(arguments.out, bundle, replace=arguments.force)
    arguments.console.line(f"bundle {arguments.bundle}: {len(bundle.samples)} samples, as the chain has them", "green")
    arguments.console.result(bundle=arguments.bundle, count=len(bundle.samples), content=bundle.content_digest)
    return 0


def initial(arguments: argparse.Namespace) -> int:
    """Keep initial data."""
    from commons.artifacts.bundlefiles import load_bundle
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        bundle = load_bundle(arguments.file)
        session.data_models.library.add_initial(the_campaign(arguments, session), bundle)
    arguments.console.line(f"{len(bundle.samples)} samples, as the campaign's terms name them", "green")
    arguments.console.result(count=len(bundle.samples), content=bundle.content_digest)
    return 0


def review(arguments: argparse.Namespace) -> int:
    """Review a bundle."""
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        _tell(arguments, session.data_roles.reviewer.review(arguments.bundle))
    return 0


def _tell(arguments: argparse.Namespace, found: Findings) -> None:
    console = arguments.console
    for place, fault in found.misfits[:_SHOWN]:
        console.line(f"sample {place} does not fit: {fault}", "red")
    for copy in found.copies[:_SHOWN]:
        console.line(f"sample {copy.index} is at distance {copy.distance} of sample {copy.original} of bundle "
                     f"{copy.bundle}", "red")  # fmt: skip
    console.line(f"{len(found.misfits)} samples do not fit, {len(found.copies)} are copies")
    if found.missing:
        named = ", ".join("the initial data" if not each else str(each) for each in found.missing[:_SHOWN])
        console.warn(f"not looked at, as they are not here: {named}; fetch them first (gradroll data fetch)")
    if found.crowded:
        console.warn(f"copies were not looked for: {found.crowded}")
    console.result(
        bundle=arguments.bundle, crowded=bool(found.crowded), misfits=[place for place, _ in found.misfits],
        copies=[{"sample": c.index, "bundle": c.bundle, "original": c.original, "distance": c.distance}
                for c in found.copies],
        missing=found.missing,
    )  # fmt: skip


def challenge(arguments: argparse.Namespace) -> int:
    """Challenge a sample."""
    from commons.samples.contributions import Ground
    from gradroll.commands.paying import paying_session

    correction = _correction(arguments.correction) if arguments.correction is not None else b""
    ground = Ground.SCHEMA if arguments.schema else Ground.DUPLICATE if arguments.copy_of else Ground.JUDGED
    original = tuple(arguments.copy_of or (0, 0))
    with paying_session(arguments, data_settings(arguments)) as session:
        if not _staked(arguments, session):
            return DECLINED
        number = session.data_roles.reviewer.challenge(
            arguments.bundle, arguments.sample, ground, correction=correction, original=(original[0], original[1])
        )
        arguments.console.line(f"challenge {number}, {ground.name.lower()}", "green")
        arguments.console.note("open it when the review is over (gradroll data reveal), and keep the state directory")
        arguments.console.result(challenge=number, ground=ground.name.lower())
    return 0


def _staked(arguments: argparse.Namespace, session: Session) -> bool:
    """Whether to go on with the stake."""
    campaign = session.data.bundle(arguments.bundle).campaign
    coin, stake = currency_of(session, campaign), session.data.terms(campaign).stake
    return confirmed(arguments, f"stake {coin.shown(stake)} on sample {arguments.sample} being bad?")


def _correction(path: Path) -> bytes:
    from circuits.errors import InvalidInputError
    from commons.artifacts.bundlefiles import load_bundle

    samples = load_bundle(path).samples
    if len(samples) != 1:
        raise InvalidInputError(
            f"{path} has {len(samples)} samples, and a correction is one; make a bundle of it alone"
        )
    return samples[0]


def verdict(arguments: argparse.Namespace) -> int:
    """Decide as the owner."""
    from commons.samples.contributions import Outcome
    from gradroll.commands.paying import paying_session

    chosen = {"good": Outcome.ACCEPTED, "bad": Outcome.BAD, "corrected": Outcome.CORRECTED}[arguments.verdict]
    with paying_session(arguments, data_settings(arguments)) as session:
        session.data_roles.owner.decide(arguments.bundle, arguments.sample, chosen)
        arguments.console.line(f"sample {arguments.sample} of bundle {arguments.bundle}: {arguments.verdict}")
        arguments.console.result(bundle=arguments.bundle, sample=arguments.sample, verdict=arguments.verdict)
    return 0
