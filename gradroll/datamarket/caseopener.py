"""Cases of challenged samples, which anybody opens: a model that is arbiter is shown the sample, a jury is drawn."""

from __future__ import annotations

from circuits.errors import ClosedError, ContractError, NotReadyError, RuleViolationError, UnknownError
from commons.chain.dataaccount import NO_SAMPLE, DataAccount, ProvenSample
from commons.chain.datafacts import BundleRecord, BundleStage, CampaignTerms, DisputeRecord, DisputeStage
from commons.chain.juryfacts import CaseStage, JuryRecord
from commons.runtime.amounts import utc
from commons.samples.campaigneconomics import Arbiter
from commons.samples.merkletrees import MerkleTree
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket.bundlefetching import BundleLibrary


class CaseOpener:
    """Opens cases.  Every method raises ChainError when contract or node refuse.

    Args:
        account: sends this account's transactions; who pays for them gains nothing by it.
        library: bundles that are here.
    """

    def __init__(self, account: DataAccount, library: BundleLibrary) -> None:
        self._account, self._data, self._library = account, account.data, library
        self._last: tuple[int, SampleBundle, MerkleTree] | None = None

    def open(self, number: int, index: int) -> DisputeRecord:
        """Open the case of a sample, unless that is done; returns its dispute.

        It is settled where the model agrees with the sample's label.  Where that disagrees, fails, or is no contract,
        and where no model is arbiter, the sample has a case before the jury.

        Raises:
            UnknownError: nobody opened a challenge against the sample, or its bundle, which a model needs, is not here.
            RuleViolationError: the owner of the campaign decides.
            NotReadyError: its contributor may still concede.
            ClosedError: the sample is decided, or the time for cases is over.
        """
        bundle, dispute = self._data.bundle(number), self._data.dispute(number, index)
        terms = self._data.campaign(bundle.campaign).terms
        if dispute.case:
            return dispute
        self._require_open(bundle, terms, index, dispute)
        try:
            self._account.open_case(
                number, index, self._shown(terms, number, index), self._data.schema(bundle.campaign)
            )
        except ContractError as error:
            if error.error != "DisputeStageDiffers":  # somebody else was quicker
                raise
        return self._data.dispute(number, index)

    def appealable(self, number: int, index: int) -> JuryRecord:
        """The first jury of a sample's case, whose verdict may be appealed.

        Raises:
            NotReadyError: most nodes do not show such a verdict: one alone would have F2 paid against a right one.
        """

        def ask() -> JuryRecord | None:
            case = self._data.dispute(number, index).case
            record = self._data.jury.case(case) if case else None
            return record.juries[0] if record and record.stage is CaseStage.APPEALABLE else None

        found = self._data.chain.most(ask)
        if found is None:
            raise NotReadyError(
                f"most nodes show no verdict about sample {index} of bundle {number} that may be appealed now; look at "
                "the windows of its case (gradroll data status)"
            )
        return found

    def is_lacking(self, bundle: BundleRecord, terms: CampaignTerms) -> bool:
        """Whether a bundle would have to be here for its cases, and is not."""
        return terms.arbiter is Arbiter.MODEL and not self._library.has(bundle)

    def _shown(self, terms: CampaignTerms, number: int, index: int) -> ProvenSample:
        if terms.arbiter is not Arbiter.MODEL:
            return NO_SAMPLE
        if self._last is None or self._last[0] != number:
            bundle = self._library.at_hand(number)
            self._last = number, bundle, bundle.tree()
        _, bundle, tree = self._last
        return ProvenSample(bundle.samples[index], tree.proof(index))

    def _require_open(self, bundle: BundleRecord, terms: CampaignTerms, index: int, dispute: DisputeRecord) -> None:
        what = f"sample {index} of bundle {bundle.number}"
        if terms.arbiter is Arbiter.OWNER:
            raise RuleViolationError(f"the owner of the campaign decides about {what}; wait for its verdict")
        if dispute.stage is DisputeStage.UNKNOWN:
            raise UnknownError(
                f"nobody has opened a challenge against {what}; look at its bundle (gradroll data status)"
            )
        if dispute.stage is DisputeStage.SETTLED or dispute.proven:
            raise ClosedError(f"{what} needs no case: it is proven, conceded or settled (gradroll data settle)")
        now = self._data.chain.now()
        if now <= bundle.answer_end(terms):
            raise NotReadyError(
                f"cases of bundle {bundle.number} are opened from {utc(bundle.answer_end(terms))} until "
                f"{utc(bundle.case_end(terms))}, when its contributor can concede no more; come back then"
            )
        if now > bundle.case_end(terms):
            raise ClosedError(
                f"the case of {what} had to be opened by {utc(bundle.case_end(terms))}; it is accepted as it is "
                "(gradroll data settle)"
            )


def in_case_window(bundle: BundleRecord, terms: CampaignTerms, now: int) -> bool:
    """Whether cases about samples of a bundle may be opened at a time."""
    reviewed = bundle.stage in (BundleStage.REVIEW, BundleStage.SETTLED)
    return reviewed and bundle.answer_end(terms) < now <= bundle.case_end(terms)


def awaits_case(bundle: BundleRecord, terms: CampaignTerms, dispute: DisputeRecord, now: int) -> bool:
    """Whether the case of a sample may be opened at a time."""
    open_ = dispute.stage is DisputeStage.CHALLENGED and not dispute.proven
    return terms.arbiter is not Arbiter.OWNER and open_ and in_case_window(bundle, terms, now)
