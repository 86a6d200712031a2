"""An epoch's manifest, which anybody makes alike from a campaign's events: it leads to the hash that the chain has."""

from __future__ import annotations

from circuits.errors import ChainError, UnknownError
from circuits.hashing import keccak
from commons.chain.datafacts import BundleRecord
from commons.chain.dataview import DataView
from commons.samples.contributions import EMPTY_LOG, Decision, Outcome
from commons.samples.epochmanifests import EpochBundle, EpochManifest


def epoch_manifest(data: DataView, campaign: bytes, epoch: int) -> EpochManifest:
    """The manifest of an epoch that was closed.

    Raises:
        UnknownError: there is none with that number.
        ChainError: the node shows events that do not lead to the hash in the contract.
    """
    closed = data.epochs(campaign)
    if not 0 <= epoch < len(closed):
        raise UnknownError(f"the campaign has closed {len(closed)} epochs; count from 0")
    before, log_before = (closed[epoch - 1][2], closed[epoch - 1][1]) if epoch else (0, EMPTY_LOG)
    _, log, end = closed[epoch]
    decisions = data.decisions(campaign)[before:end]
    numbers = sorted({each.bundle for each in decisions})
    corrected = tuple(correction_of(data, each) for each in decisions if each.outcome is Outcome.CORRECTED)
    made = EpochManifest(
        campaign, epoch, data.campaign(campaign).terms.schema_hash, log_before, tuple(decisions),
        tuple(_bundle(data, campaign, number) for number in numbers), corrected,
    )  # fmt: skip
    if made.log != log:
        raise ChainError("the node shows another closing of the epoch than its decisions lead to; ask another node")
    return made


def _bundle(data: DataView, campaign: bytes, number: int) -> EpochBundle:
    if number == 0:
        terms = data.campaign(campaign).terms
        return EpochBundle(0, terms.initial_root, terms.initial_digest, terms.initial_count)
    record = data.bundle(number)
    return EpochBundle(number, record.root, record.content_digest, record.count, challenged_places(data, record))


def challenged_places(data: DataView, bundle: BundleRecord) -> tuple[int, ...]:
    """Places, ascending, of a bundle's samples against which a challenge was opened.

    Raises ChainError where the node shows more or fewer than the contract counted.
    """
    found = tuple(sorted({index for _, index, _ in data.opened_challenges(bundle.number)}))
    if len(found) != bundle.challenged:
        raise ChainError(
            f"the node does not show all challenges against bundle {bundle.number}; does it keep old events?"
        )
    return found


def correction_of(data: DataView, decision: Decision) -> bytes:
    """The corrected sample of a decision.  Raises ChainError where the node does not show it."""
    for _, index, correction in data.opened_challenges(decision.bundle):
        if index == decision.index and correction and keccak(correction) == decision.correction:
            return correction
    raise ChainError(f"the node does not show a correction in bundle {decision.bundle}; does it keep old events?")
