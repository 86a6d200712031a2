"""Transactions of the contract of campaigns: of owners, contributors, challengers, and what anybody may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from circuits.errors import ChainError, UnknownError
from commons.chain import calldata
from commons.chain.account import SMALL, Creation, topic
from commons.chain.calldata import CAMPAIGNS
from commons.chain.datadecoding import schema_words
from commons.chain.datafacts import CampaignTerms
from commons.chain.dataview import DataView
from commons.chain.mined import Mined
from commons.chain.writer import ChainWriter
from commons.samples.contributions import Outcome
from commons.samples.sampleschemas import SampleSchema

_OPEN, _ATTEST, _INLINE = 800_000, 1_500_000, 3_000_000
_CASE = 4_500_000
"""The contract insists on 3 million for a model's answer, and 1/63 more; then it needs what a jury costs."""
_PROOF_BYTE = 2_000
"""Gas for each byte of samples that a contract compares."""


@dataclass(frozen=True, slots=True)
class ChallengeOpening:
    """What a challenger opens.

    Attributes:
        challenge: its number.
        salt: 32 bytes.
    """

    challenge: int
    bundle: int = field(repr=False)
    index: int = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def words(self) -> tuple[int | bytes, ...]:
        """The first arguments of the contract's functions."""
        return self.challenge, self.bundle, self.index, self.salt


@dataclass(frozen=True, slots=True)
class ProvenSample:
    """A sample, and the hashes beside its way to the root of its bundle."""

    sample: bytes = field(repr=False)
    proof: tuple[bytes, ...] = field(repr=False)

    @property
    def words(self) -> tuple[object, ...]:
        """The contract's ``SampleProof``."""
        return self.sample, list(self.proof)


NO_SAMPLE = ProvenSample(b"", ())


class DataAccount:
    """One account's transactions at the data market.

    Every method waits and raises as those of ``ChainAccount`` do, whose object sends them.

    Attributes:
        data: the market.
        chain: the account.
    """

    def __init__(self, chain: ChainWriter, data: DataView) -> None:
        self.chain, self.data = chain, data

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return self.chain.address

    def open_campaign(self, terms: CampaignTerms, schema: SampleSchema, amount: int, nonce: int = 0) -> bytes:
        """Open a campaign with so much escrow; returns its identifier.

        Args:
            nonce: the first to try; one with the same terms gets the next that is free.  After an interruption the same
                call finds its own transaction again.
        """

        def named(at: int) -> bytes:
            return terms.campaign_id(self.data.deployment, self.address, at)

        def data(at: int) -> bytes:
            return calldata.call(CAMPAIGNS, "open", terms.words, schema_words(schema), at, amount)

        value = self.chain.value_of(terms.token, amount, self.data.place)
        new = Creation(self.data.place, data, "CampaignExists", lambda at: self._there(named(at)), value)
        _, used = self.chain.create(new, nonce, _OPEN)
        if not self._there(named(used)):
            raise ChainError(
                f"the node does not show the campaign 0x{named(used).hex()} that was opened: run the command again, it "
                "pays once, or use another node"
            )
        return named(used)

    def fund_campaign(self, campaign: bytes, amount: int) -> Mined:
        """Add to a campaign's escrow, which is its owner's from then on."""
        return self._pay("fund", campaign, amount, campaign, amount)

    def close_campaign(self, campaign: bytes) -> Mined:
        """Take no more commitments, for good; only its owner may."""
        return self._campaigns("close", campaign)

    def withdraw_campaign(self, campaign: bytes) -> Mined:
        """Credit what is free of a closed campaign to its owner; any account may."""
        return self._campaigns("withdraw", campaign, repeatable=True)

    def commit_bundle(self, campaign: bytes, count: int, commitment: bytes) -> int:
        """Commit to a bundle of so many samples, with its deposits; returns its number."""
        cost = self.data.campaign(campaign).terms.cost(count)
        mined = self._pay("commit", campaign, cost, campaign, count, commitment)
        return topic(mined, self.data.place, CAMPAIGNS, "BundleCommitted", 2)

    def open_bundle(self, bundle: int, root: bytes, content_digest: bytes, salt: bytes) -> Mined:
        """Open a bundle of this account."""
        return self._campaigns("openBundle", bundle, root, content_digest, salt)

    def open_inline(self, bundle: int, samples: Sequence[bytes], salt: bytes, schema: SampleSchema) -> Mined:
        """Open a bundle of this account of at most 1 KiB, whose samples the chain keeps."""
        return self._campaigns("openInline", bundle, list(samples), salt, schema_words(schema), gas=_INLINE)

    def attest_bundle(self, bundle: int, receipts: Sequence[tuple[int, bytes]]) -> Mined:
        """Hand in a quorum's receipts: review begins.

        Args:
            receipts: (index of a member, its 65-byte signature).
        """
        return self._campaigns("attest", bundle, calldata.signed(receipts), gas=_ATTEST)

    def void_bundle(self, bundle: int) -> Mined:
        """End a bundle that was not opened, or got no receipts, in time; any account may."""
        return self._campaigns("voidBundle", bundle)

    def settle_bundle(self, bundle: int) -> Mined:
        """Pay for all samples of a bundle that nobody opened a challenge against; any account may."""
        return self._campaigns("settleBundle", bundle)

    def commit_challenge(self, campaign: bytes, commitment: bytes) -> int:
        """Commit to a challenge, and stake C; returns its number."""
        stake = self.data.campaign(campaign).terms.stake
        mined = self._pay("challenge", campaign, stake, campaign, commitment)
        return topic(mined, self.data.place, CAMPAIGNS, "ChallengeCommitted", 2)

    def reveal_judged(self, opening: ChallengeOpening, correction: bytes, schema: SampleSchema) -> Mined:
        """Open a challenge that an arbiter is to judge; ``correction`` is the corrected sample, or empty."""
        gas = SMALL + _PROOF_BYTE * len(correction)
        return self._campaigns("revealJudged", *opening.words, correction, schema_words(schema), gas=gas)

    def prove_schema(self, opening: ChallengeOpening, sample: ProvenSample, schema: SampleSchema) -> Mined:
        """Open a challenge, and prove that a sample does not fit the schema."""
        gas = SMALL + _PROOF_BYTE * len(sample.sample)
        return self._campaigns("proveSchema", *opening.words, sample.words, schema_words(schema), gas=gas)

    def prove_duplicate(
        self, opening: ChallengeOpening, sample: ProvenSample, other: tuple[int, int], original: ProvenSample,
        schema: SampleSchema,
    ) -> Mined:  # fmt: skip
        """Open a challenge, and prove that a sample is a copy.

        Args:
            other: bundle of the original, 0 for the initial data, and its place there.
        """
        gas = SMALL + _PROOF_BYTE * (len(sample.sample) + len(original.sample))
        given = (*opening.words, sample.words, *other, original.words, schema_words(schema))
        return self._campaigns("proveDuplicate", *given, gas=gas)

    def burn_challenge(self, challenge: int) -> Mined:
        """Burn the stake of a challenge that can be opened no more; any account may."""
        return self._campaigns("burnChallenge", challenge)

    def release_challenge(self, challenge: int) -> Mined:
        """Credit the stake of an opened challenge, once its sample is settled; any account may."""
        return self._campaigns("release", challenge)

    def concede(self, bundle: int, index: int) -> Mined:
        """Concede that a sample of this account's bundle is bad."""
        return self._campaigns("concede", bundle, index)

    def open_case(self, bundle: int, index: int, sample: ProvenSample, schema: SampleSchema) -> Mined:
        """Open the case of a sample; any account may.  ``NO_SAMPLE`` serves where no model is arbiter."""
        return self._campaigns("openCase", bundle, index, sample.words, schema_words(schema), gas=_CASE)

    def owner_verdict(self, bundle: int, index: int, verdict: Outcome) -> Mined:
        """Decide as the owner of a campaign whose arbiter it is."""
        return self._campaigns("ownerVerdict", bundle, index, int(verdict))

    def appeal(self, bundle: int, index: int) -> Mined:
        """Pay F2 for another jury."""
        campaign = self.data.bundle(bundle).campaign
        return self._pay("appeal", campaign, self.data.campaign(campaign).terms.appeal_fee, bundle, index)

    def settle_sample(self, bundle: int, index: int) -> Mined:
        """Settle a sample that was challenged; any account may."""
        return self._campaigns("settleSample", bundle, index)

    def claim_juror_fee(self, bundle: int, index: int, round_: int, seat: int) -> Mined:
        """Credit a juror's share of a case's fee, or burn it; any account may."""
        return self._campaigns("claimJurorFee", bundle, index, round_, seat)

    def close_epoch(self, campaign: bytes) -> Mined:
        """Close an epoch that is due; any account may."""
        return self._campaigns("closeEpoch", campaign, repeatable=True)

    def collect(self, token: bytes, to: bytes | None = None) -> int:
        """Have this account's credit at the contract of campaigns paid out; returns the amount.

        Nothing is sent where nothing is owed.
        """
        return self._collect(token, self.address, to or self.address)

    def hand_out(self, token: bytes, account: bytes) -> int:
        """Have another account's credit paid out to that account, which anybody may; as ``collect``."""
        return self._collect(token, account, account)

    def _collect(self, token: bytes, account: bytes, to: bytes) -> int:
        amount = self.data.owed(token, account)
        if amount:
            self._campaigns("collect", token, account, to, repeatable=True)
        return amount

    def _there(self, campaign: bytes) -> bool:
        try:
            self.data.campaign(campaign)
        except UnknownError:
            return False
        return True

    def _pay(self, name: str, campaign: bytes, amount: int, *arguments: object) -> Mined:
        """A call that takes an amount of a campaign's token."""
        token = self.data.campaign(campaign).terms.token
        return self._campaigns(name, *arguments, value=self.chain.value_of(token, amount, self.data.place))

    def _campaigns(
        self, name: str, *arguments: object, gas: int = SMALL, value: int = 0, repeatable: bool = False
    ) -> Mined:
        data = calldata.call(CAMPAIGNS, name, *arguments)
        return self.chain.send(self.data.place, data, gas=gas, value=value, repeatable=repeatable)
