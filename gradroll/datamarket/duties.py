"""What is due in a campaign, which anybody may do: void, settle, burn, judge on, pay out, close epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from circuits.errors import ChainError, ClosedError, ContractError, NotReadyError, UnknownError
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import (
    BundleRecord,
    BundleStage,
    CampaignRecord,
    CampaignTerms,
    ChallengeStage,
    DisputeRecord,
    DisputeStage,
)
from commons.chain.juryaccount import JuryAccount
from commons.chain.juryfacts import CaseStage
from commons.chain.juryview import pool_of
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.caseopener import CaseOpener, awaits_case, in_case_window

_PASSED_OVER = (ContractError, UnknownError, ClosedError, NotReadyError)
"""What keeps one thing that is due from being done, and no other."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that may be done now.

    Attributes:
        what: in words.
        do: does it.
    """

    what: str
    do: Callable[[], object] = field(repr=False, compare=False)


class Settler:
    """Finds what is due, and does it.

    Args:
        account: sends this account's transactions; who pays for them gains nothing by it.
        library: bundles that are here: a model that is arbiter is shown their samples.
    """

    def __init__(self, account: DataAccount, library: BundleLibrary) -> None:
        self._account, self._data = account, account.data
        self._jurors, self._opener = JuryAccount(account.chain, account.data), CaseOpener(account, library)

    def due(self, campaign: bytes) -> list[Due]:
        """What may be done in a campaign now, in an order that works.  Raises UnknownError."""
        record, now = self._data.campaign(campaign), self._data.chain.now()
        found = [due for number in self._data.bundles(campaign) for due in self._of_bundle(record, number, now)]
        found += self._of_challenges(record, now)
        period_over = record.undecided and now > record.epoch_start + record.terms.epoch_period
        if record.undecided >= record.terms.epoch_size or period_over:
            found.append(Due("close an epoch", lambda: self._account.close_epoch(campaign)))
        return found

    def lacking(self, campaign: bytes) -> list[BundleRecord]:
        """Bundles that a model is to be shown a sample of now, and that are not here."""
        terms, now = self._data.campaign(campaign).terms, self._data.chain.now()
        bundles = [self._data.bundle(number) for number in self._data.bundles(campaign)]
        return [
            bundle for bundle in bundles
            if in_case_window(bundle, terms, now) and self._opener.is_lacking(bundle, terms)
            and any(awaits_case(bundle, terms, dispute, now) for _, dispute in self._data.disputes(bundle))
        ]  # fmt: skip

    def settle(self, campaign: bytes, told: Callable[[str], None] = lambda _: None) -> int:
        """Do what is due until nothing is; returns how much was.  ``told`` is called after each.

        Raises:
            ContractError, ClosedError, NotReadyError: nothing of what is due is taken.
            UnknownError: the file of a bundle is damaged.
            ChainError: the node shows as due what it said was just done.
        """
        done, last = 0, set[str]()
        while due := self.due(campaign):
            if {each.what for each in due} <= last:
                raise ChainError(
                    f"the node shows nothing of what was just done, such as: {due[0].what}; each further transaction "
                    "would be paid for in vain; run the command again, or ask another node (chain.url)"
                )
            before, refusal, last = done, None, set()
            for each in due:
                try:
                    each.do()
                except _PASSED_OVER as error:  # others were quicker, a window ended, or one end waits for another
                    refusal = error
                else:
                    told(each.what)
                    last.add(each.what)
                    done += 1
            if refusal is not None and done == before:
                raise refusal
        return done

    def _of_bundle(self, campaign: CampaignRecord, number: int, now: int) -> Iterator[Due]:
        bundle, terms = self._data.bundle(number), campaign.terms
        windows = {BundleStage.COMMITTED: terms.open_window, BundleStage.OPENED: terms.receipt_window}
        if bundle.stage in windows and now > bundle.since + windows[bundle.stage]:
            yield Due(f"void bundle {number}", lambda: self._account.void_bundle(number))
        if bundle.stage not in (BundleStage.REVIEW, BundleStage.SETTLED) or now <= bundle.reveal_end(terms):
            return
        if bundle.stage is BundleStage.REVIEW:
            yield Due(f"settle bundle {number}", lambda: self._account.settle_bundle(number))
        for index, dispute in self._data.disputes(bundle):
            yield from self._of_sample(campaign.terms, bundle, (index, dispute), now)

    def _of_sample(
        self, terms: CampaignTerms, bundle: BundleRecord, one: tuple[int, DisputeRecord], now: int
    ) -> Iterator[Due]:
        index, dispute = one
        settle = Due(
            f"settle sample {index} of bundle {bundle.number}",
            lambda: self._account.settle_sample(bundle.number, index),
        )
        if dispute.stage is DisputeStage.CASE:
            yield from self._of_case(terms, dispute, settle)
        elif dispute.stage is DisputeStage.CHALLENGED and (dispute.proven or now > bundle.case_end(terms)):
            yield settle
        elif awaits_case(bundle, terms, dispute, now) and not self._opener.is_lacking(bundle, terms):
            yield Due(
                f"open the case of sample {index} of bundle {bundle.number}",
                lambda: self._opener.open(bundle.number, index),
            )

    def _of_case(self, terms: CampaignTerms, dispute: DisputeRecord, settle: Due) -> Iterator[Due]:
        case = self._data.jury.case(dispute.case)
        if case.stage is CaseStage.COUNTING:
            yield Due(f"count the votes of case {case.number}", lambda: self._jurors.close_case(case.number))
        elif case.stage is CaseStage.QUEUED:
            head = self._data.jury.case(self._data.jury.pool(pool_of(terms)).head)  # may be another campaign's
            if self._data.chain.rpc.head().number > head.sitting.anchor:
                yield Due(f"draw the jury of case {head.number}", lambda: self._jurors.draw(head.number))
        elif case.stage is CaseStage.ENDED:
            yield settle

    def _of_challenges(self, campaign: CampaignRecord, now: int) -> Iterator[Due]:
        terms = campaign.terms
        for number in self._data.challenges(campaign.campaign):
            challenge = self._data.challenge(number)
            if challenge.stage is ChallengeStage.COMMITTED:
                if now > challenge.since + terms.review_window + terms.reveal_window:
                    yield Due(f"burn challenge {number}", self._burning(number))
            elif challenge.stage is ChallengeStage.OPENED:
                dispute = self._data.dispute(challenge.bundle, challenge.index)
                lost = dispute.upheld and not challenge.ground
                if dispute.stage is DisputeStage.SETTLED and not lost:
                    yield Due(f"give the stake of challenge {number} back", self._releasing(number))

    def _burning(self, number: int) -> Callable[[], object]:
        return lambda: self._account.burn_challenge(number)

    def _releasing(self, number: int) -> Callable[[], object]:
        return lambda: self._account.release_challenge(number)
