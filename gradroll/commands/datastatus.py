"""`gradroll data status`: a campaign with its terms, its bundles, and what is disputed in them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.dataoptions import campaign_argument, chain_leaf, data_settings, the_campaign
from gradroll.commands.options import Subparsers

if TYPE_CHECKING:
    from commons.chain.datafacts import BundleRecord, CampaignRecord, CampaignTerms, DisputeRecord
    from commons.chain.dataview import DataView
    from commons.runtime.amounts import Currency
    from gradroll.session import Session

_WINDOWS = ("open", "receipt", "review", "reveal", "answer", "case", "vote", "vote_reveal", "appeal")
_HOUR = 3600


def add(commands: Subparsers) -> None:
    """Add the command."""
    campaign_argument(chain_leaf(
        commands, "status",
        "Show a campaign: its terms, its bundles, and the samples in them that were challenged. Nothing is sent.",
        "status 0x3fa9c1", status,
    ))  # fmt: skip


def status(arguments: argparse.Namespace) -> int:
    """Show a campaign."""
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        record = session.data.campaign(the_campaign(arguments, session))
        tell_campaign(arguments, session, record)
        _tell_terms(arguments, record.terms, session.view.tokens.currency(record.terms.token))
        _tell_bundles(arguments, session.data, record)
    return 0


def tell_campaign(arguments: argparse.Namespace, session: Session, record: CampaignRecord) -> None:
    """Say how far a campaign is."""
    terms, coin, console = record.terms, session.view.tokens.currency(record.terms.token), arguments.console
    console.line(f"campaign 0x{record.campaign.hex()} of {checksum(record.owner)}{', closed' * record.closed}")
    console.line(f"{coin.shown(record.free)} are free, for {record.free // terms.locked} samples; "
                 f"{record.held} of {terms.max_samples} samples are accepted or pending")  # fmt: skip
    console.line(f"{record.accepted} accepted; decisions: {record.decisions}; epochs closed: {record.epochs}")
    console.result(
        campaign=record.campaign, owner=checksum(record.owner), closed=record.closed, free=str(record.free),
        held=record.held, accepted=record.accepted, decisions=record.decisions, epochs=record.epochs, log=record.log,
    )  # fmt: skip


def _tell_terms(arguments: argparse.Namespace, terms: CampaignTerms, coin: Currency) -> None:
    console = arguments.console
    names = ("reward", "deposit", "stake", "correction", "fee")
    console.line("of a sample: " + ", ".join(f"{name} {coin.shown(getattr(terms, name))}" for name in names))
    judged = (
        f"a jury of {terms.jurors}, who stake {coin.shown(terms.juror_stake)} each" if terms.jurors else "the owner"
    )
    model = f"the model {checksum(terms.model)}, else " if any(terms.model) else ""
    console.line(f"disputes are decided by {model}{judged}")
    console.line(f"committee {shown(terms.committee_id)}, for {coin.shown(terms.receipt_fee)} a bundle; "
                 f"at most {terms.max_bundle} samples a bundle")  # fmt: skip
    console.line(f"schema 0x{terms.schema_hash.hex()}, document 0x{terms.manifest.hex()} (SHA-256)")
    if terms.initial_count:
        console.line(f"initial data: {terms.initial_count} samples, content 0x{terms.initial_digest.hex()} (SHA-256)")
    if any(terms.tests):
        console.line(f"hidden tests 0x{terms.tests.hex()}")
    windows = {name: getattr(terms, f"{name}_window") for name in _WINDOWS}
    told = ", ".join(f"{name.replace('_', ' ')} {length / _HOUR:g}" for name, length in windows.items() if length)
    console.line(f"{terms.open_delay} blocks before an opening; windows in hours: {told}")
    console.result(
        arbiter=terms.arbiter.value, schema=terms.schema_hash, manifest=terms.manifest, tests=terms.tests,
        token=checksum(terms.token), committee=shown(terms.committee_id), model=checksum(terms.model),
        amounts={name: str(getattr(terms, name)) for name in (*names, "receipt_fee", "juror_stake")},
        jurors=terms.jurors, burnt=terms.burnt, max_samples=terms.max_samples, max_bundle=terms.max_bundle,
        initial={"count": terms.initial_count, "root": "0x" + terms.initial_root.hex(),
                 "content": "0x" + terms.initial_digest.hex()} if terms.initial_count else None,
        open_delay=terms.open_delay, windows=windows, epoch_size=terms.epoch_size, epoch_period=terms.epoch_period,
    )  # fmt: skip


def _tell_bundles(arguments: argparse.Namespace, data: DataView, record: CampaignRecord) -> None:
    bundles = list[dict[str, Any]]()
    for number in data.bundles(record.campaign):
        bundle = data.bundle(number)
        arguments.console.line(bundle_line(bundle, record.terms))
        disputes = list[dict[str, Any]]()
        for index in sorted({at for _, at, _ in data.opened_challenges(number)}) if bundle.challenged else ():
            dispute = data.dispute(number, index)
            arguments.console.line(f"  sample {index}: {_dispute_words(dispute, bundle, record.terms)}")
            disputes.append(_dispute(index, dispute))
        bundles.append(
            {"bundle": bundle.number, "stage": bundle.stage.name.lower(), "count": bundle.count,
             "challenged": bundle.challenged, "contributor": checksum(bundle.contributor),
             "content": "0x" + bundle.content_digest.hex() if bundle.opened else None, "disputes": disputes}
        )  # fmt: skip
    arguments.console.result(bundles=bundles)


def bundle_line(bundle: BundleRecord, terms: CampaignTerms) -> str:
    """A bundle in words: whose it is, how far it is, and until when."""
    from commons.chain.datafacts import BundleStage

    told = {
        BundleStage.COMMITTED: f"to be opened until {utc(bundle.since + terms.open_window)}",
        BundleStage.OPENED: f"opened, waits for receipts until {utc(bundle.since + terms.receipt_window)}",
        BundleStage.REVIEW: f"under review until {utc(bundle.review_end(terms))}, then challenges are opened until "
        f"{utc(bundle.reveal_end(terms))}; {bundle.challenged} samples are challenged",
        BundleStage.SETTLED: f"settled, except for {bundle.challenged} samples that were challenged"
        if bundle.challenged else "settled",
    }  # fmt: skip
    stage = told.get(bundle.stage, bundle.stage.name.lower())
    return f"bundle {bundle.number}: {bundle.count} samples of {checksum(bundle.contributor)}, {stage}"


def _dispute_words(dispute: DisputeRecord, bundle: BundleRecord, terms: CampaignTerms) -> str:
    from commons.chain.datafacts import DisputeStage

    if dispute.stage is DisputeStage.SETTLED:
        return f"settled, {dispute.outcome.name.lower()}"
    if dispute.stage is DisputeStage.CASE:
        return f"case {dispute.case} of the jury"
    if dispute.proven:
        return f"proven to be {'bad' if dispute.bad else 'a copy of what was hidden'}"
    return (
        f"challenged; its contributor may concede until {utc(bundle.answer_end(terms))}, else it is decided, from then "
        f"until {utc(bundle.case_end(terms))}"
    )


def _dispute(index: int, dispute: DisputeRecord) -> dict[str, Any]:
    from commons.chain.datafacts import DisputeStage

    settled = dispute.stage is DisputeStage.SETTLED
    return {
        "sample": index, "stage": dispute.stage.name.lower(), "proven": dispute.proven, "case": dispute.case or None,
        "outcome": dispute.outcome.name.lower() if settled else None,
    }  # fmt: skip
