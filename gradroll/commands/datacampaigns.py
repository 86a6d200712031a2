"""`gradroll data open | fund | close | withdraw | settle | epoch | collect`: campaigns, and what is due."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.dataoptions import campaign_argument, chain_leaf, currency_of, data_settings, the_campaign
from gradroll.commands.datastatus import tell_campaign
from gradroll.commands.dataterms import beliefs_of, sample_terms, show_terms, terms_options
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.modeloptions import word
from gradroll.commands.options import Subparsers, address, amount, natural, whole, whole_identifier

if TYPE_CHECKING:
    from commons.chain.datafacts import CampaignTerms
    from commons.runtime.amounts import Currency
    from commons.samples.campaigneconomics import SampleTerms
    from commons.samples.samplebundles import SampleBundle
    from commons.samples.schemadocuments import SchemaDocument

_DAY = 86_400
_WINDOWS = {
    "open": "for contributors to open what they committed to", "receipt": "for the committee's receipts",
    "review": "for challenges", "reveal": "for challenges to be opened", "answer": "for contributors to concede",
    "case": "for cases to be opened", "vote": "for jurors to vote", "vote-reveal": "for jurors to reveal their votes",
    "appeal": "for appeals",
}  # fmt: skip
_CAMPAIGN = "0x3fa9c1"


def add(commands: Subparsers) -> None:
    """Add the commands."""
    _add_open(commands)
    parser = chain_leaf(commands, "fund", "Add to a campaign's escrow. It is the owner's, whoever paid.",
                        f"fund {_CAMPAIGN} 1ether", fund)  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("amount", type=amount(1), metavar="AMOUNT")
    yes_option(parser)
    for name, does, run in (
        ("close", "Take no more commitments, for good (owner). What was committed to goes on by the same terms.",
         close),
        ("withdraw", "Credit what is free of a closed campaign to its owner; as often as something comes free.",
         withdraw),
        ("settle", "Do what is due in a campaign, and anybody may do: void, pay, burn, open and close cases, settle "
         "samples, give stakes back, close epochs.", settle),
        ("collect", "Have what a campaign's contracts owe to this account paid out: pay, stakes, fees.", collect),
    ):  # fmt: skip
        campaign_argument(chain_leaf(commands, name, does, f"{name} {_CAMPAIGN}", run))
    parser = chain_leaf(
        commands, "epoch",
        "Compute the manifest of an epoch that was closed, from events and nothing else: everybody gets the same file. "
        "Says its content identifier; with --out, writes it.",
        f"epoch {_CAMPAIGN} 0 --out epoch.json", epoch,
    )  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("epoch", type=natural, metavar="EPOCH", help="its number, from 0")
    parser.add_argument("--out", type=Path, metavar="FILE")
    force_option(parser)


def _add_open(commands: Subparsers) -> None:
    parser = chain_leaf(
        commands, "open",
        "Open a campaign that buys samples. Without --deposit, --stake, --correction and --fee, amounts are suggested "
        "for which honesty pays under what you believe; terms that break a condition are refused, unless it is named "
        "with --accept. Terms never change.",
        "open --schema flowers.json --committee 0x3fa90000000000a1 --reward 0.01 --cost 0.0001 --gain 0.005 "
        "--escrow 20ether --max-samples 1000", open_,
    )  # fmt: skip
    parser.add_argument("--schema", type=Path, required=True, metavar="FILE", help="what samples are")
    parser.add_argument("--committee", type=whole_identifier, required=True, metavar="ID", help="who attests bundles")
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 (default: ether)")
    parser.add_argument("--escrow", type=amount(0), required=True, metavar="AMOUNT", help="to begin with")
    parser.add_argument(
        "--initial", type=Path, metavar="FILE", help="bundle of data that you have; no sample may copy it"
    )
    parser.add_argument("--tests", type=word, metavar="0x...", help="commitment to hidden tests")
    parser.add_argument("--model", type=address, metavar="0x...", help="contract of the model, with --arbiter model")
    parser.add_argument(
        "--receipt-fee", type=amount(0), metavar="AMOUNT", help="of the committee, a bundle (default 0)"
    )
    parser.add_argument("--max-samples", type=whole(1, 2**32 - 1), required=True, metavar="N",
                        help="most that are accepted or pending")  # fmt: skip
    parser.add_argument("--max-bundle", type=whole(1, 65_536), default=4096, metavar="N",
                        help="most of a bundle (default 4096)")  # fmt: skip
    parser.add_argument("--open-delay", type=whole(2, 10_000), default=64, metavar="BLOCKS",
                        help="from a commitment to its opening (default 64)")  # fmt: skip
    for name, what in _WINDOWS.items():
        parser.add_argument(f"--{name}-window", type=whole(1, 30 * _DAY), default=3 * _DAY, metavar="SECONDS",
                            help=f"{what} (default three days)")  # fmt: skip
    parser.add_argument("--epoch-size", type=whole(1, 2**32 - 1), default=1000, metavar="N",
                        help="samples decided before an epoch closes (default 1000)")  # fmt: skip
    parser.add_argument("--epoch-period", type=whole(1, 365 * _DAY), default=30 * _DAY, metavar="SECONDS",
                        help="after which it closes with fewer (default 30 days)")  # fmt: skip
    parser.add_argument("--nonce", type=natural, default=0, metavar="N", help="another one opens the same again")
    terms_options(parser)
    yes_option(parser)


def open_(arguments: argparse.Namespace) -> int:
    """Open a campaign."""
    from circuits.terms import ETHER
    from commons.artifacts.bundlefiles import load_bundle
    from commons.artifacts.recordsources import load_document
    from commons.samples.campaigneconomics import inequalities, require_sound
    from gradroll.commands.paying import paying_session

    document = load_document(arguments.schema)
    initial = load_bundle(arguments.initial) if arguments.initial is not None else None
    with paying_session(arguments, data_settings(arguments)) as session:
        coin = session.view.tokens.currency(arguments.token or ETHER)
        beliefs = beliefs_of(arguments, 10**coin.decimals, document)
        sample = sample_terms(arguments, 10**coin.decimals, beliefs)
        terms = _terms(arguments, coin, document, initial, sample)
        show_terms(arguments, terms.by_sample, inequalities(terms.by_sample, beliefs), 10**coin.decimals)
        require_sound(terms.by_sample, beliefs, arguments.accept)
        for doubt in session.data_roles.owner.doubts(terms, document.schema):
            arguments.console.warn(doubt)
        escrow = arguments.escrow.of(coin)
        arguments.console.line(f"{coin.shown(terms.locked)} of the escrow are locked for each sample")
        if not confirmed(arguments, f"open this campaign with {coin.shown(escrow)}?"):
            return DECLINED
        made = session.data_roles.owner.open(
            terms, document.schema, escrow, beliefs, accepted=arguments.accept, initial=initial, nonce=arguments.nonce
        )
        arguments.console.line(f"campaign 0x{made.hex()}", "green")
        arguments.console.result(campaign=made, escrow=str(escrow))
    return 0


def _terms(
    arguments: argparse.Namespace, coin: Currency, document: SchemaDocument, initial: SampleBundle | None,
    sample: SampleTerms,
) -> CampaignTerms:  # fmt: skip
    from commons.chain.datafacts import CampaignTerms
    from commons.samples.campaigneconomics import Arbiter

    jury = sample.arbiter is not Arbiter.OWNER
    windows = {f"{name.replace('-', '_')}_window": name for name in _WINDOWS}
    no_jury = () if jury else ("vote_window", "vote_reveal_window", "appeal_window")
    fee = arguments.receipt_fee.of(coin) if arguments.receipt_fee is not None else 0
    return CampaignTerms(
        token=coin.token, committee_id=arguments.committee, arbiter=sample.arbiter, model=arguments.model or bytes(20),
        schema_hash=document.schema.digest, manifest=document.digest,
        initial_root=initial.tree().root if initial else bytes(32),
        initial_digest=initial.content_digest if initial else bytes(32),
        initial_count=len(initial.samples) if initial else 0, tests=arguments.tests or bytes(32),
        deposit=sample.deposit, reward=sample.reward, correction=sample.correction, stake=sample.stake, fee=sample.fee,
        receipt_fee=fee, juror_stake=sample.juror_stake, jurors=sample.jurors, burnt=sample.burnt,
        max_samples=arguments.max_samples, max_bundle=arguments.max_bundle, open_delay=arguments.open_delay,
        epoch_size=arguments.epoch_size, epoch_period=arguments.epoch_period,
        **{name: 0 if name in no_jury else getattr(arguments, name) for name in windows},
    )  # fmt: skip


def fund(arguments: argparse.Namespace) -> int:
    """Add to an escrow."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        coin = currency_of(session, campaign)
        units = arguments.amount.of(coin)
        if not confirmed(arguments, f"add {coin.shown(units)} to the escrow?"):
            return DECLINED
        tell_campaign(arguments, session, session.data_roles.owner.fund(campaign, units))
    return 0


def close(arguments: argparse.Namespace) -> int:
    """Close a campaign."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        tell_campaign(arguments, session, session.data_roles.owner.close(campaign))
    return 0


def withdraw(arguments: argparse.Namespace) -> int:
    """Credit free escrow."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        coin, units = currency_of(session, campaign), session.data_roles.owner.withdraw(campaign)
        arguments.console.line(f"{coin.shown(units)} are credited to the owner (gradroll data collect)")
        arguments.console.result(campaign=campaign, credited=str(units))
    return 0


def settle(arguments: argparse.Namespace) -> int:
    """Do what is due."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign, done = the_campaign(arguments, session), []

        def told(what: str) -> None:
            done.append(what)
            arguments.console.line(what)

        settler = session.data_roles.settler
        settler.settle(campaign, told)
        if not done:
            arguments.console.line("nothing is due")
        missing, terms = settler.lacking(campaign), session.data.campaign(campaign).terms
        for bundle in missing:
            arguments.console.warn(
                f"the model that decides is to be shown samples of bundle {bundle.number}, which is not here; fetch it "
                f"(gradroll data fetch {bundle.number}), and settle again by {utc(bundle.case_end(terms))}"
            )
        arguments.console.result(campaign=campaign, done=done, missing=[each.number for each in missing])
    return 0


def collect(arguments: argparse.Namespace) -> int:
    """Collect credits."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        coin = currency_of(session, campaign)
        units = session.data_roles.juror.collect(coin.token)
        arguments.console.line(f"collected {coin.shown(units)}" if units else "nothing is owed")
        arguments.console.result(collected=str(units), token=checksum(coin.token))
    return 0


def epoch(arguments: argparse.Namespace) -> int:
    """Compute an epoch's manifest."""
    from commons.artifacts.transfers import cid_of_bytes
    from commons.storage.files import write_durably
    from gradroll.datamarket.epochs import epoch_manifest
    from gradroll.session import Session

    if arguments.out is not None:
        require_free(arguments.out, force=arguments.force)
    with Session(data_settings(arguments)) as session:
        made = epoch_manifest(session.data, the_campaign(arguments, session), arguments.epoch)
    cid = str(cid_of_bytes(made.encoded))
    if arguments.out is not None:
        write_durably(arguments.out, made.encoded, replace=arguments.force)
    arguments.console.line(f"epoch {made.epoch}: {len(made.decisions)} decisions about {len(made.bundles)} bundles")
    arguments.console.line(f"{cid}, log 0x{made.log.hex()}, as the chain has it")
    arguments.console.result(epoch=made.epoch, decisions=len(made.decisions), log=made.log, cid=cid, digest=made.digest)
    return 0
