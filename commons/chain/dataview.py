"""The data market as nodes show it: campaigns, bundles, challenges, disputes, decisions.

The functions it calls are named by their signatures, which a test compares with the contracts' ABI.  What follows from
hashes in a contract's storage is checked against them, so that a node that invents events is found out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from circuits.terms import MarketId
from commons.chain import datadecoding as decoding
from commons.chain.abicoding import ViewCall
from commons.chain.contractevents import Events
from commons.chain.datafacts import (
    BundleRecord,
    CampaignRecord,
    CampaignTerms,
    ChallengeRecord,
    DisputeRecord,
    OpenedCampaign,
)
from commons.chain.juryview import JuryView
from commons.chain.nodememo import NodeMemo
from commons.chain.view import ChainView
from commons.runtime.amounts import checksum
from commons.samples.contributions import EMPTY_LOG, BundleReceipt, Decision
from commons.samples.merkletrees import MAX_LEAVES, merkle_root
from commons.samples.sampleschemas import SampleSchema
from commons.settings.values import Depth

T = TypeVar("T")


class DataView:
    """The data market beside a gradient market.  Thread-safe; keeps what never changes.

    Every method raises ChainError when the node is the trouble, UnknownError for what the chain does not know.

    Args:
        chain: the gradient market, whose committees vouch for bundles.
        campaigns: 20-byte address of the contract, as settings name it.

    Attributes:
        place: that address.
        deployment: of the contract, 32 bytes.
        jury: the jury that the contract made.
        minimum_window: shortest window of a campaign, seconds.
    """

    def __init__(self, chain: ChainView, campaigns: bytes) -> None:
        self.chain, self.place = chain, campaigns
        registry = self._address("committees()")
        if registry != chain.registry:
            raise ChainError(
                f"the campaigns at {checksum(campaigns)} belong to the committees at {checksum(registry)} and not to "
                f"{checksum(chain.registry)}; name contracts of one deployment (data.campaigns, chain.market)"
            )
        self.deployment = bytes(self._ask("deployment()", [], ["bytes32"])[0])
        self.minimum_window = int(self._ask("minimumWindow()", [], ["uint32"])[0])
        self.jury = JuryView(chain, self._address("jury()"), campaigns)
        own = chain.events
        self.events = Events(own.rpc, campaigns, own.look, own.from_block)
        self._opened = NodeMemo[bytes, OpenedCampaign](chain.rpc)

    @property
    def market_id(self) -> MarketId:
        """The contract of campaigns, under whose EIP-712 domain receipts are signed."""
        return MarketId(self.chain.chain_id, self.place, self.deployment)

    def campaign(self, campaign: bytes) -> CampaignRecord:
        """A campaign, under the identifier that its own words give."""
        raw = self._ask("campaignOf(bytes32)", [campaign], [decoding.CAMPAIGN])[0]
        return self._guarded(decoding.campaign, campaign, raw)

    def schema(self, campaign: bytes) -> SampleSchema:
        """What samples of a campaign are: the one whose hash is in its terms.

        Raises:
            ChainError: the node shows another one, or none.
        """
        return self._opening(campaign).schema

    def terms(self, campaign: bytes) -> CampaignTerms:
        """The terms that a campaign's identifier is made of: what is paid rests on no node's word for them.

        Raises:
            ChainError: the node shows others, or does not keep the event of its opening.
        """
        return self._opening(campaign).terms

    def nonce_of(self, campaign: bytes) -> int:
        """The nonce that a campaign was opened with."""
        return self._opening(campaign).nonce

    def campaigns(self, owner: bytes | None = None) -> list[bytes]:
        """Identifiers of campaigns, oldest first; of one owner."""
        read = lambda log: bytes(log["topics"][1])  # noqa: E731
        return self.events.read(read, decoding.CAMPAIGN_OPENED, None, owner)

    def bundle(self, number: int) -> BundleRecord:
        """A bundle."""
        return self._guarded(decoding.bundle, number, self._ask("bundleOf(uint256)", [number], [decoding.BUNDLE])[0])

    def bundles(self, campaign: bytes, contributor: bytes | None = None) -> list[int]:
        """Numbers of a campaign's bundles, in the order of their commitments; of one contributor."""
        read = lambda log: decoding.number_at(log, 2)  # noqa: E731
        return self.events.read(read, decoding.BUNDLE_COMMITTED, campaign, None, contributor)

    def committed_bundles(self, campaign: bytes, contributor: bytes, commitment: bytes, depth: Depth = 1) -> list[int]:
        """Numbers of the bundles under a commitment for which so many blocks vouch: one at most."""
        return self._committed(decoding.BUNDLE_COMMITTED, campaign, contributor, commitment, depth)

    def inline_samples(self, number: int) -> tuple[bytes, ...]:
        """The samples of a bundle that was opened in the chain.

        Raises:
            ChainError: the node shows others than those of the bundle's root, or none.
        """
        found = self.events.read(decoding.inline_samples, decoding.BUNDLE_INLINE, number)
        record = self.bundle(number)
        for samples in found:
            if len(samples) == record.count <= MAX_LEAVES and merkle_root(samples) == record.root:
                return samples
        raise ChainError(f"the node does not show the samples of bundle {number}; does it keep old events?")

    def receipt(self, number: int) -> BundleReceipt:
        """What members of the committee sign of a bundle that was opened."""
        record = self.bundle(number)
        schema = self.campaign(record.campaign).terms.schema_hash
        return BundleReceipt(record.campaign, number, record.root, record.content_digest, record.count, schema)

    def challenge(self, number: int) -> ChallengeRecord:
        """A challenge."""
        raw = self._ask("challengeOf(uint256)", [number], [decoding.CHALLENGE])[0]
        return self._guarded(decoding.challenge, number, raw)

    def challenges(self, campaign: bytes, challenger: bytes | None = None) -> list[int]:
        """Numbers of a campaign's challenges, oldest first; of one challenger."""
        read = lambda log: decoding.number_at(log, 2)  # noqa: E731
        return self.events.read(read, decoding.CHALLENGE_COMMITTED, campaign, None, challenger)

    def committed_challenges(
        self, campaign: bytes, challenger: bytes, commitment: bytes, depth: Depth = 1
    ) -> list[int]:
        """Numbers of the challenges under a commitment that so many blocks vouch for: one, unless it was sent twice."""
        return self._committed(decoding.CHALLENGE_COMMITTED, campaign, challenger, commitment, depth)

    def opened_challenges(self, bundle: int) -> list[tuple[int, int, bytes]]:
        """Number, sample's place and correction of the challenges that were opened against a bundle, in order."""
        return self.events.read(decoding.challenge_opened, decoding.CHALLENGE_OPENED, None, bundle)

    def challenged_samples(self, bundle: BundleRecord) -> list[int]:
        """Places of a bundle's samples against which a challenge was opened, as many as the contract counts.

        Raises:
            ChainError: the node hides some, or invents them.
        """
        if not bundle.challenged:
            return []
        found = sorted({index for _, index, _ in self.opened_challenges(bundle.number)})
        if len(found) != bundle.challenged:
            raise ChainError(
                f"the node does not show all challenges against bundle {bundle.number}; does it keep old events?"
            )
        return found

    def dispute(self, bundle: int, index: int) -> DisputeRecord:
        """A sample's dispute; its stage is UNKNOWN while nobody opened a challenge against it."""
        raw = self._ask("disputeOf(uint256,uint256)", [bundle, index], [decoding.DISPUTE])[0]
        return self._guarded(decoding.dispute, raw)

    def disputes(self, bundle: BundleRecord) -> list[tuple[int, DisputeRecord]]:
        """The samples of a bundle that were challenged, by their places.  Raises as ``challenged_samples``."""
        places = self.challenged_samples(bundle)
        calls = [ViewCall("disputeOf(uint256,uint256)", [bundle.number, at], [decoding.DISPUTE]) for at in places]
        found = self.chain.call_each(self.place, calls)
        return [(at, self._guarded(decoding.dispute, raw)) for at, (raw,) in zip(places, found, strict=True)]

    def subject_of(self, case: int) -> tuple[int, int]:
        """Bundle and place of the sample that a case is about.

        Raises:
            ChainError: the node does not show it, or shows another one than the contract has.
        """
        block = self.jury.opened_in(case)  # its own event is not indexed by the case
        read = () if block is None else self.events.read(
            decoding.case_opened, decoding.CASE_OPENED, first=block, last=block
        )  # fmt: skip
        bundle, index = next(((of, at) for number, of, at in read if number == case), (0, 0))
        if not bundle or self.dispute(bundle, index).case != case:
            raise ChainError(f"the node does not show what case {case} is about; does it keep old events?")
        return bundle, index

    def decisions(self, campaign: bytes) -> list[Decision]:
        """A campaign's log of decisions, which leads to the hash that the contract has of it.

        Raises:
            ChainError: the node shows another log.
        """
        record = self.campaign(campaign)
        told = sorted(self.events.read(decoding.decided, decoding.DECIDED, campaign), key=lambda one: one[0])
        made = [decision for _, decision, _ in told][: record.decisions]
        log = EMPTY_LOG
        for decision in made:
            log = decision.after(log)
        if log != record.log or len(made) < record.decisions:
            raise ChainError("the node shows another log of decisions than the contract has; ask another node")
        return made

    def is_decided(self, campaign: bytes, depth: Depth) -> bool:
        """Whether a campaign is closed and all of it decided, in a block that so many vouch for."""

        def ask(_: int) -> bool:
            record, last = self.campaign(campaign), self.chain.rpc.block(depth).number
            closed = self.events.find(decoding.CAMPAIGN_CLOSED, campaign, last=last)
            told = self.events.find(decoding.DECIDED, campaign, last=last)
            return bool(closed) and record.held == record.accepted and len(told) == record.decisions

        return self.chain.rpc.on_one_node(ask)

    def epochs(self, campaign: bytes) -> list[tuple[int, bytes, int]]:
        """Of each epoch that was closed: its number, the log's hash at the closing, and how many decisions it had."""
        return self.events.read(decoding.epoch_closed, decoding.EPOCH_CLOSED, campaign)

    def owed(self, token: bytes, account: bytes) -> int:
        """What an account can collect of the contract of campaigns."""
        return int(self._ask("owed(address,address)", [token, account], ["uint256"])[0])

    def _committed(self, event: str, campaign: bytes, account: bytes, commitment: bytes, depth: Depth) -> list[int]:
        def ask(_: int) -> list[int]:
            logs = self.events.find(event, campaign, None, account, last=self.chain.rpc.block(depth).number)
            told = self.chain.rpc.guarded(lambda: [(*decoding.committed(log), log) for log in logs])
            found = [(number, log) for number, made, log in told if made == commitment]
            for _, log in found:
                self.chain.rpc.require_canonical(log)
            return [number for number, _ in found]

        return self.chain.rpc.on_one_node(ask)

    def _opening(self, campaign: bytes) -> OpenedCampaign:
        return self._opened.get(campaign, lambda: self._read_opening(campaign))

    def _read_opening(self, campaign: bytes) -> OpenedCampaign:
        def read(log: Any) -> OpenedCampaign:
            return OpenedCampaign(bytes(log["topics"][2])[-20:], *decoding.opened(log))

        record = self.campaign(campaign)
        found = self.events.read(read, decoding.CAMPAIGN_OPENED, campaign)
        if not found:
            raise ChainError("the node shows no event of the campaign; does it keep old events?")
        opened = found[0]
        named = opened.terms.campaign_id(self.deployment, opened.owner, opened.nonce)
        if named != campaign or record.terms != opened.terms:
            raise ChainError("the node shows other terms of the campaign than its identifier names; ask another node")
        if opened.schema.digest != opened.terms.schema_hash:
            raise ChainError("the node shows another schema than the campaign's; ask another node")
        return opened

    def _guarded(self, take_apart: Callable[..., T], *raw: Any) -> T:
        return cast(T, self.chain.rpc.guarded(lambda: take_apart(*raw)))

    def _address(self, signature: str) -> bytes:
        return to_canonical_address(self._ask(signature, [], ["address"])[0])

    def _ask(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        return self.chain.call(self.place, signature, arguments, returns)
