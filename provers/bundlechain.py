"""What a prover believes of bundles: what most nodes of `chain.url` and the second node show, and they alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eth_abi.abi import decode

from circuits.errors import ChainError, NotReadyError, RuleViolationError, UnknownError
from circuits.terms import ETHER
from commons.chain.datadecoding import BUNDLE_OPENED
from commons.chain.datafacts import BundleRecord, BundleStage, CampaignTerms, DisputeStage
from commons.chain.dataview import DataView
from commons.chain.juryfacts import CaseStage
from commons.samples.contributions import BundleReceipt
from commons.samples.sampleschemas import SampleSchema
from commons.settings.values import Depth
from provers.owncommittee import OwnCommittee

_SHOWN = (BundleStage.OPENED, BundleStage.REVIEW, BundleStage.SETTLED)
_INLINE = bytes(32)


class End(Enum):
    """How a bundle ended."""

    REVIEWED = "the last window over it has passed"
    VOID = "it came under no review, or is of blocks that were taken back"


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """A bundle that was opened for good.

    Attributes:
        contributor, owner: 20 bytes each, the latter of its campaign.
        receipt: what members sign of it.
        schema: of the campaign; its hash is in the receipt.
        fee: wei that the campaign pays for receipts of a bundle; 0 where it pays in a token.
    """

    contributor: bytes
    owner: bytes
    committee: int
    receipt: BundleReceipt
    schema: SampleSchema
    fee: int


class BundleChain(OwnCommittee[DataView]):
    """Bundles of one committee's campaigns.

    Args:
        views: the data market through each configured node, this prover's own first.
        committee: whose receipts the campaigns ask for.
        confirmations: blocks that must vouch for an opening.

    Attributes:
        domain: EIP-712 domain that receipts are signed under, 32 bytes.

    Raises:
        ChainError: the nodes show different deployments.
    """

    def __init__(self, views: Sequence[DataView], committee: int, confirmations: Depth) -> None:
        super().__init__(views, committee, "campaign")
        self._depth = confirmations
        first = self._views[0]
        if any(other.deployment != first.deployment for other in self._views):
            raise ChainError("the two nodes show different deployments of the campaigns; which one is right?")
        self.domain = first.market_id.domain

    def opened(self, number: int, content_digest: bytes, *, shown: bool = False) -> OpenedBundle:
        """A bundle whose opening is final and that waits for receipts.

        Args:
            content_digest: SHA-256 of the file that is spoken of, 32 bytes.
            shown: also where it has receipts, as long as it counts: a disk that lost it gets it again.

        Raises:
            NotReadyError: it is not opened, or that is not deep enough, or it has its receipts, or it is over: whoever
                sends what nobody can want any more fills a disk, and takes room of its contributor's.
            RuleViolationError: it was opened with another file, or in the chain.
            UnknownError: it is for another committee.
            ChainError: too few nodes answer, or they differ.
        """
        stages = _SHOWN if shown else (BundleStage.OPENED,)

        def ask(view: DataView) -> OpenedBundle | None:
            record = view.bundle(number)
            if record.stage not in stages or not self._is_deep(view, record):
                return None
            campaign, receipt = view.campaign(record.campaign), view.receipt(number)
            if _end(view, record, campaign.terms) is not None:
                return None
            terms, schema = campaign.terms, view.schema(record.campaign)
            fee = terms.receipt_fee if terms.token == ETHER else 0
            return OpenedBundle(record.contributor, campaign.owner, terms.committee_id, receipt, schema, fee)

        found = self.agreed(ask)
        if found is None:
            raise NotReadyError(
                f"this prover's nodes do not show that bundle {number} is opened and waits for receipts, with "
                f"{self._depth} blocks that vouch for its opening, and is not over; ask again when some more "
                "have passed"
            )
        self.require_committee(found.committee)
        if found.receipt.content_digest != content_digest:
            raise RuleViolationError(
                f"bundle {number} was opened with another file, of SHA-256 0x{found.receipt.content_digest.hex()}; "
                "send that one"
            )
        return found

    def ended(self, number: int, receipt: bytes) -> End | None:
        """How a bundle has ended; None where it has not.

        Args:
            receipt: what was signed of it, or would be, 32 bytes.

        Raises:
            ChainError: too few nodes answer, or they differ.
        """

        def ask(view: DataView) -> End | None:
            try:
                record = view.bundle(number)
            except UnknownError:
                return End.VOID
            if record.stage not in _SHOWN or view.receipt(number).digest(self.domain) != receipt:
                return End.VOID
            return _end(view, record, view.campaign(record.campaign).terms)

        return self.agreed(ask)

    def _is_deep(self, view: DataView, record: BundleRecord) -> bool:
        """Whether so many blocks vouch for just this opening."""
        if record.content_digest == _INLINE:
            raise RuleViolationError(
                f"bundle {record.number} was opened in the chain, where its samples stand; it needs no receipts"
            )
        told = view.events.first(_opening, BUNDLE_OPENED, record.number, depth=self._depth)
        return told == (record.root, record.content_digest)


def _end(view: DataView, record: BundleRecord, terms: CampaignTerms) -> End | None:
    """How a bundle that was opened has ended, whether or not somebody had the contract void it."""
    now = view.chain.now()
    if record.stage is BundleStage.OPENED:
        return End.VOID if now > record.since + terms.receipt_window else None
    return End.REVIEWED if now > last_window(record, terms) and not _is_before_jury(view, record) else None


def _is_before_jury(view: DataView, record: BundleRecord) -> bool:
    """Whether a case about a sample of a bundle has not ended.

    The contract has no bound for that: a first jury waits for jurors, and votes that nobody counts may be appealed once
    somebody does.  Whoever has no patience counts them, or draws the jury; anybody may.
    """
    cases = [dispute.case for _, dispute in view.disputes(record) if dispute.stage is DisputeStage.CASE]
    return any(view.jury.case(case).stage is not CaseStage.ENDED for case in cases)


def last_window(record: BundleRecord, terms: CampaignTerms) -> int:
    """Last second in which somebody may want a bundle if no jury is waited for: to answer, judge, appeal, judge again.

    A case may go on for longer.
    """
    voting = terms.vote_window + terms.vote_reveal_window
    return record.case_end(terms) + 2 * voting + terms.appeal_window


def _opening(log: Any) -> tuple[bytes, bytes]:
    root, content_digest, _, _ = decode(["bytes32", "bytes32", "uint256", "uint256"], bytes(log["data"]))
    return root, content_digest
